"""Requests that do not arrive: their connections are cut, others are not."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest

from ilo.http_protocol import MAX_HEAD_BYTES, TimedHttpProtocol
from tests.support.rest import RestDoor, open_rest, read_answer

HEAD_S = 0.4
# Long enough for a busy machine, far below uvicorn's own limits (none).
CUT_WITHIN_S = 15.0


class ImpatientProtocol(TimedHttpProtocol):
    head_timeout_s = HEAD_S
    body_timeout_s = HEAD_S


class ForgetfulProtocol(TimedHttpProtocol):
    keep_alive_s = HEAD_S


async def dribble(door: RestDoor, start: bytes, drop: bytes) -> bytes:
    """Send ``start``, then ``drop`` again and again; return what comes before the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    answer = asyncio.create_task(reader.read())
    writer.write(start)
    async with asyncio.timeout(CUT_WITHIN_S):
        while not answer.done():
            if drop:
                writer.write(drop)
            await asyncio.wait([answer], timeout=HEAD_S / 8)
    writer.close()
    return await answer


@pytest.mark.parametrize(
    ("start", "drop", "status"),
    [
        (b"", b"", b""),
        (b"G", b"", b" 408 "),
        (b"GET /health HTTP/1.1\r\nx: ", b"a", b" 408 "),
        (b"\r\n", b"\r\n", b" 408 "),
        (
            b"PUT /user HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"content-length: 60000\r\n\r\n",
            b" ",
            b" 408 ",
        ),
    ],
    ids=["silence", "one byte", "dribbled head", "empty lines", "dribbled body"],
)
async def test_a_request_that_dribbles_in_is_cut(start: bytes, drop: bytes, status: bytes) -> None:
    async with open_rest(protocol=ImpatientProtocol) as door:
        answer = await dribble(door, start, drop)

    assert status in answer.partition(b"\r\n")[0]


async def test_the_second_request_of_a_connection_is_timed_too() -> None:
    async with open_rest(protocol=ImpatientProtocol) as door:
        start = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\nGET /health HTTP/1.1\r\nx: "
        answer = await dribble(door, start, b"a")

    assert answer.count(b"HTTP/1.1 200") == 1
    assert answer.count(b"HTTP/1.1 408") == 1


async def test_a_head_without_end_is_cut_by_its_size() -> None:
    async with open_rest() as door:
        answer = await dribble(
            door, b"GET /health HTTP/1.1\r\nx: " + b"a" * MAX_HEAD_BYTES, b"a" * 9
        )

    assert b" 431 " in answer.partition(b"\r\n")[0]


async def test_no_line_of_the_log_holds_a_query_string(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = logging.getLogger("uvicorn.access")
    async with open_rest() as door:
        # As a logging configuration may have it that sends everything to one place.
        monkeypatch.setattr(access, "propagate", True)
        caplog.set_level(logging.DEBUG)
        assert access.hasHandlers()
        await door.request("GET", "/health?token=PlantedSecret7")

    assert "PlantedSecret7" not in caplog.text


async def is_kept_for(door: RestDoor, idle_s: float) -> bool:
    """Tell whether a connection in use has an answer for who says nothing for ``idle_s``."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    try:
        writer.write(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        await read_answer(reader)
        await asyncio.sleep(idle_s)
        writer.write(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        return (await read_answer(reader)).status == 200
    except (asyncio.IncompleteReadError, ConnectionError):
        return False
    finally:
        writer.close()


async def test_a_connection_is_kept_for_longer_than_the_pools_of_clients_keep_it() -> None:
    pool_s = httpx.Limits().keepalive_expiry
    async with open_rest() as door:
        assert pool_s is not None
        assert await is_kept_for(door, pool_s + 1)


async def test_a_connection_that_is_not_used_any_more_ends() -> None:
    async with open_rest(protocol=ForgetfulProtocol) as door:
        assert not await is_kept_for(door, 2 * HEAD_S)


async def test_a_connection_in_use_outlives_the_limit() -> None:
    async with open_rest(protocol=ImpatientProtocol) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        loop = asyncio.get_running_loop()
        until = loop.time() + 3 * HEAD_S
        answers = 0
        while loop.time() < until:
            writer.write(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await read_answer(reader)).status == 200
            answers += 1
        writer.close()

    assert answers > 3
