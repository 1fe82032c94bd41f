"""What is logged, and that no secret is: with the real libraries at DEBUG, too."""

import io
import logging
import os
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from websockets.client import ClientProtocol
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from ilo.log_records import MAX_LINE_BYTES, CleanRecord, error_text, hide
from ilo.logs import DEFAULT_CONFIG, LineFormatter, check_logging
from ilo.redaction import Redactor
from ilo.refusals import ConfigRefused
from ilo.secrets import Secret

# Each in a form in which nothing but its own mark could show it.
PASSWORD = "Canary-Password-57!"
BODY = "canary body of a message"
API_KEY = "824a47ae-d0b9-5350-bffb-cc2ee48424a3"
TOKEN = "ilo_s_canaryTokenFz3rG0vJ8mYpQ1wXk5TnB7cLd9HsA2eU4iRo"
TICKET = "ilo_t_canaryTicketQm8xW2vN5bTfKcR7yJdL0pGhS3aZ9eUiVo1"
CANARIES = (PASSWORD, BODY, API_KEY, TOKEN[6:], TICKET[6:])


class Log:
    """Everything that is logged, as Ilo's formatter writes it."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(
            LineFormatter("[%(name)s | %(levelname)s]:%(lineno)s - %(message)s")
        )

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def line(self) -> str:
        """The only line, without the number of the line that logged it."""
        (line,) = self.text.splitlines()
        return line.partition(" - ")[2]


@pytest.fixture
def log() -> Iterator[Log]:
    root = logging.getLogger()
    factory, level, caught = logging.getLogRecordFactory(), root.level, Log()
    logging.setLogRecordFactory(CleanRecord)
    root.addHandler(caught.handler)
    root.setLevel(logging.DEBUG)
    # Another test may have started uvicorn, which configures its loggers for good.
    uvicorn = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error")]
    before = [(logger.level, logger.propagate) for logger in uvicorn]
    for logger in uvicorn:
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
    yield caught
    for logger, (its_level, propagates) in zip(uvicorn, before, strict=True):
        logger.setLevel(its_level)
        logger.propagate = propagates
    root.setLevel(level)
    root.removeHandler(caught.handler)
    logging.setLogRecordFactory(factory)


USER = logging.getLogger("user")


def assert_clean(text: str) -> None:
    assert not [canary for canary in CANARIES if canary in text]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"token {TOKEN} here", "token ilo_s_*** here"),
        (f"/ws/tea?t={TICKET}&x=1", "/ws/tea?t=ilo_t_***&x=1"),
        (f"ilo_r_{TOKEN[6:]}", "ilo_r_***"),
        ("Authorization: Bearer abc", "Authorization: ***"),
        (f"bearer {API_KEY}", "bearer ***"),
        ("(b'authorization', b'Bearer x y')", "(b'authorization', ***)"),
        (f"(b'ilo-api-key', b'{API_KEY}')", "(b'ilo-api-key', ***)"),
        (f'{{"password": "{PASSWORD}", "a": 1}}', '{"password": ***, "a": 1}'),
        (f'{{"password": "x\\"{PASSWORD}"}}', '{"password": ***}'),
        (f"{{'old_password': '{PASSWORD}'}}", "{'old_password': ***}"),
        (f'"{{\\"password\\": \\"{PASSWORD}\\"}}"', '"{\\"password\\": ***}"'),
        (f'{{"password": "{PASSWORD}', '{"password": ***'),
        (f"password={PASSWORD}&b=1", "password=***&b=1"),
        (f"api_key={API_KEY}", "api_key=***"),
        (f'{{"data": {{"message": "{BODY}"}}}}', '{"data": {"message": ***}}'),
        ("cookie: a=1; b=2", "cookie: ***"),
        ("Sec-WebSocket-Protocol: ilo.v1, ilo.ticket.x", "Sec-WebSocket-Protocol: ***"),
        ("token_type_hint=session", "token_type_hint=session"),
        ("the bearer is missing", "the bearer is missing"),
        ("made an API key: who=ann source=::1", "made an API key: who=ann source=::1"),
        ("changed a password: who=ann", "changed a password: who=ann"),
        ("admin_secret_file: /etc/ilo/admin", "admin_secret_file: /etc/ilo/admin"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, shown: str) -> None:
    assert Redactor().clean(text, 1024) == shown


def test_a_secret_of_this_process_is_taken_out_wherever_it_stands(log: Log) -> None:
    secret = Secret.random("n").reveal().removeprefix("ilo_n_")
    USER.info("fixed sentence %s", "x" + secret + "y")
    assert secret in log.text  # so that the next lines show something

    hide(secret)
    USER.info("fixed sentence %s", "x" + secret + "y")
    USER.info("field", extra={"where": secret})
    USER.info(f"x{secret}y")

    assert log.text.count(secret) == 1


def test_a_sentence_seen_before_is_searched_again_for_a_new_secret(log: Log) -> None:
    secret = "not-yet-known-to-be-secret"
    USER.info(f"say {secret}")
    hide(secret)
    USER.info(f"say {secret}")

    assert log.text.count(secret) == 1


def test_fields_stand_behind_the_sentence(log: Log) -> None:
    USER.info("logged in", extra={"user": "ann", "sessions": 2, "from_": "a b", "quote": 'x"'})

    assert log.line == 'logged in user=ann sessions=2 from_="a b" quote="x\\""'


def test_a_field_with_a_secrets_name_is_hidden_whatever_is_in_it(log: Log) -> None:
    USER.info(
        "refused",
        extra={
            "api_key": API_KEY,
            "new_password": PASSWORD,
            "token": 1234567,
            "session_token": [TOKEN],
            "Authorization": PASSWORD,
            "body": PASSWORD.encode(),
        },
    )

    assert_clean(log.text)
    assert "1234567" not in log.text
    assert "api_key=*** new_password=*** token=*** session_token=***" in log.text
    assert 'body="<19 bytes>"' in log.text


def test_a_handler_with_another_formatter_sees_clean_fields(log: Log) -> None:
    log.handler.setFormatter(logging.Formatter("%(message)s %(api_key)s %(args)s"))
    USER.info("key %s", TOKEN, extra={"api_key": API_KEY})

    assert log.text == "key ilo_s_*** *** ()\n"


def test_no_value_can_forge_a_line(log: Log) -> None:
    evil = "x\n[user | INFO]:1 - forged\r\x1b[2J\u2028\u202eevil\x00"
    USER.info("name %s", evil, extra={"user": evil})
    try:
        raise ValueError(evil)
    except ValueError:
        USER.exception("failed")

    lines = log.text.split("\n")
    assert [line for line in lines if line.startswith("[")] == [lines[0], lines[1]]
    assert all(line.isprintable() for line in lines)
    assert "name x\\x0a[user | INFO]:1 - forged\\x0d\\x1b[2J\\u2028\\u202eevil\\x00" in lines[0]


def test_emoji_and_scripts_stay_readable(log: Log) -> None:
    USER.info("logged in", extra={"user": "Ελένη👩‍👩‍👧"})

    assert log.line == "logged in user=Ελένη👩‍👩‍👧"


def test_no_line_is_longer_than_8_kib(log: Log) -> None:
    USER.info("long %s", "é" * 100_000, extra={f"f{n}": "ü" * 5_000 for n in range(30)})
    try:
        raise ValueError("x" * 100_000)
    except ValueError:
        USER.exception("failed")

    sizes = [len(line.encode()) for line in log.text.splitlines()]
    assert max(sizes) <= MAX_LINE_BYTES
    assert sizes[0] > MAX_LINE_BYTES - 100


def test_a_secret_at_the_cut_does_not_show_in_part() -> None:
    redactor = Redactor()
    secret = "S3cretWithoutAnyMark" * 4
    redactor.hide(secret)

    # A text is searched up to twice its bound; what was taken out has made room by then.
    for before in range(440, 540):
        text = secret * 20 + "b" * (before - 80) + secret * 10
        assert "S3" not in redactor.clean(text, 1024)


def test_a_secret_in_the_source_does_not_show_in_a_traceback(log: Log, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"int('x', base=len('{TOKEN}'))\n")
    try:
        runpy.run_path(str(program))
    except ValueError:
        USER.exception("failed", stack_info=True)

    assert_clean(log.text)
    assert "len('ilo_s_***'))" in log.text


def test_a_traceback_shows_the_place_and_no_secret(log: Log) -> None:
    def fail() -> None:
        try:
            raise KeyError(f"api_key={API_KEY}")
        except KeyError as error:
            raise RuntimeError(f"cannot use {TOKEN}") from error

    try:
        fail()
    except RuntimeError:
        USER.exception("failed")

    assert_clean(log.text)
    assert "in fail" in log.text
    assert "RuntimeError: cannot use ilo_s_***" in log.text
    assert "KeyError" in log.text
    assert all(line.startswith("  ") for line in log.text.splitlines()[1:])


def test_each_error_of_a_group_is_shown(log: Log) -> None:
    try:
        raise ExceptionGroup("both", [ValueError("one"), OSError("two")])
    except ExceptionGroup:
        USER.exception("failed")

    assert "ValueError: one" in log.text
    assert "OSError: two" in log.text


def test_of_other_libraries_errors_only_the_type_is_shown() -> None:
    class QuotingError(Exception):
        pass

    QuotingError.__module__ = "jsonschema.exceptions"

    assert BODY not in error_text(QuotingError(BODY))
    assert error_text(ValueError("the rule")) == "ValueError: the rule"


def test_arguments_that_do_not_fit_are_not_printed(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    USER.info("number %d", PASSWORD)

    assert log.line == "number %d (its arguments do not fit)"
    assert capsys.readouterr().err == ""


def _handshake(log: Log) -> tuple[ClientProtocol, ServerProtocol]:
    """Really shake hands, bytes and all, with both sides at DEBUG."""
    client = ClientProtocol(parse_uri(f"ws://localhost/ws/tea?secret={PASSWORD}"))
    server = ServerProtocol(subprotocols=None)
    request = client.connect()
    request.headers["Authorization"] = f"Bearer {TOKEN}"
    request.headers["Sec-WebSocket-Protocol"] = f"ilo.v1, ilo.ticket.{TICKET}"
    request.headers["Ilo-Api-Key"] = API_KEY
    request.headers["X-Other"] = BODY
    client.send_request(request)
    for data in client.data_to_send():
        server.receive_data(data)
    (event,) = server.events_received()
    assert isinstance(event, Request)
    server.send_response(server.accept(event))
    for data in server.data_to_send():
        client.receive_data(data)
    return client, server


def test_websockets_at_debug_shows_no_header_and_no_payload(log: Log) -> None:
    client, server = _handshake(log)
    client.send_text(BODY.encode())
    client.send_ping(PASSWORD.encode())
    client.send_binary(API_KEY.encode())
    client.send_close(1000, PASSWORD)
    for data in client.data_to_send():
        server.receive_data(data)

    assert_clean(log.text)
    assert f"< <Frame {len(BODY)}>" in log.text
    assert "= connection is OPEN" in log.text
    assert "websockets.server | DEBUG" in log.text
    assert "websockets.client | DEBUG" in log.text


def test_the_websockets_test_would_see_a_leak(log: Log) -> None:
    logging.setLogRecordFactory(logging.LogRecord)
    client, _ = _handshake(log)
    client.send_text(BODY.encode())

    assert [canary for canary in CANARIES if canary in log.text] == [
        PASSWORD,
        BODY,
        API_KEY,
        TOKEN[6:],
        TICKET[6:],
    ]


def test_a_refused_handshake_shows_no_header(log: Log) -> None:
    server = ServerProtocol()
    server.receive_data(
        f"GET /ws/x HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {PASSWORD}\r\n\r\n".encode()
    )
    (event,) = server.events_received()
    assert isinstance(event, Request)
    server.send_response(server.accept(event))

    assert_clean(log.text)
    assert "invalid handshake" in log.text
    assert "InvalidHeaderValue" in log.text


class _Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Set-Cookie", PASSWORD)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the client is what is looked at."""


