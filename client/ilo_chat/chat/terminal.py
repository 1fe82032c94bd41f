"""A chat on a terminal: what arrives appears above the line that is typed."""

import asyncio
from contextlib import suppress
from typing import Final, TypeAlias

from ilo_client import (
    ClientError,
    Event,
    Ilo,
    KeysChanged,
    Message,
    NotShown,
    Presence,
    RoomInfo,
    Sent,
    Typing,
)
from ilo_client.pins import State
from ilo_relay import RelayProblem
from prompt_toolkit import PromptSession
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.patch_stdout import patch_stdout

from ilo_chat.chat.inline import Inline
from ilo_chat.chat.shown import Shown
from ilo_chat.chat.talks import Talk, Talks
from ilo_chat.context import Context
from ilo_chat.problems import CommandRefused, problem_of
from ilo_chat.screen import Part, Style, Styled, lines, name, safe

INTERRUPTED: Final = 130
LAST_S: Final = 5.0
"""How long to wait, at the end, for what was said last to be stored."""

Line: TypeAlias = "PromptSession[str]"


class Terminal:
    """The face of a chat on a terminal."""

    is_full = False

    def __init__(self, context: Context, line: Line) -> None:
        self.talks: Talks | None = None
        self.current: Talk | None = None
        self.given_back = ""
        self._output = context.output
        self._line = line
        self._shown = Shown()

    # -- what happens

    def event(self, talk: Talk, event: Event, state: State | None) -> None:
        match event:
            case Presence():
                talk.online = event.online
            case Typing(name=who, is_typing=True):
                talk.typing.add(who)
            case Typing(name=who):
                talk.typing.discard(who)
            case _:
                self._show(talk, event, state)

    def _show(self, talk: Talk, event: Event, state: State | None) -> None:
        rows = self._shown.rows(
            event,
            title=self._title(talk),
            state=state,
            columns=self._output.columns,
            advice="/accept-key {}",
        )
        for row in rows:
            self.say(*row)

    def earlier(self, talk: Talk, found: list[tuple[Message | NotShown, State | None]]) -> None:
        if found:
            self.tell("earlier:", talk)
        for each, state in found:
            self._show(talk, each, state)
        if found:
            self.tell("until here", talk)

    def sent(self, talk: Talk, sent: Sent) -> None:
        """The message itself comes back from the server."""

    def not_sent(self, talk: Talk, text: str, error: Exception | None, *, is_kept: bool) -> None:
        why = "the chat ends" if error is None else problem_of(error).detail
        if isinstance(error, KeysChanged):
            why = f"{error}: " + ", ".join(f"/accept-key {who}" for who in error.names)
        if is_kept:
            self.tell(f"not sent yet: {why}. It is kept, and goes out first", talk, Style.BAD)
            return
        self.tell(f"not sent: {why}", talk, Style.BAD)
        if error is not None and talk is self.current and self._give_back(text):
            return
        for line in lines(text):
            self.say("    ", line)

    def _give_back(self, text: str) -> bool:
        """Put a text into the line that is typed, if nothing is there."""
        buffer = self._line.default_buffer
        if not self._line.app.is_running:
            self.given_back = self.given_back or text
            return self.given_back is text
        if buffer.text:
            return False
        buffer.insert_text(text)
        return True

    def line(self, talk: Talk, *, is_up: bool) -> None:
        if is_up:
            self.tell("on line", talk)
        else:
            self.tell(
                "no line to the server: what you say is sent when it is back", talk, Style.WARNING
            )

    def over(self, talk: Talk, error: Exception | None) -> None:
        if error is None:
            return
        self.tell(problem_of(error).detail, talk, Style.BAD)
        if talk is self.current and self.talks is not None and self.talks.open_ones:
            self.current = self.talks.open_ones[0]
            self.tell(f"you are in {name(self.current.title)} now")

    # -- what is seen

    def say(self, *parts: Part) -> None:
        self._output.say(*parts)

    def tell(self, words: str, talk: Talk | None = None, style: Style = Style.DIM) -> None:
        title = None if talk is None else self._title(talk)
        room = "" if title is None else f"[{safe(title)}] "
        self.say(room, "*** ", Styled(words, style))

    def _title(self, talk: Talk) -> str | None:
        several = self.talks is not None and len(self.talks.all) > 1
        return talk.title if several else None

    def prompt(self) -> str:
        return f"{name(self.current.title)}> " if self.current is not None else "> "

    def toolbar(self) -> str:
        """What stands below the line: where one is, and in what state."""
        talk = self.current
        if talk is None:
            return ""
        state = [name(talk.title)]
        if not talk.is_connected:
            state.append("no line")
        if talk.plaintext:
            state.append("NOT ENCRYPTED")
        if talk.online is not None:
            state.append(f"{talk.online} here")
        if talk.waiting:
            state.append(f"{talk.waiting} to be sent")
        if talk.typing:
            state.append(", ".join(map(name, sorted(talk.typing)[:3])) + " typing")
        return " " + " · ".join(state) + " · /help "


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("c-c")
    @keys.add("<sigint>")
    def interrupt(event: KeyPressEvent) -> None:
        """Give up what is typed; with nothing typed, the chat."""
        if event.app.current_buffer.text:
            event.app.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt())

    return keys


