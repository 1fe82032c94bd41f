"""What a `general_config.yaml` becomes, and what is refused in it."""

from dataclasses import replace
from pathlib import Path

import pytest

from ilo.banner import banner
from ilo.cassandra_options import CassandraOptions
from ilo.config_schema import config_schema
from ilo.refusals import ConfigRefused
from ilo.settings import Listen, Settings, load_settings
from services.limits import Limits, Rates

# Stands for a secret that was put in the wrong place.
CANARY = "hunter22-canary"


def load(folder: Path, text: str | bytes) -> Settings:
    content = text.encode() if isinstance(text, str) else text
    (folder / "general_config.yaml").write_bytes(content)
    return load_settings(folder)


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(ConfigRefused) as caught:
        load(folder, text)
    for line in caught.value.lines:
        assert line.startswith(str(folder / "general_config.yaml"))
    assert CANARY not in str(caught.value)
    return str(caught.value).replace(str(folder / "general_config.yaml"), "FILE")


def test_without_a_file_the_defaults_hold_and_the_source_says_so(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)

    assert settings == Settings(
        data_dir=tmp_path / "ilo-data", folder=tmp_path, source=settings.source
    )
    assert "defaults" in settings.source
    assert "no general_config.yaml" in settings.source


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused, match="there is no such folder"):
        load_settings(tmp_path / "missing")


