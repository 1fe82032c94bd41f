"""What the original's documents promise, promise by promise, with their own values.

One running `ilo serve` has to keep most of them. The number in a test's name is the row of
the list of promises; `test_rows.py` knows all of them.
"""

import asyncio
import json
import re
import shutil
import ssl
import stat
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import openapi_spec_validator
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from jsonschema import Draft7Validator, Draft202012Validator
from websockets.asyncio.client import connect

from tests.original.documents import (
    API_KEY_FORM,
    LOGGING_CONFIG,
    OPENSSL,
    OPENSSL_CONFIG,
    PASSWORD,
    PUBLIC_KEY,
    USERNAME,
)
from tests.support.api_servers import serving
from tests.support.ilo_process import ILO, ROOT, IloProcess, running, write_config
from tests.support.system_client import Person, SystemClient, messages, some_name, visiting


@pytest.fixture(scope="module")
def ilo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IloProcess]:
    folder = tmp_path_factory.mktemp("original")
    (folder / "logging_config.yaml").write_text(LOGGING_CONFIG)
    with running(folder) as started:
        yield started


@pytest.fixture
async def client(ilo: IloProcess) -> AsyncIterator[SystemClient]:
    async with visiting(ilo) as visitor:
        yield visitor


def ilo_command(*arguments: str, cwd: Path = ROOT) -> str:
    """Run `ilo` and return what it prints."""
    done = subprocess.run(
        [*ILO, *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


async def cookielover(client: SystemClient, name: str) -> Person:
    """Register and log in with the documents' values, but for the name."""
    key = await client.make_key()
    body = {
        "username": name,
        "password": PASSWORD,
        "public_key": PUBLIC_KEY,
        "api_key": key,
    }
    assert (await client.rest.post("/user", json=body)).status_code == 201
    return await client.log_in(name, key, password=PASSWORD)


async def test_o01_a_key_is_a_uuid_in_detail(client: SystemClient) -> None:
    answer = await client.rest.post("/key")

    key = answer.json()["detail"]
    assert answer.status_code == 201
    assert str(uuid.UUID(key)) == key
    assert len(key) == len(API_KEY_FORM)
    # The documents' own is of version 5: no version is asked for, only whether it is known.
    body = {
        "username": some_name(),
        "password": PASSWORD,
        "public_key": PUBLIC_KEY,
        "api_key": API_KEY_FORM,
    }
    unknown = await client.rest.post("/user", json=body)
    assert (unknown.status_code, unknown.json()["type"]) == (401, "/problems/unknown-api-key")


async def test_o02_o03_o04_an_account_as_the_documents_show_it(client: SystemClient) -> None:
    key = await client.make_key()
    account = {
        "username": USERNAME,
        "password": PASSWORD,
        "public_key": PUBLIC_KEY,
        "api_key": key,
    }
    login = {"username": USERNAME, "password": PASSWORD, "api_key": key}
    rest = client.rest

    registered = await rest.post("/user", json=account)
    logged_in = await rest.put("/user", json=login)
    bearer = {"Authorization": f"Bearer {logged_in.json()['token']}"}
    looked_up = await rest.get(f"/user/{USERNAME}", headers=bearer)
    exists = await rest.head(f"/user/{USERNAME}", headers=bearer)
    nobody = await rest.head("/user/nobody", headers=bearer)
    stranger = await rest.get(f"/user/{USERNAME}")
    deleted = await rest.delete(f"/user/{USERNAME}", headers=bearer)

    assert (registered.status_code, registered.json()["detail"]) == (
        201,
        f"Successfully created {USERNAME}",
    )
    assert (logged_in.status_code, logged_in.json()["detail"]) == (
        200,
        f"Successful Login for {USERNAME}",
    )
    assert looked_up.json()["detail"] == PUBLIC_KEY
    assert (exists.status_code, nobody.status_code, stranger.status_code) == (200, 404, 401)
    assert deleted.status_code == 200
    assert (await rest.put("/user", json=login)).status_code == 401


@pytest.mark.parametrize(
    ("password", "status"),
    [
        (PASSWORD, 201),
        ("Aa1!Aa1", 400),
        ("Aa1!Aa1x", 201),
        ("NoNumberHere!", 400),
        ("no-upper-case-57!", 400),
        ("NO-LOWER-CASE-57!", 400),
        ("NoOtherCharacter57", 400),
        ("Κωδικός-πολύ-καλός-٧", 201),
    ],
)
async def test_o05_passwords(client: SystemClient, password: str, status: int) -> None:
    body = {
        "username": some_name(),
        "password": password,
        "public_key": PUBLIC_KEY,
        "api_key": await client.make_key(),
    }

    assert (await client.rest.post("/user", json=body)).status_code == status


async def test_o06_passwords_are_kept_as_argon2id(client: SystemClient) -> None:
    await client.newcomer()

    data = client.ilo.data_dir
    kept = b"".join(file.read_bytes() for file in data.glob("ilo.db*"))
    assert b"$argon2id$" in kept
    assert PASSWORD.encode() not in kept


@pytest.mark.parametrize("name", ["Ωρίων", "мария", "山田太郎", "ann🍪", "שרה", "👩‍🚀"])
async def test_o07_names_and_messages_in_any_script(client: SystemClient, name: str) -> None:
    person = await cookielover(client, name)
    socket, _ = await client.join(person, "scripts")
    text = f"{name} sagt: γειά, привет, 你好, שלום, 👋🏽"

    await socket.say(text)
    [heard] = await messages(socket, 1)

    assert (heard["sender"], heard["data"]["message"]) == (name, text)


async def test_o08_o09_everybody_in_the_room_hears_it_and_nobody_else(
    client: SystemClient,
) -> None:
    ann, bob = await client.newcomer(), await client.newcomer()
    anns, bobs, elsewhere = [
        (await client.join(person, room))[0]
        for person, room in ((ann, "chat"), (bob, "chat"), (bob, "Chat"))
    ]

    # The frame as the documents have it, and nothing more.
    await anns.say("hi there")
    heard = [(await messages(socket, 1))[0] for socket in (anns, bobs)]
    await elsewhere.say("another room")
    [there] = await messages(elsewhere, 1)

    assert heard[0] == heard[1]
    assert heard[0]["data"] == {"message": "hi there"}
    assert (heard[0]["room"], there["room"], there["seq"]) == ("chat", "Chat", 1)


async def test_o10_plain_text_and_any_cipher_are_forwarded_unread(client: SystemClient) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    texts = [
        "in plain text",
        "",
        key.public_key().encrypt(b"secret", oaep).hex(),
        '{"looks": ["like", "JSON"]}',
        "<script>alert(1)</script>",
        "a" * 100_000,
    ]
    ann = await client.newcomer()
    socket, _ = await client.join(ann, "ciphers")

    for text in texts:
        await socket.say(text)
    heard = [frame["data"]["message"] for frame in await messages(socket, len(texts))]

    assert heard == texts
    assert key.decrypt(bytes.fromhex(heard[2]), oaep) == b"secret"


async def test_o11_only_who_is_logged_in_gets_in_and_potion_is_asked_once(
    client: SystemClient,
) -> None:
    ann = await client.newcomer()
    before = client.ilo.output.text.count("told a relay whose token it is")

    _, stranger, _ = await client.knock("chat")
    socket, _ = await client.join(ann, "chat")
    for number in range(3):
        await socket.say(f"message {number}")
    await messages(socket, 3)

    assert stranger == 401
    assert client.ilo.output.text.count("told a relay whose token it is") == before + 1
    # Only a relay with the secret may ask, from this address too.
    question = {"token": ann.token, "token_type_hint": "session", "nonce": "A" * 22}
    assert (await client.rest.post("/potion", data=question)).status_code == 401


async def test_o13_the_logging_sample_loads_and_its_loggers_speak(client: SystemClient) -> None:
    person = await client.newcomer()
    await client.join(person, "logged")

    for logger, about in (
        ("key", "made an API key"),
        ("user", person.name),
        ("potion", person.name),
    ):
        assert re.search(
            rf"^\[{logger} \| [A-Z]+\]:\d+ - .*{re.escape(about)}",
            client.ilo.output.text,
            re.MULTILINE,
        )


async def test_o15_the_pages_and_the_schema_are_there(client: SystemClient) -> None:
    docs, redoc, contract = [
        await client.rest.get(path) for path in ("/docs", "/redoc", "/openapi.json")
    ]

    assert [page.status_code for page in (docs, redoc, contract)] == [200] * 3
    assert "swagger" in docs.text.lower()
    assert "redoc" in redoc.text.lower()
    for page in (docs, redoc):
        # All of it comes from this very server.
        assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page.text)
    schemas = contract.json()["components"]["schemas"]
    user = schemas["User"]
    titles = [
        schemas[field["$ref"].rpartition("/")[2]]["title"] for field in user["properties"].values()
    ]
    assert user["title"] == "User"
    assert titles == ["Username", "Password", "Public Key", "Api Key"]
    # What does not fit is rejected.
    assert (await client.rest.post("/user", json={"username": USERNAME})).status_code == 400


@pytest.mark.parametrize("name", ["openapi.yaml", "asyncapi.yaml"])
def test_o16_every_schema_is_one_by_the_open_standards(name: str) -> None:
    document = yaml.safe_load((ROOT / "spec" / name).read_text(encoding="utf-8"))
    if name == "openapi.yaml":
        openapi_spec_validator.validate(document)
    dialects = (Draft7Validator, Draft202012Validator)

    schemas = document["components"]["schemas"]

    assert len(schemas) > 10
    for schema in schemas.values():
        for dialect in dialects:
            dialect.check_schema(schema)


def test_o16_a_stock_generator_writes_a_client_that_works(ilo: IloProcess, tmp_path: Path) -> None:
    contract = yaml.safe_load((ROOT / "spec/openapi.yaml").read_text(encoding="utf-8"))
    operations = {
        operation["operationId"]
        for path in contract["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict) and "operationId" in operation
    }
    generate = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    generate += ["--path", str(ROOT / "spec/openapi.yaml"), "--output-path", "ilo_client"]
    makes_a_key = (
        "import sys, ilo_client\n"
        "from ilo_client.api.keys import create_key\n"
        "client = ilo_client.Client(sys.argv[1], httpx_args={'trust_env': False})\n"
        "print(create_key.sync(client=client).detail)\n"
    )

    subprocess.run(generate, cwd=tmp_path, check=True, capture_output=True)
    written = {file.stem for file in tmp_path.glob("ilo_client/api/*/*.py")}
    done = subprocess.run(
        [sys.executable, "-c", makes_a_key, ilo.api_url],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert operations <= written
    assert done.returncode == 0, done.stderr
    assert str(uuid.UUID(done.stdout.strip())) == done.stdout.strip()


async def test_o17_a_client_needs_websockets_and_json_only(client: SystemClient) -> None:
    name = some_name()
    key = (await client.rest.post("/key")).json()["detail"]
    account = {"username": name, "password": PASSWORD, "api_key": key}
    await client.rest.post("/user", json={**account, "public_key": PUBLIC_KEY})
    login = (await client.rest.put("/user", json=account)).json()

    async with asyncio.timeout(30):
        async with connect(
            f"{login['relay_url']}/ws/chat-o17",
            additional_headers={"Authorization": f"Bearer {login['token']}"},
            proxy=None,
        ) as socket:
            await socket.send(json.dumps({"data": {"message": "hi"}}))
            frames = [json.loads(await socket.recv()) for _ in range(3)]

    first, *others = [frame["type"] for frame in frames]
    assert first == "welcome"
    assert set(others) == {"message", "ack"}


def test_o20_the_localhost_certificate(tmp_path: Path) -> None:
    ilo_command("cert", cwd=tmp_path)

    certificate = x509.load_pem_x509_certificate((tmp_path / "localhost.crt").read_bytes())
    key_mode = stat.S_IMODE((tmp_path / "localhost.key").stat().st_mode)
    public_key = certificate.public_key()
    extensions = certificate.extensions
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    extended = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    [common_name] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert isinstance(public_key, rsa.RSAPublicKey)
    assert public_key.key_size == 2048
    assert common_name.value == "localhost"
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == {
        "127.0.0.1",
        "::1",
    }
    assert usage.digital_signature
    assert ExtendedKeyUsageOID.SERVER_AUTH in extended
    assert key_mode == 0o600


def test_o21_o20_the_ports_are_the_originals() -> None:
    example = ilo_command("config", "example")

    assert re.search(r"^api_listen: .*:7999\b", example, re.MULTILINE)
    assert re.search(r"^relay_listen: .*:4000\b", example, re.MULTILINE)


@pytest.mark.parametrize("server", ["uvicorn", "waitress"])
async def test_o19_the_api_runs_on_asgi_with_uvicorn_and_on_wsgi_with_waitress(
    tmp_path: Path, server: str
) -> None:
    with serving(tmp_path / "config", server) as started:
        async with httpx.AsyncClient(base_url=started.url, trust_env=False) as http:
            key = (await http.post("/key")).json()["detail"]
            account = {"username": USERNAME, "password": PASSWORD, "api_key": key}
            registered = await http.post("/user", json={**account, "public_key": PUBLIC_KEY})
            logged_in = await http.put("/user", json=account)

    assert len(key) == len(API_KEY_FORM)
    assert (registered.status_code, logged_in.status_code) == (201, 200)


@pytest.fixture
def with_certificate(tmp_path: Path) -> Path:
    """A folder in which the documents' openssl command was run."""
    (tmp_path / "openssl.cnf").write_text(OPENSSL_CONFIG)
    subprocess.run(OPENSSL, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
async def test_o20_run_sh_starts_it_with_the_documents_certificate(
    with_certificate: Path,
) -> None:
    write_config(with_certificate)
    trusting = ssl.create_default_context(cafile=with_certificate / "localhost.crt")
    # From Python 3.13 on: asks for key identifiers, which not every openssl adds by itself.
    trusting.verify_flags &= ~ssl.VERIFY_X509_STRICT
    ilo = run_sh(with_certificate)

    try:
        ilo.start()
        api = f"https://localhost:{ilo.api_port}"
        async with httpx.AsyncClient(base_url=api, verify=trusting, trust_env=False) as http:
            client = SystemClient(ilo, http)
            person = await client.newcomer()
        async with connect(
            f"wss://localhost:{ilo.relay_port}/ws/chat",
            ssl=trusting,
            additional_headers=person.bearer,
            proxy=None,
        ) as socket:
            welcome = json.loads(await socket.recv())
        code, _ = ilo.terminate()
    finally:
        ilo.kill()

    assert ilo.api_url.startswith("https://")
    assert (welcome["type"], welcome["username"]) == ("welcome", person.name)
    assert code == 0


def test_o20_run_sh_without_a_certificate_says_how_to_make_one(tmp_path: Path) -> None:
    ilo = run_sh(tmp_path)
    ilo.launch()

    assert ilo.wait() == 1
    [said] = ilo.output.text.splitlines()
    assert said.startswith(f"run.sh: there is no localhost.crt in {tmp_path}; to make both: ")
    # And so it is.
    made = said.partition("to make both: ")[2]
    subprocess.run(made, shell=True, cwd=tmp_path, check=True, capture_output=True)  # noqa: S602
    assert (tmp_path / "localhost.key").exists()


def run_sh(folder: Path) -> IloProcess:
    """Return `bash run.sh` in ``folder``, yet to be started; the folder's configuration holds."""
    bash = ("bash", str(ROOT / "run.sh"))
    # Arguments are handed on.
    return IloProcess(
        folder, ("--check-responses",), program=bash, environment={"PYTHON": sys.executable}
    )


def test_o22_the_site_is_built_by_mkdocs_with_css_img_and_js(tmp_path: Path) -> None:
    site = tmp_path / "site"

    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(site)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    suffixes = {file.suffix for file in site.rglob("*")}
    assert {".html", ".css", ".js"} <= suffixes
    assert {".svg", ".png"} & suffixes


async def test_o23_both_halves_run_at_once_without_a_console_or_cassandra(
    ilo: IloProcess,
) -> None:
    doors = (ilo.api_url, "http" + ilo.relay_url.removeprefix("ws"))

    # Its standard input is closed, and one process serves both.
    async with httpx.AsyncClient(trust_env=False) as http:
        answers = [
            await http.get(f"{door}{path}") for door in doors for path in ("/health", "/ready")
        ]

    assert [answer.status_code for answer in answers] == [200] * 4
