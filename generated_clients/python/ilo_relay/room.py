"""A client of one room: what it may say, and what it hears."""

import ssl
from collections.abc import AsyncIterator
from typing import Literal

from ilo_relay import frames
from ilo_relay.address import url_of
from ilo_relay.backoff import Backoff
from ilo_relay.credentials import Credentials, Secret
from ilo_relay.frames import (
    Ack,
    MessageIn,
    MessageOut,
    value_to_send,
)
from ilo_relay.lifecycle import Lifecycle
from ilo_relay.line import Request, Way


class RoomClient(Lifecycle):
    """One connection after another to /ws/{room}, which look like one.

    ::

        async with RoomClient(relay_url, room=..., token=token) as room:
            async for frame in room:
                ...

    When the line is lost it comes back by itself, as the contract says for each way of losing
    it. Then a :class:`~ilo_relay.frames.Welcome` stands among the frames, and what has no answer
    yet is sent again, in order, with the same ids. Where the contract says not to come back,
    iterating and whatever is said raise the reason.

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
        ``room``: The room's name, `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`. Names that begin with
        `~` belong to private rooms; they answer 403 to whoever is not a member, whether there
        is such a room or not.
        ``proxy`` is the URL of a proxy, True for the one that the environment names. After
        ``silence_s`` without a frame a line counts as lost. ``close_timeout_s`` is how long a
        goodbye waits for the relay's.

        Raises:
            InvalidFrame: a part of the address is against the contract.
            ValueError: another argument is none of these.
        """
        way = Way(open_timeout_s, silence_s, close_timeout_s, tls, origin, proxy)
        credentials = Credentials(token=token, ticket=ticket)
        super().__init__(credentials, way, backoff or Backoff(), queue_frames)
        parameters: dict[str, str] = {}
        value_to_send(frames.RoomName, room, "room")
        parameters["room"] = str(room)
        query: dict[str, str] = {}
        self._url = url_of(relay_url, parameters, {})
        self._first_url: str | None = url_of(relay_url, parameters, query)

    async def _request(self) -> Request:
        headers, subprotocols = await self._credentials.headers()
        url, self._first_url = self._first_url or self._url, None
        return Request(url, headers, subprotocols)

    async def send_message(
        self,
        message: str,
        *,
        id: str | None = None,
        after: int | None = None,
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
        while it is among the room's last 512.
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
        }
        answer: Ack = await self._ask(
            MessageIn,
            members,
            (Ack,),
            correlation="id",
            cursor="after",
        )
        return answer

    def messages(self) -> AsyncIterator[MessageOut]:
        """Iterate over the frames ``message``: What a member said.

        The others that come meanwhile are passed over.
        """
        return self.only(MessageOut)
