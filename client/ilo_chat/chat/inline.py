"""What can be done in the middle of a chat: lines that begin with `/`."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeAlias

from ilo_client import ClientError
from ilo_client.safety import in_rows
from ilo_relay import RelayProblem

from ilo_chat.chat.talks import Talk, Talks
from ilo_chat.commands.people import row_of
from ilo_chat.naming import room_to_enter
from ilo_chat.problems import CommandRefused
from ilo_chat.screen import Part, Style, Styled, name

PAGE: Final = 20
"""So many older messages are shown at once."""
HELP: Final = """\
/who               who is in this room
/room NAME         talk in that room of yours; without NAME: which are open
/history           older messages, further back each time
/verify NAME       compare somebody's safety number
/accept-key NAME   accept somebody's new key
/invite NAME       invite somebody to this room, if it is yours
/leave             leave this room for good
/quit              end the chat; so does Ctrl-D
//text             say /text"""

Ask: TypeAlias = Callable[[str], Awaitable[bool]]


class Place(Protocol):
    """Where the person is, and where to tell them something."""

    current: Talk | None

    def say(self, *parts: Part) -> None: ...

    def tell(self, words: str, talk: Talk | None = None, style: Style = Style.DIM) -> None: ...


class Inline:
    """The commands of one chat. ``ask`` asks what is answered by yes or no."""

    def __init__(self, talks: Talks, place: Place, ask: Ask) -> None:
        self.is_over = False
        self._talks = talks
        self._ilo = talks.ilo
        self._place = place
        self._ask = ask
        self._commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "help": self._help,
            "quit": self._quit,
            "who": self._who,
            "room": self._room,
            "history": self._history,
            "verify": self._verify,
            "accept-key": self._accept_key,
            "invite": self._invite,
            "leave": self._leave,
        }

    async def do(self, line: str) -> None:
        """Do what ``line`` says, which is without its `/`.

        Raises:
            CommandRefused: there is no such command.
            ClientError, RelayProblem, OSError: it did not work.
        """
        word, _, rest = line.strip().partition(" ")
        command = self._commands.get(word)
        if command is None:
            raise CommandRefused(
                "no-such-command", f"there is no /{word}: /help lists them; //text says /text"
            )
        await command(rest.strip())

    @property
    def _talk(self) -> Talk:
        if self._place.current is None:
            raise CommandRefused("ended", "no room is open")
        return self._place.current

    async def _help(self, _: str) -> None:
        for line in HELP.splitlines():
            self._place.say("    ", line)

    async def _quit(self, _: str) -> None:
        self.is_over = True

    async def _who(self, _: str) -> None:
        for member in await self._ilo.members(self._talk.name):
            row = row_of(member, self._ilo.username, accept="/accept-key")
            self._place.say("    ", *row)

    async def _room(self, said: str) -> None:
        if not said:
            for talk in self._talks.open_ones:
                here = " (here)" if talk is self._place.current else ""
                self._place.say("    ", name(talk.title), here)
            return
        for talk in self._talks.open_ones:
            if said in (talk.title, talk.name):
                self._place.current = talk
                return
        info = await room_to_enter(self._ilo, said, may_be_new=False)
        self._place.current = self._talks.open(info)

    async def _history(self, _: str) -> None:
        talk = self._talk
        before = talk.oldest_seq
        if talk.room is None:
            raise CommandRefused("unreachable", "this room is not open yet")
        if not await self._talks.look_back(talk, before=before, limit=PAGE):
            self._place.tell("there is nothing older")

    async def _verify(self, who: str) -> None:
        person = await self._ilo.person(_named(who))
        if person.state == "changed":
            raise CommandRefused(
                "key-changed", f"the key changed: /accept-key {person.name} comes first"
            )
        self._show(person.name, await self._ilo.people.number_of(person))
        if not await self._ask("Are the digits that they see the same?"):
            self._place.tell(
                "not verified. If they differ, somebody may stand between you", style=Style.BAD
            )
            return
        await self._ilo.verify(person.name, person.kid)
        self._place.tell(f"{name(person.name)} is verified", style=Style.GOOD)

    async def _accept_key(self, who: str) -> None:
        person = await self._ilo.person(_named(who))
        if person.state != "changed" or person.new_kid is None:
            raise CommandRefused(
                "not-accepted", f"there is no new key of {name(person.name)} to accept"
            )
        self._show(person.name, await self._ilo.people.number_of(person))
        if not await self._ask("Accept the new key?"):
            self._place.tell("not accepted: nothing is sent to rooms where they are")
            return
        await self._ilo.accept_key(person.name, person.new_kid)
        self._place.tell(f"the new key of {name(person.name)} is accepted", style=Style.GOOD)
        for talk in self._talks.open_ones:
            if talk.room is None or not talk.is_connected:
                continue
            try:
                await talk.room.send_under_way()
            except (ClientError, RelayProblem):
                # Somebody else's key changed, too: it stays under way.
                self._place.tell("what was to be sent before is not sent yet", talk, Style.WARNING)

    def _show(self, who: str, number: str) -> None:
        if who == self._ilo.username:
            raise CommandRefused("yourself", "that is you: there is nothing to compare")
        self._place.say("    the safety number of you and ", Styled(name(who), Style.BOLD), ":")
        for row in in_rows(number):
            self._place.say("      ", Styled(" ".join(row), Style.BOLD))
        self._place.say("    compare it with what they see, in person or on the phone: not here")

    async def _invite(self, who: str) -> None:
        talk = self._talk
        await self._ilo.invite(talk.name, _named(who))
        self._place.tell(f"{name(who)} is invited", talk)

    async def _leave(self, _: str) -> None:
        talk = self._talk
        if not await self._ask(f"Leave {name(talk.title)} for good?"):
            return
        talk.is_leaving = True
        try:
            await self._ilo.leave(talk.name)
        except BaseException:
            talk.is_leaving = False
            raise
        self._place.tell(f"you left {name(talk.title)}")
        others = [other for other in self._talks.open_ones if other is not talk]
        if others:
            self._place.current = others[0]


def _named(who: str) -> str:
    if not who:
        raise CommandRefused("no-name", "say whose name: /verify NAME, for one")
    return who
