"""Tables for people: framed on a terminal, plain aligned columns when piped, JSON on request.

Rules: what comes from outside (names, texts of the PBX) is shown as it is, without its control
characters and without being read as markup; nothing is cut when piped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dialer_engine.cli.session import Session

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

Row = Mapping[str, Any]
NOTHING = "-"
# Wider than any line, so that a pipe gets whole lines.
_PIPE_WIDTH = 1000

_COLOURS = {
    "ok": "green", "started": "green", "running": "green", "ready": "green", "closed": "green",
    "verified": "green", "talking": "green", "in_call": "green",
    "warn": "yellow", "paused": "yellow", "break": "yellow", "slow": "yellow", "draining": "yellow",
    "trying": "yellow", "wrap_up": "yellow", "waiting": "yellow",
    "fail": "red", "full": "red", "open": "red", "stopping": "red", "missing": "red",
    "mismatched": "red", "silent": "red", "no": "red", "safe_harbour": "red",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column. get: a key of the row, or a function of it. form: how the value is written."""

    head: str
    get: str | Callable[[Row], Any]
    form: Callable[[Any], str] | None = None
    right: bool = False
    word: bool = False

    def value(self, row: Row) -> Any:
        """What the row has in this column; None when it has nothing."""
        return row.get(self.get) if isinstance(self.get, str) else self.get(row)


# -- forms -----------------------------------------------------------------------------------------


def duration(seconds: Any) -> str:
    """`7 s`, `2:05`, `1:02:05`, `3 d 01:02`."""
    if seconds is None:
        return NOTHING
    whole = int(seconds)
    days, rest = divmod(whole, 86400)
    hours, minutes, left = rest // 3600, rest // 60 % 60, rest % 60
    if days:
        return f"{days} d {hours:02}:{minutes:02}"
    if hours:
        return f"{hours}:{minutes:02}:{left:02}"
    return f"{minutes}:{left:02}" if minutes else f"{left} s"


def percent(share: Any) -> str:
    """`4.2 %`."""
    return NOTHING if share is None else f"{share * 100:.1f} %"


def number(value: Any) -> str:
    """A figure without needless decimals."""
    if value is None:
        return NOTHING
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"


def local_time(text: Any) -> str:
    """An ISO time in the zone of whoever reads it."""
    if not text:
        return NOTHING
    try:
        return f"{datetime.fromisoformat(str(text)).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return str(text)


def clean(text: str) -> str:
    """Without control characters: a name from a file must not steer the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def plain(value: Any) -> str:
    """Anything as text."""
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(one) for one in value)
    return number(value) if isinstance(value, int | float) else clean(str(value))


# -- output ----------------------------------------------------------------------------------------


def emit_json(data: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(data, indent=2, ensure_ascii=False))


def console() -> Console:
    """Where tables go: colours and frames on a terminal only."""
    from rich.console import Console

    piped = not sys.stdout.isatty()
    return Console(width=_PIPE_WIDTH if piped else None, highlight=False, emoji=False, markup=False)


def say(renderable: RenderableType) -> None:
    """Print; without trailing blanks when piped."""
    out = console()
    if out.is_terminal:
        out.print(renderable)
        return
    with out.capture() as text:
        out.print(renderable)
    print("\n".join(line.rstrip() for line in text.get().splitlines()))


def table(
    session: Session,
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Row],
    framed: bool | None = None,
) -> Table:
    """A table of rows; framed None: as the terminal allows."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    framed = sys.stdout.isatty() if framed is None else framed
    drawn = Table(
        title=Text(session.label(title)) if title and framed else None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD if framed else None,
        pad_edge=framed,
        show_edge=False,
        header_style="bold" if framed else "",
    )
    for column in columns:
        drawn.add_column(
            Text(session.label(column.head)), justify="right" if column.right else "left"
        )
    for row in rows:
        drawn.add_row(*(cell(session, column, row) for column in columns))
    return drawn


def cell(session: Session, column: Column, row: Row) -> Any:
    """One cell, coloured by what its value means."""
    from rich.text import Text

    value = column.value(row)
    text = column.form(value) if column.form else plain(value)
    style = _COLOURS.get(text, "") if column.word else ""
    return Text(session.word(text) if column.word else clean(text), style=style)


def show_table(
    session: Session, title: str, columns: Sequence[Column], rows: Sequence[Row]
) -> None:
    """The table, or that there is nothing."""
    if rows:
        say(table(session, title, columns, rows))
    else:
        print(f"{session.label(title)}: {session.label('none')}")


def facts(session: Session, pairs: Iterable[tuple[str, str]]) -> None:
    """`name  value` lines, aligned."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table.grid(padding=(0, 2))
    for name, value in pairs:
        drawn.add_row(Text(session.label(name), style="bold"), Text(clean(value)))
    say(drawn)


def everything(session: Session, data: Row) -> None:
    """Every field of an object whose fields this version may not know yet."""
    facts(session, ((name, plain(value)) for name, value in data.items()))
