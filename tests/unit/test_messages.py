"""Messages on their way into the store."""

from collections.abc import Callable, Sequence
from uuid import UUID

from services.messages import MessageIds, Messages
from services.model import Draft, Instant, MessageId, RoomId, UserId
from services.ports import Appended
from tests.support.memory_store import MemoryStore

ROOM, ANN = RoomId(b"r" * 16), UserId(b"a" * 16)
NOW = Instant(17)
ID = "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11"


class Shelf(MemoryStore):
    """Keeps what it is given, and tells nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[Sequence[Draft], object]] = []

    def append(self, drafts: Sequence[Draft], done: Callable[[Sequence[Appended]], None]) -> None:
        self.given.append((drafts, done))


def test_ids_are_uuids_of_version_8_and_never_the_same() -> None:
    ids = MessageIds()
    made = [ids.next() for _ in range(1000)]

    assert len({message_id for message_id, _ in made}) == 1000
    for message_id, text in made:
        uuid = UUID(bytes=bytes(message_id))
        assert (uuid.version, uuid.variant) == (8, "specified in RFC 4122")
        assert str(uuid).encode() == text


def test_two_processes_make_different_ids() -> None:
    assert MessageIds().next() != MessageIds().next()


def test_a_draft_has_the_clients_id_and_the_relays_time_and_sender() -> None:
    client = object()
    messages = Messages(Shelf(), lambda: NOW)

    draft = messages.draft(ROOM, ANN, messages.now(), ID, 41, "hi", client)

    message_id = MessageId(UUID(ID).bytes)
    assert draft == Draft(ROOM, ANN, message_id, NOW, "hi", 41, (client, ID.encode()))


def test_a_draft_without_an_id_gets_one_of_its_own() -> None:
    messages = Messages(Shelf(), lambda: NOW)

    first, second = (messages.draft(ROOM, ANN, NOW, None, None, "hi", None) for _ in "12")

    assert first.message_id != second.message_id
    _, id_ascii = first.origin
    assert UUID(id_ascii.decode()).bytes == first.message_id


def test_drafts_go_to_the_store_as_one_group() -> None:
    shelf = Shelf()
    messages = Messages(shelf, lambda: NOW)
    drafts = [messages.draft(ROOM, ANN, NOW, None, None, text, None) for text in "abc"]

    def done(outcomes: Sequence[Appended]) -> None:
        """Never called here."""

    messages.append(drafts, done)

    assert shelf.given == [(drafts, done)]
