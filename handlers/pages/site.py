"""Which pages there are, and the bytes each request for one is answered with.

Does no I/O after :class:`Pages` is made.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from http import HTTPStatus
from importlib import resources
from string import Template
from typing import Any, Final
from uuid import uuid4

import orjson

from handlers.pages.policies import (
    DATA_POLICY,
    PROBLEM_POLICY,
    REDOC_POLICY,
    REFERENCE_POLICY,
    SWAGGER_POLICY,
    app_policy,
)

HSTS_MAX_AGE_S: Final = 365 * 24 * 60 * 60

HTML: Final = "text/html; charset=utf-8"
CSS: Final = "text/css; charset=utf-8"
SCRIPT: Final = "text/javascript; charset=utf-8"
SVG: Final = "image/svg+xml"
TEXT: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"

# path: (file of this package, media type). The HTML pages name these relative to
# themselves, so that they also work below a proxy's prefix.
_FILES: Final = {
    "/docs/page.css": ("static/page.css", CSS),
    "/docs/icon.svg": ("static/icon.svg", SVG),
    "/docs/reference.css": ("static/reference.css", CSS),
    "/docs/docs.js": ("static/docs.js", SCRIPT),
    "/docs/swagger-ui.css": ("vendor/swagger-ui/swagger-ui.css", CSS),
    "/docs/swagger-ui-bundle.js": ("vendor/swagger-ui/swagger-ui-bundle.js", SCRIPT),
    "/redoc/redoc.js": ("static/redoc.js", SCRIPT),
    "/redoc/redoc.standalone.js": ("vendor/redoc/redoc.standalone.js", SCRIPT),
    "/app/app.js": ("static/app/app.js", SCRIPT),
    "/app/app.js.LICENSE.txt": ("static/app/app.js.LICENSE.txt", TEXT),
    "/app/style.css": ("static/app/style.css", CSS),
    "/app/icon.svg": ("static/icon.svg", SVG),
}

Headers = tuple[tuple[bytes, bytes], ...]

_REFUSED: Final = re.compile(rb"\s*q=0(\.0{0,3})?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """One whole HTTP response; header names are lower-case."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class _Form:
    """The three answers to who takes a page in one coding, and the tag of its bytes."""

    etag: bytes
    whole: PageAnswer
    head: PageAnswer
    unchanged: PageAnswer


class _Page:
    """One page in both codings."""

    def __init__(self, body: bytes, media_type: str, common: Headers) -> None:
        self._body = body
        self._media_type = media_type
        self._common = common

    @cached_property
    def plain(self) -> _Form:
        return self._form(self._body, None)

    @cached_property
    def gzipped(self) -> _Form:
        """The plain form where gzip saves nothing.

        Packed when somebody first asks: to pack them all takes longer than to read them all.
        """
        # No time in it: the bytes, and so their tag, are the same after a restart.
        packed = gzip.compress(self._body, compresslevel=6, mtime=0)
        return self._form(packed, b"gzip") if len(packed) < len(self._body) else self.plain

    def _form(self, body: bytes, coding: bytes | None) -> _Form:
        # A strong tag is of the bytes as they are sent (RFC 9110 §8.8.3.3).
        etag = b'"%s"' % hashlib.sha256(body).hexdigest()[:32].encode()
        validators: Headers = (
            (b"etag", etag),
            (b"vary", b"Accept-Encoding"),
            # Kept by the browser, asked about each time: an upgrade shows at once.
            (b"cache-control", b"no-cache"),
            *self._common,
        )
        content: Headers = (
            (b"content-type", self._media_type.encode()),
            (b"content-length", str(len(body)).encode()),
        )
        if coding is not None:
            content += ((b"content-encoding", coding),)
        return _Form(
            etag=etag,
            whole=PageAnswer(HTTPStatus.OK, content + validators, body),
            head=PageAnswer(HTTPStatus.OK, content + validators, b""),
            unchanged=PageAnswer(HTTPStatus.NOT_MODIFIED, validators, b""),
        )


