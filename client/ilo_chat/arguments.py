"""The command line: which commands there are, what each asks for, and an example of each.

Imports nothing that is slow, so that `--help` is there at once.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias
from urllib.parse import urlsplit

from ilo_chat.screen import PROGRAM, json_line, safe

USAGE: Final = 2
VERSION: Final = "0.1.0"

SECRETS: Final = """\
secrets:
  A password or passphrase is never an argument. It comes from the file that an option names
  (one newline at its end is dropped), from the environment ($ILO_PASSWORD, $ILO_PASSPHRASE,
  $ILO_BACKUP_PASSPHRASE, $ILO_API_KEY), or from a prompt.
"""
PLACES: Final = """\
where things are kept:
  --home FOLDER, $ILO_HOME, or ~/.local/share/ilo: keys.json (your keys, locked by the
  passphrase), session.json (what lets you in) and memory.sqlite (whom you know, and what
  was read). Messages are not kept there.
"""
EXIT_CODES: Final = """\
exit codes:
  0 done   1 refused, or it failed   2 the command line is wrong   130 Ctrl-C
"""

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


class Parser(argparse.ArgumentParser):
    """One line for an error, like every other of ours."""

    def error(self, message: str) -> NoReturn:
        detail = f"{message}; see {self.prog} --help"
        line = f"{PROGRAM}: {safe(detail)}"
        if "--json" in sys.argv:
            line = json_line({"error": {"code": "usage", "detail": detail}})
        self.exit(USAGE, line + "\n")


def parser() -> Parser:
    top = Parser(
        prog=PROGRAM,
        description="End-to-end encrypted rooms on Ilo, in a terminal.",
        epilog="first steps:\n"
        f"  {PROGRAM} register https://chat.example.org ann    make keys and an account\n"
        f"  {PROGRAM} create --label tea                       make a private room\n"
        f"  {PROGRAM} invite tea bob                           let somebody in\n"
        f"  {PROGRAM} chat tea                                 talk\n\n"
        f"{SECRETS}\n{PLACES}\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"{PROGRAM} {VERSION}")
    _add_everywhere(top, is_top=True)
    commands = top.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=Parser
    )
    _add_account(commands)
    _add_talk(commands)
    _add_rooms(commands)
    _add_people(commands)
    _add_keys(commands)
    return top


def _add_everywhere(to: argparse.ArgumentParser, *, is_top: bool) -> None:
    """Add what may stand before the command and behind it."""
    add = to.add_argument_group("everywhere").add_argument

    def default(value: object) -> Any:
        return value if is_top else argparse.SUPPRESS

    add("--home", metavar="FOLDER", type=Path, default=default(None), help="your folder")
    add("--json", action="store_true", default=default(False), help="JSON, for scripts")
    add(
        "--no-colour",
        action="store_true",
        default=default(False),
        help="no colours; $NO_COLOR does that, too",
    )
    add(
        "--ca",
        metavar="FILE",
        type=Path,
        default=default(os.environ.get("ILO_CA") or None),
        help="certificates (PEM) to know the server by; default $ILO_CA, else the system's",
    )
    add(
        "--passphrase-file",
        metavar="FILE",
        type=Path,
        default=default(None),
        help="holds the passphrase of your keys",
    )


def _command(
    commands: Commands, name: str, run: str, summary: str, about: str, example: str
) -> Callable[..., Any]:
    """Add a command that ``run`` is, and return what adds an argument to it."""
    made = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}. {about}".strip(),
        epilog=f"example:\n  {PROGRAM} {example}\n\n{SECRETS}\n{PLACES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_everywhere(made, is_top=False)
    made.set_defaults(run=run)
    return made.add_argument


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError("a URL begins with https:// (or http://) and has a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError("a URL has no password, `?` or `#` here")
    return text.rstrip("/")


def _amount(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError("has to be a number from 1 to 1000000")
    return number


def _add_secret(add: Callable[..., Any], *names: str) -> None:
    for name in names:
        words = name.removeprefix("--").removesuffix("-file").replace("-", " ")
        add(name, metavar="FILE", type=Path, help=f"holds the {words}")


def _add_room(add: Callable[..., Any], **more: Any) -> None:
    add("room", metavar="ROOM", help="its name, or what you call it", **more)


def _add_yes(add: Callable[..., Any]) -> None:
    add("--yes", action="store_true", help="do not ask")


def _add_plaintext(add: Callable[..., Any]) -> None:
    add(
        "--plaintext",
        action="store_true",
        help="send without encryption, and show what came without: the server can read it",
    )


def _add_account(commands: Commands) -> None:
    run = "ilo_chat.commands.account:"
    add = _command(
        commands,
        "register",
        run + "register",
        "make keys and an account, and log in",
        "Asks for a new password, which the server checks, and a new passphrase, which locks\n"
        "your keys in your folder and which nobody can give you back.",
        "register https://chat.example.org ann",
    )
    add("url", metavar="URL", type=_url, help="of the server's API")
    add("username", metavar="USERNAME")
    _add_secret(add, "--password-file", "--api-key-file")

    add = _command(
        commands,
        "login",
        run + "login",
        "log in",
        "Asks for the password and for the passphrase of the keys in your folder. Your keys are\n"
        "elsewhere: `keys restore`.",
        "login https://chat.example.org ann",
    )
    add("url", metavar="URL", type=_url, help="of the server's API")
    add("username", metavar="USERNAME")
    add(
        "--new-keys",
        action="store_true",
        help="make new keys; everybody will be warned, and what was encrypted for the old ones"
        " is lost",
    )
    _add_yes(add)
    _add_secret(add, "--password-file", "--api-key-file")

    add = _command(
        commands,
        "logout",
        run + "logout",
        "end the session of this folder",
        "Keys and memory stay.",
        "logout --elsewhere",
    )
    add("--elsewhere", action="store_true", help="end all other sessions instead")

    _command(
        commands,
        "whoami",
        run + "whoami",
        "show whose folder this is",
        "Asks neither the server nor for a passphrase.",
        "whoami --json",
    )


def _add_talk(commands: Commands) -> None:
    run = "ilo_chat.commands.messages:"
    add = _command(
        commands,
        "chat",
        run + "chat",
        "talk in one room or several",
        "On a terminal: type, and /help shows what else can be done. Elsewhere each line of\n"
        "standard input is a message in the first room, `@ROOM text` one in that room, and `@@`\n"
        "says a line that begins with `@`; it ends when the input ends and all is stored. A\n"
        "name that is no room of yours enters the open room of that name.",
        "chat tea work\n  echo 'hello?' | ilo-chat chat tea --json --until 2",
    )
    add("rooms", metavar="ROOM", nargs="+", help="its name, or what you call it")
    _add_plaintext(add)
    add(
        "--until",
        metavar="N",
        type=_amount,
        help="end when N messages were shown, in all rooms together",
    )

    add = _command(
        commands,
        "send",
        run + "send",
        "say one thing",
        "Prints the number of the message in the room. TEXT can be seen by others on this\n"
        "machine while it is sent; standard input cannot.",
        "send tea - < letter.txt",
    )
    _add_room(add)
    add("text", metavar="TEXT", nargs="?", default="-", help="`-` or nothing: standard input")
    _add_plaintext(add)
    _add_join(add)
    _add_timeout(add)

    add = _command(
        commands,
        "history",
        run + "history",
        "show older messages",
        "The oldest comes first. What you could not read then you cannot read now.",
        "history tea --limit 20 --before 128",
    )
    _add_room(add)
    add("--limit", metavar="N", type=_amount, default=50, help="how many at most; default 50")
    add("--before", metavar="SEQ", type=_amount, help="those before this number")
    _add_plaintext(add)
    _add_join(add)
    _add_timeout(add)


def _add_join(add: Callable[..., Any]) -> None:
    add("--join", action="store_true", help="enter an open room in which you are not yet")


def _add_timeout(add: Callable[..., Any]) -> None:
    add(
        "--timeout",
        metavar="SECONDS",
        type=_amount,
        default=30,
        help="how long to wait for the server; default 30",
    )


def _add_rooms(commands: Commands) -> None:
    run = "ilo_chat.commands.rooms:"
    _command(
        commands, "rooms", run + "rooms", "list your rooms and invitations", "", "rooms --json"
    )
    add = _command(commands, "members", run + "members", "list who is in a room", "", "members tea")
    _add_room(add)
    add = _command(
        commands,
        "create",
        run + "create",
        "make a private room",
        "Prints its name, which nobody can guess.",
        "create --label tea",
    )
    add("--label", metavar="L", help="what you call it; nobody else sees that")
    add = _command(
        commands,
        "label",
        run + "label",
        "call a room something",
        "Without LABEL it shows what you call it. Kept in your folder alone.",
        "label '~Q7vM0mXvT1uJ3bY5kD8e2w' tea",
    )
    _add_room(add)
    add("label", metavar="LABEL", nargs="?", help="an empty one, '', forgets it")
    for name, summary, about in (
        ("invite", "invite somebody to a private room of yours", "They have to accept."),
        ("remove", "remove somebody from a private room of yours", "Takes back invitations, too."),
    ):
        add = _command(commands, name, run + name, summary, about, f"{name} tea bob")
        _add_room(add)
        add("name", metavar="NAME", help="their username")
    for name, summary, about in (
        ("accept", "accept an invitation", "`rooms` lists them."),
        ("decline", "decline an invitation", ""),
        ("leave", "leave a room", "What was said there may be out of reach then."),
    ):
        add = _command(commands, name, run + name, summary, about, f"{name} tea")
        _add_room(add)
    add = _command(
        commands,
        "delete",
        run + "delete",
        "delete a private room of yours",
        "With all that was said there, for everybody. Asks before.",
        "delete tea",
    )
    _add_room(add)
    _add_yes(add)


def _add_people(commands: Commands) -> None:
    run = "ilo_chat.commands.people:"
    add = _command(
        commands,
        "person",
        run + "person",
        "show what is known of somebody's key",
        "",
        "person bob",
    )
    add("name", metavar="NAME", help="their username")
    for name, summary, about in (
        (
            "verify",
            "compare somebody's safety number",
            "Shows 60 digits. Let them run `verify` with your name, and read the digits to each\n"
            "other where nobody can change them: in person, or on the phone. Are they the same,\n"
            "nobody stands between you.",
        ),
        (
            "accept-key",
            "accept somebody's new key, after a change",
            "Somebody who logs in with new keys is not told from somebody who pretends to be\n"
            "them: compare the new safety number first.",
        ),
    ):
        add = _command(commands, name, run + name.replace("-", "_"), summary, about, f"{name} bob")
        add("name", metavar="NAME", help="their username")
        _add_yes(add)


def _add_keys(commands: Commands) -> None:
    run = "ilo_chat.commands.keys:"
    keys = commands.add_parser(
        "keys",
        help="back up, restore or renew your keys",
        description="Back up, restore or renew your keys.",
        epilog=f"example:\n  {PROGRAM} keys backup ann.backup",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    inner = keys.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=Parser
    )
    add = _command(
        inner,
        "backup",
        run + "backup",
        "write all your keys into a file",
        "Asks for a passphrase of its own, which locks it. Only you may read the file.",
        "keys backup ann.backup",
    )
    add("file", metavar="FILE", type=Path)
    add("--force", action="store_true", help="replace a file that is there")
    _add_secret(add, "--backup-passphrase-file")
    add = _command(
        inner,
        "restore",
        run + "restore",
        "log in with the keys of a backup, in a new folder",
        "Asks for the backup's passphrase, the password, and a new passphrase for the folder.",
        "keys restore https://chat.example.org ann.backup",
    )
    add("url", metavar="URL", type=_url, help="of the server's API")
    add("file", metavar="FILE", type=Path)
    _add_secret(add, "--backup-passphrase-file", "--password-file", "--api-key-file")
    _command(
        inner,
        "rotate",
        run + "rotate",
        "make a new encryption key",
        "Others use it from then on; your identity stays, and nobody is warned. Back up again\n"
        "afterwards.",
        "keys rotate",
    )
