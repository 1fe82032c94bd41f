import base64
import hashlib
import re
from typing import Literal

import pytest

from services.model import SecretHash
from services.secret_tokens import (
    has_form,
    hash_api_key,
    hash_secret,
    new_api_key,
    new_revoke_token,
    new_secret,
    session_id,
    split_revoke_token,
)

KEY_HASH = SecretHash(bytes(range(32)))


@pytest.mark.parametrize("kind", ["s", "t"])
def test_a_secret_has_the_form_of_the_contract_and_256_bits(kind: Literal["s", "t"]) -> None:
    secrets = {new_secret(kind) for _ in range(200)}

    assert len(secrets) == 200
    for secret in secrets:
        assert re.fullmatch(rf"ilo_{kind}_[A-Za-z0-9_-]{{43}}", secret)
        assert len(base64.urlsafe_b64decode(secret[6:] + "=")) == 32


def test_every_bit_of_a_secret_is_drawn() -> None:
    contents = [base64.urlsafe_b64decode(new_secret("s")[6:] + "=") for _ in range(200)]

    ever_one = ever_zero = 0
    for content in contents:
        ever_one |= int.from_bytes(content)
        ever_zero |= ~int.from_bytes(content)
    assert ever_one == 2**256 - 1
    assert ever_zero & ever_one == ever_one


def test_a_session_token_is_no_ticket() -> None:
    assert has_form(new_secret("s"), "s")
    assert has_form(new_secret("t"), "t")
    assert not has_form(new_secret("s"), "t")
    assert not has_form(new_secret("t"), "s")


def test_a_spoilt_token_has_no_form_and_never_raises() -> None:
    token = new_secret("s")
    for spoilt in (
        "",
        token + "\n",
        " " + token,
        token[:-1],
        token + "A",
        token.upper(),
        token[:-1] + "é",
        token[:-1] + "\ud800",
    ):
        assert not has_form(spoilt, "s")
        assert len(hash_secret(spoilt)) == 32


def test_only_the_sha256_of_a_secret_is_kept() -> None:
    assert hash_secret("geheim \N{KEY}") == hashlib.sha256("geheim \N{KEY}".encode()).digest()


def test_an_api_key_is_a_uuid_and_the_same_in_both_cases() -> None:
    key = new_api_key()

    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", key)
    assert hash_api_key(key) == hash_api_key(key.upper())
    assert hash_api_key(key) != hash_api_key(new_api_key())


def test_a_revoke_token_names_its_key_and_proves_the_right() -> None:
    token = new_revoke_token(KEY_HASH)

    assert re.fullmatch(r"ilo_r_[A-Za-z0-9_-]{86}", token)
    assert split_revoke_token(token) == (KEY_HASH, hash_secret(token))
    assert new_revoke_token(KEY_HASH) != token


@pytest.mark.parametrize(
    "token",
    [
        "",
        "ilo_r_",
        "ilo_r_" + "A" * 85,
        "ilo_r_" + "A" * 87,
        "ilo_r_" + "A" * 85 + "+",
        "ilo_r_" + "A" * 86 + "\n",
        "ilo_s_" + "A" * 86,
        "ilo_r_" + "Ä" * 86,
        "824a47ae-d0b9-5350-bffb-cc2ee48424a3",
    ],
)
def test_what_is_no_revoke_token_is_not_split(token: str) -> None:
    assert split_revoke_token(token) is None


def test_a_session_id_is_half_of_the_hash_and_tells_nothing_of_the_token() -> None:
    token = new_secret("s")
    token_hash = hash_secret(token)

    assert session_id(token_hash) == token_hash.hex()[:32]
    assert token[6:] not in session_id(token_hash)
