"""Neither Python nor the page takes a private key whose halves do not belong together."""

import json
from pathlib import Path
from typing import Any

import pytest
from ilo_client.errors import Refused
from ilo_client.keys import KeyPairs

from tests.client import page
from tools.vectors.people import load_people, made

KINDS = ("x25519", "p-256", "rsa-2048")
RSA_PRIVATE = ("d", "p", "q", "dp", "dq", "qi")
NAME = "aliĉe"


def own(kind: str) -> list[Any]:
    """Return the private JWKs of somebody with an encryption key of ``kind``."""
    return load_people()[kind].to_jwks()


def mixed() -> dict[str, list[Any]]:
    """Return private JWKs that have members of another key, by what is wrong with them."""
    sets: dict[str, list[Any]] = {}
    for kind in KINDS:
        names = RSA_PRIVATE if kind == "rsa-2048" else ("d",)
        other = made(kind)
        sets[f"all of {kind}"] = jwks = own(kind)
        jwks[1].update({name: other[name] for name in names})
        if len(names) > 1:
            for name in names:
                sets[f"{name} of {kind}"] = jwks = own(kind)
                jwks[1][name] = other[name]
    sets["an identity's"] = jwks = own("x25519")
    jwks[0]["d"] = made("ed25519")["d"]
    sets["p and q changed places"] = jwks = own("rsa-2048")
    jwks[1]["p"], jwks[1]["q"] = jwks[1]["q"], jwks[1]["p"]
    return sets


def said_by_page(sets: list[list[Any]], web: Path = page.WEB) -> list[str]:
    """Return the page's code for each; empty for those that it takes."""
    card = {"username": NAME, "created_at": 0, "previous": None}
    requests = [{"pairs": {"keys": jwks}, **card} for jwks in sets]
    return [answer.get("refused", "") for answer in page.run("card", given=requests, web=web)]


def test_halves_that_do_not_belong_are_refused_by_both() -> None:
    sets = mixed()

    assert dict(zip(sets, said_by_page([*sets.values()]), strict=True)) == dict.fromkeys(
        sets, "format"
    )
    for jwks in sets.values():
        with pytest.raises(Refused) as refused:
            KeyPairs.from_jwks(jwks)
        assert refused.value.code == "format"


def test_halves_that_belong_are_taken_by_both() -> None:
    sets = [own(kind) for kind in KINDS]

    assert said_by_page(sets) == [""] * len(sets)
    for jwks in sets:
        assert json.loads(KeyPairs.from_jwks(jwks).to_json())["keys"] == jwks


def test_a_page_that_does_not_compare_the_halves_takes_some(tmp_path: Path) -> None:
    compares = 'if (key.kind === "RSA") checkRsaHalves(jwk);'
    web = page.copy_with(tmp_path, "pairs.ts", compares, "")

    assert "" in said_by_page([*mixed().values()], web)
