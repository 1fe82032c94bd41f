"""The command line: `ilo serve | api | relay | config | cert | key | migrate | restored`.

Imports late what a command needs, so that `--help` is there at once. What is refused for a
known reason is told in one line each on stderr, without a traceback.
"""

import argparse
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ilo import __version__
from ilo.refusals import CommandRefused

if TYPE_CHECKING:
    from ilo.rest_call import Api
    from ilo.settings import Settings

OK: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130  # as shells have it: 128 + SIGINT

_EXIT_CODES = """\
exit codes:
  0  done; for a server: stopped as asked
  1  refused, with one line for each reason on stderr
  2  the command line is wrong
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` name; return the exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except CommandRefused as refused:
        for line in refused.lines:
            print(f"ilo: {line}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Who read our output has gone. Python must not try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    return OK


class _Parser(argparse.ArgumentParser):
    """One line for an error, like every other of ours."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"ilo: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    top = _command(
        _Parser(prog="ilo", allow_abbrev=False),
        "Ilo is an end-to-end encrypted messaging backend: an API, a relay for"
        " WebSockets, and a store.",
        "ilo serve                        start all of it on this machine\n"
        "  ilo config example               what can be set\n"
        "  ilo serve --config /etc/ilo      start with what is set there",
    )
    top.add_argument("--version", action="version", version=f"ilo {__version__}")
    commands = top.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=_Parser
    )
    _add_servers(commands)
    _add_config(commands)
    _add_cert(commands)
    _add_key(commands)
    _add_migrate(commands)
    _add_restored(commands)
    return top


def _add_servers(commands: Any) -> None:  # argparse does not name the type
    serve = _add(
        commands,
        "serve",
        "start the API and the relay in one process",
        "Starts the API (port 7999) and the relay (port 4000) in one process, on Cassandra where"
        " Cassandra_address is set and else on the embedded store, and prints where everything"
        " is. Reads general_config.yaml and"
        " logging_config.yaml in the configuration folder; without them the defaults hold."
        " Ctrl-C or SIGTERM: says goodbye to every client, and ends with 0.",
        "ilo serve\n  ilo serve --config /etc/ilo",
    )
    serve.add_argument(
        "--check-responses",
        action="store_true",
        help="answer 500 rather than send what breaks the contract (for tests)",
    )
    api = _add(
        commands,
        "api",
        "start the API alone",
        "Starts the API alone (port 7999); clients are told of a relay as `relay_url` says. On"
        " Cassandra any number of them run beside a relay (`ilo relay`). The embedded store, which"
        " one process only can open, is the API's: a relay then has a store of its own (`ilo relay"
        " --own-store`).",
        "ilo api --config /etc/ilo",
    )
    for command in (serve, api):
        command.add_argument(
            "--tls-certificate", type=Path, metavar="FILE", help="serve with TLS: the certificate"
        )
        command.add_argument("--tls-key", type=Path, metavar="FILE", help="and its key")
    relay = _add(
        commands,
        "relay",
        "start a relay alone",
        "Starts a relay alone, which asks the API at `api_url` whose token it is shown. On"
        " Cassandra it shares the API's store. On the embedded store, which one process only can"
        " open, it is refused, unless it gets a store of its own.",
        "ilo relay --config /etc/ilo\n  ilo relay --own-store --config relay-folder",
    )
    relay.add_argument(
        "--own-store",
        action="store_true",
        help="keep messages in an embedded store of this relay's own, in its data_dir",
    )
    for command, run in ((serve, _serve), (api, _api), (relay, _relay)):
        _add_folder(command)
        command.set_defaults(run=run)