@pytest.fixture
def http_server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_httpx_at_debug_shows_no_header_query_or_body(log: Log, http_server: str) -> None:
    answer = httpx.post(
        f"{http_server}/potion?x={BODY.replace(' ', '%20')}-{PASSWORD}",
        headers={"Authorization": f"Bearer {TOKEN}", "Ilo-Api-Key": API_KEY},
        data={"token": TICKET},
    )

    assert answer.status_code == 200
    assert_clean(log.text)
    assert "[httpx | INFO]" in log.text
    assert "[httpcore.http11 | DEBUG]" in log.text
    assert "send_request_headers.started" in log.text


@pytest.mark.parametrize("name", ["connexion.security", "uvicorn.error", "some.library"])
def test_a_librarys_debug_line_shows_no_values(log: Log, name: str) -> None:
    library = logging.getLogger(name)
    library.debug("got %s and %r of %d", PASSWORD, {"x": BODY}, 5, extra={"scope": API_KEY})
    library.debug("headers %(a)s", {"a": PASSWORD})
    library.debug(f"value {PASSWORD}")
    try:
        raise ValueError(BODY)
    except ValueError:
        library.debug("failed", exc_info=True)

    assert_clean(log.text)
    assert "got <str 19> and <dict> of 5" in log.text
    assert "builtins.ValueError" in log.text


