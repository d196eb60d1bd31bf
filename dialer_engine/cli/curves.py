"""Curves of what pacing learned: in the terminal, and as SVG.

Rules: no colours and nothing wider than 72 columns in the terminal; the SVG is one file without scripts,
fonts or links, so that it can be mailed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from dialer_engine.cli.text import Lang

Drawn = Mapping[str, Any]
_WIDTH, _HEIGHT = 60, 8
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_TITLES = {
    "answered": ("answered by a person, by seconds of ringing", "振铃时长与人工接听比例"),
    "talk": ("talks that have ended, by seconds", "通话时长分布(已结束比例)"),
    "wrap": ("wrap-ups that have ended, by seconds", "话后时长分布(已结束比例)"),
}
# Of one panel of the SVG, in its units.
_PANEL_W, _PANEL_H, _LEFT, _BELOW, _ABOVE = 640.0, 200.0, 56.0, 34.0, 34.0


def title(one: Drawn, lang: Lang) -> str:
    """What a curve shows."""
    english, chinese = _TITLES[one["kind"]]
    words = {Lang.EN: english, Lang.ZH: chinese}.get(lang, f"{english} {chinese}")
    of = f" ({one['of']})" if one["of"] else ""
    return f"{one['node']}{of}: {words}"


def drawn(one: Drawn, lang: Lang) -> list[str]:
    """Lines for a terminal, the highest value on top."""
    top = max(one["ys"], default=0.0)
    if len(one["xs"]) < 2 or top <= 0:
        return [title(one, lang), "  -"]
    columns = _resampled(one["xs"], one["ys"], _WIDTH)
    heights = [round(value / top * _HEIGHT * 8) for value in columns]
    lines = [title(one, lang)]
    for row in range(_HEIGHT - 1, -1, -1):
        label = f"{top:6.1%} " if row == _HEIGHT - 1 else "       "
        cells = (_EIGHTHS[min(8, max(0, height - row * 8))] for height in heights)
        lines.append(f"{label}|{''.join(cells)}".rstrip())
    last = f"{one['xs'][-1]:g} s"
    lines.append(f"       +{'-' * _WIDTH}")
    lines.append(f"        0{last:>{_WIDTH - 1}}")
    return lines


def _resampled(xs: Sequence[float], ys: Sequence[float], count: int) -> list[float]:
    """Values at `count` places between the first and the last x, linearly between points."""
    found: list[float] = []
    place = 0
    for i in range(count):
        x = xs[0] + (xs[-1] - xs[0]) * (i + 0.5) / count
        while place < len(xs) - 2 and xs[place + 1] < x:
            place += 1
        step = xs[place + 1] - xs[place]
        part = (x - xs[place]) / step if step > 0 else 0.0
        found.append(ys[place] + (ys[place + 1] - ys[place]) * part)
    return found


def svg(all_: Sequence[Drawn]) -> str:
    """One panel below the other."""
    height = _PANEL_H * max(1, len(all_))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_PANEL_W:g} {height:g}"'
        f' width="{_PANEL_W:g}" height="{height:g}" font-family="sans-serif" font-size="12">'
    )
    panels = [_panel(one, number * _PANEL_H) for number, one in enumerate(all_)]
    paper = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([head, paper, *panels, "</svg>", ""])


def _panel(one: Drawn, above: float) -> str:
    top = max(one["ys"], default=0.0) or 1.0
    last = (one["xs"][-1] if one["xs"] else 0.0) or 1.0
    width, high = _PANEL_W - _LEFT - 16.0, _PANEL_H - _ABOVE - _BELOW
    floor = above + _ABOVE + high
    points = " ".join(
        f"{_LEFT + x / last * width:.1f},{floor - y / top * high:.1f}"
        for x, y in zip(one["xs"], one["ys"], strict=True)
    )
    right = _LEFT + width
    return "\n".join(
        [
            f'<text x="{_LEFT:g}" y="{above + 20:g}">{escape(title(one, Lang.BOTH))}</text>',
            f'<path d="M{_LEFT:g} {above + _ABOVE:g}V{floor:g}H{right:g}" fill="none" stroke="#888"/>',
            f'<text x="{_LEFT - 6:g}" y="{above + _ABOVE + 10:g}" text-anchor="end">{top:.1%}</text>',
            f'<text x="{_LEFT - 6:g}" y="{floor:g}" text-anchor="end">0</text>',
            f'<text x="{right:g}" y="{floor + 16:g}" text-anchor="end">{last:g} s</text>',
            f'<polyline points="{points}" fill="none" stroke="#06c" stroke-width="2"/>',
        ]
    )
