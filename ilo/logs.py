"""Logs: `logging_config.yaml` in the form of Python's `dictConfig`, and clean records.

A line is the formatter's, with the fields of `extra` behind the sentence as `key=value`.
"""

import json
import logging
import logging.config
import re
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, cast

from ilo import log_records
from ilo.config_schema import logging_problems
from ilo.log_records import MAX_LINE_BYTES, CleanRecord
from ilo.redaction import cut
from ilo.refusals import ConfigRefused
from ilo.secrets import Secret
from ilo.strict_yaml import parse_yaml, read_yaml, shown_key

LOGGING_CONFIG: Final = "logging_config.yaml"

# Used where there is no file, and printed as the example: one text for both.
DEFAULT_CONFIG: Final = """\
# What Ilo logs, and where: the dictionary of Python's logging.config.dictConfig.
# A formatter without a `class` is Ilo's: fields come after the sentence, a line has at most
# 8 KiB. Secrets are taken out before any handler, at every level.
version: 1
disable_existing_loggers: false
formatters:
  main:
    format: "[%(name)s | %(levelname)s]:%(lineno)s - %(message)s"
handlers:
  console:
    class: logging.StreamHandler
    formatter: main
    stream: ext://sys.stdout
loggers:
  user:                # accounts, logins and sessions
    level: DEBUG
    handlers: [console]
    propagate: false
  key:                 # API keys
    level: DEBUG
    handlers: [console]
    propagate: false
  potion:              # the relay, and what it asks
    level: DEBUG
    handlers: [console]
    propagate: false
  uvicorn:             # the API's server: its start and its end are told by Ilo
    level: WARNING
  cassandra:           # the driver: what it meets is told by Ilo, once
    level: CRITICAL
  httpx:               # each question of the relay to the API
    level: WARNING
root:                  # everything else
  level: INFO
  handlers: [console]
"""

# What dictConfig raises; it passes on what handlers and formatters of any kind do.
_NOT_CONFIGURED = (*(ValueError, TypeError, AttributeError, ImportError, LookupError, OSError),)

log = logging.getLogger(__name__)


class LineFormatter(logging.Formatter):
    """One line of at most 8 KiB: sentence, then fields. A traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        if self.usesTime():
            record.asctime = self.formatTime(record, self.datefmt)
        line = self.formatMessage(record)
        fields: Mapping[str, object] = getattr(record, "fields", {})
        for key, value in fields.items():
            line += f" {key}={_shown(value)}"
        line = cut(line, MAX_LINE_BYTES)
        if record.exc_text:
            line += "\n" + record.exc_text
        if record.stack_info:
            line += "\n" + record.stack_info
        return line


def start_logging(folder: Path) -> None:
    """From now on log as `logging_config.yaml` in ``folder`` says, or as the default does.

    Also what ends the process or one of its threads is logged, and so is clean.

    Raises:
        ConfigRefused: the file is there and not right.
    """
    file = folder / LOGGING_CONFIG
    try:
        config = read_yaml(file)
    except FileNotFoundError:
        file = Path(LOGGING_CONFIG)
        config = parse_yaml(DEFAULT_CONFIG.encode(), str(file))
    make_records_clean()
    _configure(config, file)
    sys.excepthook = _log_end
    threading.excepthook = _log_end_of_thread


def check_logging(file: Path) -> None:
    """Refuse ``file`` as `start_logging` would; to be called in a process that ends then.

    Raises:
        ConfigRefused: the file is not right.
        FileNotFoundError: there is no such file.
    """
    _configure(read_yaml(file), file, open_files=False)


def make_records_clean() -> None:
    """Make every log record of the process a `CleanRecord`."""
    logging.setLogRecordFactory(CleanRecord)


def hide(secret: Secret) -> None:
    """Keep ``secret`` out of every record from now on."""
    log_records.hide(secret.reveal())


def _configure(given: object, file: Path, *, open_files: bool = True) -> None:
    if problems := logging_problems(given):
        raise ConfigRefused(str(file), problems)
    config = cast(dict[str, Any], given)
    if problems := _unknown_names(config):
        raise ConfigRefused(str(file), problems)

    config.setdefault("disable_existing_loggers", False)
    for formatter in config.get("formatters", {}).values():
        if "()" not in formatter:
            formatter.setdefault("class", f"{__name__}.{LineFormatter.__name__}")
    for handler in config.get("handlers", {}).values():
        if isinstance(name := handler.get("filename"), str):
            handler["filename"] = str(file.parent / name)
            if not open_files:
                handler["delay"] = True
    try:
        logging.config.dictConfig(config)
    except (
        ValueError,
        TypeError,
        AttributeError,
        ImportError,
        LookupError,
        OSError,
    ) as error:
        raise ConfigRefused(str(file), [_reason(error)]) from None


def _unknown_names(config: Mapping[str, Any]) -> list[str]:
    """Return each use of a formatter, filter or handler that the file does not define."""
    problems: list[str] = []

    def check(where: str, names: object, kind: str) -> None:
        for name in names if isinstance(names, list) else []:
            if name not in config.get(kind, {}):
                problems.append(f"{where}: there is no {shown_key(str(name))} in {kind}")

    for name, handler in config.get("handlers", {}).items():
        where = f"handlers.{shown_key(name)}"
        if not {"class", "()"} & set(handler):
            problems.append(f"{where}.class: is missing")
        if "formatter" in handler:
            check(f"{where}.formatter", [handler["formatter"]], "formatters")
        check(f"{where}.filters", handler.get("filters"), "filters")
    loggers = {f"loggers.{shown_key(n)}": one for n, one in config.get("loggers", {}).items()}
    for where, logger in {**loggers, "root": config.get("root", {})}.items():
        check(f"{where}.handlers", logger.get("handlers"), "handlers")
        check(f"{where}.filters", logger.get("filters"), "filters")
    return problems


def _reason(error: BaseException) -> str:
    """Return ``key: rule`` from what dictConfig raised; its sentence names the part."""
    part = re.match(r"Unable to configure (formatter|filter|handler|logger) '(.*)'", str(error))
    key = f"{part[1]}s.{shown_key(part[2])}" if part else "root"
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    why = cause.strerror if isinstance(cause, OSError) else type(cause).__name__
    return f"{key}: Python cannot make it from this: {why}"


def _shown(value: object) -> str:
    text = str(value)
    if text and not any(sign in text for sign in ' "='):
        return text
    return json.dumps(text, ensure_ascii=False)


def _log_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        log.critical("ended by a fault of Ilo", exc_info=(kind, error, trace))


def _log_end_of_thread(end: threading.ExceptHookArgs) -> None:
    if end.exc_value is not None and end.exc_type is not SystemExit:
        log.critical(
            "a thread was ended by a fault of Ilo",
            exc_info=(end.exc_type, end.exc_value, end.exc_traceback),
        )
