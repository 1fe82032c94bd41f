"""Whose keys are whose: the first card that is seen of somebody is pinned.

Another identity key, or no valid card any more, is a change: it waits until the person accepts it.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

from ilo_client.card import KeyCard, read_card
from ilo_client.errors import Refused
from ilo_client.failures import NotAccepted
from ilo_client.keys import EncryptionKey, IdentityKey
from ilo_client.memory import Memory

State: TypeAlias = Literal["new", "seen", "verified", "changed", "no-card"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as far as their key is known.

    ``kid`` names the identity key that is pinned, or that the server shows of somebody who is
    `new`. After a change ``new_kid`` names the one that waits; None: there is no valid one.
    """

    name: str
    state: State
    kid: str | None = None
    new_kid: str | None = None

    @property
    def shown_kid(self) -> str | None:
        """The id of the key that the server shows now; None: there is no valid one."""
        return self.new_kid if self.state == "changed" else self.kid


@dataclass(frozen=True, slots=True)
class Pin:
    """What is known of somebody, with the newest card that their pinned key signed."""

    person: Person
    card: KeyCard = field(repr=False)

    @property
    def is_changed(self) -> bool:
        return self.person.state == "changed"

    @property
    def encryption(self) -> EncryptionKey:
        """The key to encrypt with."""
        return self.card.encryption[0]

    @property
    def kids(self) -> frozenset[str]:
        return frozenset(key.kid for key in self.card.encryption)


class Pins:
    """All that are pinned, in ``memory``."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def of(self, username: str) -> Pin | None:
        with self._memory.reading() as db:
            return _pin(db, username)

    def identity(self, username: str) -> IdentityKey | None:
        """Return the pinned key."""
        pin = self.of(username)
        return None if pin is None else pin.card.identity

    def former(self, username: str) -> list[IdentityKey]:
        """Return the keys that were pinned before, each until another one was accepted."""
        with self._memory.reading() as db:
            rows = db.execute(
                "SELECT card FROM former_pins WHERE username = ? ORDER BY rowid DESC", [username]
            ).fetchall()
        return [_read(str(text), username).identity for (text,) in rows]

    def look(self, username: str, shown: str) -> Person:
        """Return who ``username`` is by the card that the server shows.

        Nobody is pinned by that, but a change of somebody who is pinned is kept.
        """
        pin = self.of(username)
        if pin is not None:
            return (self.see(username, shown) or pin).person
        kid = kid_of(shown, username)
        return Person(username, "no-card" if kid is None else "new", kid)

    def see(self, username: str, shown: str) -> Pin | None:
        """Take in the card that the server shows; the first one is pinned. None: it is no valid
        one, and nobody is pinned by that name."""
        return self.see_all([(username, shown)]).get(username)

    def see_all(self, shown: Iterable[tuple[str, str]]) -> dict[str, Pin]:
        """Do that for many, in one transaction; who has neither a pin nor a valid card is left
        out."""
        cards = [(name, text, _read_or_none(text, name)) for name, text in shown]
        pins = {name: self.of(name) for name, _, _ in cards}
        if any(_is_news(pins[name], card) for name, _, card in cards):
            with self._memory.transaction() as db:
                for name, text, card in cards:
                    _see(db, name, text, card)
            pins = {name: self.of(name) for name in pins}
        return {name: pin for name, pin in pins.items() if pin is not None}

    def accept(self, username: str, kid: str | None = None) -> Person:
        """Pin the key that waits; it is not verified. ``kid``: only if it is this one.

        Raises:
            NotAccepted: none waits, or another one.
        """
        with self._memory.transaction() as db:
            pin = _pin(db, username)
            if pin is None or not pin.is_changed or pin.person.new_kid is None:
                raise NotAccepted(username)
            if kid is not None and pin.person.new_kid != kid:
                raise NotAccepted(username)
            [waiting] = db.execute(
                "SELECT waiting FROM pins WHERE username = ?", [username]
            ).fetchone()
            db.execute(
                "INSERT OR REPLACE INTO former_pins SELECT username, kid, card FROM pins"
                " WHERE username = ?",
                [username],
            )
            _write(db, username, str(waiting), _read(str(waiting), username))
        return Person(username, "seen", pin.person.new_kid)

    def verify(self, username: str, kid: str) -> Person:
        """The person has compared the key ``kid``, which is pinned.

        Raises:
            NotAccepted: another one is pinned, or waits.
        """
        with self._memory.transaction() as db:
            pin = _pin(db, username)
            if pin is None or pin.is_changed or pin.person.kid != kid:
                raise NotAccepted(username)
            db.execute("UPDATE pins SET is_verified = 1 WHERE username = ?", [username])
        return Person(username, "verified", kid)


def kid_of(shown: str, username: str) -> str | None:
    """Return the id of the identity key on a card; None: it is no valid card of ``username``."""
    card = _read_or_none(shown, username)
    return None if card is None else card.identity.kid


@lru_cache(maxsize=512)
def _read(text: str, username: str) -> KeyCard:
    return read_card(text, username)


def _pin(db: sqlite3.Connection, username: str) -> Pin | None:
    row = db.execute(
        "SELECT username, card, kid, is_verified, waiting, waiting_kid FROM pins"
        " WHERE username = ?",
        [username],
    ).fetchone()
    if row is None:
        return None
    name, text, kid, is_verified, waiting, waiting_kid = row
    state: State = "verified" if is_verified else "seen"
    if waiting is not None:
        state = "changed"
    return Pin(Person(name, state, kid, waiting_kid), _read(text, name))


def _is_news(pin: Pin | None, card: KeyCard | None) -> bool:
    """Whether a card has to be written down."""
    if pin is None:
        return card is not None
    return pin.is_changed or card is None or card != pin.card


def _read_or_none(text: str, username: str) -> KeyCard | None:
    try:
        return _read(text, username)
    except Refused:
        return None


def _see(db: sqlite3.Connection, username: str, text: str, card: KeyCard | None) -> None:
    pin = _pin(db, username)
    if pin is None:
        if card is not None:
            _write(db, username, text, card)
    elif card is None:
        _wait(db, username, "", None)
    elif card.identity.kid != pin.card.identity.kid:
        _wait(db, username, text, card.identity.kid)
    else:
        _wait(db, username, None, None)
        # An older card of the same key may name an encryption key that was given up.
        if card.created_at > pin.card.created_at:
            db.execute(
                "UPDATE pins SET card = ?, created_at = ? WHERE username = ?",
                [text, card.created_at, username],
            )


def _wait(db: sqlite3.Connection, username: str, text: str | None, kid: str | None) -> None:
    db.execute(
        "UPDATE pins SET waiting = ?, waiting_kid = ? WHERE username = ?", [text, kid, username]
    )


def _write(db: sqlite3.Connection, username: str, text: str, card: KeyCard) -> None:
    db.execute(
        "INSERT OR REPLACE INTO pins VALUES (?, ?, ?, ?, 0, NULL, NULL)",
        [username, card.identity.kid, text, card.created_at],
    )
