"""The node secret and the admin credential: found, or made at the first start. And the password
to Cassandra, which nobody makes.

A file of ours is readable by its owner only, and is either whole or not there. Nothing here
shows a secret: errors name the file or the variable.
"""

import os
import re
import secrets
import stat
from collections.abc import Mapping
from hmac import compare_digest
from pathlib import Path
from typing import Final, NoReturn

from ilo.cassandra_options import CassandraOptions
from ilo.refusals import CommandRefused
from ilo.settings import Settings

NODE_SECRET_VARIABLE: Final = "ILO_NODE_SECRET"  # noqa: S105
ADMIN_SECRET_VARIABLE: Final = "ILO_ADMIN_SECRET"  # noqa: S105
CASSANDRA_PASSWORD_VARIABLE: Final = "ILO_CASSANDRA_PASSWORD"  # noqa: S105
NODE_SECRET_NAME: Final = "node_secret"  # noqa: S105
ADMIN_SECRET_NAME: Final = "admin_secret"  # noqa: S105

SECRET_BYTES: Final = 32  # 256 bits
MAX_FILE_BYTES: Final = 4096

# What may stand behind `Bearer` (RFC 6750 §2.1), and long enough not to be guessed.
_FORM = re.compile(r"[A-Za-z0-9._~+/-]{32,512}=*")
_RULE = "must be 32 to 512 of the characters A-Z a-z 0-9 . _ ~ + / -"


class Secret:
    """A text that does not show itself; ``reveal`` is for the wire only."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def random(cls, kind: str) -> "Secret":
        """Return a new secret of 256 bits, `ilo_<kind>_` before it so that logs know it."""
        return cls(f"ilo_{kind}_{secrets.token_urlsafe(SECRET_BYTES)}")

    def reveal(self) -> str:
        return self._text

    def matches(self, shown: str) -> bool:
        """Tell whether ``shown`` is this secret, in constant time."""
        return compare_digest(self._text.encode(), shown.encode("utf-8", "surrogatepass"))

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not to be copied out of its process")


def node_secrets(settings: Settings, environment: Mapping[str, str]) -> tuple[Secret, ...]:
    """Return the one or two secrets that nodes share, the one to send first.

    Made in `data_dir` when the operator has named none.

    Raises:
        CommandRefused: a file or a variable is not right.
    """
    if settings.node_secret_files:
        _refuse_both(NODE_SECRET_VARIABLE, "node_secret_file", environment)
        return tuple(_read(file) for file in settings.node_secret_files)
    if (text := environment.get(NODE_SECRET_VARIABLE)) is not None:
        parts = text.split()
        if not 1 <= len(parts) <= 2:
            raise CommandRefused(f"{NODE_SECRET_VARIABLE}: must be one secret, or two")
        return tuple(_checked(part, NODE_SECRET_VARIABLE) for part in parts)
    return (_read_or_make(settings.data_dir, NODE_SECRET_NAME, "n"),)


def admin_secret(
    settings: Settings, environment: Mapping[str, str], *, make: bool = True
) -> Secret:
    """Return the admin credential; ``make`` it in `data_dir` when there is none.

    Raises:
        CommandRefused: the file or the variable is not right, or is missing.
    """
    if settings.admin_secret_file is not None:
        _refuse_both(ADMIN_SECRET_VARIABLE, "admin_secret_file", environment)
        return _read(settings.admin_secret_file)
    if (text := environment.get(ADMIN_SECRET_VARIABLE)) is not None:
        return _checked(text.strip(), ADMIN_SECRET_VARIABLE)
    if not make:
        return _read(settings.data_dir / ADMIN_SECRET_NAME)
    return _read_or_make(settings.data_dir, ADMIN_SECRET_NAME, "a")


def node_secret_place(settings: Settings, environment: Mapping[str, str]) -> str:
    """Return in words where the node secret is."""
    if settings.node_secret_files:
        return str(settings.node_secret_files[0].absolute())
    if NODE_SECRET_VARIABLE in environment:
        return f"the environment variable {NODE_SECRET_VARIABLE}"
    return str((settings.data_dir / NODE_SECRET_NAME).absolute())


def admin_secret_place(settings: Settings, environment: Mapping[str, str]) -> str:
    """Return in words where the admin credential is."""
    if settings.admin_secret_file is not None:
        return str(settings.admin_secret_file.absolute())
    if ADMIN_SECRET_VARIABLE in environment:
        return f"the environment variable {ADMIN_SECRET_VARIABLE}"
    return str((settings.data_dir / ADMIN_SECRET_NAME).absolute())


def cassandra_password(options: CassandraOptions, environment: Mapping[str, str]) -> Secret | None:
    """Return the password of `Cassandra_user`, as it stands there; None without a user.

    Raises:
        CommandRefused: the file or the variable is not right, or is missing.
    """
    if options.user is None:
        return None
    if options.password_file is not None:
        _refuse_both(CASSANDRA_PASSWORD_VARIABLE, "Cassandra_password_file", environment)
        place, content = str(options.password_file), _content(options.password_file)
    elif (text := environment.get(CASSANDRA_PASSWORD_VARIABLE)) is not None:
        place, content = CASSANDRA_PASSWORD_VARIABLE, text.encode("utf-8", "surrogateescape")
    else:
        raise CommandRefused(
            "Cassandra_user: its password is missing: Cassandra_password_file, or"
            f" {CASSANDRA_PASSWORD_VARIABLE}"
        )
    try:
        password = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise CommandRefused(f"{place}: is not UTF-8") from None
    if not password or "\0" in password:
        raise CommandRefused(f"{place}: must be a password, which is not empty")
    return Secret(password)


def make_private_folder(folder: Path) -> None:
    """Make ``folder`` with mode 0700 where it is not there yet.

    Raises:
        CommandRefused: it cannot be made, or others may write in it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = folder.stat().st_mode
    except OSError as error:
        raise CommandRefused(f"{folder}: cannot be made: {error.strerror}") from None
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CommandRefused(f"{folder}: others may write in it; chmod 700 {folder}")


