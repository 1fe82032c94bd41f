"""What the operator has set: `general_config.yaml`, checked at start, then passed along.

Nothing reads the file later, and no module holds the settings as a global.
"""

import re
import ssl
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from ilo.cassandra_options import CassandraOptions, cassandra_options
from ilo.config_schema import general_problems
from ilo.hosts import is_loopback
from ilo.refusals import ConfigRefused
from ilo.strict_yaml import read_yaml
from services.limits import Limits, Rates

__all__ = [
    "GENERAL_CONFIG",
    "ConfigRefused",
    "Listen",
    "Settings",
    "TlsSettings",
    "load_settings",
    "read_settings",
]

GENERAL_CONFIG: Final = "general_config.yaml"
MAX_PORT: Final = 65535
NOTHING_GIVEN: Final[Mapping[str, str]] = MappingProxyType({})

ANY_HOST: Final = "0.0.0.0"  # noqa: S104  # as a word of the configuration

# Pairs of a smaller limit and the one it must not exceed.
_ORDERED_LIMITS: Final = (
    ("message_bytes", "frame_bytes"),
    ("public_key_bytes", "body_bytes"),
    ("connections_per_user_and_room", "connections_per_user"),
)


class Listen(NamedTuple):
    """``host`` is an address or a name, IPv6 without brackets; port 0 is any free one."""

    host: str
    port: int

    @property
    def netloc(self) -> str:
        """Host and port as they stand in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


API_LISTEN: Final = Listen("127.0.0.1", 7999)
RELAY_LISTEN: Final = Listen("127.0.0.1", 4000)


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """PEM files; the key is not encrypted."""

    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """Return what a door serves with: TLS 1.2 and up.

        Raises:
            OSError: a file cannot be read; `ssl.SSLError`: they are no pair in PEM form.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A password of none: an encrypted key must not make the start ask the terminal.
        context.load_cert_chain(self.certificate, self.key, password=lambda: b"")
        return context


@dataclass(frozen=True, slots=True)
class Settings:
    """Every value with its default.

    ``given_...`` is what the operator set, None when nothing. ``source`` says in words
    where the values come from; ``warnings`` are whole sentences.
    """

    api_listen: Listen = API_LISTEN
    relay_listen: Listen = RELAY_LISTEN
    potion_host: str = "127.0.0.1"
    """Who may ask `/potion`: an address in its canonical form; "0.0.0.0" is any."""
    data_dir: Path = Path("ilo-data")
    api_url: str | None = None
    given_relay_url: str | None = None
    given_origins: tuple[str, ...] | None = None
    key_issuance: Literal["open", "admin"] = "open"
    session_lifetime_s: int = 30 * 24 * 60 * 60
    limits: Limits = field(default_factory=Limits)
    rates: Rates = field(default_factory=Rates)
    tls: TlsSettings | None = None
    behind_tls_proxy: bool = False
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks in CIDR form."""
    node_secret_files: tuple[Path, ...] = ()
    """At most two; the first is the one to send."""
    admin_secret_file: Path | None = None
    cassandra: CassandraOptions | None = None
    """None: the embedded store in ``data_dir``."""
    folder: Path = Path()
    source: str = "defaults"
    warnings: tuple[str, ...] = ()

    @property
    def clients_use_tls(self) -> bool:
        return self.tls is not None or self.behind_tls_proxy

    @property
    def api_origin(self) -> str:
        """Scheme, host and port of the API as this process listens."""
        return f"{'http' if self.tls is None else 'https'}://{self.api_listen.netloc}"

    @property
    def local_api_url(self) -> str:
        """Where this machine reaches the API that listens as set here."""
        listen = self.api_listen
        if _is_any(listen.host):
            listen = Listen("127.0.0.1" if ":" not in listen.host else "::1", listen.port)
        return f"{'http' if self.tls is None else 'https'}://{listen.netloc}"

    @property
    def relay_url(self) -> str:
        """What clients are told: scheme, host and port of the relay."""
        if self.given_relay_url is not None:
            return self.given_relay_url
        return f"{'wss' if self.clients_use_tls else 'ws'}://{self.relay_listen.netloc}"

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The exact origins whose pages may connect to the relay."""
        if self.given_origins is not None:
            return self.given_origins
        scheme = "https" if self.clients_use_tls else "http"
        hosts = [self.api_listen.netloc]
        if is_loopback(self.api_listen.host):
            hosts.append(f"localhost:{self.api_listen.port}")
        origins = [_origin(f"{scheme}://{host}") for host in hosts]
        # ws becomes http, wss https.
        origins.append(_origin("http" + self.relay_url.removeprefix("ws")))
        return tuple(dict.fromkeys(origins))


