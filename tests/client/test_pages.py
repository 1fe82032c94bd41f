"""A long list is asked for page by page, and is one list."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.encrypted import Company, company
from tests.support.hostile_ilo import hostile_to
from tests.support.ilo_process import IloProcess


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ilo_client.server.PAGE", 1)


async def test_all_rooms_and_members_are_listed(people: Company) -> None:
    ann, bob, cleo = await people.join_all("ann", "bob", "cleo")
    rooms = [await people.private_room(ann, bob, cleo), *[await ann.create_room() for _ in "23"]]

    assert sorted(one.name for one in await ann.rooms()) == sorted(rooms)
    members = [one.name for one in await ann.members(rooms[0])]
    assert members == sorted(one.username for one in (ann, bob, cleo))


async def test_members_who_change_between_two_pages_are_those_of_one_moment(
    ilo: IloProcess, tmp_path: Path
) -> None:
    async with (
        hostile_to(ilo.api_url, ilo.relay_url) as middle,
        company(tmp_path, ilo.api_url) as people,
    ):
        ann, bob = await people.join_all("ann", "bob")
        cleo = await people.join("cleo", api_url=middle.api_url)
        room = await people.private_room(bob, ann, cleo)
        kept: list[Any] = []
        middle.answer = keeps_the_first(room, kept)
        await cleo.members(room)
        await bob.remove(room, ann.username)

        # The first page is that of before, the others are of now.
        middle.answer = gives_once(room, kept[0])
        found = await cleo.server.room(room)

        now = await bob.server.room(room)
        assert [one.username for one in found.members] == [bob.username, cleo.username]
        assert found.members_version == now.members_version != kept[0]["members_version"]


def keeps_the_first(room: str, kept: list[Any]) -> Callable[[str, str, Any], Any]:
    """Return what adds the pages of the members of ``room`` to ``kept``."""

    def answer(_: str, path: str, answer: Any) -> Any:
        if path.startswith(f"/room/{room}?"):
            kept.append(answer)
        return answer

    return answer


def gives_once(room: str, page: Any) -> Callable[[str, str, Any], Any]:
    """Return what gives ``page`` as the first of the members of ``room``, once."""
    left = [page]

    def answer(_: str, path: str, answer: Any) -> Any:
        return left.pop() if left and path.startswith(f"/room/{room}?") else answer

    return answer