def test_every_key_arrives(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
api_listen: "10.0.0.1:80"
relay_listen: "[2001:db8::1]:81"
Potion_IP: "[2001:db8::2]:81"
data_dir: /var/lib/ilo
api_url: https://api.example.org/
relay_url: wss://relay.example.org
allowed_origins: [https://chat.example.org, "http://localhost:8000"]
key_issuance: admin
session_lifetime_s: 60
limits: {frame_bytes: 2048, message_bytes: 1024, json_depth: 8}
rates: {keys_per_source_and_hour: 3}
behind_tls_proxy: true
trusted_proxies: [10.0.0.0/8, "::1"]
node_secret_file: [new, /etc/old]
admin_secret_file: admin
""",
    )

    assert settings == Settings(
        api_listen=Listen("10.0.0.1", 80),
        relay_listen=Listen("2001:db8::1", 81),
        potion_host="2001:db8::2",
        data_dir=Path("/var/lib/ilo"),
        api_url="https://api.example.org",
        given_relay_url="wss://relay.example.org",
        given_origins=("https://chat.example.org", "http://localhost:8000"),
        key_issuance="admin",
        session_lifetime_s=60,
        limits=Limits(frame_bytes=2048, message_bytes=1024, json_depth=8),
        rates=Rates(keys_per_source_and_hour=3),
        tls=None,
        behind_tls_proxy=True,
        trusted_proxies=("10.0.0.0/8", "::1/128"),
        node_secret_files=(tmp_path / "new", Path("/etc/old")),
        admin_secret_file=tmp_path / "admin",
        folder=tmp_path,
        source=str(tmp_path / "general_config.yaml"),
    )


def test_the_schema_has_the_defaults_of_the_code() -> None:
    rules = config_schema()["properties"]
    settings = Settings()

    for key, defaults in (("limits", Limits()), ("rates", Rates())):
        inner = rules[key]["properties"]
        assert inner.keys() == set(defaults.__slots__)
        for name, rule in inner.items():
            assert rule["default"] == getattr(defaults, name)
    assert rules["api_listen"]["default"] == settings.api_listen.netloc
    assert rules["relay_listen"]["default"] == settings.relay_listen.netloc
    assert rules["Potion_IP"]["default"] == settings.potion_host
    assert Path(rules["data_dir"]["default"]) == settings.data_dir
    for key in ("key_issuance", "session_lifetime_s", "behind_tls_proxy"):
        assert rules[key]["default"] == getattr(settings, key)
    assert rules["trusted_proxies"]["default"] == list(settings.trusted_proxies)


@pytest.mark.parametrize("key", ["limits", "rates"])
def test_each_number_may_be_at_its_bounds_and_not_beyond(tmp_path: Path, key: str) -> None:
    # The larger one of each pair that has an order, so that the bound alone is tried.
    lift = {
        "message_bytes": "frame_bytes: 327680",
        "public_key_bytes": "body_bytes: 65536",
        "connections_per_user_and_room": "connections_per_user: 10000",
    }
    drop = {
        "frame_bytes": "message_bytes: 256",
        "body_bytes": "public_key_bytes: 256",
        "connections_per_user": "connections_per_user_and_room: 1",
    }
    for name, rule in config_schema()["properties"][key]["properties"].items():
        others = [text for table in (lift, drop) if (text := table.get(name))]

        def config(value: int, name: str = name, others: list[str] = others) -> str:
            return f"{key}: {{{', '.join([f'{name}: {value}', *others])}}}"

        for bound in (rule["minimum"], rule["maximum"]):
            settings = load(tmp_path, config(bound))
            assert getattr(getattr(settings, key), name) == bound
        assert f"{key}.{name}: must be at least" in refusal(tmp_path, config(rule["minimum"] - 1))
        assert f"{key}.{name}: must be at most" in refusal(tmp_path, config(rule["maximum"] + 1))


def test_no_limit_can_exceed_the_contract() -> None:
    rules = config_schema()["properties"]["limits"]["properties"]
    contract = {
        "frame_bytes": 320 * 1024,
        "message_bytes": 256 * 1024,
        "public_key_bytes": 16 * 1024,
        "body_bytes": 64 * 1024,
        "json_depth": 32,
        "signal_bytes": 4096,
        "members_per_private_room": 400,
        "members_per_open_room": 10_000,
        "retention_s": 365 * 24 * 60 * 60,
        "retention_messages": 1_000_000,
    }

    assert {name: rules[name]["maximum"] for name in contract} == contract


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("relay_url: http://x", "relay_url: must be ws:// or wss://"),
        ("api_listen: 127.0.0.1", "api_listen: must be a host and a port"),
        ("api_listen: 127.0.0.1:65536", "api_listen: a port is at most 65535"),
        ("api_listen: 127.0.0.300:1", "api_listen: the host is not an IP address"),
        ("api_listen: '[::1::]:1'", "api_listen: the host is not an IP address"),
        ("api_listen: 7999", "api_listen: must be text"),
        ("api_lisen: x", "api_lisen: unknown key; did you mean api_listen?"),
        ("potion_ip: 127.0.0.1", "potion_ip: unknown key; did you mean Potion_IP?"),
        ("limits: {frames: 1}", "limits.frames: unknown key"),
        ("limits: []", "limits: must be a mapping of keys to values"),
        ("limits: {json_depth: yes}", "limits.json_depth: must be a whole number"),
        ("limits: {json_depth: 4.5}", "limits.json_depth: must be a whole number"),
        ("limits: {message_bytes: 2048, frame_bytes: 1024}", "limits.message_bytes: "),
        ("limits: {retention_s: 3599}", "limits.retention_s: must be at least 3600"),
        ("limits: {retention: 3600}", "limits.retention: unknown key"),
        ("limits: {body_bytes: 8192}", "limits.body_bytes: public_key_bytes must not"),
        ("key_issuance: OPEN", "key_issuance: must be one of open, admin"),
        ("behind_tls_proxy: 1", "behind_tls_proxy: must be true or false"),
        ("allowed_origins: ['*']", "allowed_origins.0: must be an origin"),
        ("allowed_origins: ['https://a:443']", "allowed_origins.0: browsers leave out"),
        ("allowed_origins: ['https://a', 'https://a']", "allowed_origins: must not name"),
        ("trusted_proxies: [10.0.0.1/8]", "trusted_proxies.0: must be an IP address, or"),
        ("trusted_proxies: [everyone]", "trusted_proxies.0: must be an IP address"),
        ("node_secret_file: [a, b, c]", "node_secret_file: must have at most 2"),
        ("node_secret_file: []", "node_secret_file: must have at least 1"),
        ("data_dir: ''", "data_dir: must be a path"),
        ("session_lifetime_s: 0", "session_lifetime_s: must be at least 1"),
        ("tls_key: k", "tls_key: goes with tls_certificate, which is missing"),
        ("tls_certificate: k", "tls_certificate: goes with tls_key, which is missing"),
        ("{tls_certificate: c, tls_key: k}", "tls_key: the file cannot be read: No such"),
        ("api_url: https://user@host", "api_url: must be http"),
        ("api_url: http://api.example.org", "api_url: must be https beyond loopback"),
        ("api_url: https://host:99999", "api_url: its host or port is not one"),
        ("Potion_IP: localhost", "Potion_IP: must be an IP address"),
        ("Potion_IP: 1.2.3.400", "Potion_IP: the host is not an IP address"),
        ("Potion_IP: 1.2.3.4:70000", "Potion_IP: a port is at most 65535"),
    ],
)
def test_what_is_wrong_is_named_with_key_and_rule(tmp_path: Path, text: str, rule: str) -> None:
    assert f"FILE: {rule}" in refusal(tmp_path, text)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    said = refusal(tmp_path, "aa: 1\nbb: 2\nkey_issuance: none\n")

    assert len(said.splitlines()) == 3


@pytest.mark.parametrize(
    "text",
    [
        f"api_listen: {CANARY}",
        f"limits: {CANARY}",
        f"limits: {{json_depth: {CANARY}}}",
        f"key_issuance: {CANARY}",
        f"api_url: https://{CANARY}@host/?{CANARY}",
        f"Potion_IP: {CANARY}",
        f"allowed_origins: [{CANARY}]",
        f"trusted_proxies: [{CANARY}]",
        f"session_lifetime_s: [{CANARY}, {{a: {CANARY}}}]",
        f"Cassandra_user: {CANARY}",
        f"admin_secret: {CANARY}",
        f"data_dir: !!python/name:{CANARY} x",
        f"data_dir: !{CANARY} x",
        f"data_dir: &{CANARY} x",
        f"data_dir: *{CANARY}",
        f'data_dir: "{CANARY}\\q"',
        f"data_dir: '{CANARY}",
        f"data_dir: x: {CANARY}",
        f"data_dir: {CANARY}\n  other: {CANARY}",
        f"{CANARY}",
        f"- {CANARY}",
    ],
)
def test_a_refusal_never_shows_a_value(tmp_path: Path, text: str) -> None:
    refusal(tmp_path, text)  # looks for the canary itself


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "FILE: is empty"),
        ("# nothing\n", "FILE: is empty"),
        ("a: 1\nb: {x: 1,\n   x: 2}\n", "FILE:3: x: the key stands there twice"),
        ("a: 1\na: 2\n", "FILE:2: a: the key stands there twice"),
        ("a: &x 1\nb: *x\n", "FILE:1: anchors (&) are not allowed"),
        ("a: *x\n", "FILE:1: aliases (*) are not allowed"),
        ("a: 1\nb: !!python/object/apply:os.getcwd []\n", "FILE:2: tags (!) are not allowed"),
        ("a: !!binary aGk=\n", "FILE:1: tags (!) are not allowed"),
        ("<<: {a: 1}\n", "FILE:1: merge keys (<<) are not allowed"),
        ("1: a\n", "FILE:1: a key must be text; put it in quotes"),
        ("[a]: a\n", "FILE:1: a key must be text; put it in quotes"),
        ("a: [\n", "FILE:2: is not valid YAML"),
        ("a: 1\n--- \nb: 2\n", "FILE:2: is not valid YAML"),
        ("a: \x01\n", "FILE: has characters that YAML does not allow"),
        (b"a: 1\nb: \xff\n", "FILE:2: is not UTF-8"),
        ("a: " + "[" * 17 + "]" * 17, "FILE:1: is nested deeper than 16"),
        ("a: " + "[" * 30_000, "FILE:1: is nested deeper than 16"),
        ("a: " + "1" * 10_000, "FILE: has a number that cannot be read"),
        ("a: x" + " " * 65_536, "FILE: is larger than 65536 bytes"),
        ("just words", "FILE: must be a mapping of keys to values"),
    ],
)
def test_yaml_that_can_be_read_in_more_than_one_way_is_refused(
    tmp_path: Path, text: str | bytes, rule: str
) -> None:
    assert rule in refusal(tmp_path, text)


def test_an_alias_bomb_is_refused_before_it_is_built(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]

    assert "FILE:1: anchors (&) are not allowed" in refusal(tmp_path, "\n".join(lines))


def test_the_original_file_is_right_as_it_stands(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        'Cassandra_address: "127.0.0.1"\nCassandra_keyspace: "ilo"\nPotion_IP: "0.0.0.0:4000"\n',
    )

    assert settings.cassandra == CassandraOptions(("127.0.0.1",), 9042, "ilo")
    assert settings.relay_listen == Listen("127.0.0.1", 4000)
    assert settings.warnings == ()


def test_without_cassandra_the_store_is_the_embedded_one(tmp_path: Path) -> None:
    assert load(tmp_path, "Cassandra_keyspace: ilo\nCassandra_port: 9042\n").cassandra is None


@pytest.mark.parametrize(
    ("said", "addresses"),
    [
        ('"10.0.0.1, 10.0.0.2,db3.example.org"', ("10.0.0.1", "10.0.0.2", "db3.example.org")),
        ("[10.0.0.1, db3.example.org]", ("10.0.0.1", "db3.example.org")),
        ('"::1"', ("::1",)),
        ('"10.0.0.1, 10.0.0.1"', ("10.0.0.1",)),
    ],
)
def test_several_nodes_are_a_list_or_one_text(
    tmp_path: Path, said: str, addresses: tuple[str, ...]
) -> None:
    options = load(tmp_path, f"Cassandra_address: {said}\n").cassandra

    assert options is not None
    assert options.addresses == addresses


@pytest.mark.parametrize(
    "said", ['""', '"127.0.0.1:9042"', "[127.0.0.1:9042]", '"a,,b"', "[]", '"a b"', "[a, a]"]
)
def test_an_address_of_cassandra_is_hosts_alone(tmp_path: Path, said: str) -> None:
    assert refusal(tmp_path, f"Cassandra_address: {said}\n").startswith("FILE: Cassandra_address")


@pytest.mark.parametrize(
    "said",
    [
        "Cassandra_keyspace: other",
        "Cassandra_port: 9043",
        "Cassandra_datacenter: dc1",
        "Cassandra_user: ilo",
        "Cassandra_password_file: x",
        "Cassandra_tls_ca: x",
    ],
)
def test_a_key_of_cassandra_without_an_address_is_refused(tmp_path: Path, said: str) -> None:
    """Or somebody might believe that data go there."""
    key = said.partition(":")[0]

    assert refusal(tmp_path, said) == f"FILE: {key}: goes with Cassandra_address, which is missing"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("Cassandra_password_file: x", "Cassandra_password_file: goes with Cassandra_user"),
        ("Cassandra_tls_ca: x", "Cassandra_tls_ca: the file cannot be read"),
        ("Cassandra_tls_ca: general_config.yaml", "Cassandra_tls_ca: it, or a file beside it"),
        ("Cassandra_tls_key: x", "Cassandra_tls_key: goes with Cassandra_tls_certificate"),
        ("Cassandra_tls_certificate: x", "Cassandra_tls_certificate: goes with Cassandra_tls_key"),
        ("Cassandra_keyspace: 'ilo\"; DROP'", "Cassandra_keyspace: must be letters, digits and _"),
        ("Cassandra_user: 'o\"r'", "Cassandra_user: must be a name without quotation marks"),
        ("Cassandra_password: x", "Cassandra_password: unknown key"),
    ],
)
def test_what_goes_with_cassandra_has_to_be_whole(tmp_path: Path, said: str, problem: str) -> None:
    assert f"FILE: {problem}" in refusal(tmp_path, f"Cassandra_address: 127.0.0.1\n{said}\n")


@pytest.mark.parametrize(("host", "warns"), [("127.0.0.1", False), ("10.0.0.1", True)])
def test_a_password_in_clear_beyond_this_machine_is_warned_of(
    tmp_path: Path, host: str, warns: bool
) -> None:
    settings = load(tmp_path, f"Cassandra_address: {host}\nCassandra_user: ilo\n")

    assert any("is sent in clear" in warning for warning in settings.warnings) == warns


@pytest.mark.parametrize(
    ("potion", "host", "port"),
    [
        ("0.0.0.0:4000", "0.0.0.0", 4000),  # noqa: S104
        ("10.1.2.3", "10.1.2.3", 4000),
        ("10.1.2.3:4001", "10.1.2.3", 4001),
        ("::1", "::1", 4000),
        ("::", "0.0.0.0", 4000),  # noqa: S104
        ("[0:0::1]:4002", "::1", 4002),
    ],
)
def test_potion_ip_is_who_may_ask_and_the_relays_default_port(
    tmp_path: Path, potion: str, host: str, port: int
) -> None:
    settings = load(tmp_path, f'Potion_IP: "{potion}"')

    assert settings.potion_host == host
    assert settings.relay_listen == Listen("127.0.0.1", port)


def test_potion_ip_and_relay_listen_must_agree_on_the_port(tmp_path: Path) -> None:
    same = load(tmp_path, "Potion_IP: 0.0.0.0:4001\nrelay_listen: 127.0.0.1:4001\n")
    said = refusal(tmp_path, "Potion_IP: 0.0.0.0:4000\nrelay_listen: 127.0.0.1:4001\n")

    assert same.relay_listen.port == 4001
    assert said == "FILE: Potion_IP: its port is not the one of relay_listen"


@pytest.mark.parametrize("key", ["api_listen", "relay_listen"])
@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "[::]", "chat.example.org"])  # noqa: S104
def test_beyond_loopback_tls_or_a_proxy_with_tls_is_needed(
    tmp_path: Path, key: str, host: str
) -> None:
    listen = f'{key}: "{host}:5000"\nrelay_url: wss://chat.example.org\n'

    assert refusal(tmp_path, listen).startswith(f"FILE: {key}: beyond loopback it needs")
    assert load(tmp_path, listen + "behind_tls_proxy: true\n").behind_tls_proxy


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "[::1]", "localhost"])
def test_loopback_needs_no_tls(tmp_path: Path, host: str) -> None:
    assert load(tmp_path, f'api_listen: "{host}:5000"').tls is None


def test_clients_must_be_told_one_address(tmp_path: Path) -> None:
    said = refusal(tmp_path, 'relay_listen: "0.0.0.0:4000"\nbehind_tls_proxy: true\n')

    assert said == "FILE: relay_url: is needed: relay_listen names no single address"


def test_relay_url_and_origins_follow_the_listeners() -> None:
    plain = Settings(api_listen=Listen("127.0.0.1", 8000), relay_listen=Listen("127.0.0.1", 4001))
    proxied = replace(plain, behind_tls_proxy=True, given_relay_url="wss://chat.example.org")
    bare = replace(proxied, given_origins=("https://a.example",))

    assert plain.relay_url == "ws://127.0.0.1:4001"
    assert plain.allowed_origins == (
        "http://127.0.0.1:8000",
        "http://localhost:8000",
        "http://127.0.0.1:4001",
    )
    assert proxied.relay_url == "wss://chat.example.org"
    assert proxied.allowed_origins[-1] == "https://chat.example.org"
    assert bare.allowed_origins == ("https://a.example",)


def test_a_file_that_others_may_write_is_warned_of(tmp_path: Path) -> None:
    settings = load(tmp_path, "key_issuance: admin")
    (tmp_path / "general_config.yaml").chmod(0o666)

    assert settings.warnings == ()
    assert "others may write this file" in load_settings(tmp_path).warnings[0]


def test_the_banner_says_where_everything_is() -> None:
    settings = Settings(
        api_listen=Listen("::1", 8000),
        data_dir=Path("/data"),
        source="/etc/ilo/general_config.yaml",
    )

    said = banner(settings, admin_secret_place="/data/admin_secret")
    relay_alone = banner(replace(settings, given_relay_url="wss://chat.example"), doors=["relay"])

    assert [line.split(maxsplit=1)[0] for line in said.splitlines()[1:]] == [
        "API",
        "in",
        "docs",
        "relay",
        "data",
        "admin",
        "configuration",
        "to",
    ]
    for place in (
        "http://[::1]:8000/docs",
        "ws://127.0.0.1:4000/ws/<room>",
        "/data/admin_secret",
        "/etc/ilo/general_config.yaml",
    ):
        assert place in said
    assert "API" not in relay_alone
    assert "wss://chat.example" in relay_alone


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "general_config.yaml").mkdir()

    with pytest.raises(ConfigRefused, match="is not a file"):
        load_settings(tmp_path)
