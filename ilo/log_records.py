"""Makes log records that carry no secret: every handler and formatter gets clean ones.

It is done when a record is made, since a logger's filters miss the records of its children.
Records of others' libraries are trusted less than ours: at DEBUG they print what passes
through them, headers and message bodies too, so there only their fixed words are kept.
"""

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import TracebackType
from typing import Any, Final

from ilo.redaction import HIDDEN, Redactor, is_secret_name

MAX_LINE_BYTES: Final = 8 * 1024
# What stands before and behind the sentence in a line has the rest.
MAX_SENTENCE_BYTES: Final = 4 * 1024
MAX_FIELD_BYTES: Final = 1024
MAX_ERROR_TEXT_BYTES: Final = 512
MAX_TRACEBACK_LINES: Final = 200
MAX_CHAIN: Final = 8

# The first part of the names of loggers whose calls follow this project's rules.
OUR_LOGGERS: Final = frozenset(
    (
        "ilo",
        "handlers",
        "relay",
        "store",
        "services",
        "spec",
        "user",
        "key",
        "potion",
        "root",
    )
)
# The texts of their errors name a rule, not a value.
_TRUSTED_ERRORS: Final = OUR_LOGGERS | sys.stdlib_module_names

# Strings that a library's DEBUG line may show: the states of a WebSocket connection.
_HARMLESS: Final = frozenset(("CONNECTING", "OPEN", "CLOSING", "CLOSED"))

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

redactor: Final = Redactor()


class CleanRecord(logging.LogRecord):
    """A record whose message, fields and traceback are rendered and clean from the start.

    ``fields`` is what the call gave as ``extra``, in its order.
    """

    fields: dict[str, object]

    def __init__(
        self,
        name: str,
        level: int,
        pathname: str,
        lineno: int,
        msg: object,
        args: Any,  # as logging has it: a tuple, or one mapping
        exc_info: ExcInfo | tuple[None, None, None] | None,
        func: str | None = None,
        sinfo: str | None = None,
        **_: object,
    ) -> None:
        # The name is None when a record is rebuilt from another process.
        ours = (name or "root").partition(".")[0] in OUR_LOGGERS
        if not ours:
            msg, args = _foreign(name, level, msg, args)
        super().__init__(name, level, pathname, lineno, msg, args, None, func, None)
        if self.args or type(msg) is not str:
            self.msg = redactor.clean(_rendered(self), MAX_SENTENCE_BYTES)
        else:
            self.msg = _clean_sentence(msg)
        self.args = ()
        if exc_info is not None and exc_info[1] is not None:
            brief = not ours and level < logging.INFO
            self.exc_text = "\n".join(error_lines(exc_info[1], brief=brief))
        if sinfo:
            self.stack_info = "\n".join(_indented(sinfo))
        self.fields = {}
        # `extra` comes after this, item by item, into the record's dictionary.
        self.__dict__ = _RecordDict(self.__dict__, ours=ours)


class _RecordDict(dict[str, Any]):
    """A record's attributes; what is set as an item is a field of ``extra``."""

    def __init__(self, attributes: Mapping[str, Any], *, ours: bool) -> None:
        super().__init__(attributes)
        self._ours = ours

    def __setitem__(self, key: str, value: object) -> None:
        # Libraries put whole objects there; nothing of ours shows them.
        if self._ours:
            value = _field(key, value)
            self["fields"][key] = value
            super().__setitem__(key, value)


@lru_cache(maxsize=512)
def _clean_sentence(sentence: str) -> str:
    """Ours are fixed, so most lines need no search."""
    return redactor.clean(sentence, MAX_SENTENCE_BYTES)


def hide(secret: str) -> None:
    """Keep ``secret`` out of every record from now on."""
    redactor.hide(secret)
    _clean_sentence.cache_clear()


def _field(key: str, value: object) -> object:
    if value is None:
        return None
    if is_secret_name(key):
        return HIDDEN
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    return redactor.clean(str(value), MAX_FIELD_BYTES)


