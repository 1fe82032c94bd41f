"""What is said in an encrypted room is nowhere at the server: not in its files, not in its tables,
not in its logs, and on no wire. What is said in a plain one is in all of them but the logs, which
shows that the search finds what is there."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.encrypted import company, texts
from tests.support.hostile_ilo import hostile_to
from tests.support.ilo_process import IloProcess
from tests.support.kept_in_clear import encodings, everything
from tests.support.planted_secrets import logging_all, logs_of

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace

MARKER = "Zephyr-Boreas-Notos-Eurus: meet me at the harbour"


def is_in(kept: bytes) -> bool:
    return any(form in kept for form in encodings(MARKER.encode()))


async def wires(ilo: IloProcess, folder: Path, *, plaintext: bool) -> dict[str, bytes]:
    """Let two people talk; return what passed on each way, unmasked and whole."""
    passed: dict[str, list[Any]] = {"answers": [], "up": [], "down": []}
    async with (
        hostile_to(ilo.api_url, ilo.relay_url) as middle,
        company(folder, middle.api_url) as people,
    ):

        def note(answer: Any) -> Any:
            passed["answers"].append(answer)
            return answer

        def noting(way: str) -> Callable[[dict[str, Any]], list[dict[str, Any]]]:
            def note(frame: dict[str, Any]) -> list[dict[str, Any]]:
                passed[way].append(frame)
                return [frame]

            return note

        middle.answer = lambda method, path, answer: note(answer)
        middle.up, middle.down = noting("up"), noting("down")
        ann, bob = await people.join_all("ann", "bob")
        room = await people.private_room(ann, bob)
        anns = await people.enter(ann, room, plaintext=plaintext)
        bobs = await people.enter(bob, room, plaintext=plaintext)
        await anns.send(MARKER)
        assert await texts(bobs, 1) == [MARKER]
        [shown] = await bobs.history()
        assert getattr(shown, "text", None) == MARKER
        assert len(passed["up"]) > 1
    return {way: json.dumps(frames).encode() for way, frames in passed.items()}


def files(ilo: IloProcess) -> bytes:
    """Return all files in the server's folder, the store's and the logs."""
    found = [path for path in ilo.folder.rglob("*") if path.is_file()]
    assert len(found) > 3
    return b"\n".join(path.read_bytes() for path in found)


@pytest.mark.parametrize("plaintext", [False, True])
async def test_a_marker_is_at_the_server_only_where_nothing_is_encrypted(
    tmp_path: Path, plaintext: bool
) -> None:
    (tmp_path / "ilo").mkdir()
    async with logging_all(tmp_path / "ilo") as (ilo, _):
        passed = await wires(ilo, tmp_path / "people", plaintext=plaintext)
        while_running = files(ilo)

    places = {**passed, "files": while_running, "files at the end": files(ilo)}
    found = {name: is_in(kept) for name, kept in places.items()}
    assert found == {
        "answers": False,  # history and messages come over the other door
        "up": plaintext,
        "down": plaintext,
        "files": plaintext,
        "files at the end": plaintext,
    }
    assert not is_in(logs_of(ilo).encode())
    assert "DEBUG" in logs_of(ilo)


@pytest.mark.parametrize("plaintext", [False, True])
async def test_a_marker_is_in_cassandra_only_where_nothing_is_encrypted(
    keyspace: "Keyspace", cassandra_session: Any, tmp_path: Path, plaintext: bool
) -> None:
    config = {
        "Cassandra_address": list(keyspace.contact_points),
        "Cassandra_port": keyspace.port,
        "Cassandra_keyspace": keyspace.name,
    }
    (tmp_path / "ilo").mkdir()
    async with logging_all(tmp_path / "ilo", config=config) as (ilo, _):
        passed = await wires(ilo, tmp_path / "people", plaintext=plaintext)
    kept = await asyncio.to_thread(everything, cassandra_session, keyspace)

    assert is_in(kept) == plaintext
    assert {way: is_in(said) for way, said in passed.items()} == {
        "answers": False,
        "up": plaintext,
        "down": plaintext,
    }
    assert not is_in(logs_of(ilo).encode())
    assert b"INSERT INTO" in kept
