"""One REST call to a running Ilo with the admin credential: what `ilo key` needs.

Follows no redirect, so that the credential goes to nobody else, and no proxy of the
environment.
"""

import json
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ilo.hosts import is_loopback
from ilo.redaction import escaped
from ilo.refusals import CommandRefused
from ilo.secrets import Secret
from ilo.settings import MAX_PORT

TIMEOUT_S: Final = 10.0
MAX_ANSWER_BYTES: Final = 64 * 1024


class Api:
    """The REST door at ``url``; ``certificate`` is trusted beside the system's authorities.

    Raises:
        CommandRefused: the URL is not one, or would carry the credential in the clear.
    """

    def __init__(self, url: str, admin: Secret, certificate: Path | None) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        rest = parts.path.rstrip("/") + parts.query + parts.fragment if host else ""
        if not host or rest or "@" in parts.netloc or (port or 1) > MAX_PORT:
            raise CommandRefused("--url: must be http:// or https:// with a host and a port")
        if parts.scheme == "https":
            context = ssl.create_default_context()
            if certificate is not None:
                context.load_verify_locations(certificate)
            self._connection: HTTPConnection = HTTPSConnection(
                host, port, timeout=TIMEOUT_S, context=context
            )
        elif parts.scheme == "http" and is_loopback(host):
            self._connection = HTTPConnection(host, port, timeout=TIMEOUT_S)
        else:
            raise CommandRefused("--url: must be https:// beyond loopback")
        self._url = url
        self._admin = admin

    def call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Return the members of the answer that are text.

        Raises:
            CommandRefused: nobody answers, or the answer is a refusal.
        """
        credential = {"Authorization": f"Bearer {self._admin.reveal()}"}
        try:
            self._connection.request(method, path, headers={**(headers or {}), **credential})
            answer = self._connection.getresponse()
            status, body = answer.status, answer.read(MAX_ANSWER_BYTES)
        except ssl.SSLCertVerificationError as error:
            raise self._refused(f"its certificate is refused: {error.verify_message}") from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise self._refused(f"does not answer: {reason}") from None
        finally:
            self._connection.close()

        members = _text_members(body)
        if status not in (HTTPStatus.OK, HTTPStatus.CREATED):
            detail = members.get("detail", "no reason given")
            raise self._refused(f"refuses with {status}: {detail}")
        return members

    def _refused(self, why: str) -> CommandRefused:
        return CommandRefused(f"{self._url}: {why}")


def _text_members(body: bytes) -> dict[str, str]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(answer, dict):
        return {}
    return {key: escaped(value)[:1024] for key, value in answer.items() if isinstance(value, str)}
