"""The stages of a request, linked at start: each operation's stage calls its next one directly.

Connexion's own middlewares find the operation anew in each of them, from the scope.
"""

from typing import Any

from connexion.middleware.abstract import RoutedAPI, RoutedMiddleware

from handlers.asgi import ASGIApp


def stage_of(middleware: ASGIApp, operation_id: str) -> ASGIApp:
    """Return what ``middleware`` does with that operation.

    Connexion fills its middlewares from the innermost outwards, so whoever stands before one
    can ask when it is filled itself.

    Raises:
        LookupError: it knows no such operation.
    """
    if not isinstance(middleware, RoutedMiddleware):
        raise LookupError("what comes next knows no operations")
    apis: dict[str, list[RoutedAPI[Any]]] = middleware.apis
    for same_base_path in apis.values():
        for api in same_base_path:
            if operation_id in api.operations:
                stage: ASGIApp = api.operations[operation_id]
                return stage
    raise LookupError(f"the next stage does not know {operation_id}")
