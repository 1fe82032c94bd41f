"""The REST door as one ASGI application: Connexion, wired from the contract."""

import copy
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from types import ModuleType
from typing import Any

from connexion.middleware import ConnexionMiddleware
from connexion.middleware.lifespan import LifespanMiddleware
from connexion.resolver import Resolver

from handlers.asgi import ASGIApp, Receive, Scope, Send
from handlers.audit import audit_refusal, log_fault
from handlers.call import CALL, Call
from handlers.contract import Contract
from handlers.cors import Cors
from handlers.dispatch import Handlers
from handlers.problems import Problems, Refusal, refusal_of
from handlers.request_ids import new_request_id
from handlers.resolver import find_handlers
from handlers.response_guard import BreaksContract, ResponseGuard
from handlers.responses import Response, Sender
from handlers.routing import RawPathRouting
from handlers.security import SCHEME_NAME, BearerScheme, CallSecurityMiddleware, Guards
from handlers.settings import ApiServices, ApiSettings
from handlers.sources import Sources
from handlers.validation import ClientGone, CompiledValidationMiddleware
from services.errors import IloError
from spec import load_openapi

__all__ = ["Api", "ApiServices", "ApiSettings", "create_api"]

# Refusals that leave a line: who was turned away, and who tries too often.
AUDITED_STATUSES = frozenset({401, 403, 409, 429})


def create_api(
    services: ApiServices,
    settings: ApiSettings,
    *,
    document: Mapping[str, Any] | None = None,
    find_module: Callable[[str], ModuleType] | None = None,
) -> "Api":
    """Return the REST door. ``document`` and ``find_module`` are for tests of the wiring.

    Raises:
        HandlersDisagree: an operation has no handler, or a handler no operation.
        BadContract: the contract says what this door cannot do.
        ValueError: an address or an origin in the settings is none.
    """
    contract = Contract(load_openapi() if document is None else document)
    sources = Sources(settings.trusted_proxies)
    guards = Guards(services.sessions, settings, sources)
    handlers = find_handlers(contract, find_module)
    # Connexion asks for applications here, and means what makes them.
    middlewares: Any = [
        LifespanMiddleware,
        RawPathRouting,
        CallSecurityMiddleware,
        CompiledValidationMiddleware,
    ]
    stack = ConnexionMiddleware(
        Handlers(),
        import_name=__name__,
        lifespan=_nothing_to_open,
        middlewares=middlewares,
    )
    stack.add_api(
        _for_connexion(contract),
        resolver=Resolver(handlers.__getitem__),
        security_map={"bearer": partial(BearerScheme, guards)},
        contract=contract,
        limits=settings.limits,
        handlers=handlers,
    )
    # Built now and not on the first request: what is wrong has to stop the start.
    stack.app, stack.middleware_stack = stack._build_middleware_stack()
    routing = next(app for app in stack.middleware_stack if isinstance(app, RawPathRouting))
    return Api(stack.app, routing, contract, services, settings, sources)


class Api:
    """The outermost edge: gives each request its name, and whatever happens one answer.

    Requests begin at ``routing``; all else is for the whole ``stack``.
    ``guard`` is None when ``settings.response_guard`` is off.
    """

    def __init__(
        self,
        stack: ASGIApp,
        routing: ASGIApp,
        contract: Contract,
        services: ApiServices,
        settings: ApiSettings,
        sources: Sources,
    ) -> None:
        self._stack = stack
        self._routing = routing
        self._services = services
        self._settings = settings
        self._sources = sources
        self._cors = Cors(settings.allowed_origins)
        self._problems = Problems(contract)
        self._sender = Sender(hsts=settings.hsts)
        self.guard: ResponseGuard | None = None
        if settings.response_guard != "off":
            self.guard = ResponseGuard(contract, settings.response_guard)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._answer(scope, receive, send)
            case "websocket":
                # The relay has a port of its own. Before the handshake this is a 403.
                await send({"type": "websocket.close"})
            case _:
                await self._stack(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope, new_request_id(), self._services, self._settings, self._sources)
        # Servers may hand the same `extensions` to several requests (granian does): what one
        # caller is must never be found by the next.
        scope = {**scope, "extensions": {CALL: call}}
        try:
            await self._routing(scope, receive, send)
            response = self._checked(call, call.response)
        except ClientGone:
            return
        except (Refusal, IloError) as error:
            response = self._refuse(call, error)
        except Exception as error:  # noqa: BLE001  # a bug, whatever it is, ends here
            response = self._fail(call, error)
        await self._sender.send(
            send,
            response,
            request_id=call.request_id,
            more=self._cors.headers(scope),
            without_body=scope["method"] == "HEAD",
        )

    def _refuse(self, call: Call, error: Refusal | IloError) -> Response:
        try:
            refusal = error if isinstance(error, Refusal) else refusal_of(error, call.operation)
            if self._problems.status(refusal) in AUDITED_STATUSES:
                audit_refusal(call, refusal.slug)
            return self._checked(call, self._problems.response(refusal, call.request_id))
        except Exception as fault:  # noqa: BLE001  # also an error that the table lacks
            return self._fail(call, fault)

    def _fail(self, call: Call, error: Exception) -> Response:
        log_fault(call, error)
        detail = "a fault of this server; its log has more under the instance"
        response = self._problems.response(Refusal("internal", detail), call.request_id)
        if self.guard is not None and not isinstance(error, BreaksContract):
            self.guard.note(call, response)
        return response

    def _checked(self, call: Call, response: Response | None) -> Response:
        if response is None:
            raise LookupError("no stage has answered")
        if self.guard is not None:
            self.guard.check(call, response)
        return response


@asynccontextmanager
async def _nothing_to_open(_app: Any) -> AsyncIterator[None]:
    yield


def _for_connexion(contract: Contract) -> dict[str, Any]:
    """Return the contract as Connexion needs it: it keeps and changes what it is given."""
    document: dict[str, Any] = copy.deepcopy(dict(contract.document))
    for name, scheme in document["components"]["securitySchemes"].items():
        scheme[SCHEME_NAME] = name
    for item in document["paths"].values():
        for said in item.values():
            if isinstance(said, dict) and said.get("security"):
                # It takes the first way that fits: "nobody" (`{}`) has to be the last.
                said["security"].sort(key=lambda way: not way)
    return document
