"""What the REST door is given: the services it calls, and what the operator has chosen."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from services.accounts import Accounts
from services.introspection import Introspection
from services.keys import Keys
from services.limits import Limits
from services.rooms import Rooms
from services.sessions import Sessions
from services.tickets import Tickets

ResponseChecks = Literal["off", "sample", "strict"]


@dataclass(frozen=True, slots=True)
class ApiServices:
    """``readiness`` returns what is missing, a sentence each; none when all is there."""

    keys: Keys
    accounts: Accounts
    sessions: Sessions
    tickets: Tickets
    introspection: Introspection
    rooms: Rooms
    readiness: Callable[[], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Secrets are shown by no ``repr``.

    ``relay_url`` is told to clients: scheme, host and port. ``node_secrets`` admit relays that
    come over the network from ``allowed_relay_host`` (an IP address; None is any), and
    ``in_process_secret`` the one in this process, whose requests have no client address.
    Without ``admin_secret`` nobody is the admin. ``allowed_origins`` are compared exactly.
    ``trusted_proxies`` are addresses or networks whose ``X-Forwarded-For`` is believed.
    ``response_guard`` compares answers with the contract: ``strict`` all of them, refusing to
    send what breaks it; ``sample`` one in a hundred, only logging it.
    """

    relay_url: str
    limits: Limits = field(default_factory=Limits)
    node_secrets: tuple[str, ...] = field(default=(), repr=False)
    in_process_secret: str | None = field(default=None, repr=False)
    allowed_relay_host: str | None = "127.0.0.1"
    admin_secret: str | None = field(default=None, repr=False)
    allowed_origins: tuple[str, ...] = ()
    hsts: bool = False
    trusted_proxies: tuple[str, ...] = ()
    response_guard: ResponseChecks = "sample"
