"""Accounts: a name that is unique for good, a password, and a public key.

Whoever may not know whether an account exists learns it neither from an answer nor from the
work behind it. (A registration does tell that a name is taken; it takes an API key.)
"""

import uuid
from contextlib import suppress
from dataclasses import dataclass

from services.errors import (
    BadCredentials,
    InvalidInput,
    LogInAgain,
    NameTaken,
    NotLoggedIn,
    NotYourself,
    Overloaded,
    StorageFull,
    StoreUnavailable,
    UnknownApiKey,
    UserNotFound,
    WrongPassword,
)
from services.events import AccountDeleted, KeyChanged, Tell
from services.guesses import Guesses
from services.keys import Keys
from services.limits import Limits
from services.lookup import user_called
from services.model import Caller, Instant, PublicKey, User, UserId, Username
from services.names import MAX_NAME_CODE_POINTS, check_username, skeleton
from services.password_rules import login_form, prepare_password
from services.passwords import Passwords
from services.ports import Clock, UserStore
from services.private_keys import refuse_private_key
from services.rooms import Rooms
from services.secret_tokens import hash_secret
from services.sessions import NewSession, Sessions

DELETE_WITHIN_S = 300
"""How old a session may be, inclusive, that deletes its account."""


@dataclass(frozen=True, slots=True)
class PublicUser:
    """What everybody who is logged in may know of a user."""

    username: Username
    public_key: PublicKey
    created_at: Instant