DEFAULTS: Final = Settings()


def load_settings(folder: Path, given: Mapping[str, str] = NOTHING_GIVEN) -> Settings:
    """Return what `general_config.yaml` in ``folder`` says; the defaults without it.

    ``given`` are keys of that file which the command line gives, and which win.

    Raises:
        ConfigRefused: the folder is not there, or what is said is not right.
    """
    if not folder.is_dir():
        raise ConfigRefused(str(folder), ["there is no such folder"])
    file = folder / GENERAL_CONFIG
    try:
        config, source, warnings = read_yaml(file), str(file.absolute()), _warnings(file)
    except FileNotFoundError:
        source = f"defaults (there is no {GENERAL_CONFIG} in {folder.absolute()})"
        config, warnings = {}, ()
    if given and isinstance(config, dict):
        config = {**config, **given}
        return _settings(config, folder, f"{file} with the command line", source, warnings)
    return _settings(config, folder, str(file), source, warnings)


def read_settings(file: Path) -> Settings:
    """Return what ``file`` says.

    Raises:
        ConfigRefused: the file is not right.
        FileNotFoundError: there is no such file.
    """
    config = read_yaml(file)
    return _settings(config, file.parent, str(file), str(file.absolute()), _warnings(file))


def _settings(
    config: object, folder: Path, place: str, source: str, warnings: tuple[str, ...]
) -> Settings:
    """Return what ``config`` says; ``place`` is where, for who made a mistake in it."""
    if problems := general_problems(config):
        raise ConfigRefused(place, problems)
    assert isinstance(config, dict)  # noqa: S101  # the schema has said so

    reader = _Reader(config, folder)
    settings = reader.settings(source, warnings)
    if reader.problems:
        raise ConfigRefused(place, reader.problems)
    return settings


