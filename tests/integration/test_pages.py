"""The offline pages on a real server, in a real Chromium."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import yaml
from playwright.async_api import Page, expect

from handlers.pages import Pages, PageServer
from handlers.pages.server import ASGIApp, Receive, Scope, Send
from tests.support.chromium import open_page

CONTRACT = Path(__file__).resolve().parents[2] / "spec" / "openapi.yaml"
RELAY_URL = "ws://127.0.0.1:4000"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
PAGES = ("/docs", "/redoc")
PATHS = (*PAGES, "/openapi.json", "/docs/docs.js", "/redoc/redoc.standalone.js")


@cache
def contract() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(CONTRACT.read_text("utf-8"))
    return document


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
    return PageServer(Pages(contract(), relay_url=RELAY_URL, hsts=hsts), healthy)


async def shot(page: Page, name: str) -> None:
    """Keep a picture of the page where ``ILO_SHOTS`` says, for a person to look at."""
    if folder := os.environ.get("ILO_SHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")


async def test_swagger_ui_lists_every_operation_and_breaks_no_policy() -> None:
    async with (
        serving(page_server()) as origin,
        open_page(f"{origin}/docs") as (page, complaints),
    ):
        listed = page.locator(".opblock-summary-path")
        await expect(listed).to_have_count(len(operations(contract())))
        paths = await listed.evaluate_all("all => all.map(e => e.dataset.path)")
        await shot(page, "docs")

        assert sorted(paths) == sorted(path for _, path, _ in operations(contract()))
        assert await page.title() == "Ilo"
        assert complaints.all() == []


async def test_swagger_ui_calls_the_api_it_is_served_by() -> None:
    async with (
        serving(page_server()) as origin,
        open_page(f"{origin}/docs") as (page, complaints),
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


async def test_swagger_ui_opens_everything_without_breaking_its_policy() -> None:
    async with (
        serving(page_server()) as origin,
        open_page(f"{origin}/docs") as (page, complaints),
    ):
        count = len(operations(contract()))
        controls = page.locator(".opblock-summary-control")
        await expect(controls).to_have_count(count)
        await controls.evaluate_all("all => all.forEach(e => e.click())")
        await expect(page.locator(".opblock-body")).to_have_count(count)
        await page.locator(".models-control").click()
        await expect(page.locator(".models .model-box").first).to_be_visible()

        assert complaints.all() == []


async def test_swagger_ui_forgets_a_token_with_the_page() -> None:
    async with (
        serving(page_server()) as origin,
        open_page(f"{origin}/docs") as (page, complaints),
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


async def test_redoc_lists_every_operation_and_breaks_no_policy() -> None:
    async with (
        serving(page_server()) as origin,
        open_page(f"{origin}/redoc") as (page, complaints),
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


async def test_redoc_finds_an_operation_by_a_word() -> None:
    async with (
        serving(page_server()) as origin,
        open_page(f"{origin}/redoc") as (page, complaints),
    ):
        await page.get_by_placeholder("Search").fill("health")
        name = contract()["paths"]["/health"]["get"]["operationId"]
        found = page.locator(f"[data-role='search:results'] [data-item-id$='/operation/{name}']")
        await expect(found).to_be_visible()
        await shot(page, "redoc-search")

        assert complaints.all() == []


async def test_a_page_against_its_policy_is_reported_in_every_way() -> None:
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

    async with serving(bad) as origin, open_page(origin) as (page, complaints):
        await expect(page.get_by_text("done")).to_be_visible()

        assert await page.title() == "bad"
        violations = " ".join(complaints.violations)
        assert "img-src refused https://elsewhere.invalid/logo.svg" in violations
        assert "script-src-elem refused inline" in violations
        assert any("Content Security Policy" in line for line in complaints.console)
        assert complaints.errors == ["on purpose"]
        assert f"{origin}/missing.js: 404" in complaints.failed
        assert complaints.foreign == ["https://elsewhere.invalid/logo.svg"]


async def test_the_contract_is_served_as_it_is_written() -> None:
    async with serving(page_server()) as origin, httpx.AsyncClient() as client:
        response = await client.get(f"{origin}/openapi.json")

    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.content) == contract()
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


@pytest.mark.parametrize("path", ["/health", "/docs/", "/redoc/nothing.js", "/"])
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


async def test_the_address_of_the_relay_cannot_write_html() -> None:
    pages = Pages(contract(), relay_url="ws://<script>&", hsts=False)

    answer = pages.answer("GET", "/docs", [])

    assert answer is not None
    assert b"ws://&lt;script&gt;&amp;" in answer.body
    assert b"ws://<script>" not in answer.body


def test_the_vendored_files_are_what_the_pinned_packages_hold() -> None:
    """Fetches them from npm's registry anew; each has to have its pinned sha512."""
    if shutil.which("npm") is None:
        pytest.skip("npm is missing")

    check = subprocess.run(
        [sys.executable, "tools/pages/vendor.py", "--check"],
        cwd=CONTRACT.parents[1],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert check.returncode == 0, check.stdout + check.stderr
