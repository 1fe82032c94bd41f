"""What `ilo serve` prints when it has started: where everything is."""

from collections.abc import Sequence

from ilo.settings import Settings


def banner(
    settings: Settings,
    *,
    admin_secret_place: str | None = None,
    doors: Sequence[str] = ("api", "relay"),
) -> str:
    """Return the lines to print, without a secret in them.

    ``settings`` has the ports that are really in use. ``admin_secret_place`` says where the
    admin credential is, None where there is none to speak of.
    """
    rows: list[tuple[str, str]] = []
    if "api" in doors:
        rows += [
            ("API", settings.api_origin),
            ("in a browser", f"{settings.api_origin}/"),
            ("docs", f"{settings.api_origin}/docs and {settings.api_origin}/asyncapi"),
        ]
    if "relay" in doors:
        scheme = "ws" if settings.tls is None else "wss"
        rows.append(("relay", f"{scheme}://{settings.relay_listen.netloc}/ws/<room>"))
        if settings.given_relay_url is not None:
            rows.append(("clients use", settings.relay_url))
    else:
        rows.append(("relay", f"runs apart; clients are told {settings.relay_url}"))
    if (cassandra := settings.cassandra) is not None:
        place = f"{', '.join(cassandra.addresses)}, port {cassandra.port}"
        rows.append(("Cassandra", f'keyspace "{cassandra.keyspace}" at {place}'))
    rows.append(("data", str(settings.data_dir.absolute())))
    if admin_secret_place is not None:
        rows.append(("admin credential", admin_secret_place))
    rows.append(("configuration", settings.source))
    rows.append(("to stop", "Ctrl-C, or SIGTERM"))

    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {text}" for name, text in rows]
    return "\n".join(["Ilo is running.", *lines])
