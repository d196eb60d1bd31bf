"""Logs: JSON lines for machines, readable lines for a person at a terminal.

Rules:
- The event is a constant text and the data goes in fields: `log.info("call bridged", attempt=…, wait_ms=…)`.
- Whatever stands in a field of a personal kind (number, name, PIN, secret …) is masked here, whoever logged it, and
  counted; texts that other libraries wrote, tracebacks included, lose everything that looks like a phone number.
- `about(attempt=…)` puts ids on every line that is written inside it, also by the functions it calls.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, BinaryIO, Final, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from dialer_engine.app._config_fields import Secret

MASK: Final = "***"
# Names of fields that hold something about a person, or open something.
PERSONAL: Final = frozenset(
    "number numbers phone phones msisdn callerid caller_id caller callee dialled ani dnis "
    "name first_name last_name full_name debtor address email id_number passport iban account balance amount "
    "pin pins password passwd secret secrets token authorization cookie".split()
)
# International numbers, and bare runs of digits as long as a national number (ids have letters in between).
_NUMBER_LIKE: Final = re.compile(
    r"\+[0-9][0-9 ()-]{6,18}[0-9]|(?<![0-9A-Za-z.:-])0?[1-9][0-9]{8,14}(?![0-9A-Za-z.:-])"
)
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


class Masked:
    """How often something was masked since the start, for the metrics: a growing count is a line to be corrected."""

    fields = 0
    texts = 0


class _Threshold:
    """The level in force; changed by a reload, seen by loggers that exist already."""

    value = _LEVELS["info"]


def configure(
    log_format: str = "auto",
    level: str = "info",
    stream: TextIO | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Set up logging for the process; may be called again.

    log_format: auto, json or console. stream: where lines go (None: stderr). env: None for the
    process's own.
    """
    out = stream if stream is not None else sys.stderr
    env = os.environ if env is None else env
    set_level(level)
    as_json = log_format == "json" or (log_format == "auto" and not is_terminal(out, env))
    structlog.configure(
        processors=[*_common(), *(_json_tail() if as_json else _console_tail(out))],
        logger_factory=_bytes_factory(out) if as_json else structlog.PrintLoggerFactory(out),
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=False,
    )
    _take_over_stdlib()


def set_level(level: str) -> None:
    """Change the level, at once and for everybody: debug, info, warning or error."""
    _Threshold.value = _LEVELS[level]
    # Libraries are of interest when they complain, and when we look for a fault.
    logging.getLogger().setLevel(logging.INFO if level == "debug" else logging.WARNING)


def is_terminal(stream: TextIO, env: Mapping[str, str]) -> bool:
    """Whether a person reads: a terminal, and not systemd's journal behind it."""
    return stream.isatty() and "JOURNAL_STREAM" not in env


def get(room: str, **ids: object) -> structlog.typing.FilteringBoundLogger:
    """A logger of a room (`engine`, `ami` …); `ids` are on each of its lines."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=room, **ids)
    return logger


@contextlib.contextmanager
def about(**ids: object) -> Iterator[None]:
    """Bind ids (attempt=, call=, agent=, campaign=, node=) to every line written inside."""
    with structlog.contextvars.bound_contextvars(**ids):
        yield


# -- processors ------------------------------------------------------------------------------------


def _common() -> list[Processor]:
    return [
        _drop_below_threshold,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        mask_personal,
    ]


def _json_tail() -> list[Processor]:
    return [structlog.processors.JSONRenderer(serializer=_to_json)]


def _console_tail(out: TextIO) -> list[Processor]:
    return [structlog.dev.ConsoleRenderer(colors=out.isatty(), timestamp_key="at", pad_event_to=32)]


def _to_json(event: EventDict, **_: object) -> bytes:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS)


def _bytes_factory(out: TextIO) -> structlog.BytesLoggerFactory:
    buffer: BinaryIO = getattr(out, "buffer", sys.stderr.buffer)
    return structlog.BytesLoggerFactory(buffer)


def _drop_below_threshold(_: WrappedLogger, method: str, event: EventDict) -> EventDict:
    if _LEVELS.get("error" if method == "exception" else method, 20) < _Threshold.value:
        raise structlog.DropEvent
    return event


def mask_personal(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Mask fields of a personal kind by their names, at any depth, and number-like parts of foreign texts."""
    _mask_fields(event)
    for key in ("exception", "message"):
        if isinstance(text := event.get(key), str):
            event[key] = mask_text(text)
    return event


def _mask_fields(fields: MutableMapping[Any, Any]) -> None:
    for key, value in fields.items():
        if isinstance(key, str) and key.lower() in PERSONAL and value not in (None, ""):
            fields[key] = MASK
            Masked.fields += 1
        elif isinstance(value, Secret):
            fields[key] = value.masked
        elif isinstance(value, Mapping):
            inner = dict(value)
            _mask_fields(inner)
            fields[key] = inner
        elif isinstance(value, list | tuple):
            fields[key] = [_mask_member(member) for member in value]


def _mask_member(member: object) -> object:
    if not isinstance(member, Mapping):
        return member
    inner = dict(member)
    _mask_fields(inner)
    return inner


def mask_text(text: str) -> str:
    """A text of somebody else's without what looks like a phone number."""
    masked, count = _NUMBER_LIKE.subn(MASK, text)
    Masked.texts += count
    return masked


# -- the standard library's logging ----------------------------------------------------------------


class _Bridge(logging.Handler):
    """Hands what libraries log to structlog: the text goes in a field, for it is not constant."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = str(record.msg)
        logger = structlog.get_logger(room=record.name)
        level = record.levelname.lower() if record.levelname.lower() in _LEVELS else "info"
        getattr(logger, level)("library message", message=text, exc_info=record.exc_info)


def _take_over_stdlib() -> None:
    root = logging.getLogger()
    root.handlers = [h for h in root.handlers if not isinstance(h, _Bridge | logging.StreamHandler)]
    root.addHandler(_Bridge())
    logging.captureWarnings(True)
