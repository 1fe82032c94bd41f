"""The profile here is the cheapest; one test looks at what the standard one is."""

import asyncio
from collections.abc import Callable, Iterator
from typing import TypeVar

import argon2
import pytest

from ilo.work_pool import ThreadWorkPool
from services.errors import Overloaded
from services.passwords import CHEAPEST, STANDARD, Argon2Profile, Passwords

T = TypeVar("T")

SECRET = "Quitten-Gelee 57"


@pytest.fixture
def pool() -> Iterator[ThreadWorkPool]:
    pool = ThreadWorkPool(1)
    yield pool
    pool.close()


class WatchedPool:
    """A real pool that keeps what ``repr`` shows of the work, and the work itself."""

    def __init__(self, pool: ThreadWorkPool) -> None:
        self._pool = pool
        self.seen: list[str] = []
        self.works: list[Callable[[], object]] = []

    def run(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        self.seen.append(repr(work))
        self.works.append(work)
        return self._pool.run(work)


async def test_a_password_fits_its_own_hash_only(pool: ThreadWorkPool) -> None:
    passwords = Passwords(pool, CHEAPEST)
    password_hash = await passwords.hash(SECRET)

    assert await passwords.verify(password_hash, SECRET)
    assert not await passwords.verify(password_hash, SECRET + " ")
    assert not await passwords.verify(password_hash, "")


async def test_one_password_has_a_new_hash_each_time(pool: ThreadWorkPool) -> None:
    passwords = Passwords(pool, CHEAPEST)

    assert await passwords.hash(SECRET) != await passwords.hash(SECRET)


async def test_passwords_are_hashed_with_argon2id_19_mib_2_passes_1_lane(
    pool: ThreadWorkPool,
) -> None:
    assert (STANDARD.memory_kib, STANDARD.passes, STANDARD.lanes) == (19_456, 2, 1)

    password_hash = await Passwords(pool).hash(SECRET)

    assert password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_nobody_is_verified_with_the_same_work_and_never_right() -> None:
    pool = ThreadWorkPool(1)
    watched = WatchedPool(pool)
    profile = Argon2Profile(memory_kib=64, passes=3, lanes=2)
    passwords = Passwords(watched, profile)
    made = await passwords.hash(SECRET)
    watched.works.clear()

    assert not await passwords.verify(None, SECRET)
    assert not await passwords.verify(made, "wrong")

    assert len(watched.works) == 2
    nobodys, somebodys = (_verified_hash(work) for work in watched.works)
    assert argon2.extract_parameters(nobodys) == argon2.extract_parameters(somebodys)
    pool.close()


async def test_nobodys_hash_is_made_once(pool: ThreadWorkPool) -> None:
    watched = WatchedPool(pool)
    passwords = Passwords(watched, CHEAPEST)

    await passwords.verify(None, SECRET)
    await passwords.verify(None, SECRET)

    assert len(watched.works) == 2
    assert _verified_hash(watched.works[0]) == _verified_hash(watched.works[1])


async def test_a_hash_of_another_profile_wants_to_be_made_anew(pool: ThreadWorkPool) -> None:
    old = await Passwords(pool, CHEAPEST).hash(SECRET)
    passwords = Passwords(pool, Argon2Profile(memory_kib=16, passes=1, lanes=1))

    assert passwords.needs_rehash(old)
    assert not passwords.needs_rehash(await passwords.hash(SECRET))
    assert await passwords.verify(old, SECRET)


async def test_a_full_pool_is_told(pool: ThreadWorkPool) -> None:
    passwords = Passwords(pool, CHEAPEST)
    password_hash = await passwords.hash(SECRET)
    pool.close()

    with pytest.raises(Overloaded):
        await passwords.hash(SECRET)
    with pytest.raises(Overloaded):
        await passwords.verify(password_hash, SECRET)


async def test_no_repr_on_the_way_shows_a_password(pool: ThreadWorkPool) -> None:
    watched = WatchedPool(pool)
    passwords = Passwords(watched, CHEAPEST)

    await passwords.verify(await passwords.hash(SECRET), SECRET)

    assert len(watched.seen) == 2
    assert not [seen for seen in [*watched.seen, repr(passwords)] if SECRET in seen]


def _verified_hash(work: Callable[[], object]) -> str:
    """The hash that a piece of work verifies against."""
    cells = work.__closure__ or ()
    hashes = [
        cell.cell_contents for cell in cells if str(cell.cell_contents).startswith("$argon2id")
    ]
    assert len(hashes) == 1
    return str(hashes[0])