def _is_any(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _origin(url: str) -> str:
    """Return the origin of ``url`` as browsers send it, without the scheme's own port."""
    parts = urlsplit(url.lower())
    default_port = ":443" if parts.scheme == "https" else ":80"
    return f"{parts.scheme}://{parts.netloc.removesuffix(default_port)}"


def _warnings(file: Path) -> tuple[str, ...]:
    others_may_write = file.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not others_may_write:
        return ()
    return (f"{file}: others may write this file; chmod go-w {file}",)


class _Reader:
    """Turns a configuration that fits the schema into settings; notes what still is wrong.

    After a problem the settings are of no use.
    """

    def __init__(self, config: Mapping[str, Any], folder: Path) -> None:
        self._config = config
        self._folder = folder
        self.problems: list[str] = []

    def settings(self, source: str, warnings: tuple[str, ...]) -> Settings:
        config = self._config
        potion_host, potion_port = self._potion()
        relay_listen = self._listen("relay_listen", DEFAULTS.relay_listen)
        if potion_port is not None:
            if "relay_listen" not in config:
                relay_listen = relay_listen._replace(port=potion_port)
            elif relay_listen.port != potion_port:
                self._note("Potion_IP", "its port is not the one of relay_listen")

        origins = config.get("allowed_origins")
        node_files = config.get("node_secret_file", [])
        cassandra = cassandra_options(config, self._folder, self._note)
        if cassandra is not None and cassandra.tells_password_in_clear:
            told = "Cassandra_user: without Cassandra_tls_ca its password is sent in clear"
            warnings = (*warnings, told)
        settings = Settings(
            api_listen=self._listen("api_listen", DEFAULTS.api_listen),
            relay_listen=relay_listen,
            potion_host=potion_host,
            data_dir=self._folder / config.get("data_dir", "ilo-data"),
            api_url=self._url("api_url"),
            given_relay_url=self._url("relay_url"),
            given_origins=None if origins is None else self._origins(origins),
            key_issuance=config.get("key_issuance", DEFAULTS.key_issuance),
            session_lifetime_s=int(config.get("session_lifetime_s", DEFAULTS.session_lifetime_s)),
            limits=Limits(**self._numbers("limits")),
            rates=Rates(**self._numbers("rates")),
            tls=self._tls(),
            behind_tls_proxy=config.get("behind_tls_proxy", False),
            trusted_proxies=self._networks(),
            node_secret_files=tuple(
                self._folder / name
                for name in ([node_files] if isinstance(node_files, str) else node_files)
            ),
            admin_secret_file=self._path("admin_secret_file"),
            cassandra=cassandra,
            folder=self._folder,
            source=source,
            warnings=warnings,
        )
        self._check_limits(settings.limits)
        self._check_exposure(settings)
        return settings

    def _note(self, key: str, rule: str) -> None:
        self.problems.append(f"{key}: {rule}")

    def _path(self, key: str) -> Path | None:
        name = self._config.get(key)
        return None if name is None else self._folder / name

    def _numbers(self, key: str) -> dict[str, int]:
        # 1.0 is an integer to JSON Schema.
        return {name: int(number) for name, number in self._config.get(key, {}).items()}

    def _port(self, key: str, text: str) -> int:
        port = int(text)
        if port > MAX_PORT:
            self._note(key, f"a port is at most {MAX_PORT}")
        return port

    def _listen(self, key: str, default: Listen) -> Listen:
        if (text := self._config.get(key)) is None:
            return default
        host, _, port = text.rpartition(":")
        if host.startswith("["):
            host = host[1:-1]
            self._address(key, host, IPv6Address)
        elif re.fullmatch(r"[0-9.]+", host):
            self._address(key, host, IPv4Address)
        return Listen(host, self._port(key, port))

    def _address(self, key: str, host: str, parse: Callable[[str], object]) -> str:
        try:
            return str(parse(host))
        except ValueError:
            self._note(key, "the host is not an IP address")
            return host

    def _potion(self) -> tuple[str, int | None]:
        text: str = self._config.get("Potion_IP", DEFAULTS.potion_host)
        host, port = text, None
        if text.startswith("["):
            host, _, rest = text[1:].partition("]")
            port = rest.removeprefix(":") or None
        elif text.count(":") == 1:
            host, _, port = text.partition(":")
        host = self._address("Potion_IP", host, ip_address)
        if _is_any(host):
            host = ANY_HOST
        return host, None if port is None else self._port("Potion_IP", port)

    def _url(self, key: str) -> str | None:
        if (url := self._config.get(key)) is None:
            return None
        try:
            parts = urlsplit(url)
            valid = parts.hostname is not None and (parts.port or 1) <= MAX_PORT
        except ValueError:
            valid = False
        if not valid:
            self._note(key, "its host or port is not one")
        return str(url).rstrip("/")

    def _origins(self, texts: list[str]) -> tuple[str, ...]:
        for index, text in enumerate(texts):
            if _origin(text) != text:
                self._note(
                    f"allowed_origins.{index}",
                    "browsers leave out the port that is the scheme's own: do so here",
                )
        return tuple(texts)

    def _networks(self) -> tuple[str, ...]:
        networks: list[str] = []
        for index, text in enumerate(self._config.get("trusted_proxies", [])):
            try:
                networks.append(str(ip_network(text)))
            except ValueError:
                self._note(
                    f"trusted_proxies.{index}",
                    "must be an IP address, or a network whose host bits are 0",
                )
        return tuple(networks)

    def _tls(self) -> TlsSettings | None:
        certificate, key = self._path("tls_certificate"), self._path("tls_key")
        if certificate is None and key is None:
            return None
        if certificate is None:
            self._note("tls_key", "goes with tls_certificate, which is missing")
            return None
        if key is None:
            self._note("tls_certificate", "goes with tls_key, which is missing")
            return None
        readable = True
        for name, file in (("tls_certificate", certificate), ("tls_key", key)):
            try:
                file.open("rb").close()
            except OSError as error:
                readable = False
                self._note(name, f"the file cannot be read: {error.strerror}")
        tls = TlsSettings(certificate, key)
        if readable:
            self._check_pair(tls)
        return tls

    def _check_pair(self, tls: TlsSettings) -> None:
        if tls.key.stat().st_mode & stat.S_IRWXO:
            self._note("tls_key", "others may read or write the file: chmod 600 it")
        try:
            tls.server_context()
        except OSError:
            self._note(
                "tls_certificate",
                "must be, with tls_key, a certificate and its unencrypted key in PEM form",
            )

    def _check_limits(self, limits: Limits) -> None:
        for smaller, larger in _ORDERED_LIMITS:
            if getattr(limits, smaller) > getattr(limits, larger):
                key = smaller if smaller in self._config["limits"] else larger
                self._note(f"limits.{key}", f"{smaller} must not be above {larger}")

    def _check_exposure(self, settings: Settings) -> None:
        if not settings.clients_use_tls:
            for key, listen in (
                ("api_listen", settings.api_listen),
                ("relay_listen", settings.relay_listen),
            ):
                if not is_loopback(listen.host):
                    self._note(
                        key,
                        "beyond loopback it needs tls_certificate and tls_key,"
                        " or behind_tls_proxy: true",
                    )
        if settings.given_relay_url is None and _is_any(settings.relay_listen.host):
            self._note("relay_url", "is needed: relay_listen names no single address")
        if settings.api_url is not None and not settings.behind_tls_proxy:
            parts = urlsplit(settings.api_url)
            if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
                self._note("api_url", "must be https beyond loopback, or behind_tls_proxy: true")
