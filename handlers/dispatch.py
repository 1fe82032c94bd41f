"""The innermost stage: calls the operation's function and makes the answer of what it returns."""

from typing import Any, NoReturn

from connexion.middleware.abstract import RoutedAPI, RoutedMiddleware
from connexion.operations import AbstractOperation

from handlers.asgi import Header, Receive, Scope, Send
from handlers.call import call_of
from handlers.contract import Contract, Operation
from handlers.resolver import Handler
from handlers.responses import NO_STORE, empty_response, json_response


class Dispatch:
    """One operation, bound to its function at start."""

    def __init__(self, operation: Operation, handler: Handler) -> None:
        self._handler = handler
        self._status = operation.success.status
        # HEAD is answered as GET is; its body is left out at the very end.
        self._has_content = bool(operation.success.content) or operation.method == "HEAD"
        is_secret = "cache-control" in operation.success.headers
        self._headers: tuple[Header, ...] = (NO_STORE,) if is_secret else ()

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        call = call_of(scope)
        value = await self._handler(call)
        if self._has_content:
            call.response = json_response(self._status, value, self._headers)
        else:
            call.response = empty_response(self._status, self._headers)


class DispatchAPI(RoutedAPI[Dispatch]):
    def __init__(
        self, *args: Any, contract: Contract, handlers: dict[str, Handler], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._contract = contract
        self._handlers = handlers
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> Dispatch:
        name = operation.operation_id
        return Dispatch(self._contract.operations[name], self._handlers[name])


class Handlers(RoutedMiddleware[DispatchAPI]):
    """The application that Connexion's middlewares wrap."""

    api_cls = DispatchAPI

    def __init__(self) -> None:
        super().__init__(_unrouted)


async def _unrouted(_scope: Scope, _receive: Receive, _send: Send) -> NoReturn:
    raise LookupError("routing has let an unknown operation through")
