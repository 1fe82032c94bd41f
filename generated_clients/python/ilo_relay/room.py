"""A client of one room: what it may say, and what it hears."""

import ssl
from collections.abc import AsyncIterator
from typing import Literal

from pydantic import JsonValue

from ilo_relay import frames
from ilo_relay.address import url_of, with_query
from ilo_relay.backoff import Backoff
from ilo_relay.credentials import Credentials, Secret
from ilo_relay.frames import (
    Ack,
    HistoryIn,
    HistoryOut,
    MessageIn,
    MessageOut,
    SignalIn,
    SignalOut,
    value_to_send,
)
from ilo_relay.lifecycle import Lifecycle
from ilo_relay.line import Request, Way
from ilo_relay.resume import Resume


class RoomClient(Lifecycle):
    """One connection after another to /ws/{room}, which look like one.

    ::

        async with RoomClient(relay_url, room=..., token=token) as room:
            async for frame in room:
                ...

    When the line is lost it comes back by itself, as the contract says for each way of losing
    it. Then a :class:`~ilo_relay.frames.Welcome` stands among the frames, what was said meanwhile
    follows, and what has no answer yet is sent again, in order, with the same ids: every message
    comes once, in order. What cannot be had is told by a :class:`~ilo_relay.frames.Gap`, which
    stands among the frames like any other. Where the contract says not to come back, iterating
    and whatever is said raise the reason.

    ``cursor`` is for applications that go on after a restart: given as ``since`` and ``epoch`` to
    their next client, it is sent what this one's application has not taken.

    Frames that nobody takes are kept, ``queue_frames`` of them; then nothing more is read, until
    one is taken or an answer is awaited.
    """

    def __init__(
        self,
        relay_url: str,
        *,
        room: str,
        token: Secret | None = None,
        ticket: Secret | None = None,
        since: int | None = None,
        epoch: str | None = None,
        backoff: Backoff | None = None,
        queue_frames: int = 256,
        tls: ssl.SSLContext | None = None,
        origin: str | None = None,
        proxy: str | Literal[True] | None = None,
        open_timeout_s: float = 10.0,
        silence_s: float = 50.0,
        close_timeout_s: float = 5.0,
    ) -> None:
        """``relay_url`` is scheme, host and port, as the answer to a login has it.

        Give a ``token`` or a ``ticket``; a function that gets one is called before each connect.
        ``room``: The room's name. Names that begin with `~` belong to private rooms; they
        answer 403 to who is neither a member nor invited, whether there is such a room or
        not.
        ``since``: The client's cursor: the seq of the newest message that it took, 0 for
        none. Everything after it is sent.
        ``epoch``: The epoch of that cursor. Needed with `since`, unless that is 0.
        Both are for the first connect; afterwards the client keeps its cursor itself.

        ``proxy`` is the URL of a proxy, True for the one that the environment names. After
        ``silence_s`` without a frame a line counts as lost. ``close_timeout_s`` is how long a
        goodbye waits for the relay's.

        Raises:
            InvalidFrame: a part of the address is against the contract.
            ValueError: another argument is none of these.
        """
        parameters: dict[str, str] = {}
        value_to_send(frames.RoomName, room, "room")
        parameters["room"] = str(room)
        query: dict[str, str] = {}
        if since is not None:
            value_to_send(frames.Cursor, since, "since")
        if epoch is not None:
            value_to_send(frames.Uuid, epoch, "epoch")
        self._url = url_of(relay_url, parameters)
        self._query = query
        way = Way(open_timeout_s, silence_s, close_timeout_s, tls, origin, proxy)
        credentials = Credentials(token=token, ticket=ticket)
        resume = Resume(since, epoch)
        super().__init__(credentials, way, backoff or Backoff(), queue_frames, resume)

    async def _request(self) -> Request:
        headers, subprotocols = await self._credentials.headers()
        url = with_query(self._url, {**self._query, **self._resume.query()})
        return Request(url, headers, subprotocols)

    async def send_message(
        self,
        message: str,
        *,
        id: str | None = None,
        after: int | None = None,
        if_members: int | None = None,
    ) -> Ack:
        """A client says something in the room. The relay stores it, answers `ack`, and sends it
        as `message` to everybody in the room, the sender too; `ack` and one's own `message`
        come in either order. At most `limits.unacked_messages` of a connection wait for their
        ack; the relay then reads on when some are stored.

        ``message``: Opaque to the relay. May be empty.
        ``id``: Names the message for good, together with room and sender; the relay makes one
        when it is left out.
        ``after``: The newest seq that the client had seen when it first sent this id, 0 for
        none. With it a repeated message is recognised for as long as it is kept; without it
        while it is among the room's last 512. It belongs to the epoch of its connection; one
        beyond the head is no error.
        ``if_members``: The `members_version` that the message is encrypted for: with another
        one it is refused with `members-changed`. As the relay knows it at that moment; what
        counts is the list of recipients inside.
        An ``id`` is made when none is given.
        ``after`` is kept by the client when it is not given.
        Returns the answer. Several may wait for theirs at once, each in a task of its own.

        Raises:
            InvalidFrame: it is against the contract, or over a limit, and was not sent.
            RelayError: the relay refused it.
            Unconfirmed: there will be no answer.
            RelayProblem: there is no connection, and there will be none.
        """
        self._see_that_text_fits("/data/message", "message_bytes", message)
        members = {
            "type": "message",
            "data": {"message": message},
            "id": id,
            "after": after,
            "if_members": if_members,
        }
        answer: Ack = await self._ask(
            MessageIn,
            members,
            (Ack,),
            correlation="id",
            cursor="after",
        )
        return answer

    async def send_history(
        self,
        *,
        id: str | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> HistoryOut:
        """A client asks for older messages. Answered by `history`. The relay reads nothing more
        from this connection until it has answered. It moves no cursor.

        ``id``: The answer has it, too.
        ``before``: The seq that the newest of the messages is before; left out, the newest
        ones are meant.
        ``limit``: How many messages at most.
        An ``id`` is made when none is given.
        Returns the answer. Several may wait for theirs at once, each in a task of its own.

        Raises:
            InvalidFrame: it is against the contract, or over a limit, and was not sent.
            RelayError: the relay refused it.
            Unconfirmed: there will be no answer.
            RelayProblem: there is no connection, and there will be none.
        """
        members = {
            "type": "history",
            "id": id,
            "before": before,
            "limit": limit,
        }
        answer: HistoryOut = await self._ask(
            HistoryIn,
            members,
            (HistoryOut,),
            correlation="id",
            cursor=None,
        )
        return answer

    async def send_signal(
        self,
        data: dict[str, JsonValue],
    ) -> None:
        """A client signals something that is not kept. That somebody types, or has read
        something. It is sent on to the connections of the other users in the room that keep
        up with it, and neither stored nor acknowledged.

        ``data``: Opaque to the relay. Its JSON, without white space and in UTF-8, has at most
        `limits.signal_bytes`.
        Nobody answers it. It is lost when the line is.

        Raises:
            InvalidFrame: it is against the contract, or over a limit, and was not sent.
            RelayProblem: there is no connection, and there will be none.
        """
        self._see_that_json_fits("/data", "signal_bytes", data)
        members = {
            "type": "signal",
            "data": data,
        }
        await self._tell(SignalIn, members)

    def messages(self) -> AsyncIterator[MessageOut]:
        """Iterate over the frames ``message``: What a member said.

        The others that come meanwhile are passed over.
        """
        return self.only(MessageOut)

    def signals(self) -> AsyncIterator[SignalOut]:
        """Iterate over the frames ``signal``: What another user signals.

        The others that come meanwhile are passed over.
        """
        return self.only(SignalOut)
