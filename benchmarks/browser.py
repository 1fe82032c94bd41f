"""What Ilo in a browser costs: loading it, the first encrypted message, sealing for fifty.

A real `ilo serve` and a real Chromium, which nobody has been in before; both are on this machine,
so that the network costs nothing.
"""

import asyncio
import gzip
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, expect

from benchmarks.figures import Figures, Sample
from benchmarks.rounds import Bench
from benchmarks.workshop import Unavailable
from tests.support.chromium import NAMES, open_browser
from tests.support.encrypted import company
from tests.support.ilo_process import UNHURRIED, running
from tests.support.visitors import Visitor, visitor

FILES: Final = ("index.html", "app.js", "style.css")
FOLDER: Final = Path(__file__).resolve().parents[1] / "handlers" / "pages" / "static" / "app"
READERS: Final = 50
SAID: Final = 20
TICK_MS: Final = 5
SCENARIOS: Final = {
    "bytes": "bytes of the page, its script and its style, packed with gzip",
    "first paint": "ms until something is painted",
    "load": "ms until it can be used",
    "first message": "ms from opening the address to the first message that is stored, "
    "encrypted, in a private room: making the keys, locking their backup, registering and logging "
    "in included, by a person who types at once",
    "sent": f"ms from *Send* to *stored*, a message for {READERS} people",
    "stall": f"ms that the page answers nothing at most, while {SAID} such messages are sent",
    "idle": "ms that it answers nothing at most, while nothing is done: the clock's own grain",
}

# Longer than a tick is what something else did with the thread of the page.
_WATCH: Final = """tick => {
  let before = performance.now();
  window.longest = 0;
  clearInterval(window.watching);
  window.watching = setInterval(() => {
    const now = performance.now();
    window.longest = Math.max(window.longest, now - before - tick);
    before = now;
  }, tick);
}"""
_TIMES: Final = """() => {
  const [load] = performance.getEntriesByType("navigation");
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  return {load: load.loadEventEnd, paint: paint.startTime};
}"""


def run(bench: Bench) -> Figures:
    """Measure once a round; a sample is ms, or bytes where its scenario says so."""
    figures = Figures()
    packed = sum(len(gzip.compress((FOLDER / name).read_bytes(), 6)) for name in FILES)
    figures.add("browser", "bytes", Sample(float(packed)))
    try:
        asyncio.run(_run(bench, figures))
    except Unavailable as reason:
        figures.skipped["browser"] = str(reason)
    return figures


async def _run(bench: Bench, figures: Figures) -> None:
    if not any(_is_there(bench, name) for name in NAMES):
        raise Unavailable("Chromium is missing")
    with (
        tempfile.TemporaryDirectory(dir=bench.workshop.folder) as folder,
        running(Path(folder) / "ilo", UNHURRIED) as ilo,
    ):
        async with (
            company(Path(folder) / "people", ilo.api_url) as people,
            open_browser() as browser,
        ):
            # An open room: who was in it once stays a reader of it.
            for number in range(1, READERS):
                one = await people.join("reader")
                async with one.room("crowd"):
                    pass
                print(f"\r  reader {number}/{READERS - 1}", end="", file=sys.stderr)
            print(file=sys.stderr)
            for number in range(1, bench.pace.rounds + 1):
                await _round(figures, browser, ilo.api_url, f"writer-{number}")
                print(f"  round {number}/{bench.pace.rounds}", file=sys.stderr)


def _is_there(bench: Bench, name: str) -> bool:
    try:
        bench.workshop.program(name)
    except Unavailable:
        return False
    return True


async def _round(figures: Figures, browser: Browser, url: str, name: str) -> None:
    def add(scenario: str, ms: float) -> None:
        figures.add("browser", scenario, Sample(ms))

    begun = time.perf_counter()
    async with visitor(browser, url) as writer:
        await writer.register(name)
        await writer.make_room("a first room")
        await _say(writer, "the first message")
        add("first message", (time.perf_counter() - begun) * 1000)
        times: dict[str, Any] = await writer.page.evaluate(_TIMES)
        add("first paint", float(times["paint"]))
        add("load", float(times["load"]))

        await writer.come_into("crowd")
        await _say(writer, "so that everybody's key is known")
        await writer.page.evaluate(_WATCH, TICK_MS)
        await asyncio.sleep(1)
        add("idle", float(await writer.page.evaluate("window.longest")))
        await writer.page.evaluate(_WATCH, TICK_MS)
        for number in range(SAID):
            start = time.perf_counter()
            await _say(writer, f"message {number:02}")
            add("sent", (time.perf_counter() - start) * 1000)
        add("stall", float(await writer.page.evaluate("window.longest")))


async def _say(writer: Visitor, text: str) -> None:
    await writer.say(text)
    bubble = writer.page.locator(".bubble.own").filter(has_text=text)
    await expect(bubble.locator("time")).to_be_visible()