class Accounts:
    """Registers users, logs them in, and changes what is theirs.

    What is only a caller's own to change takes the ``username`` that the request names, and
    raises ``NotYourself`` for any other than the caller's, whether it exists or not. It raises
    ``NotLoggedIn`` when the account, or the session, has ended meanwhile.
    """

    def __init__(
        self,
        store: UserStore,
        keys: Keys,
        sessions: Sessions,
        passwords: Passwords,
        guesses: Guesses,
        rooms: Rooms,
        clock: Clock,
        tell: Tell,
        *,
        public_key_bytes: int = Limits().public_key_bytes,
    ) -> None:
        self._store = store
        self._keys = keys
        self._sessions = sessions
        self._passwords = passwords
        self._guesses = guesses
        self._rooms = rooms
        self._tell = tell
        self._clock = clock
        self._public_key_bytes = public_key_bytes

    async def register(
        self, *, username: str, password: str, public_key: str, api_key: str
    ) -> None:
        """Claim the name for good and make the account, or do nothing at all.

        Raises:
            UnknownApiKey: found out before anything else is looked at.
            InvalidInput: against the rules of names, passwords or public keys.
            NameTaken: somebody has, or had, that name or one that looks like it.
            Overloaded: too many passwords are waiting.
        """
        if await self._keys.active_hash(api_key) is None:
            raise UnknownApiKey
        name = check_username(username)
        prepared = prepare_password(password)
        self._check_public_key(public_key)
        name_key = skeleton(name)
        # Not what makes the name unique, only cheaper than a hash for nothing.
        if await self._store.user_named(name_key) is not None:
            raise NameTaken
        password_hash = await self._passwords.hash(prepared)
        now = self._clock()
        user = User(
            user_id=UserId(uuid.uuid4().bytes),
            name=Username(name),
            name_key=name_key,
            password_hash=password_hash,
            created_at=now,
        )
        await self._store.add_user(user, PublicKey(1, public_key, now))

    async def log_in(
        self, *, username: str, password: str, api_key: str, source: str
    ) -> NewSession:
        """Start a session. ``source`` is the address that asks.

        An unknown user, a wrong password and a bad API key take the same look-ups and exactly
        one verification each, and count alike.

        Raises:
            TooManyTries: too many failures before this one.
            InvalidInput: the name or the password is longer than any may be.
            BadCredentials: something is wrong; what, is not told.
            Overloaded: too many passwords are waiting; this try does not count.
        """
        if len(username) > MAX_NAME_CODE_POINTS:
            raise InvalidInput(
                "/username",
                "length",
                f"a username has at most {MAX_NAME_CODE_POINTS} Unicode code points",
            )
        name_key = skeleton(username)
        with self._guesses.guess(_guessed_account(name_key), source) as guess:
            form = login_form(password)
            key_hash = await self._keys.active_hash(api_key)
            user = await user_called(self._store, username)
            is_password = await self._verify(user, form)
            guess.right = is_password and key_hash is not None
            if user is None or key_hash is None or not is_password:
                raise BadCredentials
        if form is not None and self._passwords.needs_rehash(user.password_hash):
            await self._rehash(user, form)
        return await self._sessions.start(user, key_hash)

    async def public_user(self, username: str) -> PublicUser:
        """Return the user of exactly that name, with the newest public key.

        Raises:
            UserNotFound: there is none; another case or normal form is another name.
        """
        user = await user_called(self._store, username)
        if user is None:
            raise UserNotFound
        public_key = await self._store.public_key(user.user_id)
        if public_key is None:
            raise UserNotFound
        return PublicUser(user.name, public_key, user.created_at)

    async def change_password(
        self,
        caller: Caller,
        *,
        username: str,
        old_password: str,
        new_password: str,
        source: str,
    ) -> None:
        """Set the password; all sessions of the user end but the caller's.

        Raises:
            NotYourself: see the class.
            InvalidInput: the new password is against the rules, or the old one too long.
            TooManyTries: too many failures before this one, those of logins included.
            WrongPassword: the old password is wrong.
            Overloaded: too many passwords are waiting; nothing was changed.
        """
        _refuse_others(caller, username)
        prepared = prepare_password(new_password, "/new_password")
        name_key = skeleton(username)
        with self._guesses.guess(_guessed_account(name_key), source) as guess:
            form = login_form(old_password, "/old_password")
            user = await self._store.user_named(name_key)
            if user is None:
                raise NotLoggedIn
            guess.right = await self._verify(user, form)
            if not guess.right:
                raise WrongPassword
        new_hash = await self._passwords.hash(prepared)
        # Hashing takes its time: a session that another change has ended meanwhile, to shut
        # out who knows the old password, must not have the last word.
        if await self._sessions.fresh_caller(caller.token_hash) is None:
            raise NotLoggedIn
        try:
            is_changed = await self._store.change_password(
                caller.user_id, new_hash, keep=caller.token_hash
            )
        finally:
            self._sessions.have_ended(caller.user_id)
        if not is_changed:
            raise NotLoggedIn

    async def change_public_key(
        self, caller: Caller, *, username: str, public_key: str, if_version: int
    ) -> int:
        """Make ``public_key`` the newest one and return its version, ``if_version`` + 1.

        Raises:
            NotYourself: see the class.
            InvalidInput: the key is too long, or private.
            KeyVersionConflict: ``if_version`` is not the newest one.
        """
        _refuse_others(caller, username)
        self._check_public_key(public_key)
        try:
            version = await self._store.add_public_key(
                caller.user_id, public_key, if_version, self._clock()
            )
        except UserNotFound:
            raise NotLoggedIn from None
        self._tell(KeyChanged(caller.user_id, caller.username, version))
        return version

    async def delete(self, caller: Caller, *, username: str) -> None:
        """Delete the account with its keys and sessions; the name is never given out again.

        The user leaves all rooms.

        Raises:
            NotYourself: see the class.
            LogInAgain: the caller's session is older than ``DELETE_WITHIN_S``.
        """
        _refuse_others(caller, username)
        now = self._clock()
        if now - caller.session_created_at > DELETE_WITHIN_S * 1000:
            raise LogInAgain(DELETE_WITHIN_S)
        try:
            is_deleted = await self._store.delete_user(caller.user_id, now)
        finally:
            self._sessions.have_ended(caller.user_id)
        if not is_deleted:
            raise NotLoggedIn
        self._tell(AccountDeleted(caller.user_id))
        # Whatever is left is done later, by who sweeps.
        with suppress(StorageFull, StoreUnavailable):
            await self._rooms.let_deleted_users_go()

    def _check_public_key(self, public_key: str) -> None:
        if len(public_key.encode("utf-8", "surrogatepass")) > self._public_key_bytes:
            raise InvalidInput(
                "/public_key",
                "too-big",
                f"a public key has at most {self._public_key_bytes} bytes of UTF-8",
            )
        refuse_private_key(public_key, "/public_key")

    async def _verify(self, user: User | None, form: str | None) -> bool:
        """Verify once, whatever there is: without a user or a form it is work for nothing."""
        if user is None or form is None:
            return await self._passwords.verify(None, form or "")
        return await self._passwords.verify(user.password_hash, form)

    async def _rehash(self, user: User, password: str) -> None:
        # The next login can do it as well.
        with suppress(Overloaded, StorageFull, StoreUnavailable):
            new_hash = await self._passwords.hash(password)
            await self._store.rehash_password(user.user_id, user.password_hash, new_hash)


def _guessed_account(name_key: str) -> str:
    """Return how guesses know an account, there or not: short, whatever was asked for."""
    return hash_secret(name_key).hex()


def _refuse_others(caller: Caller, username: str) -> None:
    if username != caller.username:
        raise NotYourself
