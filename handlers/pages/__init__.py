"""The offline pages beside the API: ``/docs``, ``/redoc``, ``/openapi.json``, their files.

Everything is read and rendered at start; a request is answered from memory. Knows nothing
of the API's routing: :class:`PageServer` stands in front of it.
"""

from handlers.pages.server import PageServer
from handlers.pages.site import PageAnswer, Pages

__all__ = ["PageAnswer", "PageServer", "Pages"]
