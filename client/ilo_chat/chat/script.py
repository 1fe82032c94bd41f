"""A chat without a terminal: lines come in, messages go out, and the end of the input ends it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict
from threading import Semaphore, Thread
from typing import Final

from ilo_client import Event, Ilo, Message, NotShown, RoomInfo, Sent
from ilo_client.pins import State

from ilo_chat.chat.shown import Shown, fields
from ilo_chat.chat.talks import Talk, Talks
from ilo_chat.context import Context
from ilo_chat.problems import CommandRefused, Problem, problem_of
from ilo_chat.screen import name

ECHO_S: Final = 10.0
"""How long to wait, at the end, until one's own last message was shown, too."""
AHEAD: Final = 4
"""So many pieces are read before their lines are said."""
PIECE_BYTES: Final = 64 * 1024
LONGEST_BYTES: Final = 1024 * 1024
"""Of a line: no room takes longer ones, so that it is not a message."""


class Script:
    """The face of a chat without a terminal."""

    def __init__(self, context: Context, *, amount: int, until: int | None) -> None:
        self._left = until
        self.has_failed = False
        self._output = context.output
        self._shown = Shown()
        self._amount = amount

    @property
    def is_full(self) -> bool:
        return self._left == 0

    def event(self, talk: Talk, event: Event, state: State | None) -> None:
        if isinstance(event, Message) and self._left is not None:
            self._left -= 1
        self._output.give(fields(event, talk.name))
        title = talk.title if self._amount > 1 else None
        columns = self._output.columns
        for row in self._shown.rows(event, title=title, state=state, columns=columns):
            self._output.say(*row)

    def earlier(self, talk: Talk, found: list[tuple[Message | NotShown, State | None]]) -> None:
        for each, state in found:
            self.event(talk, each, state)

    def sent(self, talk: Talk, sent: Sent) -> None:
        self._output.give({"type": "sent", "room": talk.name, **asdict(sent)})

    def not_sent(self, talk: Talk, text: str, error: Exception | None, *, is_kept: bool) -> None:
        self.has_failed = True
        problem = Problem("ended", "the chat ended before") if error is None else problem_of(error)
        after = "it is kept, and goes out when you are in this room next" if is_kept else "not sent"
        detail = f"{problem.detail}: {after}"
        more = {**problem.more, "room": talk.name, "text": text, "is_kept": is_kept}
        if not self._output.as_json:
            detail = f"in {name(talk.title)}: {detail}: {text}"
        self._output.failure(Problem(problem.code, detail, more))

    def line(self, talk: Talk, *, is_up: bool) -> None:
        if not is_up:
            self._output.note(
                f"no line to {name(talk.title)}: what is said is sent when it is there again"
            )

    def over(self, talk: Talk, error: Exception | None) -> None:
        if error is not None:
            self.has_failed = True
            problem = problem_of(error)
            detail = problem.detail
            if not self._output.as_json:
                detail = f"in {name(talk.title)}: {detail}"
            self._output.failure(Problem(problem.code, detail, {**problem.more, "room": talk.name}))


async def talk_by_lines(context: Context, ilo: Ilo, rooms: list[RoomInfo]) -> int:
    """Say every line of standard input, and show what comes; return the exit code."""
    until: int | None = context.options.until
    face = Script(context, amount=len(rooms), until=until)
    talks = Talks(ilo, face, plaintext=context.options.plaintext, shows_earlier=False)
    for room in rooms:
        talks.open(room)
    saying = asyncio.create_task(_say_all(talks, face, context), name="lines")
    saying.add_done_callback(lambda _: talks.stir())
    try:
        await talks.until(lambda: _is_done(talks, face, saying, until))
        if until is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(ECHO_S):
                    await talks.until(lambda: all(map(_is_echoed, talks.open_ones)))
    finally:
        saying.cancel()
        await asyncio.wait([saying])
        await talks.close()
    if not saying.cancelled():
        saying.result()
    return 1 if face.has_failed else 0


def _is_done(talks: Talks, face: Script, saying: "asyncio.Task[None]", until: int | None) -> bool:
    if not talks.open_ones:
        return True
    if any(talk.waiting for talk in talks.open_ones):
        return False
    return saying.done() if until is None else face.is_full


def _is_echoed(talk: Talk) -> bool:
    return talk.shown_seq >= talk.acked_seq


async def _say_all(talks: Talks, face: Script, context: Context) -> None:
    async for line in _lines():
        try:
            text = line.decode("utf-8")
            talk, text = _addressed(talks, text)
        except UnicodeDecodeError:
            refused = CommandRefused("not-text", "a line is not UTF-8 text: not sent")
        except CommandRefused as error:
            refused = error
        else:
            await talk.queue.put(text)
            continue
        face.has_failed = True
        context.output.failure(problem_of(refused))


def _addressed(talks: Talks, line: str) -> tuple[Talk, str]:
    """Return where a line is to be said, and what."""
    if len(line) > LONGEST_BYTES:
        raise CommandRefused("too-large", "a line is too long for a message: not sent")
    found: Talk | None = talks.all[0]
    if line.startswith("@@"):
        line = line[1:]
    elif line.startswith("@"):
        names = [(said, talk) for talk in talks.all for said in (talk.title, talk.name)]
        # The longest first: a label may begin like another one.
        names.sort(key=lambda pair: -len(pair[0]))
        found, line = next(
            ((talk, line[len(said) + 2 :]) for said, talk in names if line.startswith(f"@{said} ")),
            (None, line),
        )
    if found is None:
        raise CommandRefused(
            "no-such-room",
            "a line begins with @ and the name of no room of this chat: not sent; @@ says an @",
        )
    if found.is_over:
        raise CommandRefused("ended", f"{name(found.title)} is closed: not sent")
    return found, line


async def _lines() -> AsyncIterator[bytes]:
    """Yield the lines of standard input, whatever it is. Empty ones say nothing."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    places = Semaphore(AHEAD)
    handle = sys.stdin.fileno()

    def read() -> None:
        # Not by sys.stdin: a thread that waits there would keep Python from ending. A loop that
        # is closed takes nothing more.
        with suppress(RuntimeError):
            piece = b"-"
            while piece:
                places.acquire()
                try:
                    piece = os.read(handle, PIECE_BYTES)
                except OSError:
                    piece = b""
                loop.call_soon_threadsafe(pieces.put_nowait, piece)

    Thread(target=read, name="standard input", daemon=True).start()
    rest = b""
    while piece := await pieces.get():
        places.release()
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if line := line.removesuffix(b"\r"):
                yield line
    if rest:
        yield rest