def test_a_librarys_error_object_is_not_quoted(log: Log) -> None:
    class BadRequest(Exception):
        pass

    BadRequest.__module__ = "connexion.exceptions"
    logging.getLogger("some.library").error("%r", BadRequest(PASSWORD))

    assert log.line == "connexion.exceptions." + BadRequest.__qualname__


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING, logging.ERROR])
def test_connexion_does_not_say_what_it_refused(log: Log, level: int) -> None:
    library = logging.getLogger("connexion.validators.json")
    library.log(level, f"Validation error: {PASSWORD} does not fit")

    assert log.line == "Validation"


def test_asyncio_does_not_show_what_a_callback_was_given(log: Log) -> None:
    library = logging.getLogger("asyncio")
    library.error(f"Exception in callback data_received(b'{BODY}')\nhandle: <H {PASSWORD}>")

    assert log.line == "Exception in callback data_received"


def _run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a process of its own: logging is one for a process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


START = "import logging; from pathlib import Path; from ilo.logs import *; start_logging(Path());"


def test_without_a_file_lines_go_to_stdout_in_the_originals_form(tmp_path: Path) -> None:
    done = _run(
        tmp_path,
        START
        + "logging.getLogger('user').debug('one', extra={'a': 1});"
        + "logging.getLogger('key').debug('two');"
        + "logging.getLogger('potion').debug('three');"
        + "logging.getLogger('ilo').debug('four');"
        + "logging.getLogger('ilo').info('five')",
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "[user | DEBUG]:1 - one a=1",
        "[key | DEBUG]:1 - two",
        "[potion | DEBUG]:1 - three",
        "[ilo | INFO]:1 - five",
    ]


