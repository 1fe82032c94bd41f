"""How the page is served: from the wheel's files, small, and under a policy that holds."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest

from handlers.pages import Pages
from handlers.pages.policies import app_policy
from spec import load_asyncapi
from tests.support.ilo_process import ROOT, running
from tools.app.__main__ import BUILT, differences

MOST_BYTES = 60_000


def test_the_page_has_at_most_sixty_thousand_bytes_as_they_travel() -> None:
    names = ("index.html", "style.css", "app.js")
    sizes = {name: len(gzip.compress((BUILT / name).read_bytes(), 6)) for name in names}

    assert sum(sizes.values()) <= MOST_BYTES, sizes


def test_what_comes_over_the_line_is_packed(tmp_path: Path) -> None:
    with (
        running(tmp_path) as ilo,
        httpx.Client(base_url=ilo.api_url, trust_env=False) as client,
    ):
        packed = [client.get(path) for path in ("/", "/app/style.css", "/app/app.js")]

    assert {answer.headers["content-encoding"] for answer in packed} == {"gzip"}
    assert sum(int(answer.headers["content-length"]) for answer in packed) <= MOST_BYTES


def test_what_the_page_takes_for_a_rooms_name_is_the_contracts_rule() -> None:
    rule = load_asyncapi()["components"]["schemas"]["RoomName"]["pattern"]
    source = (ROOT / "web" / "src" / "views" / "rooms.ts").read_text("utf-8")

    assert f"const ROOM = /{rule}/;\n" in source


def test_the_page_is_served_with_a_policy_that_names_the_relay_alone(tmp_path: Path) -> None:
    with running(tmp_path) as ilo:
        with httpx.Client(base_url=ilo.api_url, trust_env=False) as client:
            page = client.get("/")
            again = client.get("/", headers={"If-None-Match": page.headers["etag"]})
            script = client.get("/app/app.js")
        relay_url = ilo.relay_url

    policy = page.headers["content-security-policy"]
    assert set(policy.split("; ")) == {
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        f"connect-src 'self' {relay_url}",
        "img-src 'self'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    }
    assert page.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("url", ["ws://a; script-src *", "ws://a b", "ws://a,b", "ws://a'"])
def test_an_address_of_the_relay_writes_no_policy(url: str) -> None:
    with pytest.raises(ValueError, match="cannot stand"):
        app_policy(url)
    with pytest.raises(ValueError, match="cannot stand"):
        Pages({}, {}, relay_url=url, hsts=False)


def test_a_folder_that_is_not_what_the_sources_make_is_told_file_by_file(tmp_path: Path) -> None:
    files = {"app.js": b"1", "index.html": b"2"}
    (tmp_path / "app.js").write_bytes(b"another")
    (tmp_path / "old.js").write_bytes(b"3")

    assert differences(tmp_path, files) == [
        "app.js: stale",
        "index.html: missing",
        "old.js: belongs to no page",
    ]
