"""What the operator says of Cassandra: the keys `Cassandra_...` of `general_config.yaml`."""

import ssl
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ilo.hosts import is_loopback

PORT: Final = 9042
KEYSPACE: Final = "ilo"

_DEFAULTS: Final[Mapping[str, object]] = {"Cassandra_port": PORT, "Cassandra_keyspace": KEYSPACE}

Note = Callable[[str, str], None]
"""Takes a key, and the rule that it breaks."""


@dataclass(frozen=True, slots=True)
class CassandraOptions:
    """The files are PEM, but ``password_file``; ``tls_certificate`` and ``tls_key`` are both
    there or both None."""

    addresses: tuple[str, ...]
    port: int = PORT
    keyspace: str = KEYSPACE
    datacenter: str | None = None
    user: str | None = None
    password_file: Path | None = None
    tls_ca: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    @property
    def tells_password_in_clear(self) -> bool:
        far = [host for host in self.addresses if not is_loopback(host)]
        return self.user is not None and self.tls_ca is None and bool(far)

    def tls_context(self) -> ssl.SSLContext | None:
        """Return what to connect with; None is in clear.

        Raises:
            OSError: a file cannot be read; `ssl.SSLError`: it is not what it should be.
        """
        if self.tls_ca is None:
            return None
        # These authorities alone, not those that the system trusts.
        context = ssl.create_default_context(cafile=self.tls_ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.tls_certificate is not None:
            # A password of none: an encrypted key must not make the start ask the terminal.
            context.load_cert_chain(self.tls_certificate, self.tls_key, password=lambda: b"")
        return context


def cassandra_options(
    config: Mapping[str, Any], folder: Path, note: Note
) -> CassandraOptions | None:
    """Return what ``config``, which fits the schema, says of Cassandra; None without an address.

    What is wrong is told to ``note``, and the options are of no use then.
    """
    if (given := config.get("Cassandra_address")) is None:
        for key, value in config.items():
            # Nobody shall believe that data go where they do not; a default says nothing.
            if key.startswith("Cassandra_") and _DEFAULTS.get(key) != value:
                note(key, "goes with Cassandra_address, which is missing")
        return None

    def path(key: str) -> Path | None:
        return folder / config[key] if key in config else None

    texts = given.split(",") if isinstance(given, str) else given
    options = CassandraOptions(
        addresses=tuple(dict.fromkeys(text.strip() for text in texts)),
        port=int(config.get("Cassandra_port", PORT)),
        keyspace=config.get("Cassandra_keyspace", KEYSPACE),
        datacenter=config.get("Cassandra_datacenter"),
        user=config.get("Cassandra_user"),
        password_file=path("Cassandra_password_file"),
        tls_ca=path("Cassandra_tls_ca"),
        tls_certificate=path("Cassandra_tls_certificate"),
        tls_key=path("Cassandra_tls_key"),
    )
    _check_pairs(options, note)
    _check_files(options, note)
    return options


def _check_pairs(options: CassandraOptions, note: Note) -> None:
    if options.password_file is not None and options.user is None:
        note("Cassandra_password_file", "goes with Cassandra_user, which is missing")
    if options.tls_certificate is not None and options.tls_key is None:
        note("Cassandra_tls_certificate", "goes with Cassandra_tls_key, which is missing")
    if options.tls_key is not None and options.tls_certificate is None:
        note("Cassandra_tls_key", "goes with Cassandra_tls_certificate, which is missing")
    if options.tls_certificate is not None and options.tls_ca is None:
        note("Cassandra_tls_certificate", "goes with Cassandra_tls_ca, which is missing")


def _check_files(options: CassandraOptions, note: Note) -> None:
    readable = True
    for key, file in (
        ("Cassandra_tls_ca", options.tls_ca),
        ("Cassandra_tls_certificate", options.tls_certificate),
        ("Cassandra_tls_key", options.tls_key),
    ):
        if file is None:
            continue
        try:
            file.open("rb").close()
            if key.endswith("key") and file.stat().st_mode & stat.S_IRWXO:
                note(key, "others may read or write the file: chmod 600 it")
        except OSError as error:
            readable = False
            note(key, f"the file cannot be read: {error.strerror}")
    if not readable:
        return
    try:
        options.tls_context()
    except OSError:
        key = "Cassandra_tls_ca" if options.tls_certificate is None else "Cassandra_tls_certificate"
        note(key, "it, or a file beside it, is not in PEM form, or key and certificate are no pair")
