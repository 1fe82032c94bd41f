"""The page where TLS is spoken: by Ilo itself, and by a proxy in front of both doors."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.support.certificates import certificate_in
from tests.support.ilo_process import running
from tests.support.tls_proxy import tls_proxy
from tests.support.visitors import Visitor, visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def two_talk_at(url: str, browser: Browser) -> None:
    async with (
        visitor(browser, url, trusts_all=True) as ann,
        visitor(browser, url, trusts_all=True) as bob,
    ):
        await talk_and_reload(ann, bob)


async def talk_and_reload(ann: Visitor, bob: Visitor) -> None:
    await ann.register("ann")
    await bob.register("bob")
    await ann.make_room("tea")
    await ann.invite("bob")
    await bob.accept("ann")
    await ann.say("is this line encrypted twice?")
    await bob.sees("is this line encrypted twice?")
    await bob.say("it is 🔒")
    await ann.page.reload()
    await ann.is_connected()
    await ann.sees("is this line encrypted twice?", "it is 🔒")
    assert ann.complained() == []
    assert bob.complained() == []


async def test_the_page_talks_over_tls(browser: Browser, tmp_path: Path) -> None:
    certificate, key = certificate_in(tmp_path)
    settings = {"tls_certificate": certificate.name, "tls_key": key.name}
    with running(tmp_path, settings) as ilo:
        await two_talk_at(ilo.api_url, browser)

    assert ilo.api_url.startswith("https://")
    assert ilo.relay_url.startswith("wss://")


def settings_behind(port: int) -> dict[str, object]:
    """Return what docs/how-to/proxy.md has an operator set, for a proxy at ``port``."""
    return {
        "behind_tls_proxy": True,
        "relay_url": f"wss://127.0.0.1:{port}",
        "allowed_origins": [f"https://127.0.0.1:{port}"],
    }


async def test_the_page_talks_through_a_proxy_with_one_port_for_both_doors(
    browser: Browser, tmp_path: Path
) -> None:
    async with tls_proxy(tmp_path / "proxy") as proxy:
        with running(tmp_path / "ilo", settings_behind(proxy.port)) as ilo:
            proxy.api_port, proxy.relay_port = ilo.api_port, ilo.relay_port
            await two_talk_at(f"https://127.0.0.1:{proxy.port}", browser)

    assert ilo.api_url.startswith("http://")