def _refuse_both(variable: str, key: str, environment: Mapping[str, str]) -> None:
    if variable in environment:
        raise CommandRefused(f"{variable}: {key} is set too; use one of them")


def _checked(text: str, place: str) -> Secret:
    if not _FORM.fullmatch(text):
        raise CommandRefused(f"{place}: {_RULE}")
    return Secret(text)


def _read(file: Path) -> Secret:
    try:
        return _checked(_content(file).decode("ascii").strip(), str(file))
    except UnicodeDecodeError:
        raise CommandRefused(f"{file}: {_RULE}") from None


def _content(file: Path) -> bytes:
    try:
        # Looked at through the open file: the name might lead elsewhere a moment later.
        # Without waiting, should it be a pipe.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            _check_owner_only(file, status)
            return stream.read(MAX_FILE_BYTES)
    except OSError as error:
        raise CommandRefused(f"{file}: cannot be read: {error.strerror}") from None


def _check_owner_only(file: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise CommandRefused(f"{file}: is not a file")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise CommandRefused(f"{file}: others may use this secret; chmod 600 {file}")


def _read_or_make(folder: Path, name: str, kind: str) -> Secret:
    make_private_folder(folder)
    file = folder / name
    if not file.exists():
        try:
            _make(file, Secret.random(kind))
        except OSError as error:
            raise CommandRefused(f"{file}: cannot be made: {error.strerror}") from None
    # Always read back: of two that start at once, one has made it for both.
    return _read(file)


def _make(file: Path, secret: Secret) -> None:
    """Make ``file`` whole and durable in one step, unless it is there by then."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secret.reveal() + "\n")
            stream.flush()
            os.fsync(descriptor)
        try:
            os.link(draft, file)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
