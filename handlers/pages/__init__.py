"""The pages beside the API: ``/``, which is Ilo in a browser; offline ``/docs``, ``/redoc``,
``/asyncapi``, and ``/problems`` with a page for each problem; ``/openapi.json``,
``/asyncapi.json``, and their files.

Everything is read at start, and a request is answered from memory. What is in ``built/`` is
made from the contracts by `make pages`, and what is in ``static/app/`` from ``web/``; neither
is ever edited. Knows nothing of the API's routing:
:class:`PageServer` stands in front of it.
"""

from handlers.pages.server import PageServer
from handlers.pages.site import PageAnswer, Pages

__all__ = ["PageAnswer", "PageServer", "Pages"]