def test_what_ends_the_process_or_a_thread_is_logged_clean(tmp_path: Path) -> None:
    crash = f"raise ValueError('password={PASSWORD} {TOKEN}')"
    done = _run(tmp_path, f"{START}\n{crash}")
    thread = _run(
        tmp_path,
        f"{START}\nimport threading\ndef f():\n {crash}\n"
        "t = threading.Thread(target=f); t.start(); t.join()",
    )

    assert done.returncode == 1
    for out in (done, thread):
        assert_clean(out.stdout + out.stderr)
        assert "ValueError: password=*** ilo_s_***" in out.stdout


def test_a_file_says_where_lines_go(tmp_path: Path) -> None:
    (tmp_path / "logging_config.yaml").write_text(
        "version: 1\n"
        "formatters: {plain: {format: '%(message)s'}}\n"
        "handlers: {file: {class: logging.FileHandler, filename: ilo.log, formatter: plain}}\n"
        "root: {level: DEBUG, handlers: [file]}\n"
    )

    _run(tmp_path, f"{START} logging.getLogger('relay').debug('x', extra={{'token': 'y'}})")

    assert (tmp_path / "ilo.log").read_text() == "x token=***\n"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "is empty"),
        ("[]", "must be a mapping"),
        ("handlers: {}", "version: is missing"),
        ("version: 2", "version: must be 1"),
        ("version: 1\nversion: 1", "version: the key stands there twice"),
        ("version: 1\nlogers: {}", "logers: unknown key; did you mean loggers?"),
        ("version: 1\nroot: {level: LOUD}", "root.level: must be one of CRITICAL"),
        ("version: 1\nroot: {handlers: [x]}", "root.handlers: there is no x in handlers"),
        ("version: 1\nroot: {handler: x}", "root.handler: unknown key"),
        ("version: 1\nhandlers: {a: {level: INFO}}", "handlers.a.class: is missing"),
        (
            "version: 1\nhandlers: {a: {class: logging.StreamHandler, formatter: main}}",
            "handlers.a.formatter: there is no main in formatters",
        ),
        (
            "version: 1\nhandlers: {a: {class: logging.NoSuch}}",
            "handlers.a: Python cannot make it from this",
        ),
        (
            "version: 1\nhandlers: {a: {class: logging.StreamHandler, wrong: 1}}",
            "handlers.a: Python cannot make it from this: TypeError",
        ),
        (
            "version: 1\nformatters: {a: {format: '%(nonsense'}}",
            "formatters.a: Python cannot make it from this: ValueError",
        ),
        (
            "version: 1\nloggers: {user: {filters: [f]}}",
            "loggers.user.filters: there is no f in filters",
        ),
        ("a: !!python/name:os.system x", "tags (!) are not allowed"),
    ],
)
def test_a_wrong_logging_file_is_refused_with_its_key(tmp_path: Path, text: str, rule: str) -> None:
    file = tmp_path / "logging_config.yaml"
    file.write_text(text)

    with pytest.raises(ConfigRefused) as caught:
        check_logging(file)

    assert str(caught.value).startswith(str(file))
    assert rule in str(caught.value)


def test_checking_a_file_does_not_touch_the_logs_it_names(tmp_path: Path) -> None:
    (tmp_path / "old.log").write_text("kept")
    (tmp_path / "logging_config.yaml").write_text(
        "version: 1\nhandlers: {f: {class: logging.FileHandler, filename: old.log, mode: w}}\n"
    )

    done = _run(
        tmp_path,
        "from pathlib import Path; from ilo.logs import check_logging;"
        "check_logging(Path('logging_config.yaml'))",
    )

    assert done.returncode == 0
    assert (tmp_path / "old.log").read_text() == "kept"


def test_the_default_is_a_file_that_is_right(tmp_path: Path) -> None:
    (tmp_path / "logging_config.yaml").write_text(DEFAULT_CONFIG)
    default = _run(tmp_path, START)

    assert (default.returncode, default.stderr) == (0, "")
