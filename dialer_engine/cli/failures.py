"""Errors as the operator reads them, and the exit codes.

Rules: one line of what went wrong, one of what to do; no traceback unless --debug; with --json the
same as JSON on stderr, so that stdout holds data or nothing.
"""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

import click

from dialer_engine.cli.session import Session
from dialer_engine.domain.errors import DialerError
from dialer_engine.engine.api import error_code, error_hint

USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

EXIT_CODES: dict[int, tuple[str, str]] = {
    0: ("done", "成功"),
    1: ("failed; a check of doctor, verify or import found something wrong", "失败或检查发现问题"),
    2: ("wrong usage, or wrong configuration", "用法或配置错误"),
    3: ("refused by compliance, or no right to it", "合规拒绝或无权限"),
    4: ("there is nothing under that name", "没有该名称的对象"),
    5: ("not possible in the present state", "当前状态不允许"),
    6: ("no daemon answers", "守护进程无响应"),
    INTERRUPTED: ("interrupted", "被中断"),
}


def report(error: Exception, session: Session) -> int:
    """Tell the error on stderr; the exit code."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if session.debug:
        traceback.print_exception(error)
    told = _told(error)
    if session.json:
        print(json.dumps(told, ensure_ascii=False), file=sys.stderr)
    else:
        _print(told, session)
    return int(told["exit_code"])


def _told(error: Exception) -> dict[str, Any]:
    if isinstance(error, DialerError):
        return {
            "error": str(error) or error_hint(type(error)),
            "code": error_code(type(error)),
            "hint": _hint(error),
            "exit_code": error.exit_code,
        }
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        hint = f"See `{context.command_path} --help`." if context else ""
        text = error.format_message()
        return {"error": text, "code": "usage", "hint": hint, "exit_code": error.exit_code}
    return {
        "error": f"unexpected {type(error).__name__}: {error}",
        "code": "internal",
        "hint": "This is a bug. Run it again with --debug and send the output to the developers.",
        "exit_code": 1,
    }


def _hint(error: DialerError) -> str:
    notes = getattr(error, "__notes__", [])
    return notes[0] if notes else error_hint(type(error))


def _print(told: dict[str, Any], session: Session) -> None:
    print(f"{session.label('error')}: {told['error']}", file=sys.stderr)
    if told["hint"] and told["hint"] != told["error"]:
        print(f"  {told['hint']}", file=sys.stderr)
