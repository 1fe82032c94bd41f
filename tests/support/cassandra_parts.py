"""The parts of the Cassandra store that keep accounts, with faults for those who want some."""

import itertools
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

import pytest

from services.errors import IloError, StoreUnavailable
from services.model import ApiKey, PublicKey, Session, User
from store.cassandra.keys import Keys
from store.cassandra.sessions import Sessions
from store.cassandra.users import Users
from tests.support.cassandra_faults import Fault, FaultyCql
from tests.support.store_samples import NOON, some_hash, some_session, some_user

T = TypeVar("T")

SEEDS = range(6)
RACERS = 6

each_fault = pytest.mark.parametrize(
    "fault", [Fault.ANSWER_LOST, Fault.LOST, Fault.LATE], ids=lambda fault: fault.name
)


@dataclass(frozen=True)
class Parts:
    cql: FaultyCql
    keys: Keys
    users: Users
    sessions: Sessions


def parts_on(cql: FaultyCql) -> Parts:
    keys, accounts = Keys(cql), Users(cql)
    return Parts(cql, keys, accounts, Sessions(cql, accounts, keys))


_numbers = itertools.count()
_run = uuid.uuid4().hex


def new_user() -> User:
    """Return a user whose name nobody has had in any run."""
    return some_user(f"{_run}-{next(_numbers)}")


async def added_user(parts: Parts) -> User:
    user = new_user()
    await parts.users.add_user(user, PublicKey(1, "key", NOON))
    return user


async def added_session(parts: Parts, user: User) -> Session:
    key = ApiKey(some_hash(), some_hash(), NOON)
    await parts.keys.add_api_key(key)
    session = some_session(user, key)
    await parts.sessions.add_session(session)
    return session


async def told(act: Awaitable[T]) -> T | type[IloError]:
    """Return the result, or what kind of error there was."""
    try:
        return await act
    except StoreUnavailable:
        return StoreUnavailable
    except IloError as error:
        return type(error)
