"""Chromium gives the verdicts of Python to every vector, as Node.js does (tests/client)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from playwright.async_api import Route

from tests.client.page import Object, said_by_python
from tests.client.test_verdicts import PYTHON_ONLY
from tests.support.chromium import open_browser
from tools.app.__main__ import ESBUILD, WEB
from tools.vectors.people import VECTORS

# Loopback is where a browser lets a page encrypt without TLS; nothing listens there.
NOWHERE = "http://127.0.0.1:9/"
ENTRY = """
import {{ runFile }} from "{web}/vectors/verdicts.ts";
globalThis.verdicts = async (kind, file) => {{
  const lines = [];
  await runFile(kind, file, (line) => lines.push(line));
  return lines;
}};
"""


def script(folder: Path) -> str:
    if not ESBUILD.exists():
        pytest.skip("esbuild is not installed in web/")
    entry = folder / "entry.ts"
    entry.write_text(ENTRY.format(web=WEB.as_posix()), encoding="utf-8")
    done = subprocess.run(
        [ESBUILD, entry, "--bundle", "--format=iife", "--target=es2024", "--log-level=warning"],
        cwd=WEB,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout


async def test_chromium_says_the_same_as_python_to_every_vector(tmp_path: Path) -> None:
    async def empty(route: Route) -> None:
        await route.fulfill(content_type="text/html", body="<!doctype html><title>-</title>")

    said: list[Object] = []
    expected = [line for line in said_by_python(VECTORS) if line["kind"] != PYTHON_ONLY]
    async with open_browser() as browser:
        page = await browser.new_page()
        await page.route(NOWHERE, empty)
        await page.goto(NOWHERE)
        await page.evaluate(script(tmp_path))
        for kind in dict.fromkeys(line["kind"] for line in expected):
            # As text: on the way into the page a member called __proto__ would be lost.
            file = (VECTORS / f"{kind}.json").read_text("utf-8")
            ask = "([kind, file]) => verdicts(kind, JSON.parse(file))"
            lines = await page.evaluate(ask, [kind, file])
            said += [json.loads(line) for line in lines]

    assert said == expected
    assert {line["kind"] for line in said} == {
        file.stem for file in VECTORS.glob("*.json") if file.stem != PYTHON_ONLY
    }
