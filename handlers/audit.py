"""What the operator reads later: who did what, when, and under which request id.

The lines hold no secret and no content. The logger's time stamp is the "when".
"""

import logging
import traceback
from collections.abc import Mapping
from typing import Final

from handlers.call import Call

NOBODY: Final = "-"
MAX_WHO_CHARACTERS: Final = 256

# The loggers that the operator's logging configuration knows, by the contract's tags.
_LOGGERS: Final[Mapping[str, logging.Logger]] = {
    "keys": logging.getLogger("key"),
    "users": logging.getLogger("user"),
    "sessions": logging.getLogger("user"),
    "rooms": logging.getLogger("user"),
    "potion": logging.getLogger("potion"),
}
_log = logging.getLogger(__name__)
_LINE: Final = "%s: who=%s source=%s request=%s"
_LINE_ABOUT: Final = "%s: who=%s whom=%s source=%s request=%s"


def audit(call: Call, what: str, who: str = NOBODY, *, whom: str | None = None) -> None:
    """Leave the line of something done; ``what`` is a fixed sentence.

    ``whom`` it was done to, where that is another user.
    """
    logger = _logger(call)
    # The line is costly to make: not for an operator who does not keep it.
    if not logger.isEnabledFor(logging.INFO):
        return
    if whom is None:
        logger.info(_LINE, what, escaped(who), call.source, call.request_id)
    else:
        about = (escaped(who), escaped(whom))
        logger.info(_LINE_ABOUT, what, *about, call.source, call.request_id)


def audit_refusal(call: Call, slug: str) -> None:
    """Leave the line of something refused."""
    logger = _logger(call)
    if not logger.isEnabledFor(logging.WARNING):
        return
    operation = call.operation
    what = f"refused {operation.operation_id if operation else NOBODY} as {slug}"
    logger.warning(_LINE, what, escaped(_who(call)), call.source, call.request_id)


def log_fault(call: Call, error: BaseException) -> None:
    """Log what nobody expected: where, and of which types, but none of the values.

    The text of an unexpected error may hold anything, a password too, so it is left out.
    """
    _log.error(
        "unexpected error: operation=%s request=%s\n%s",
        call.operation.operation_id if call.operation else NOBODY,
        call.request_id,
        _places(error),
    )


def escaped(text: str) -> str:
    """Return ``text`` for one line of a log: nothing in it can pass for the log's own."""
    return "".join(
        character if character.isprintable() and character != " " else _escape(character)
        for character in text[:MAX_WHO_CHARACTERS]
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii") if character != " " else "\\x20"


def _logger(call: Call) -> logging.Logger:
    return _LOGGERS.get(call.operation.tag, _log) if call.operation else _log


def _who(call: Call) -> str:
    if call.session is not None:
        return call.session.username
    name = call.body.get("username")
    return name if isinstance(name, str) else NOBODY


def _places(error: BaseException) -> str:
    """Return the frames of the error and of those that led to it, oldest last."""
    parts: list[str] = []
    current: BaseException | None = error
    while current is not None and len(parts) < 8:
        kind = type(current)
        frames = "".join(traceback.format_tb(current.__traceback__))
        parts.append(f"{kind.__module__}.{kind.__qualname__}\n{frames}")
        current = current.__cause__ or current.__context__
    return "caused by ".join(parts)
