"""Opening: from the envelope that came to the text, or to the code of the check that failed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from jwcrypto.common import JWException
from jwcrypto.jwe import JWE

from ilo_client.envelope import digest_of
from ilo_client.errors import Refused
from ilo_client.inner import Link, read_inner
from ilo_client.jwk import check_ephemeral, modulus_bytes
from ilo_client.keys import DecryptionKey, IdentityKey, KeyPairs
from ilo_client.outer import (
    CONTENT_ALG,
    MAX_ENVELOPE_BYTES,
    MESSAGE_TYPE,
    Outer,
    Recipient,
    hash_of_recipients,
    read_outer,
)
from ilo_client.signed import check_signature, split
from ilo_client.strict import JsonObject, check_members, decode, dumps, hash_of, text_of

_WRAPPED_KEY_BYTES: Final = 40
"""Of a key of 32 bytes under A256KW."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A message that passed every check but that of ``ilo_client.replay``."""

    room: str
    sender: str
    mid: str
    to_kids: tuple[str, ...]
    """The kids of all keys that it was encrypted for."""
    link: Link
    ts_ms: int
    """Unix milliseconds by the sender's clock."""
    type: str
    body: str = field(repr=False)
    digest: str


def open_envelope(
    text: str,
    *,
    room: str,
    sender: str,
    pairs: KeyPairs,
    pin: Callable[[str], IdentityKey | None],
) -> Opened:
    """Return the message in ``text``, which the server says is of ``sender`` in ``room``.

    ``pin`` says which identity key is known of a username. The checks, their order and
    their codes are those of docs/envelope.md, up to and with ``binding``.

    Raises:
        Refused: the first check that failed; never anything else, whatever ``text`` is.
    """
    outer = read_outer(text)
    if outer.enc != CONTENT_ALG:
        raise Refused("alg")
    if outer.bound.room != room:
        raise Refused("room")
    if outer.bound.sender != sender:
        raise Refused("sender")
    kids = tuple(recipient.kid for recipient in outer.recipients)
    if len(set(kids)) != len(kids) or hash_of_recipients(kids) != outer.bound.to:
        raise Refused("recipients")
    mine, key = _own(outer, pairs)
    _check_alg(outer, mine, key)
    plaintext = _decrypt(outer, mine, key)
    identity = pin(sender)
    if identity is None:
        raise Refused("unpinned")
    token = _as_text(plaintext)
    payload = _verify(token, identity)
    inner = read_inner(payload)
    if inner.bound != outer.bound:
        raise Refused("binding")
    return Opened(
        room,
        sender,
        inner.bound.mid,
        kids,
        inner.link,
        inner.ts_ms,
        inner.type,
        inner.body,
        digest_of(token),
    )


def _own(outer: Outer, pairs: KeyPairs) -> tuple[Recipient, DecryptionKey]:
    for recipient in outer.recipients:
        key = pairs.find(recipient.kid)
        if key is not None:
            return recipient, key
    raise Refused("not-for-me")


def _check_alg(outer: Outer, mine: Recipient, key: DecryptionKey) -> None:
    epk = mine.epk if outer.epk is None else outer.epk
    needs_epk = key.public.alg == "ECDH-ES+A256KW"
    if mine.alg != key.public.alg or (epk is not None) != needs_epk:
        raise Refused("alg")
    if epk is not None:
        check_ephemeral(epk, key.public.kind)


def _decrypt(outer: Outer, mine: Recipient, key: DecryptionKey) -> bytes:
    # Some libraries take a key of RSA whose first zeros are left out, and some do not.
    is_rsa = key.public.kind == "RSA"
    size = modulus_bytes(key.public.members) if is_rsa else _WRAPPED_KEY_BYTES
    if len(decode(mine.encrypted_key)) != size:
        raise Refused("decrypt")
    header: JsonObject = {"alg": mine.alg, "kid": mine.kid}
    if mine.epk is not None:
        header["epk"] = mine.epk
    # The own entry alone: given them all, jwcrypto would try the key on each.
    flattened: JsonObject = {
        "protected": outer.protected,
        "header": header,
        "encrypted_key": mine.encrypted_key,
        "iv": outer.iv,
        "ciphertext": outer.ciphertext,
        "tag": outer.tag,
    }
    envelope = JWE()
    envelope.allowed_algs = [key.public.alg, CONTENT_ALG]
    try:
        envelope.deserialize(dumps(flattened))
        envelope.decrypt(key.handle, max_plaintext=MAX_ENVELOPE_BYTES)
    except JWException:
        raise Refused("decrypt") from None
    plaintext: bytes = envelope.plaintext
    return plaintext


def _as_text(plaintext: bytes) -> str:
    try:
        return plaintext.decode("ascii")
    except UnicodeDecodeError:
        raise Refused("format") from None


def _verify(token: str, identity: IdentityKey) -> bytes:
    signed = split(token)
    check_members(signed.header, ("alg", "kid", "typ"))
    if signed.header["typ"] != MESSAGE_TYPE:
        raise Refused("format")
    alg, kid = text_of(signed.header, "alg"), hash_of(signed.header, "kid")
    if kid != identity.kid:
        raise Refused("key-changed")
    if alg != identity.alg:
        raise Refused("alg")
    check_signature(token, identity)
    return signed.payload
