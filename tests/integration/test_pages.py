"""The offline pages on a real server, in a real Chromium."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, Page, expect

from handlers.pages import Pages, PageServer
from handlers.pages.server import ASGIApp, Receive, Scope, Send
from spec import load_asyncapi, load_openapi
from tests.support.chromium import Complaints, open_browser, visit
from tests.support.ilo_process import running

ROOT = Path(__file__).resolve().parents[2]
RELAY_URL = "ws://127.0.0.1:4000"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
TEXT_PAGES = ("/asyncapi", "/problems", "/problems/not-logged-in")
# What is there when a page has come to rest.
PAGES = {
    "/docs": ".opblock",
    "/redoc": "[data-section-id]",
    **dict.fromkeys(TEXT_PAGES, "h1"),
}
PATHS = (
    "/",
    *PAGES,
    *("/app/app.js", "/app/style.css", "/app/icon.svg"),
    *("/openapi.json", "/asyncapi.json"),
    *("/docs/docs.js", "/docs/reference.css", "/redoc/redoc.standalone.js"),
)
TELEPHONE = (390, 844)
DESK = (1280, 900)

in_one_browser = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the tests that are content with a new page."""
    async with open_browser() as opened:
        yield opened


@cache
def contract() -> dict[str, Any]:
    return load_openapi()


@cache
def relay_contract() -> dict[str, Any]:
    return load_asyncapi()


def problem_slugs() -> list[str]:
    """Return what both doors name in the ``type`` of a refusal."""
    refusals = relay_contract()["channels"]["room"]["x-refusals"]
    return sorted({*contract()["x-problems"], *(refusal["reason"] for refusal in refusals)})


