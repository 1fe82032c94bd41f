"""A client's life: it connects, reads, comes back when the line is lost, and sends again what has
no answer."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from uuid import uuid4

from pydantic import BaseModel

from ilo_relay.backoff import Backoff
from ilo_relay.credentials import Credentials
from ilo_relay.errors import (
    BrokenFrame,
    ClientClosed,
    InvalidFrame,
    NoLine,
    RelayClosed,
    RelayUnreachable,
    TooLarge,
)
from ilo_relay.frames import (
    EVENTS,
    Ack,
    Event,
    Head,
    Member,
    ServerFrame,
    Welcome,
    frame_to_send,
    json_of,
    json_of_value,
    read_frame,
)
from ilo_relay.inbox import Inbox
from ilo_relay.line import Line, LineLost, Request, Way, open_line
from ilo_relay.pending import Pending, Unanswered
from ilo_relay.resume import Position, Resume

log = logging.getLogger("ilo_relay")

OVERFLOW: Final = 16
"""While an answer is awaited, up to so many times ``queue_frames`` are read: it may be behind
them."""
TAKEN_WITHIN_S: Final = 1.0
"""Who takes no frame for so long counts as nobody."""

_Some = TypeVar("_Some", bound=Event)


class Lifecycle:
    """What every client of a relay does, whatever it says. Used once, by ``async with``."""

    def __init__(
        self,
        credentials: Credentials,
        way: Way,
        backoff: Backoff,
        queue_frames: int,
        resume: Resume,
    ) -> None:
        if queue_frames < 1:
            raise ValueError("queue_frames has to be at least 1")
        self._credentials = credentials
        self._way = way
        self._backoff = backoff
        self._queue_frames = queue_frames
        self._resume = resume
        self._inbox: Inbox[Event, Position] = Inbox()
        self._unanswered = Unanswered()
        self._welcome: Welcome | None = None
        self._members_version = 0
        self._line: Line | None = None
        self._ready: Line | None = None
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._end: BaseException | None = None

    # -- begin and end

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise ClientClosed("a client is opened once")
        self._task = asyncio.create_task(self._live(), name="ilo_relay")
        self._task.add_done_callback(self._ended)
        try:
            while self._ready is None and self._end is None:
                await self._news()
        except BaseException:
            await self.close()
            raise
        if self._end is not None:
            raise self._end
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Say goodbye, and return when the socket is closed and nothing runs any more.

        Iterators end when they have given what had come. What has no answer yet fails with
        :class:`~ilo_relay.errors.Unconfirmed`. Closing twice is once.
        """
        task = self._task
        if task is None:
            self._end = self._end or ClientClosed()
            return
        task.cancel()
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            # In a hurry: without the goodbye.
            if self._line is not None:
                self._line.abort()
            raise

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        self._end = error or ClientClosed()
        self._ready = None
        self._unanswered.fail(str(self._end), error)
        self._inbox.end()
        self._changed.set()

    # -- what it shows

    @property
    def welcome(self) -> Welcome:
        """Where the client is, as the relay last said.

        Raises:
            ClientClosed: it was not opened yet.
        """
        if self._welcome is None:
            raise ClientClosed("this client was not opened yet: use `async with`")
        return self._welcome

    @property
    def is_connected(self) -> bool:
        """Whether the line is up, and what was unanswered is sent again. If not, the client comes
        back by itself, unless it was closed or told not to."""
        return self._ready is not None

    @property
    def cursor(self) -> Position:
        """Where the application is: behind the last frame that it took by iterating.

        Kept when that frame was dealt with, and given to another client as ``since`` and
        ``epoch``, it loses nothing and repeats nothing: what came after it, and stands in this
        client's queue or was on its way, comes again there. When this client itself reconnects,
        it asks for what comes after its queue.

        Raises:
            ClientClosed: it was not opened yet.
        """
        if self._inbox.place is None:
            raise ClientClosed("this client was not opened yet: use `async with`")
        return self._inbox.place

    @property
    def members_version(self) -> int:
        """The newest version of the members that the relay told of.

        Raises:
            ClientClosed: it was not opened yet.
        """
        return max(self._members_version, self.welcome.members_version)

    @property
    def missing(self) -> tuple[str, ...]:
        """The ids of messages that were acknowledged to this client, and that the relay does not
        have any more since a gap with the reason `epoch`: a backup was restored.

        It is settled when ``cursor`` has reached the ``to_seq`` of that gap. Of acknowledged
        messages the newest 10,000 are remembered, as long as the client lives.
        """
        return self._resume.missing

    def __repr__(self) -> str:
        state = "closed" if self._end else "connected" if self._ready else "not connected"
        return f"<{type(self).__name__}: {state}>"

    # -- what comes

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        if self._task is None:
            raise ClientClosed("this client was not opened yet: use `async with`")
        event = await self._inbox.take()
        if event is not None:
            return event
        if self._end is None or isinstance(self._end, ClientClosed):
            raise StopAsyncIteration
        raise self._end

    async def only(self, kind: type[_Some]) -> AsyncIterator[_Some]:
        """Iterate over the frames of one kind; the others that come meanwhile are passed over.

        Iterators share what comes: each frame is given once.
        """
        async for event in self:
            if isinstance(event, kind):
                yield event

    # -- what is said

    async def _ask(
        self,
        model: type[BaseModel],
        members: Mapping[str, object],
        replies: tuple[type[ServerFrame], ...],
        *,
        correlation: str,
        cursor: str | None,
    ) -> Any:
        """Send a frame, and return its answer."""
        welcome = self.welcome
        given = members.get(correlation)
        id = given or str(uuid4())
        frame = frame_to_send(model, {**members, correlation: id})
        if not isinstance(id, str):
            raise InvalidFrame(f"/{correlation}", "has to be a string")
        self._see_that_it_fits(json_of(frame), welcome)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        # One after another: what is said is stored in the order in which it was said.
        async with self._turn:
            line = await self._free_line(waits=True)
            if id in self._unanswered:
                raise InvalidFrame(
                    f"/{correlation}", "another frame with this id waits for an answer"
                )
            if cursor is not None and cursor not in frame.model_fields_set:
                # An id of the caller's may be that of a message from before this connection.
                head = 0 if given else line.welcome.head
                seen = max(self._resume.seen(), head)
                frame = frame.model_copy(update={cursor: seen})
            epoch = line.welcome.epoch
            pending = Pending(id, frame, replies, cursor, epoch, answer)
            text = pending.text_in(epoch)
            self._see_that_it_fits(text, line.welcome)
            self._unanswered.add(pending)
            self._inbox.stir()
            try:
                await line.send(text)
            except BaseException:
                self._forget(pending)
                raise
        try:
            return await answer
        finally:
            self._forget(pending)

    async def _tell(self, model: type[BaseModel], members: Mapping[str, object]) -> None:
        """Send a frame that nobody answers."""
        text = json_of(frame_to_send(model, members))
        self._see_that_it_fits(text, self.welcome)
        async with self._turn:
            line = await self._free_line(waits=False)
            await line.send(text)

    def _see_that_it_fits(self, text: str, welcome: Welcome) -> None:
        size, bound = len(text.encode()), welcome.limits.frame_bytes
        if size > bound:
            raise TooLarge("", "frame_bytes", bound, size)

    def _see_that_text_fits(self, place: str, limit: str, text: str | None) -> None:
        bound: int | None = getattr(self.welcome.limits, limit)
        if not isinstance(text, str) or bound is None:
            return
        # Half a surrogate pair has no UTF-8: the model refuses it with its place.
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > bound:
            raise TooLarge(place, limit, bound, size)

    def _see_that_json_fits(self, place: str, limit: str, value: object) -> None:
        bound: int | None = getattr(self.welcome.limits, limit)
        size = len(json_of_value(value, place))
        if bound is not None and size > bound:
            raise TooLarge(place, limit, bound, size)

    async def _free_line(self, *, waits: bool) -> Line:
        """Return the line when it is up and what is older was sent again.

        ``waits``: also when no more than ``limits.unacked_messages`` wait for their answer.
        """
        while True:
            if self._end is not None:
                raise self._end
            line = self._ready
            if line is not None and (
                not waits or len(self._unanswered) < line.welcome.limits.unacked_messages
            ):
                return line
            await self._news()

    def _forget(self, pending: Pending) -> None:
        self._unanswered.drop(pending)
        self._changed.set()

    async def _news(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    # -- the one task

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        failures = step = 0
        while True:
            retry_after_s, began = None, loop.time()
            try:
                self._line = await open_line(await self._handshake(), self._way)
                failures = 0
                await self._stay(self._line)
            except LineLost as lost:
                log.info("the line is lost", extra={"reason": str(lost)})
                # One that welcomes and hangs up at once is left more and more time.
                if loop.time() - began > self._backoff.cap_s:
                    step = 0
            except NoLine as error:
                failures += 1
                if not error.reconnect or failures == self._backoff.attempts:
                    raise
                retry_after_s = error.retry_after_s
                log.info("cannot connect", extra={"reason": str(error)})
            finally:
                self._line = None
            delay_s = self._backoff.delay_s(step, retry_after_s)
            step += 1
            log.info("coming back", extra={"delay_s": round(delay_s, 3)})
            await self._backoff.sleep(delay_s)

    async def _handshake(self) -> Request:
        try:
            return await self._request()
        except OSError as error:
            kind = type(error).__name__
        raise RelayUnreachable(f"there is no token or ticket to show: {kind}")

    async def _request(self) -> Request:
        """Return the handshake to make now."""
        raise NotImplementedError

    async def _stay(self, line: Line) -> None:
        """Read until the line is lost.

        Raises:
            LineLost, RelayClosed, BrokenFrame: how it ended.
        """
        returned = self._welcome is not None
        self._came_in(line.welcome)
        try:
            async with asyncio.TaskGroup() as tasks:
                # While it sends it has to read: the relay listens only to who takes what it sends.
                again = tasks.create_task(self._send_again(line))
                end = await self._read(line, returned=returned)
                again.cancel()
        finally:
            self._ready = None
            await line.hang_up()
        raise end

    def _came_in(self, welcome: Welcome) -> None:
        before, self._welcome = self._welcome, welcome
        place = self._resume.came_in(welcome)
        if before is None:
            self._inbox.move(place)
        elif before.epoch != welcome.epoch:
            self._members_version = 0
        self._members_version = max(self._members_version, welcome.members_version)
        log.info("connected", extra={"epoch": welcome.epoch, "head": welcome.head})
        self._changed.set()

    async def _send_again(self, line: Line) -> None:
        """Send what has no answer, in its order; then the line is everybody's."""
        for pending in self._unanswered:
            if not pending.answer.done():
                await line.send(pending.text_in(line.welcome.epoch))
        self._ready = line
        self._changed.set()

    async def _read(self, line: Line, *, returned: bool) -> Exception:
        """Hand on what comes; return how the line ended."""
        try:
            if returned:
                await self._hand_on(line.welcome)
            while True:
                frame = read_frame(await line.receive())
                if frame is None:
                    continue
                self._note(frame)
                if self._unanswered.answered_by(frame):
                    continue
                if isinstance(frame, EVENTS):
                    await self._hand_on(frame)
        except (LineLost, RelayClosed, BrokenFrame) as end:
            return end

    def _note(self, frame: ServerFrame) -> None:
        """Keep what the client itself has to know of a frame."""
        if isinstance(frame, Ack):
            self._resume.acked(frame)
        elif isinstance(frame, Member):
            self._members_version = max(self._members_version, frame.members_version)
        elif isinstance(frame, Head):
            now_s = asyncio.get_running_loop().time()
            self._resume.told_of(frame, now_s, self._way.silence_s)

    async def _hand_on(self, event: Event) -> None:
        """Put a frame into the queue, unless it was there before."""
        place = self._resume.place_after(event)
        if self._resume.is_repeat(event):
            self._inbox.move(place)
        else:
            await self._has_room()
            self._inbox.put(event, place)
        self._resume.handed_on(event, place)

    async def _has_room(self) -> None:
        """Wait until there is room for one more frame. Until then nothing is read.

        While an answer is awaited reading goes on for a while: who awaits it may be the one who
        would take the frames before it.
        """
        while len(self._inbox) >= self._queue_frames:
            if len(self._unanswered):
                if len(self._inbox) < self._queue_frames * OVERFLOW:
                    break
                # Many frames come at once: who takes them may not have had a turn.
                size = len(self._inbox)
                try:
                    async with asyncio.timeout(TAKEN_WITHIN_S):
                        await self._inbox.changed()
                    continue
                except TimeoutError:
                    # On a machine that is busy elsewhere nobody had one.
                    await asyncio.sleep(0)
                if len(self._inbox) < size:
                    continue
                self._unanswered.fail("it is behind frames that nobody takes")
                self._changed.set()
            await self._inbox.changed()
