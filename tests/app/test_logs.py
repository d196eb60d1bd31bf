"""Formats, masking, bound ids, levels, and the road from the standard library's logging."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from dialer_engine.app import logs
from dialer_engine.app.config import Secret

# From the range that Ofcom keeps for drama.
NUMBER = "+447700900123"
Lines = Callable[[], list[dict[str, Any]]]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def lines() -> Iterator[Lines]:
    buffer = io.BytesIO()
    with io.TextIOWrapper(buffer, write_through=True) as stream:
        logs.configure("json", stream=stream, env={})
        yield lambda: [json.loads(line) for line in buffer.getvalue().splitlines()]


def test_a_line_is_json_with_level_time_and_room(lines: Lines) -> None:
    logs.get("engine").info("call bridged", wait_ms=3.5)
    [line] = lines()
    assert line.pop("at").endswith("Z")
    assert line == {"event": "call bridged", "level": "info", "room": "engine", "wait_ms": 3.5}


def test_ids_are_on_every_line_written_inside(lines: Lines) -> None:
    log = logs.get("engine")
    with logs.about(attempt="a-1", agent="7"):
        log.info("one")
        with logs.about(agent="8"):
            log.info("two")
        log.info("three")
    log.info("four")
    assert [(line.get("attempt"), line.get("agent")) for line in lines()] == [
        ("a-1", "7"),
        ("a-1", "8"),
        ("a-1", "7"),
        (None, None),
    ]


def test_personal_fields_are_masked_at_any_depth_and_counted(lines: Lines) -> None:
    before = logs.Masked.fields
    logs.get("engine").info(
        "case",
        number=NUMBER,
        case={"name": "A", "id": 5, "more": [{"PIN": "1"}]},
        trunk="carrier-a",
        phone="",
    )
    [line] = lines()
    assert line["number"] == "***"
    assert line["case"] == {"name": "***", "id": 5, "more": [{"PIN": "***"}]}
    assert (line["trunk"], line["phone"]) == ("carrier-a", "")
    assert logs.Masked.fields == before + 3


def test_masking_leaves_the_callers_own_mapping_alone(lines: Lines) -> None:
    case = {"number": NUMBER}
    logs.get("engine").info("case", case=case)
    assert case == {"number": NUMBER}


def test_a_secret_under_a_harmless_name_stays_secret(lines: Lines) -> None:
    logs.get("app").info("x", value=Secret("hunter2"), values=[Secret("hunter2")])
    assert "hunter2" not in json.dumps(lines())


def test_numbers_are_masked_in_tracebacks_and_in_texts_of_libraries(lines: Lines) -> None:
    try:
        raise ValueError(f"cannot insert ({NUMBER}, '02079460012')")
    except ValueError:
        logs.get("store").exception("write failed")
    logging.getLogger("library").warning("call to %s failed after 1500 ms", NUMBER)
    first, second = lines()
    assert "cannot insert (***, '***')" in first["exception"]
    assert first["level"] == "error"
    assert second["message"] == "call to *** failed after 1500 ms"
    assert (second["room"], second["event"], second["level"]) == (
        "library",
        "library message",
        "warning",
    )


@pytest.mark.parametrize(
    "harmless",
    [
        "a-01JD3XGZ9V4M5K6P7Q8R9S0T1V",
        "2026-11-21T21:07:55.123456Z",
        "10.0.0.12:5060",
        "0.123456789012",
    ],
)
def test_ids_times_and_addresses_are_no_numbers(harmless: str) -> None:
    assert logs.mask_text(harmless) == harmless


def test_the_level_changes_for_loggers_that_exist(lines: Lines) -> None:
    log = logs.get("engine")
    log.debug("unseen")
    logs.set_level("debug")
    log.debug("seen")
    logs.set_level("error")
    log.warning("unseen")
    log.error("seen too")
    assert [line["event"] for line in lines()] == ["seen", "seen too"]


def test_libraries_are_quiet_unless_we_look_for_a_fault(lines: Lines) -> None:
    logging.getLogger("library").info("unseen")
    logs.set_level("debug")
    logging.getLogger("library").info("seen")
    assert [line["message"] for line in lines()] == ["seen"]


def test_a_broken_message_of_a_library_is_logged_all_the_same(lines: Lines) -> None:
    # Straight to our handler: pytest's own raises on such a message.
    record = logging.LogRecord("library", logging.WARNING, __file__, 1, "%d items", ("many",), None)
    bridge = next(h for h in logging.getLogger().handlers if type(h).__module__ == logs.__name__)
    bridge.handle(record)
    assert lines()[0]["message"] == "%d items"


def test_what_json_does_not_know_becomes_text(lines: Lines) -> None:
    logs.get("app").info("x", thing={1: object})
    assert lines()[0]["thing"] == {"1": "<class 'object'>"}


def test_a_terminal_gets_readable_lines_and_systemd_json() -> None:
    terminal = Terminal()
    logs.configure("auto", stream=terminal, env={})
    logs.get("engine").info("call bridged", number=NUMBER)
    text = terminal.getvalue()
    assert "call bridged" in text
    assert "***" in text
    assert NUMBER not in text
    assert not text.startswith("{")
    assert not logs.is_terminal(terminal, {"JOURNAL_STREAM": "8:1"})
    assert not logs.is_terminal(io.StringIO(), {})


def test_the_format_can_be_insisted_on() -> None:
    pipe = io.StringIO()
    logs.configure("console", stream=pipe, env={})
    logs.get("engine").warning("trunk down", trunk="carrier-a")
    assert "trunk down" in pipe.getvalue()
    assert "\x1b" not in pipe.getvalue()


def test_configuring_twice_does_not_double_the_lines(lines: Lines) -> None:
    buffer = io.BytesIO()
    keep = io.TextIOWrapper(buffer, write_through=True)
    logs.configure("json", stream=keep, env={})
    logs.configure("json", stream=keep, env={})
    logging.getLogger("library").warning("once")
    assert len(buffer.getvalue().splitlines()) == 1