class Pages:
    """Every page's bytes, ready to send.

    ``openapi`` and ``asyncapi`` are served as they are given, references unresolved; the
    text pages were made from the contracts before, and the page of ``/`` from ``web/``
    (`make pages`). ``relay_url`` (scheme, host and port) is shown to the reader; only the
    page of ``/`` connects to it. ``hsts`` is for servers that are reached through TLS.

    Raises:
        FileNotFoundError: a file of the package is missing.
        ValueError: ``relay_url`` is no URL that can stand in a policy.
    """

    def __init__(
        self,
        openapi: Mapping[str, Any],
        asyncapi: Mapping[str, Any],
        *,
        relay_url: str,
        hsts: bool,
    ) -> None:
        self._common: Headers = (
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        )
        if hsts:
            value = f"max-age={HSTS_MAX_AGE_S}".encode()
            self._common += ((b"strict-transport-security", value),)

        self._pages: dict[str, _Page] = {}
        words = {"relay_url": escape(relay_url)}
        for path, (file, policy) in _templates().items():
            text = Template(_read(file).decode()).substitute(words)
            self._add(path, text.encode(), HTML, policy)
        # A mapping of another kind than dict is nothing orjson knows at the top.
        self._add("/openapi.json", orjson.dumps(dict(openapi)), JSON, DATA_POLICY)
        self._add("/asyncapi.json", orjson.dumps(dict(asyncapi)), JSON, DATA_POLICY)
        self._add("/", _read("static/app/index.html"), HTML, app_policy(relay_url))
        for path, (file, media_type) in _FILES.items():
            self._add(path, _read(file), media_type, DATA_POLICY)

    def answer(
        self, method: str, path: str, headers: Sequence[tuple[bytes, bytes]]
    ) -> PageAnswer | None:
        """Return the response for ``path``, or ``None`` when it is no page.

        ``headers`` are the request's, names in lower case, as ASGI gives them.
        """
        page = self._pages.get(path)
        if page is None:
            return None
        if method not in ("GET", "HEAD"):
            return self._wrong_method()
        form = page.gzipped if _takes_gzip(headers) else page.plain
        if _has_tag(headers, form.etag):
            return form.unchanged
        return form.whole if method == "GET" else form.head

    def _add(self, path: str, body: bytes, media_type: str, policy: bytes) -> None:
        common = ((b"content-security-policy", policy), *self._common)
        self._pages[path] = _Page(body, media_type, common)

    def _wrong_method(self) -> PageAnswer:
        request_id = str(uuid4())
        status = HTTPStatus.METHOD_NOT_ALLOWED
        body = orjson.dumps(
            {
                "type": "/problems/method-not-allowed",
                "title": "Method not allowed",
                "status": status,
                "detail": "A page can only be read: GET or HEAD.",
                "instance": f"urn:uuid:{request_id}",
            }
        )
        headers: Headers = (
            (b"allow", b"GET, HEAD"),
            (b"x-request-id", request_id.encode()),
            (b"content-type", PROBLEM.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"content-security-policy", DATA_POLICY),
            *self._common,
        )
        return PageAnswer(status, headers, body)


def _templates() -> dict[str, tuple[str, bytes]]:
    """Return file of this package and policy of every HTML page, by path."""
    problems = resources.files("handlers.pages") / "built" / "problems"
    return {
        "/docs": ("static/docs.html", SWAGGER_POLICY),
        "/redoc": ("static/redoc.html", REDOC_POLICY),
        "/asyncapi": ("built/asyncapi.html", REFERENCE_POLICY),
        "/problems": ("built/problems.html", PROBLEM_POLICY),
    } | {
        f"/problems/{file.name.removesuffix('.html')}": (
            f"built/problems/{file.name}",
            PROBLEM_POLICY,
        )
        for file in problems.iterdir()
        if file.name.endswith(".html")
    }


def _read(file: str) -> bytes:
    return (resources.files("handlers.pages") / file).read_bytes()


def _takes_gzip(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Tell whether Accept-Encoding has gzip, and not with a weight of 0 (RFC 9110 §12.5.3)."""
    return any(
        coding.strip().lower() == b"gzip" and not _REFUSED.fullmatch(weight)
        for name, value in headers
        if name == b"accept-encoding"
        for coding, _, weight in (each.partition(b";") for each in value.split(b","))
    )


def _has_tag(headers: Sequence[tuple[bytes, bytes]], etag: bytes) -> bool:
    """Tell whether If-None-Match names ``etag``, compared weakly (RFC 9110 §13.1.2)."""
    for name, value in headers:
        if name == b"if-none-match":
            tags = [tag.strip().removeprefix(b"W/") for tag in value.split(b",")]
            if etag in tags or b"*" in tags:
                return True
    return False
