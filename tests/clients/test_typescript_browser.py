"""The generated TypeScript clients in a real Chromium: tickets, resume, what a console shows."""

import functools
import subprocess
from collections.abc import AsyncIterator, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from shutil import copy
from threading import Thread
from typing import Any

import pytest
from playwright.async_api import Page

from tests.clients.test_typescript_refusals import SESSION, TICKET, open_desk
from tests.support.chromium import open_browser
from tests.support.ilo_process import IloProcess, running
from tests.support.memory_store import MemoryStore
from tests.support.relay import open_house
from tests.support.tcp_proxy import proxy_to
from tests.support.typescript_clients import MODULES, NEEDS_NODE, NODE, PACKAGE

SECRET = "what-nobody-else-may-read"
COMPILE_S = 300.0
MOST_OBJECTS = 5000
DEEPEST = 12
PAGE = """<!doctype html><title>clients</title>
<script type="importmap">{"imports": {"openapi-fetch": "/openapi-fetch.mjs"}}</script>
<script type="module">
import * as relay from "/relay/index.js";
import { apiAt } from "/rest/index.js";
globalThis.ilo = { ...relay, apiAt };
document.title = "ready";
</script>
"""

pytestmark = NEEDS_NODE


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a page with the clients is served, compiled as for browsers that know no types."""
    folder = tmp_path_factory.mktemp("site")
    compiled = subprocess.run(
        [
            *(str(NODE), str(MODULES / "typescript" / "bin" / "tsc"), "--project", str(PACKAGE)),
            *("--noEmit", "false", "--rewriteRelativeImportExtensions", "--outDir", str(folder)),
        ],
        capture_output=True,
        text=True,
        timeout=COMPILE_S,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stdout
    copy(MODULES / "openapi-fetch" / "dist" / "index.mjs", folder / "openapi-fetch.mjs")
    (folder / "index.html").write_text(PAGE, encoding="utf-8")
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def ilo(origin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IloProcess]:
    with running(tmp_path_factory.mktemp("ilo"), {"allowed_origins": [origin]}) as process:
        yield process


@pytest.fixture
async def page(origin: str) -> AsyncIterator[tuple[Page, list[str]]]:
    """The page in a browser, and what was printed on its console."""
    async with open_browser() as browser:
        opened = await browser.new_page()
        printed: list[str] = []
        opened.on("console", lambda message: printed.append(message.text))
        opened.on("pageerror", lambda error: printed.append(f"error: {error}"))
        await opened.goto(origin)
        await opened.wait_for_function("document.title === 'ready'")
        yield opened, printed


LOG_IN = """
async function logIn(url, username) {
  const nobody = ilo.apiAt(url);
  const { data: key } = await nobody.POST("/key");
  const who = { username, password: "MySuperSecurePassword57!", api_key: key.detail };
  await nobody.POST("/user", { body: { ...who, public_key: "any text" } });
  return (await nobody.PUT("/user", { body: who })).data;
}
"""

TALK = (
    "async ([url, door, secret]) => {"
    + LOG_IN
    + """
  const login = await logIn(url, "page");
  const api = ilo.apiAt(url, { token: login.token });
  const room = new ilo.RoomClient(door, { room: "tea", api, backoff: { firstMs: 10, capMs: 50 } });
  globalThis.room = room;
  globalThis.heard = [];
  await room.open();
  (async () => {
    for await (const frame of room.only("message")) {
      console.log(frame, frame.data, room, login);
      heard.push([frame.seq, frame.sender, frame.data.message]);
    }
  })();
  await room.sendMessage(secret);
  console.log("plain", { message: "seen-" + secret.length });
  return login.relay_url;
}"""
)


async def test_a_page_talks_comes_back_and_prints_no_secret(
    page: tuple[Page, list[str]], ilo: IloProcess
) -> None:
    opened, printed = page
    async with proxy_to(ilo.relay_port) as proxy:
        assert await opened.evaluate(TALK, [ilo.api_url, proxy.url, SECRET]) == ilo.relay_url
        proxy.cut()
        await opened.evaluate("Promise.all(['b', 'c'].map((text) => room.sendMessage(text)))")
        await opened.wait_for_function("heard.length === 3")
        heard = await opened.evaluate("heard")
        await opened.evaluate("room.close()")
        assert proxy.accepted > 1

    assert heard == [[1, "page", SECRET], [2, "page", "b"], [3, "page", "c"]]
    # What is no secret is printed, so that somebody looked.
    assert [line for line in printed if f"seen-{len(SECRET)}" in line]
    assert [line for line in printed if "sender: page" in line]
    assert not [line for line in printed if SECRET in line or "ilo_s_" in line]


async def test_no_console_reaches_a_secret_without_asking_for_it(
    page: tuple[Page, list[str]], ilo: IloProcess
) -> None:
    opened, _ = page
    async with proxy_to(ilo.relay_port) as proxy:
        await opened.evaluate(TALK, [ilo.api_url, proxy.url, SECRET])
        await opened.wait_for_function("heard.length === 1")
        proxy.answers.clear()
        # One waits for its ack, one to be taken.
        await opened.evaluate("void room.sendMessage(heard[0][2]).catch(() => 0)")
        found = await reachable(opened, "[room, { welcome: room.welcome, state: room.state }]")
        plain = await reachable(opened, "[{ heard, data: new Map([[1, { text: 'found' }]]) }]")
        proxy.answers.set()
        await opened.evaluate("room.close()")

    assert {"tea", "page", "connected"} <= found
    assert not [text for text in found if SECRET in text or "ilo_s_" in text or "ilo_t_" in text]
    # Where nothing is hidden it is found, in maps too.
    assert {SECRET, "found"} <= plain


async def reachable(page: Page, expression: str) -> set[str]:
    """Return every text that a console can show of a value: private members and all, no getter."""
    session = await page.context.new_cdp_session(page)
    made = await session.send("Runtime.evaluate", {"expression": expression})
    texts: set[str] = set()
    todo, seen = [(made["result"]["objectId"], 0)], 0
    while todo and seen < MOST_OBJECTS:
        object_id, depth = todo.pop()
        seen += 1
        asked = {"objectId": object_id, "ownProperties": True}
        shown = await session.send("Runtime.getProperties", asked)
        inner = [one for one in shown.get("internalProperties", []) if one["name"] == "[[Entries]]"]
        for one in [*shown["result"], *shown.get("privateProperties", []), *inner]:
            value = one.get("value", {})
            if value.get("type") == "string":
                texts.add(value["value"])
            is_inside = value.get("type") == "object" and "objectId" in value
            if is_inside and depth < DEEPEST and one["name"] not in ("__proto__", "constructor"):
                todo.append((value["objectId"], depth + 1))
    assert seen < MOST_OBJECTS
    return texts


async def test_a_page_can_show_no_token_and_is_told_so(page: tuple[Page, list[str]]) -> None:
    opened, _ = page
    told = await opened.evaluate(
        """() => new ilo.RoomClient("ws://127.0.0.1:1", { room: "tea", token: "ilo_s_secret" })
             .open().catch((error) => [error.name, error.message, error.reconnect])"""
    )

    assert told == [
        "RelayUnreachable",
        "a token cannot be shown from here: give a ticket, or the API",
        False,
    ]


async def test_a_page_of_another_origin_learns_that_this_may_be_it(
    page: tuple[Page, list[str]], origin: str
) -> None:
    opened, _ = page
    cors = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Headers": "*"}
    told = b"".join(f"{name}: {value}\r\n".encode() for name, value in cors.items())
    answers = {
        name: text.replace(b"\r\n", b"\r\n" + told, 1)
        for name, text in {
            **TICKET,
            **SESSION,
            **{f"OPTIONS /{path}": TICKET["POST /ticket"] for path in ("ticket", "session")},
            "OPTIONS /room/tea": TICKET["POST /ticket"],
            "GET /room/tea": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        }.items()
    }
    allowed = frozenset({"https://elsewhere.invalid"})
    async with (
        open_house(MemoryStore(), allowed_origins=allowed) as house,
        open_desk(answers) as desk,
    ):
        given = [f"http://127.0.0.1:{desk.port}", f"ws://127.0.0.1:{house.port}"]
        may_be = await opened.evaluate(
            """([url, door]) => {
                 const api = ilo.apiAt(url, { token: "t" });
                 const backoff = { attempts: 1 };
                 return new ilo.RoomClient(door, { room: "tea", api, backoff })
                   .open().catch((error) => error.mayBe.map(({ reason }) => reason));
               }""",
            given,
        )

    assert "wrong-origin" in may_be
    assert "not-logged-in" not in may_be
