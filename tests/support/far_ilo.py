"""An Ilo that everybody reaches by lines that can be lost; the server itself stays up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from pathlib import Path

from tests.support.encrypted import steady_ports
from tests.support.ilo_process import IloProcess, running
from tests.support.tcp_proxy import TcpProxy, proxy_to


class Loss(Enum):
    """How the network is lost."""

    CUT = "cut"
    """Connections are killed, and nobody gets a new one."""
    SILENCE = "silence"
    """Connections stay, and nothing goes on; when it is over, all of it does."""
    ANSWERS = "answers"
    """What people say arrives; the relay's answers are held, and lost with their connections."""


class FarIlo:
    """``api`` and ``relay`` are the lines, ``ilo`` is the server at their end. ``url`` is where
    people go; of the relay's line the server tells them by itself."""

    def __init__(self, api: TcpProxy, relay: TcpProxy, ilo: IloProcess) -> None:
        self.api, self.relay, self.ilo = api, relay, ilo
        self._targets = [(line, line.target) for line in (api, relay)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api.port}"

    async def lose(self, loss: Loss = Loss.CUT) -> None:
        match loss:
            case Loss.CUT:
                await self.lose_relay()
                self.api.target = None
                self.api.cut()
            case Loss.SILENCE:
                for line in (self.api, self.relay):
                    line.answers.clear()
                    line.requests.clear()
            case Loss.ANSWERS:
                self.relay.has_kept.clear()
                self.relay.answers.clear()

    async def lose_relay(self) -> None:
        """Kill the connections to the relay alone, and let nobody have a new one."""
        self.relay.target = None
        self.relay.cut()

    async def come_back(self, loss: Loss = Loss.CUT) -> None:
        if loss is Loss.ANSWERS:
            self.relay.cut()
        for line, target in self._targets:
            line.target = target
            line.answers.set()
            line.requests.set()


@asynccontextmanager
async def far_ilo(folder: Path) -> AsyncIterator[FarIlo]:
    """Run one in ``folder`` until the end of the block."""
    ports = steady_ports()
    api_port, relay_port = (int(listen.rpartition(":")[2]) for listen in ports.values())
    async with proxy_to(api_port) as api, proxy_to(relay_port) as relay:
        origins = [f"http://127.0.0.1:{api.port}"]
        config = {**ports, "relay_url": relay.url, "allowed_origins": origins}
        with running(folder, config) as ilo:
            yield FarIlo(api, relay, ilo)