def _add_config(commands: Any) -> None:
    config = _add(
        commands,
        "config",
        "show and check configuration files",
        "Shows what can be set, and checks what is.",
        "ilo config example > general_config.yaml\n  ilo config check general_config.yaml",
    )
    parts = config.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=_Parser
    )
    example = _add(
        parts,
        "example",
        "print a commented configuration file",
        "Prints a configuration file that says what the defaults say, with a comment on each key.",
        "ilo config example > general_config.yaml\n"
        "  ilo config example logging > logging_config.yaml",
    )
    example.add_argument(
        "file",
        nargs="?",
        choices=("general", "logging"),
        default="general",
        help="which of the two (default: general)",
    )
    example.set_defaults(run=_config_example)
    check = _add(
        parts,
        "check",
        "check one configuration file",
        "Checks one file as a start would, and starts nothing. Each line of a refusal names"
        " the file, the key and the rule. A file whose name begins with `logging` is taken for"
        " a logging_config.yaml, any other for a general_config.yaml.",
        "ilo config check /etc/ilo/general_config.yaml",
    )
    check.add_argument("file", type=Path, metavar="FILE")
    check.set_defaults(run=_config_check)


def _add_cert(commands: Any) -> None:
    cert = _add(
        commands,
        "cert",
        "make a certificate for localhost",
        "Makes localhost.crt and localhost.key, a self-signed certificate for localhost,"
        " 127.0.0.1 and ::1 (RSA, 2048 bits), to try TLS on this machine. Name them in"
        " general_config.yaml as tls_certificate and tls_key.",
        "ilo cert\n  ilo cert --folder /etc/ilo --force",
    )
    cert.add_argument(
        "--folder", type=Path, default=Path(), help="where to put them (default: here)"
    )
    cert.add_argument("--force", action="store_true", help="replace files that are there already")
    cert.set_defaults(run=_cert)


def _add_key(commands: Any) -> None:
    key = _add(
        commands,
        "key",
        "make and revoke API keys",
        "Makes and revokes API keys of a running Ilo, through its API and with the admin"
        " credential.",
        "ilo key make\n  ilo key revoke",
    )
    parts = key.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=_Parser
    )
    make = _add(
        parts,
        "make",
        "make an API key",
        "Makes an API key and prints it with the token that revokes it. Both are shown this once.",
        "ilo key make\n  ilo key make --url https://chat.example.org:7999",
    )
    make.set_defaults(run=_key_make)
    revoke = _add(
        parts,
        "revoke",
        "revoke an API key",
        "Revokes an API key for good, and ends the sessions that were made with it. Reads the"
        " key from standard input, or asks for it: on the command line others could see it.",
        "ilo key revoke\n  ilo key revoke < key.txt",
    )
    revoke.set_defaults(run=_key_revoke)
    for command in (make, revoke):
        _add_folder(command)
        command.add_argument(
            "--url",
            help="where the API is (default: api_url, or else api_listen, of the configuration)",
        )


def _add_migrate(commands: Any) -> None:
    migrate = _add(
        commands,
        "migrate",
        "make Ilo's tables in Cassandra",
        "Makes Ilo's tables in the keyspace, or brings those of an older version up to date, and"
        " says what it has done. A start does the same; by hand it can be done before, and"
        " watched. Run twice it does no harm.",
        "ilo migrate\n  ilo migrate --config /etc/ilo",
    )
    _add_folder(migrate)
    migrate.set_defaults(run=_migrate)


def _add_restored(commands: Any) -> None:
    restored = _add(
        commands,
        "restored",
        "say that the data was restored from a backup",
        "Gives every room a new epoch, so that clients notice that messages which they have"
        " seen may be missing and that their numbers are given out again. To be run once,"
        " after a backup was put back and before Ilo starts on it. On the embedded store it is"
        " refused while Ilo runs; on Cassandra it cannot know: stop all processes of Ilo before."
        " Run twice it does no harm: clients only fetch once more what is kept.",
        "ilo restored\n  ilo restored --config /etc/ilo",
    )
    _add_folder(restored)
    restored.set_defaults(run=_restored)


def _add(
    commands: Any, name: str, summary: str, description: str, examples: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, allow_abbrev=False)
    return _command(parser, description, examples)


def _command(
    parser: argparse.ArgumentParser, description: str, examples: str
) -> argparse.ArgumentParser:
    # As it stands, since the examples are lines.
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    words, width, lines = description.split(), 80, [""]
    for word in words:
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{word}"
    parser.description = "\n".join(lines)
    parser.epilog = f"examples:\n  {examples}\n\n{_EXIT_CODES}"
    return parser


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="the folder of general_config.yaml and logging_config.yaml (default: here)",
    )


