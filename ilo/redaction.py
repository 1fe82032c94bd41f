"""Takes secrets out of text that is about to be logged, and what could forge a line.

Known are: our tokens by their prefix, bearer headers, what stands behind a name such as
`password` or `api_key`, and the secrets of this process, told with `hide`.
"""

import re
from functools import lru_cache
from typing import Final

HIDDEN: Final = "***"

# A field or header of which all is secret, whatever stands before it in its name. Of
# `token_type_hint` and `admin_secret_file` the name goes on, so they are not meant.
_WORDS = (
    r"pass_?word|passwd|pwd|passphrase|secret|token|ticket|api[_-]?key|private[_-]?key"
    r"|credentials?|sec-websocket-key"
)
_HEADERS = r"authorization|cookie|sec-websocket-protocol"
_SECRET_NAME = re.compile(rf"(?:{_WORDS}|{_HEADERS})s?\Z", re.IGNORECASE)

# Opened by a quote, perhaps escaped since the text is itself quoted; closed by the same, or
# by the end when the text was cut.
_QUOTED = r"[bruf]{0,2}(?P<quote>\\*[\"'])(?:(?!(?P=quote))(?:\\.|.))*(?:(?P=quote)|\Z)"
# A line of the audit may end its sentence with such a word: "changed the password: who=ann".
_BARE = r"(?!who=)[^\s\"',;&)}\]]+"
_SEPARATOR = r"(?:\\*[\"']\s*,|\\*[\"']?\s*[:=])\s*"

# A rule, and the words of which one is in every text that it matches. Looking for the
# words is much faster. `kept` stays of a match.
_RULES: Final = tuple(
    (signs, re.compile(rule, re.DOTALL))
    for signs, rule in (
        # Our own tokens: session, ticket, revoke, and the secrets that `ilo.secrets` makes.
        (("ilo_",), r"(?P<kept>ilo_[a-z]_)[\w-]+"),
        (
            ("authorization", "cookie", "sec-websocket"),
            rf"(?P<kept>(?i:{_HEADERS}){_SEPARATOR})(?:{_QUOTED}|[^\r\n\"']+)",
        ),
        (
            (
                *("passw", "pass_w", "passphrase", "pwd", "secret", "token", "ticket"),
                *("apikey", "api_key", "api-key", "private"),
                *("credential", "sec-websocket"),
            ),
            rf"(?P<kept>(?i:{_WORDS}){_SEPARATOR})(?:{_QUOTED}|{_BARE})",
        ),
        # What people write to each other, where it stands in JSON.
        (
            ('"message', '"public_key'),
            rf"(?P<kept>\"(?:message|public_key)\\*\"\s*:\s*){_QUOTED}",
        ),
        (("bearer", "basic"), r"(?P<kept>(?i:\b(?:bearer|basic))\s+)[\w.~+/=-]{8,}"),
    )
)

# Control characters, line and paragraph separators, what turns the direction of writing,
# and halves of surrogate pairs, which cannot be encoded. The joiners inside emoji stay.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


# A secret is shorter than that.
_NEAR_CUT = 600


class Redactor:
    """Cleans text. One for the process: it knows the process's secrets."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def hide(self, secret: str) -> None:
        """From now on take ``secret`` out wherever it stands; 8 characters or more."""
        if len(secret) < 8:
            raise ValueError("too short to be told from other text")
        known = {*self._secrets, secret}
        self._secrets = tuple(sorted(known, key=len, reverse=True))

    def clean(self, text: str, max_bytes: int) -> str:
        """Return ``text`` without secrets, printable, in ``max_bytes`` of UTF-8."""
        if len(text) > 2 * max_bytes:
            # Not all of a huge text is searched. Before the cut a secret may stand in part:
            # what is near the cut goes too.
            text = self._without_secrets(text[: 2 * max_bytes])[:-_NEAR_CUT]
        else:
            text = self._without_secrets(text)
        return cut(escaped(text), max_bytes)

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        lower = text.lower()
        for signs, rule in _RULES:
            for sign in signs:
                if sign in lower:
                    text = rule.sub(rf"\g<kept>{HIDDEN}", text)
                    break
        return text


@lru_cache(maxsize=512)
def is_secret_name(name: str) -> bool:
    """Tell whether the value of a field of that name must not be shown."""
    return _SECRET_NAME.search(name) is not None


def escaped(text: str) -> str:
    """Return ``text`` with what cannot be printed as `\\x1b` or `\\u2028`."""
    if text.isprintable():
        return text
    return _UNPRINTABLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def cut(text: str, max_bytes: int) -> str:
    """Return ``text`` in at most ``max_bytes`` of UTF-8, with ` ...` where it was cut."""
    if len(text) * 4 <= max_bytes:
        return text
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= max_bytes:
        return text
    return encoded[: max_bytes - 4].decode("utf-8", "ignore") + " ..."
