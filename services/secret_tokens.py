"""Makes the secrets that are handed out, and the hashes that are kept of them.

A secret leaves this process once, in the answer that creates it. What is stored, cached or
compared is its SHA-256: with 122 random bits and more there is nothing to guess, so a slow
hash would protect nothing here.
"""

import base64
import hashlib
import re
import secrets
import uuid
from typing import Literal

from services.model import SecretHash

_SECRET_BYTES = 32
_HASH_BYTES = hashlib.sha256().digest_size
_SESSION_ID_BYTES = 16

_REVOKE_PREFIX = "ilo_r_"
_REVOKE_TOKEN = re.compile(r"ilo_r_([A-Za-z0-9_-]{86})")
_SECRET = re.compile(r"ilo_([st])_[A-Za-z0-9_-]{43}")


def new_secret(kind: Literal["s", "t"]) -> str:
    """Return a new session token (``s``) or ticket (``t``): 256 random bits behind a prefix."""
    return f"ilo_{kind}_{_base64url(secrets.token_bytes(_SECRET_BYTES))}"


def has_form(secret: str, kind: Literal["s", "t"]) -> bool:
    """Whether ``secret`` looks like one that ``new_secret(kind)`` returns."""
    found = _SECRET.fullmatch(secret)
    return found is not None and found[1] == kind


def hash_secret(secret: str) -> SecretHash:
    """Return the SHA-256 of the secret's UTF-8."""
    # Never raises: the error about a lone surrogate would carry the secret with it.
    return SecretHash(hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest())


def new_api_key() -> str:
    """Return a new API key: a random UUID in its usual form."""
    return str(uuid.uuid4())


def hash_api_key(key: str) -> SecretHash:
    """Return the hash of an API key; upper and lower case are one key."""
    return hash_secret(key.lower())


def new_revoke_token(key_hash: SecretHash) -> str:
    """Return a new token that revokes the API key of that hash.

    It holds the hash, by which the key is found, and 256 random bits, which prove the right.
    """
    proof = secrets.token_bytes(_SECRET_BYTES)
    return _REVOKE_PREFIX + _base64url(key_hash + proof)


def split_revoke_token(token: str) -> tuple[SecretHash, SecretHash] | None:
    """Return the hash of the key it is about, and the hash of the whole token.

    None when the token does not have the form of one.
    """
    found = _REVOKE_TOKEN.fullmatch(token)
    if found is None:
        return None
    content = base64.urlsafe_b64decode(found[1] + "==")
    return SecretHash(content[:_HASH_BYTES]), hash_secret(token)


def session_id(token_hash: SecretHash) -> str:
    """Return the name of a session, which may be logged and shown: it opens nothing."""
    return token_hash[:_SESSION_ID_BYTES].hex()


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