def _settings(options: argparse.Namespace) -> "Settings":
    from ilo.settings import load_settings

    files = {name: getattr(options, name, None) for name in ("tls_certificate", "tls_key")}
    # Of a file in this folder, whatever the folder of the configuration is.
    given = {name: str(file.absolute()) for name, file in files.items() if file is not None}
    settings = load_settings(options.config, given)
    for warning in settings.warnings:
        print(f"ilo: warning: {warning}", file=sys.stderr)
    return settings


def _serve(options: argparse.Namespace) -> None:
    settings = _start(options)
    from ilo import wiring

    _run(wiring.serve(settings, strict_responses=options.check_responses))


def _api(options: argparse.Namespace) -> None:
    settings = _start(options)
    from ilo import wiring

    _run(wiring.serve_api(settings))


def _relay(options: argparse.Namespace) -> None:
    settings = _start(options)
    from ilo import wiring

    _run(wiring.serve_relay(settings, own_store=options.own_store))


def _start(options: argparse.Namespace) -> "Settings":
    """Read both files before anything heavy is imported: a refusal comes at once."""
    from ilo.logs import start_logging

    settings = _settings(options)
    start_logging(options.config)
    return settings


def _run(server: Coroutine[Any, Any, None]) -> None:
    import uvloop

    uvloop.run(server)


def _config_example(options: argparse.Namespace) -> None:
    if options.file == "logging":
        from ilo.logs import DEFAULT_CONFIG

        print(DEFAULT_CONFIG, end="")
    else:
        from ilo.config_example import example_config

        print(example_config(), end="")


def _config_check(options: argparse.Namespace) -> None:
    file: Path = options.file
    try:
        if file.name.startswith("logging"):
            from ilo.logs import check_logging

            check_logging(file)
        else:
            from ilo.settings import read_settings

            for warning in read_settings(file).warnings:
                print(f"ilo: warning: {warning}", file=sys.stderr)
    except FileNotFoundError:
        raise CommandRefused(f"{file}: there is no such file") from None
    print(f"{file}: right")


def _cert(options: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    from ilo.certificate import make_certificate, write_certificate

    folder: Path = options.folder
    if not folder.is_dir():
        raise CommandRefused(f"{folder}: there is no such folder")
    # The clock of the command line; everything below takes it as an argument.
    made = make_certificate(datetime.now(UTC))  # noqa: TID251
    certificate, key = write_certificate(folder, made, force=options.force)
    print(f"tls_certificate: {certificate}")
    print(f"tls_key: {key}")


def _key_make(options: argparse.Namespace) -> None:
    made = _admin_api(options).call("POST", "/key")
    if not {"detail", "revoke_token"} <= set(made):
        raise CommandRefused("the API's answer has no key in it")
    print(f"api_key: {made['detail']}")
    print(f"revoke_token: {made['revoke_token']}")


def _key_revoke(options: argparse.Namespace) -> None:
    from uuid import UUID

    api = _admin_api(options)
    if sys.stdin.isatty():
        from getpass import getpass

        key = getpass("API key: ").strip()
    else:
        key = sys.stdin.readline(256).strip()
    try:
        UUID(key)
    except ValueError:
        raise CommandRefused("an API key is a UUID; this is none") from None
    done = api.call("DELETE", "/key", {"Ilo-Api-Key": key})
    print(done.get("detail", "revoked"))


def _migrate(options: argparse.Namespace) -> None:
    settings = _settings(options)
    from ilo.migrated import migrate_tables

    print(migrate_tables(settings))


def _restored(options: argparse.Namespace) -> None:
    import asyncio

    settings = _settings(options)
    from ilo.restored import begin_epochs

    rooms = asyncio.run(begin_epochs(settings))
    print(f"rooms with a new epoch: {rooms}")


def _admin_api(options: argparse.Namespace) -> "Api":
    from ilo.rest_call import Api
    from ilo.secrets import admin_secret

    settings = _settings(options)
    admin = admin_secret(settings, os.environ, make=False)
    certificate = None if settings.tls is None else settings.tls.certificate
    return Api(options.url or settings.api_url or settings.local_api_url, admin, certificate)
