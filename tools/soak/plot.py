"""The series of a soak as small charts: one SVG file, and a line of blocks each for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH, _HEIGHT, _MARGIN, _COLUMNS = 360, 110, 28, 3
_POINTS = 360


def blocks(values: Sequence[float], width: int = 40) -> str:
    """The series in `width` characters, each the mean of its part."""
    if not values:
        return ""
    width = min(width, len(values))
    parts = [
        values[len(values) * i // width : len(values) * (i + 1) // width] for i in range(width)
    ]
    means = [sum(part) / len(part) for part in parts]
    low, high = min(means), max(means)
    scale = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BLOCKS[round((mean - low) * scale)] for mean in means)


def svg(series: Mapping[str, Sequence[float]], title: str, marked: frozenset[str]) -> str:
    """One chart for each series, in a grid. marked: those that grew, in red."""
    rows = -(-len(series) // _COLUMNS)
    width, height = _COLUMNS * _WIDTH, rows * _HEIGHT + 40
    charts = [
        _chart(name, values, i % _COLUMNS * _WIDTH, i // _COLUMNS * _HEIGHT + 40, name in marked)
        for i, (name, values) in enumerate(series.items())
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="10" y="22" font-size="14">{escape(title)}</text>'
    )
    return "\n".join([head, *charts, "</svg>\n"])


def _chart(name: str, values: Sequence[float], x: int, y: int, marked: bool) -> str:
    thinned = values[:: max(1, len(values) // _POINTS)]
    # From zero, so that noise does not look like growth.
    low, high = min(0.0, *thinned), max(*thinned, 0.0) or 1.0
    wide, tall = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
    step = wide / max(1, len(thinned) - 1)
    points = " ".join(
        f"{x + _MARGIN + i * step:.1f},{y + _MARGIN + tall * (1 - (v - low) / (high - low)):.1f}"
        for i, v in enumerate(thinned)
    )
    colour = "#c0392b" if marked else "#2471a3"
    return (
        f'<text x="{x + _MARGIN}" y="{y + _MARGIN - 8}">{escape(name)}: '
        f"{values[0]:.6g} … {values[-1]:.6g}, highest {max(values):.6g}</text>"
        f'<rect x="{x + _MARGIN}" y="{y + _MARGIN}" width="{wide}" height="{tall}" fill="#f4f6f7"/>'
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.2"/>'
    )