async def talk_on_terminal(context: Context, ilo: Ilo, rooms: list[RoomInfo]) -> int:
    """Talk until the person ends it, or no room is left; return the exit code."""
    line: Line = PromptSession(
        history=InMemoryHistory(), key_bindings=_keys(), enable_open_in_editor=False
    )
    face = Terminal(context, line)
    talks = Talks(ilo, face, plaintext=context.options.plaintext, shows_earlier=True)
    face.talks = talks
    with patch_stdout(raw=True):
        for room in rooms:
            talks.open(room)
        face.current = talks.all[0]
        face.tell("/help shows what can be done here, /quit ends it")
        if context.options.plaintext:
            face.tell("what you say is NOT encrypted: the server can read it", style=Style.WARNING)
        try:
            return await _talk(talks, face, line)
        finally:
            await talks.close()


async def _talk(talks: Talks, face: Terminal, line: Line) -> int:
    typing = asyncio.create_task(_typed(talks, face, line), name="typing")
    typing.add_done_callback(lambda _: talks.stir())
    try:
        await talks.until(lambda: typing.done() or not talks.open_ones)
    finally:
        if not typing.done():
            typing.cancel()
            await asyncio.wait([typing])
    if typing.cancelled():
        face.tell("no room is open any more")
        return 1
    code = typing.result()
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_S):
            await talks.until(lambda: not any(talk.waiting for talk in talks.open_ones))
    return code


async def _typed(talks: Talks, face: Terminal, line: Line) -> int:
    """Deal with every line that is typed, until the chat is to end."""

    async def ask(question: str) -> bool:
        try:
            answer = await line.prompt_async(f"{question} (yes/no) ")
        except (EOFError, KeyboardInterrupt):
            return False
        return answer.strip().lower() in ("y", "yes")

    inline = Inline(talks, face, ask)
    while not inline.is_over:
        default, face.given_back = face.given_back, ""
        try:
            text = await line.prompt_async(
                face.prompt,
                default=default,
                bottom_toolbar=face.toolbar,
                refresh_interval=0.5,
            )
        except KeyboardInterrupt:
            return INTERRUPTED
        except EOFError:
            return 0
        await _deal(inline, talks, face, text)
    return 0


async def _deal(inline: Inline, talks: Talks, face: Terminal, text: str) -> None:
    try:
        if text.startswith("/") and not text.startswith("//"):
            await inline.do(text[1:])
            return
        said = text.removeprefix("/")
        if not said.strip():
            return
        talk = face.current
        if talk is None or talk.is_over:
            raise CommandRefused("ended", "this room is closed: /room NAME")
        talk.queue.put_nowait(said)
    except asyncio.QueueFull:
        face.tell("too much waits to be sent: wait until the line is back", style=Style.BAD)
        face.given_back = text
    except (ClientError, RelayProblem, OSError) as error:
        face.tell(problem_of(error).detail, style=Style.BAD)
