"""Who asks in the conformance tests: valid credentials, and input that keeps all rules.

A schema cannot say every rule of the contract: which characters a name may have, what a
password needs, whose token it is. Where a request is meant to be valid, what its schema leaves
open is filled in here; what is meant to be invalid is left alone.
"""

from __future__ import annotations

import string
from collections import Counter
from typing import Any, Final
from urllib.parse import quote
from zlib import crc32

import httpx
import schemathesis
from schemathesis.core.parameters import ParameterLocation

from tests.support.ilo_process import IloProcess

Case = schemathesis.Case[Any]

PASSWORD: Final = "MySuperSecurePassword57!"
ADMIN_SECRET: Final = "admin-secret-of-this-test-0123456789"
ENDS_SOMETHING: Final = {"DELETE /user/{username}", "PUT /user/{username}/password"}
DELETES_MEMBER: Final = "DELETE /room/{room}/member/{username}"
ENDS_ROOM: Final = {"DELETE /room/{room}", DELETES_MEMBER}
KEY_HEADER: Final = "Ilo-Api-Key"
NODE_SECRET: Final = "node-secret-of-this-test-0123456789"
ENVIRONMENT: Final = {"ILO_ADMIN_SECRET": ADMIN_SECRET, "ILO_NODE_SECRET": NODE_SECRET}

_ALPHABET: Final = string.ascii_letters + string.digits
# One script each. The characters of the last have four bytes of UTF-8, as many as there are.
_ALPHABETS: Final = (
    _ALPHABET,
    "αβγδεζηθικλμνξοπρστυφχψω",
    "абвгдежзиклмнопрстуфхцчшэюя",
    "🦊🐼🦁🐸🐙🦋🌵🍀🌍🍇",
)
# One of each kind that a password needs.
_EACH_KIND: Final = "aA1!"
_MIN_PASSWORD: Final = 8


