"""Where a connection goes."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from ilo_relay.contract import ADDRESS


def url_of(relay_url: str, parameters: Mapping[str, str]) -> str:
    """Return the URL of a channel on the relay at ``relay_url``: scheme, host and port.

    Raises:
        ValueError: ``relay_url`` is something else. The text does not repeat it.
    """
    parts = urlsplit(relay_url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError("a relay's URL is ws://HOST:PORT or wss://HOST:PORT")
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("a relay's URL is a scheme, a host and a port, and nothing else")
    path = ADDRESS
    for name, value in parameters.items():
        path = path.replace("{" + name + "}", quote(value, safe=""))
    return f"{parts.scheme}://{parts.netloc}{path}"


def with_query(url: str, query: Mapping[str, str]) -> str:
    """Return ``url``, which has no query, with this one."""
    return f"{url}?{urlencode(query)}" if query else url
