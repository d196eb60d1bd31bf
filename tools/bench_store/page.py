"""The figures as a table, beside the aims of issue 3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_WIDTHS = (66, 22, 22, 12)
_STORES = ("sqlite", "postgresql")


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The table, a line at a time; what was not measured is empty."""
    about, load = found["machine"], found["load"]
    yield f"{about['cpus']} CPUs, {about['cpu']}, Python {about['python']}; {about['system']}"
    yield f"load {load['before']} before, {load['after']} after; {found['date']}"
    yield _row("", "SQLite", "PostgreSQL", "aim")
    stores = [found.get(name, {}) for name in _STORES]
    yield _row("cases", *(one.get("cases", "") for one in stores), "1M / 10M")
    for words, aim, path in _ROWS:
        yield _row(words, *(_at(one, path) for one in stores), aim)
    gate = found.get("gate", {})
    yield _row("gate decisions a second, one core", gate.get("decisions_per_s", ""), "", "20,000")


_ROWS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("import of a file, everything on the way: rows/s", "2,000", ("file", "rows_per_s")),
    ("  the same file again, nothing new: rows/s", "", ("file", "again_rows_per_s")),
    ("  memory MiB, a tenth in / at the end", "flat", ("file", "memory_mib")),
    ("bulk path, closed by the same vault, indexes made after: rows/s", "", ("bulk", "rows_per_s")),
    ("choosing 500: candidates, ms p50 / p99", "p99 < 20", ("draws", "candidates_ms")),
    ("choosing 500: facts for the gate, ms p50 / p99", "", ("draws", "facts_ms")),
    ("choosing 500: both, ms p50 / p99", "p99 < 20", ("draws", "choosing_ms")),
    ("  the same as CPU time of us and the server, ms p50 / p99", "", ("draws", "choosing_cpu_ms")),
    ("    of which candidates", "", ("draws", "candidates_cpu_ms")),
    ("  draws", "", ("draws", "draws")),
    ("  memory MiB, a tenth in / at the end", "flat", ("draws", "memory_mib")),
    ("beginning 25 attempts, with reservations, ms p50 / p99", "", ("draws", "begin_25_ms")),
)


def _at(one: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = one
    for name in path:
        value = value.get(name, {})
    if isinstance(value, dict):
        if "p50" in value:
            return f"{value['p50']} / {value['p99']}"
        return f"{value['first']:.0f} / {value['last']:.0f}" if "first" in value else ""
    return value


def _row(words: str, *cells: Any) -> str:
    shown = [f"{cell:,}" if isinstance(cell, int | float) else str(cell) for cell in cells]
    ends = "".join(f"{c:>{w}}" for c, w in zip(shown, _WIDTHS[1:], strict=True))
    return f"{words:{_WIDTHS[0]}}{ends}".rstrip()