def operations(document: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return every operation as method, path and object, in the contract's order."""
    return [
        (method, path, item[method])
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS
    ]


async def healthy(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands in for the API: 200 for ``GET /health``, 404 for all else."""
    if scope["type"] != "http":
        return
    status = 200 if (scope["method"], scope["path"]) == ("GET", "/health") else 404
    body = b'{"detail": "the stand-in is well"}'
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serve ``app`` on a free port; yields its origin."""
    config = uvicorn.Config(app, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve([listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


def page_server(*, hsts: bool = False) -> PageServer:
    return PageServer(pages(hsts=hsts), healthy)


def pages(*, relay_url: str = RELAY_URL, hsts: bool = False) -> Pages:
    return Pages(contract(), relay_contract(), relay_url=relay_url, hsts=hsts)


async def shot(page: Page, name: str) -> None:
    """Keep a picture of the page where ``ILO_SHOTS`` says, for a person to look at."""
    if folder := os.environ.get("ILO_SHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")


@in_one_browser
async def test_swagger_ui_lists_every_operation_and_breaks_no_policy(browser: Browser) -> None:
    async with (
        serving(page_server()) as origin,
        visit(browser, f"{origin}/docs") as (page, complaints),
    ):
        listed = page.locator(".opblock-summary-path")
        await expect(listed).to_have_count(len(operations(contract())))
        paths = await listed.evaluate_all("all => all.map(e => e.dataset.path)")
        await shot(page, "docs")

        assert sorted(paths) == sorted(path for _, path, _ in operations(contract()))
        assert await page.title() == "Ilo"
        assert complaints.all() == []


@in_one_browser
async def test_swagger_ui_calls_the_api_it_is_served_by(browser: Browser) -> None:
    async with (
        serving(page_server()) as origin,
        visit(browser, f"{origin}/docs") as (page, complaints),
    ):
        block = page.locator(
            ".opblock", has=page.locator('.opblock-summary-path[data-path="/health"]')
        ).filter(has=page.get_by_text("GET", exact=True))
        await block.locator(".opblock-summary-control").click()
        await block.get_by_role("button", name="Try it out").click()
        await block.get_by_role("button", name="Execute", exact=True).click()
        answer = block.locator(".live-responses-table .response")
        await expect(answer).to_contain_text("the stand-in is well")
        await shot(page, "docs-health")

        await expect(answer.locator(".response-col_status")).to_contain_text("200")
        await expect(block.locator(".request-url")).to_contain_text(f"{origin}/health")
        assert complaints.all() == []


@in_one_browser
async def test_swagger_ui_opens_everything_without_breaking_its_policy(browser: Browser) -> None:
    async with (
        serving(page_server()) as origin,
        visit(browser, f"{origin}/docs") as (page, complaints),
    ):
        count = len(operations(contract()))
        controls = page.locator(".opblock-summary-control")
        await expect(controls).to_have_count(count)
        await controls.evaluate_all("all => all.forEach(e => e.click())")
        await expect(page.locator(".opblock-body")).to_have_count(count)
        await page.locator(".models-control").click()
        await expect(page.locator(".models .model-box").first).to_be_visible()

        assert complaints.all() == []


@in_one_browser
async def test_swagger_ui_forgets_a_token_with_the_page(browser: Browser) -> None:
    async with (
        serving(page_server()) as origin,
        visit(browser, f"{origin}/docs") as (page, complaints),
    ):
        await page.locator(".btn.authorize").click()
        form = page.locator(".auth-container form").first
        await form.locator("input").fill("a-token-of-nobody")
        await form.locator("button[type=submit]").click()
        await expect(form.get_by_text("Logout")).to_be_visible()
        await shot(page, "docs-authorized")
        stored = await page.evaluate("JSON.stringify([localStorage, sessionStorage])")
        await page.reload()
        await expect(page.locator(".btn.authorize.unlocked")).to_be_visible()

        assert "a-token-of-nobody" not in stored
        assert await page.context.cookies() == []
        assert complaints.all() == []


@in_one_browser
async def test_redoc_lists_every_operation_and_breaks_no_policy(browser: Browser) -> None:
    async with (
        serving(page_server()) as origin,
        visit(browser, f"{origin}/redoc") as (page, complaints),
    ):
        sections = page.locator("[id*='/operation/'][data-section-id]")
        await expect(sections).to_have_count(len(operations(contract())))
        found = await sections.evaluate_all("all => all.map(e => e.id)")
        await shot(page, "redoc")
        responses = page.locator("main button:has(> strong):not([disabled])")
        await responses.evaluate_all("all => all.forEach(e => e.click())")
        await expect(page.get_by_text("Response Schema").first).to_be_visible()
        await page.locator("[id$='/operation/create_user']").scroll_into_view_if_needed()
        await shot(page, "redoc-create-user")

        names = [operation["operationId"] for _, _, operation in operations(contract())]
        assert sorted(f.rsplit("/", 1)[-1] for f in found) == sorted(names)
        assert await page.title() == "Ilo"
        assert complaints.all() == []


@in_one_browser
async def test_redoc_finds_an_operation_by_a_word(browser: Browser) -> None:
    async with (
        serving(page_server()) as origin,
        visit(browser, f"{origin}/redoc") as (page, complaints),
    ):
        await page.get_by_placeholder("Search").fill("health")
        name = contract()["paths"]["/health"]["get"]["operationId"]
        found = page.locator(f"[data-role='search:results'] [data-item-id$='/operation/{name}']")
        await expect(found).to_be_visible()
        await shot(page, "redoc-search")

        assert complaints.all() == []


async def faults_of(page: Page, complaints: Complaints) -> list[str]:
    """Return what no page may have: complaints, dead anchors, more width than the window."""
    dead: list[str] = await page.locator("a[href^='#']").evaluate_all(
        """all => all.map(a => decodeURIComponent(a.getAttribute("href").slice(1)))
            .filter(name => ![name,
                // Swagger UI's own: #/keys and #/keys/create_key
                name.replace(/^\\/([^/]+)$/, "operations-tag-$1"),
                name.replace(/^\\/([^/]+)\\/(.+)$/, "operations-$1-$2"),
            ].some(id => document.getElementById(id)))"""
    )
    width = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    wide = [f"wider than the window by {width} px"] if width > 0 else []
    return [*complaints.all(), *(f"dead anchor: {name}" for name in dead), *wide]


@in_one_browser
@pytest.mark.parametrize(
    ("path", "size", "scheme"),
    [
        *((path, TELEPHONE, "light") for path in PAGES),
        # The others are seen at a desk by the tests above.
        *((path, DESK, "dark") for path in TEXT_PAGES),
    ],
)
async def test_a_page_is_quiet_whole_and_no_wider_than_its_window(
    browser: Browser, path: str, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    async with (
        serving(page_server()) as origin,
        visit(browser, origin + path, size=size, scheme=scheme) as (page, complaints),
    ):
        await expect(page.locator(PAGES[path]).first).to_be_visible()
        await shot(page, f"{path.strip('/').replace('/', '-')}-{size[0]}-{scheme}")

        assert await faults_of(page, complaints) == []


@in_one_browser
@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("<script>document.title = 'run'</script>", "script-src-elem refused inline"),
        ("<style>body { color: red }</style>", "style-src-elem refused inline"),
        ("<p style='color: red'>red</p>", "style-src-attr refused inline"),
        ("<img src='https://elsewhere.invalid/a.png'>", "foreign: https://elsewhere.invalid/a.png"),
        ("<img src='docs/nothing.png'>", "docs/nothing.png: 404"),
        ("<a href='#nowhere'>away</a>", "dead anchor: nowhere"),
        ("<img src='docs/icon.svg' width='900'>", "wider than the window by"),
    ],
)
async def test_what_is_planted_in_a_page_is_found(
    browser: Browser, planted: str, found: str
) -> None:
    """The control of the test above."""
    answer = pages().answer("GET", "/asyncapi", [])
    assert answer is not None
    body = answer.body.replace(b"</main>", f"{planted}</main>".encode())
    policy = next(pair for pair in answer.headers if pair[0] == b"content-security-policy")
    as_it_is = page_server()

    async def tampered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/asyncapi":
            await as_it_is(scope, receive, send)
            return
        headers = [(b"content-type", b"text/html; charset=utf-8"), policy]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async with (
        serving(tampered) as origin,
        visit(browser, f"{origin}/asyncapi", size=TELEPHONE) as (page, complaints),
    ):
        await expect(page.locator("h1")).to_be_visible()

        assert found in " ".join(await faults_of(page, complaints))


@pytest.mark.parametrize("path", PAGES)
def test_every_page_links_to_all_the_others(path: str) -> None:
    answer = pages().answer("GET", path, [])

    assert answer is not None
    _, bar, _ = re.split(r'<nav class="ilo-bar"[^>]*>|</nav>', answer.body.decode(), maxsplit=2)
    targets = [urljoin(path, href) for href in re.findall(r'<a href="([^"]+)"', bar)]
    names = ("docs", "redoc", "asyncapi", "problems", "openapi.json", "asyncapi.json")
    assert targets == [f"/{name}" for name in names]
    assert bar.count("aria-current") == 1


@pytest.mark.parametrize("path", TEXT_PAGES)
async def test_a_text_page_may_load_its_style_and_nothing_else(path: str) -> None:
    answer = pages().answer("GET", path, [])

    assert answer is not None
    policy = dict(answer.headers)[b"content-security-policy"].decode().split("; ")
    assert policy == [
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "style-src 'self'",
        "img-src 'self'",
    ]
    assert b"<script" not in answer.body


async def test_every_problem_has_a_page_that_says_what_to_do() -> None:
    known = pages()

    for slug in problem_slugs():
        answer = known.answer("GET", f"/problems/{slug}", [])
        assert answer is not None, slug
        text = answer.body.decode()
        assert f"<code>/problems/{slug}</code>" in text
        said = contract()["x-problems"].get(slug, {"title": "", "status": ""})
        assert f"{said['title']}</h1>" in text
        assert f"status <code>{said['status']}" in text
        assert re.search(r'<h2 id="what-to-do">What to do</h2>\s*<p>.{20}', text), slug
        assert f"&quot;type&quot;: &quot;/problems/{slug}&quot;" in text


async def test_no_link_of_the_text_pages_leads_nowhere() -> None:
    known = pages()
    paths = ["/asyncapi", "/problems", *(f"/problems/{slug}" for slug in problem_slugs())]
    texts: dict[str, str] = {}
    for path in paths:
        answer = known.answer("GET", path, [])
        assert answer is not None
        texts[path] = answer.body.decode()
    operation_ids = {f"/{o['tags'][0]}/{o['operationId']}" for _, _, o in operations(contract())}
    ids = {path: re.findall(r' id="([^"]+)"', text) for path, text in texts.items()}
    dead: list[str] = []
    for path, text in texts.items():
        for href in re.findall(r' href="([^"]+)"', text):
            url = urlsplit(urljoin(f"http://ilo{path}", href))
            if url.netloc != "ilo":
                continue
            ends = operation_ids if url.path == "/docs" else set(ids.get(url.path, ()))
            if known.answer("GET", url.path, []) is None or (
                url.fragment and url.fragment not in ends
            ):
                dead.append(f"{path}: {href}")

    assert dead == []
    assert [path for path in paths if len(ids[path]) != len(set(ids[path]))] == []


def test_the_type_of_a_real_refusal_leads_to_its_page(tmp_path: Path) -> None:
    with running(tmp_path / "ilo") as ilo, httpx.Client(trust_env=False) as client:
        door = "http" + ilo.relay_url.removeprefix("ws")
        refused = [
            client.get(f"{ilo.api_url}/session"),
            client.post(f"{ilo.api_url}/user", json={}),
            client.get(f"{ilo.api_url}/problems/nothing"),
            client.get(f"{door}/ws/chat"),
        ]
        followed = [
            client.get(urljoin(ilo.api_url, response.json()["type"]), headers={"Accept": "*/*"})
            for response in refused
        ]

    types = [response.json()["type"].removeprefix("/problems/") for response in refused]
    assert types == ["not-logged-in", "invalid-input", "not-found", "no-upgrade"]
    for response, page in zip(refused, followed, strict=True):
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert f"{response.json()['title']}</h1>" in page.text
        assert f"status <code>{response.status_code}</code>" in page.text


@in_one_browser
async def test_a_page_against_its_policy_is_reported_in_every_way(browser: Browser) -> None:
    """The control of the tests above: the same eyes see what they must see."""
    body = b"""<!doctype html><title>bad</title><link rel="icon" href="data:,">
        <img src="https://elsewhere.invalid/logo.svg">
        <script>document.title = "run"</script>
        <script src="/missing.js"></script><script src="/throws.js"></script><p>done</p>"""
    policy = b"default-src 'none'; img-src data:; script-src 'self'"

    async def bad(scope: Scope, receive: Receive, send: Send) -> None:
        script = scope["path"] == "/throws.js"
        status = 404 if scope["path"] == "/missing.js" else 200
        headers = [
            (b"content-type", b"text/javascript" if script else b"text/html"),
            (b"content-security-policy", policy),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        text = b"throw new Error('on purpose')" if script else body
        await send({"type": "http.response.body", "body": text})

    async with serving(bad) as origin, visit(browser, origin) as (page, complaints):
        await expect(page.get_by_text("done")).to_be_visible()

        assert await page.title() == "bad"
        violations = " ".join(complaints.violations)
        assert "img-src refused https://elsewhere.invalid/logo.svg" in violations
        assert "script-src-elem refused inline" in violations
        assert any("Content Security Policy" in line for line in complaints.console)
        assert complaints.errors == ["on purpose"]
        assert f"{origin}/missing.js: 404" in complaints.failed
        assert complaints.foreign == ["https://elsewhere.invalid/logo.svg"]


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
async def test_a_contract_is_served_as_it_is_written(name: str) -> None:
    async with serving(page_server()) as origin, httpx.AsyncClient() as client:
        response = await client.get(f"{origin}/{name}.json")

    assert response.headers["content-type"] == "application/json"
    written = contract() if name == "openapi" else relay_contract()
    assert json.loads(response.content) == written
    assert b'"$ref"' in response.content


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_that_has_not_changed_is_not_sent_again(path: str) -> None:
    async with serving(page_server()) as origin, httpx.AsyncClient() as client:
        first = await client.get(origin + path)
        etag = first.headers["etag"]
        same = await client.get(origin + path, headers={"If-None-Match": f'"x", W/{etag}'})
        other = await client.get(origin + path, headers={"If-None-Match": '"x"'})

    assert not etag.startswith("W/")
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["etag"] == etag
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_is_packed_for_who_can_unpack_it(path: str) -> None:
    async with serving(page_server()) as origin, httpx.AsyncClient() as client:

        async def sent(codings: str) -> tuple[httpx.Response, bytes]:
            headers = {"Accept-Encoding": codings}
            async with client.stream("GET", origin + path, headers=headers) as response:
                return response, b"".join([part async for part in response.aiter_raw()])

        whole, body = await sent("identity")
        for codings in ("br, gzip", "GZIP;q=0.5", "deflate,gzip ; q=1.0"):
            packed, fewer = await sent(codings)
            assert packed.headers["content-encoding"] == "gzip"
            assert gzip.decompress(fewer) == body
            assert len(fewer) < len(body)
            assert packed.headers["content-length"] == str(len(fewer))
            assert packed.headers["etag"] != whole.headers["etag"]
        for codings in ("br", "gzip;q=0", "gzip; q=0.000", "x-gzip-like", "*;q=0"):
            refused, same = await sent(codings)
            assert "content-encoding" not in refused.headers
            assert same == body

    assert whole.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert whole.headers["content-length"] == str(len(body))


@pytest.mark.parametrize("path", PATHS)
async def test_head_answers_as_get_without_the_body(path: str) -> None:
    async with serving(page_server()) as origin, httpx.AsyncClient() as client:
        get = await client.get(origin + path)
        head = await client.head(origin + path)

    assert (head.status_code, head.content) == (200, b"")
    dated = {"date"}
    assert {k: v for k, v in head.headers.items() if k not in dated} == {
        k: v for k, v in get.headers.items() if k not in dated
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_a_page_can_only_be_read(method: str) -> None:
    async with serving(page_server()) as origin, httpx.AsyncClient() as client:
        response = await client.request(method, f"{origin}/docs")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["type"], problem["status"]) == ("/problems/method-not-allowed", 405)
    assert problem["instance"] == f"urn:uuid:{response.headers['x-request-id']}"
    assert problem.keys() >= set(contract()["components"]["schemas"]["Problem"]["required"])


@pytest.mark.parametrize(
    "path", ["/health", "/docs/", "/redoc/nothing.js", "/app", "/problems/", "/problems/nothing"]
)
async def test_what_is_no_page_is_left_to_the_api(path: str) -> None:
    async with serving(page_server()) as origin, httpx.AsyncClient() as client:
        response = await client.get(origin + path)

    assert response.json() == {"detail": "the stand-in is well"}
    assert "content-security-policy" not in response.headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_every_answer_carries_the_safety_headers(method: str, path: str) -> None:
    async with serving(page_server(hsts=True)) as origin, httpx.AsyncClient() as client:
        response = await client.request(method, origin + path)

    policy = response.headers["content-security-policy"].split("; ")
    assert policy[:4] == [
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    assert "unsafe" not in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["strict-transport-security"] == "max-age=31536000"


async def test_without_tls_no_browser_is_told_to_insist_on_it() -> None:
    async with serving(page_server(hsts=False)) as origin, httpx.AsyncClient() as client:
        response = await client.get(f"{origin}/docs")

    assert "strict-transport-security" not in response.headers


@pytest.mark.parametrize("path", PAGES)
async def test_the_address_of_the_relay_cannot_write_html(path: str) -> None:
    answer = pages(relay_url="ws://<script>&").answer("GET", path, [])

    assert answer is not None
    assert b"ws://&lt;script&gt;&amp;" in answer.body
    assert b"ws://<script>" not in answer.body


def test_the_vendored_files_are_what_the_pinned_packages_hold() -> None:
    """Fetches them from npm's registry anew; each has to have its pinned sha512."""
    if shutil.which("npm") is None:
        pytest.skip("npm is missing")

    check = subprocess.run(
        [sys.executable, "tools/pages/vendor.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert check.returncode == 0, check.stdout + check.stderr
