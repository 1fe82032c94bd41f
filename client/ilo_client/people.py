"""The other people: whose key is pinned, which one waits, and what to compare."""

import asyncio
from typing import TYPE_CHECKING

from ilo_client.failures import NotAccepted
from ilo_client.pins import Person, Pins, kid_of
from ilo_client.safety import safety_number
from ilo_client.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable


class People:
    """Everybody, as ``username`` (whose identity key is ``kid``) sees them."""

    def __init__(self, pins: Pins, server: "Callable[[], Server]", username: str, kid: str) -> None:
        self.pins = pins
        self._server = server
        self._username = username
        self._kid = kid

    def look(self, name: str, shown: str) -> Person:
        """Return who ``name`` is by the card that the server shows; see :meth:`Pins.look`.

        Oneself is `verified`, or `changed` when the server shows another's card.
        """
        if name != self._username:
            return self.pins.look(name, shown)
        kid = kid_of(shown, name)
        if kid == self._kid:
            return Person(name, "verified", kid)
        return Person(name, "changed", self._kid, kid)

    async def person(self, name: str) -> Person:
        """Look somebody up. Who is `new` is not pinned by that.

        Raises:
            ServerRefused: there is nobody of that name: `user-not-found`.
        """
        shown = (await self._server().user(name)).detail
        return await asyncio.to_thread(self.look, name, shown)

    async def accept_key(self, name: str, kid: str | None = None) -> Person:
        """Take the key that waits for the right one from now on; nobody has compared it yet.

        ``kid``: only if it is this one, which the person has seen.

        Raises:
            NotAccepted: none waits, or another one.
        """
        return await asyncio.to_thread(self.pins.accept, name, kid)

    async def verify(self, name: str, kid: str | None = None) -> Person:
        """Say that the person has compared the safety number; who is `new` is pinned.

        ``kid``: only if the key is this one, whose number was compared: the server may show
        another one by now.

        Raises:
            NotAccepted: there is no valid key, another one than ``kid``, or a changed one, which
                has to be accepted first.
        """
        shown = (await self._server().user(name)).detail
        person = await asyncio.to_thread(self.look, name, shown)
        if person.kid is None or person.state == "changed" or kid not in (None, person.kid):
            raise NotAccepted(name)
        if person.state == "new":
            await asyncio.to_thread(self.pins.see, name, shown)
        return await asyncio.to_thread(self.pins.verify, name, person.kid)

    async def safety_number(self, name: str) -> str:
        """Return the 60 digits that both have to see; after a change those of the key that waits.

        Raises:
            NotAccepted: there is no valid key.
        """
        return await self.number_of(await self.person(name))

    async def number_of(self, person: Person) -> str:
        """Return the 60 digits of ``person`` as they were looked up: of that key, whatever the
        server shows meanwhile.

        Raises:
            NotAccepted: there is no valid key.
        """
        kid = person.shown_kid
        if kid is None:
            raise NotAccepted(person.name)
        return await asyncio.to_thread(safety_number, self._kid, self._username, kid, person.name)