def _rendered(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, LookupError):
        # Otherwise a handler would print the arguments to stderr, as they are.
        return f"{record.msg} (its arguments do not fit)"


def _foreign(name: str, level: int, msg: object, args: Any) -> tuple[object, Any]:
    """Return what may be shown of a library's message and arguments."""
    library = name.partition(".")[0]
    text = str(msg)
    if library == "asyncio":
        # Behind it come callbacks with their arguments: bytes from the network.
        text = text.partition("\n")[0].partition("(")[0].partition("<")[0]
        return text.replace("%", "%%") if args else text, ()
    # Connexion tells at every level which value it has refused.
    if level >= logging.INFO and library != "connexion":
        return _without_query(text), _each(args, _less)
    if args or library == "websockets":
        return text, _each(args, _least)
    # The values are in the text already; its first word is fixed.
    return text.partition(" ")[0], ()


def _each(args: Any, show: Any) -> Any:
    if isinstance(args, tuple):
        # logging takes one mapping for the arguments themselves.
        if len(args) == 1 and isinstance(args[0], Mapping):
            return ({key: show(value) for key, value in args[0].items()},)
        return tuple(show(value) for value in args)
    return args


class _Words(str):
    """Stands for a value; the same under `%s` and `%r`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _least(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str) and value in _HARMLESS:
        return value
    data = getattr(value, "data", value)
    if isinstance(data, (bytes, bytearray, memoryview, str)):
        return _Words(f"<{type(value).__name__} {len(data)}>")
    return _Words(f"<{type(value).__name__}>")


def _less(value: object) -> object:
    if isinstance(value, BaseException):
        return _Words(error_text(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _without_query(str(value))


def _without_query(text: str) -> str:
    """Drop what stands behind a `?` up to the next space: the query of a URL."""
    if "?" not in text:
        return text
    head, *rest = text.split("?")
    kept = [head]
    for part in rest:
        _, space, tail = part.partition(" ")
        kept.append(f"?{space}{tail}")
    return "".join(kept)


def error_text(error: BaseException) -> str:
    """Return an error's type, and its text when it comes from Python or from us.

    Other libraries quote what they could not read.
    """
    kind = type(error)
    name = kind.__qualname__
    module = kind.__module__
    if module != "builtins":
        name = f"{module}.{name}"
    if module.partition(".")[0] not in _TRUSTED_ERRORS:
        return name
    text = redactor.clean(str(error), MAX_ERROR_TEXT_BYTES)
    return f"{name}: {text}" if text else name


def error_lines(error: BaseException, *, brief: bool = False) -> list[str]:
    """Return the traceback of ``error``, the first cause first, each line indented.

    No line begins at the margin, so that none can pass for a log line. ``brief`` gives the
    types alone.
    """
    chain: list[tuple[str, BaseException]] = []
    link: BaseException | None = error
    how = ""
    while link is not None and len(chain) < MAX_CHAIN:
        chain.append((how, link))
        if link.__cause__ is not None:
            link, how = link.__cause__, "which caused:"
        else:
            link = None if link.__suppress_context__ else link.__context__
            how = "during whose handling came:"
    if brief:
        return [f"  {type(link).__module__}.{type(link).__qualname__}" for _, link in chain]

    lines: list[str] = []
    for how, link in reversed(chain):
        lines += _indented("".join(traceback.format_tb(link.__traceback__)))
        lines.append(f"  {error_text(link)}")
        if isinstance(link, BaseExceptionGroup):
            lines += [f"  {line}" for part in link.exceptions for line in error_lines(part)]
        if how:
            lines.append(f"  {how}")
    if len(lines) > MAX_TRACEBACK_LINES:
        half = MAX_TRACEBACK_LINES // 2
        lines = [*lines[:half], "  ...", *lines[-half:]]
    return lines


def _indented(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield "  " + redactor.clean(line, MAX_ERROR_TEXT_BYTES)
