"""Puts the pages in front of an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from handlers.pages.site import Pages

# ASGI's own shapes; their values are as loose as the standard leaves them.
Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class PageServer:
    """Answers what :class:`Pages` knows; everything else goes to ``next_app`` untouched."""

    def __init__(self, pages: Pages, next_app: ASGIApp) -> None:
        self._pages = pages
        self._next_app = next_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = None
        if scope["type"] == "http":
            answer = self._pages.answer(scope["method"], scope["path"], scope["headers"])
        if answer is None:
            await self._next_app(scope, receive, send)
            return

        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": list(answer.headers),
            }
        )
        await send({"type": "http.response.body", "body": answer.body})
