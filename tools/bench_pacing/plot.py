"""Utilization against abandonment, one small plot for each team and answer rate. Needs matplotlib, which is
for development only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.bench_pacing.policies import CLAIRVOYANT, CONTROLLER, OPTIMUM, ORDER

# Abandonment below this is drawn at this: the axis is logarithmic.
_LEAST = 0.0005
_SIZE_IN = 2.6
_MARKS = "*os^v<>DPXhd"


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise SystemExit("the plots need matplotlib: pip install matplotlib") from error
    matplotlib.use("svg")
    # The same file for the same figures, and text that stays text.
    matplotlib.rcParams.update({"svg.hashsalt": "pacing", "svg.fonttype": "none", "font.size": 8})
    import matplotlib.pyplot

    return matplotlib.pyplot


def draw(rows: Sequence[dict[str, Any]], title: str, path: Path) -> None:
    """One SVG: rows of plots by team, columns by answer rate."""
    pyplot = _pyplot()
    teams = sorted({one["agents"] for one in rows})
    rates = sorted({one["answer_rate"] for one in rows})
    size = (_SIZE_IN * len(rates) + 2, _SIZE_IN * 0.8 * len(teams) + 1)
    figure, axes = pyplot.subplots(
        len(teams), len(rates), figsize=size, squeeze=False, sharex=True, sharey="col"
    )
    for place, agents in enumerate(teams):
        for column, rate in enumerate(rates):
            cell = [o for o in rows if o["agents"] == agents and o["answer_rate"] == rate]
            _cell(axes[place][column], cell, f"{agents} agents, answer rate {rate:g}")
    for axis in axes[-1]:
        axis.set_xlabel("abandonment")
    for line in axes:
        line[0].set_ylabel("utilization")
    figure.suptitle(title)
    handles = _legend(axes)
    figure.legend(handles.values(), handles.keys(), loc="center right", frameon=False)
    figure.subplots_adjust(right=1 - 1.9 / size[0], left=0.7 / size[0], hspace=0.3)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _cell(axis: Any, cell: list[dict[str, Any]], title: str) -> None:
    axis.set_title(title, fontsize=8)
    axis.set_xscale("log")
    axis.set_xlim(_LEAST * 0.8, 1.0)
    axis.grid(alpha=0.3)
    for one in cell:
        _point(axis, one)
    if cell:
        axis.axvline(cell[0]["target"], color="grey", linestyle="--", linewidth=0.8)
        if (bound := cell[0]["bound_utilization"]) is not None:
            axis.axhline(bound, color="black", linestyle=":", linewidth=0.8)


def _point(axis: Any, one: dict[str, Any]) -> None:
    place = ORDER.index(one["policy"])
    ours = one["policy"] == CONTROLLER
    axis.errorbar(
        max(_LEAST, one["abandonment"]),
        one["utilization"],
        yerr=one["utilization_half_width"],
        marker=_MARKS[place],
        markersize=9 if ours else 5,
        color="crimson" if ours else _colour(place, one["policy"]),
        linestyle="none",
        label=one["policy"],
        zorder=3 if ours else 2,
    )


def _colour(place: int, policy: str) -> str:
    return "black" if policy in (CLAIRVOYANT, OPTIMUM) else f"C{(place - 1) % 10}"


def _legend(axes: Any) -> dict[str, Any]:
    """One handle for each policy, in the order of the tables."""
    found: dict[str, Any] = {}
    for axis in axes.flat:
        handles, labels = axis.get_legend_handles_labels()
        found.update(zip(labels, handles, strict=True))
    return {name: found[name] for name in ORDER if name in found}