class Applicants:
    """People and relays at one running Ilo."""

    def __init__(self, ilo: IloProcess) -> None:
        self._rest = httpx.Client(base_url=ilo.api_url, timeout=60.0, trust_env=False)
        self.names: set[str] = set()
        self._turns: Counter[tuple[str, str]] = Counter()
        self.api_key = self._make_key()["detail"]
        self.name = self._register()
        self.token = self._log_in(self.name)
        self.friend = self._register()
        self.room = self.make_room()

    def close(self) -> None:
        self._rest.close()

    @property
    def key_version(self) -> int:
        """The version of the public key that can be replaced now."""
        answer = self._rest.get(f"/user/{self.name}", headers=self._own)
        return int(answer.raise_for_status().json()["key_version"])

    def make_room(self) -> str:
        """Make a private room; return its name."""
        answer = self._rest.post("/room", json={}, headers=self._own)
        return str(answer.raise_for_status().json()["room"])

    def is_in(self, room: str) -> bool:
        """Whether there is that room, and the applicant is in it."""
        return self._rest.get(f"/room/{quote(room, safe='')}", headers=self._own).is_success

    def invite_friend(self, room: str) -> None:
        """Make the friend somebody who can be removed; nothing happens where that cannot be."""
        self._rest.put(
            f"/room/{quote(room, safe='')}/member/{quote(self.friend)}", headers=self._own
        )

    @property
    def _own(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def bearer(self, operation_id: str, case: Case) -> str:
        """Return a credential that ``operation_id`` takes; make the rest of ``case`` fit it.

        What ends something gets something of its own to end.
        """
        match operation_id:
            case "introspect" | "check_sessions":
                return NODE_SECRET
            case "create_key":
                return ADMIN_SECRET
            case "delete_key":
                made = self._make_key()
                if not _is_valid(case, ParameterLocation.HEADER) or KEY_HEADER not in case.headers:
                    return made["revoke_token"]
                case.headers[KEY_HEADER] = made["detail"]
                is_admin = self.is_to_succeed(case, "header")
                return ADMIN_SECRET if is_admin else made["revoke_token"]
            case "delete_other_sessions":
                return self._log_in(self._register())
            case "delete_user" | "update_password":
                name = self._register()
                if _is_valid(case, ParameterLocation.PATH) and self.is_to_succeed(case, "person"):
                    case.path_parameters = {"username": name}
                return self._log_in(name)
            case "delete_session":
                return self._log_in(self.name)
            case _:
                return self.token

    def is_to_succeed(self, case: Case, part: str) -> bool:
        """Whether that part of the request gets what it needs: the first, and three in four."""
        turn = case.operation.label, part
        self._turns[turn] += 1
        return self._turns[turn] % 4 != 0

    def _make_key(self) -> dict[str, str]:
        answer = self._rest.post("/key")
        made: dict[str, str] = answer.raise_for_status().json()
        return made

    def _register(self) -> str:
        name = f"Applicant {len(self.names) + 1}"
        self.names.add(name)
        body = {"username": name, "password": PASSWORD, "public_key": "k", "api_key": self.api_key}
        self._rest.post("/user", json=body).raise_for_status()
        return name

    def _log_in(self, name: str) -> str:
        body = {"username": name, "password": PASSWORD, "api_key": self.api_key}
        return str(self._rest.put("/user", json=body).raise_for_status().json()["token"])


def keep_the_rules(applicants: Applicants, case: Case) -> None:
    """Give a valid ``case`` what its schema cannot ask for; lengths stay as they were made."""
    if _is_valid(case, ParameterLocation.PATH) and "room" in case.path_parameters:
        case.path_parameters = _room_path(applicants, case, case.path_parameters)
        return
    name = case.path_parameters.get("username")
    # Who ends something is somebody new, and that one's name stands there already.
    if (
        _is_valid(case, ParameterLocation.PATH)
        and name is not None
        and name not in applicants.names
    ):
        own = applicants.is_to_succeed(case, "path") and case.operation.label not in ENDS_SOMETHING
        case.path_parameters = {"username": applicants.name if own else _name(str(name))}
    if _is_valid(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        case.body = _body(applicants, case, dict(case.body))


def _room_path(applicants: Applicants, case: Case, given: dict[str, Any]) -> dict[str, Any]:
    """Return the path of a room that is there, mostly; what a link has handed over stays."""
    path = dict(given)
    is_there = applicants.is_in(str(path["room"]))
    # A room of a link is there: what is asked of it has to be, too.
    to_succeed = is_there or applicants.is_to_succeed(case, "path")
    if not is_there and to_succeed:
        ends = case.operation.label in ENDS_ROOM
        path["room"] = applicants.make_room() if ends else applicants.room
    if "username" in path and path["username"] not in applicants.names:
        path["username"] = applicants.friend if to_succeed else _name(str(path["username"]))
    if case.operation.label == DELETES_MEMBER and to_succeed:
        applicants.invite_friend(path["room"])
    return path


def _body(applicants: Applicants, case: Case, body: dict[str, Any]) -> dict[str, Any]:
    to_succeed = applicants.is_to_succeed(case, "body")
    match case.operation.label:
        case "POST /user":
            body["username"] = _name(body["username"])
            body["password"] = _password(body["password"])
            body["public_key"] = _spelled(body["public_key"])
            if to_succeed:
                body["api_key"] = applicants.api_key
        case "PUT /user":
            if to_succeed:
                return {
                    "username": applicants.name,
                    "password": PASSWORD,
                    "api_key": applicants.api_key,
                }
            body["username"] = _name(body["username"])
            body["password"] = _password(body["password"])
        case "PUT /user/{username}/password":
            new = _password(body["new_password"])
            old = PASSWORD if to_succeed else _password(body["old_password"])
            return {"old_password": old, "new_password": new}
        case "PUT /user/{username}/public_key":
            body["public_key"] = _spelled(body["public_key"])
            if to_succeed:
                body["if_version"] = applicants.key_version
        case "POST /potion":
            body["token"] = applicants.token if to_succeed else _spelled(body["token"])
        case _:
            pass
    return body


def _is_valid(case: Case, location: ParameterLocation) -> bool:
    """Whether that part of the request is meant to be valid, whatever was put there."""
    meta = case.meta
    return meta is not None and (
        meta.generation.mode.is_positive or not meta.is_negative_at(location)
    )


def _spelled(text: str, alphabet: str = _ALPHABET) -> str:
    """Return as many characters of ``alphabet`` as ``text`` has; the same for the same."""
    return "".join(alphabet[ord(character) % len(alphabet)] for character in text)


def _name(text: str) -> str:
    script = crc32(text.encode("utf-8", "surrogatepass")) % len(_ALPHABETS)
    return _spelled(text, _ALPHABETS[script])


def _password(text: str) -> str:
    return (_EACH_KIND + _spelled(text))[: max(len(text), _MIN_PASSWORD)].ljust(_MIN_PASSWORD, "x")
