"""Takes the pictures of docs/page.md: ``python -m tests.web.pictures docs/assets``."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.support.chromium import open_browser
from tests.support.encrypted import company, texts
from tests.support.ilo_process import running
from tests.support.visitors import Visitor, visitor

# Who says what; nobody is who looks at the page.
TALK = (
    ("orion", "Good morning! Who brings the cookies today? 🍪"),
    ("orion", "And somebody should think of the tea."),
    ("", "I do, they are in the oven. Ten minutes."),
    ("dalia", "Keep two for me, I am on the train and it is late as ever."),
    ("", "Two it is 🍵"),
)


async def set_scene(ada: Visitor, folder: Path, url: str) -> None:
    async with company(folder, url) as people:
        others = {name: await people.join(name) for name in ("orion", "dalia")}
        await ada.register("ada🍪")
        await ada.page.get_by_role("button", name="Later").click()
        await ada.make_room("Book club")
        await ada.come_into("gardening")
        room = await ada.make_room("Tea at four")
        for one in others.values():
            await ada.invite(one.username)
            await one.accept(room)
        rooms = {name: await people.enter(one, room) for name, one in others.items()}
        async with others["orion"].room("gardening") as garden:
            for number, (name, text) in enumerate(TALK, 1):
                if name:
                    await rooms[name].send(text)
                else:
                    await ada.say(text)
                await ada.sees(*(said for _, said in TALK[:number]))
                await garden.send(text)
        await texts(rooms["dalia"], len(TALK))
        await ada.page.get_by_text("5 unread").wait_for(timeout=120_000)


async def take(into: Path, folder: Path, url: str) -> None:
    async with open_browser() as browser, visitor(browser, url, size=(900, 620)) as ada:
        await set_scene(ada, folder, url)
        await ada.page.screenshot(path=into / "page.png")
        await ada.page.get_by_role("button", name="Members").click()
        await ada.dialog.get_by_role("button", name="Compare with dalia").click()
        await ada.page.emulate_media(color_scheme="dark")
        await ada.page.set_viewport_size({"width": 390, "height": 640})
        await ada.dialog.get_by_label("Safety number").wait_for()
        await ada.page.screenshot(path=into / "page-compare.png")


def main() -> int:
    into = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name, running(Path(name) / "ilo") as ilo:
        asyncio.run(take(into, Path(name) / "people", ilo.api_url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
