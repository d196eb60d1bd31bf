"""`python -m tools.demo --compare`: 1:1 and predictive, one after the other, on the same invented people.

Rules: each half has a world, a daemon and a database of its own, made from the same seed, so the same
number has the same fate in both; each half warms up first, and what is shown was counted after that, for
as long in one as in the other; nothing of the first half is known to the second.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tools.demo.board import Board
from tools.demo.plan import ANY_TIME
from tools.lab.lab import Lab
from tools.rig.people import write_cases
from tools.rig.site import Site

FOLDER = Path("build/demo")
RESULT = FOLDER / "pacing.json"
_CAMPAIGN = "compare"
_CASES = 1800
_LOOK_S = 0.25
_SETTLE_S = 60.0
AGENTS = 12
SEED = 20261122
# Long enough for agents to be spread over talks and wrap-ups, and for rates to be learned.
WARM_UP_S = 40.0
MEASURED_S = 150.0
RING_TIMEOUT_S = 8.0

# Life at about ten times its speed: 30 of 100 calls are answered by a person, who talks for 11 s (not two
# minutes); no machines, because without a detector they would be persons to everybody.
WORLD: dict[str, Any] = {
    "seed": SEED,
    "weights": {"talk": 30, "busy": 10, "no_answer": 45, "declined": 5, "unallocated": 5, "switched_off": 5},
    "ring": {"median": 2.2, "sigma": 0.4, "min": 0.3, "max": 7.5},
    "talk": {"median": 9.0, "sigma": 0.6, "min": 3.0, "max": 40.0},
    "cancel_cross": {"dial_timeout": RING_TIMEOUT_S, "spread": 0.1},
}  # fmt: skip
SETTINGS: dict[str, Any] = {
    "ring_timeout_s": RING_TIMEOUT_S,
    "min_ring_s": RING_TIMEOUT_S,
    "wrap_up_s": 2.0,
    "target": 0.03,
}


@dataclass(frozen=True, slots=True)
class Half:
    """One way of pacing. label: for people."""

    mode: str
    label: str


HALVES = (Half("progressive", "1:1 一对一"), Half("predictive", "predictive 预测式"))
# What is shown: label, key of a row, form.
_LINES = (
    ("utilization 坐席利用率", "utilization", "share"),
    ("abandonment 呼损率", "abandonment", "share"),
    ("abandoned / live answers 呼损数/人工接听", "", "counts"),
    ("the same with the warm-up 含预热", "", "whole"),
    ("wait p50 / p99 / max 等待", "", "waits"),
    ("talks an hour and agent 每坐席每小时通话", "talks_per_agent_hour", "number"),
    ("attempts 呼叫次数", "attempts", "count"),
    ("answer rate 接通率", "answer_rate", "share"),
)


def run(console: Console, measured_s: float = MEASURED_S) -> dict[str, Any]:
    """Both halves; what `RESULT` holds. LabError, SiteError."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = [_half(console, half, measured_s) for half in HALVES]
    result = {
        "seed": SEED,
        "agents": AGENTS,
        "target": SETTINGS["target"],
        "warm_up_s": WARM_UP_S,
        "measured_s": measured_s,
        "settings": SETTINGS,
        "world": WORLD,
        "rows": rows,
    }
    RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=False), encoding="utf-8")
    return result


def _half(console: Console, half: Half, measured_s: float) -> dict[str, Any]:
    folder = FOLDER / f"half-{half.mode}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with _step(console, f"{half.label}: starting Asterisk, world and daemon / 启动"):
        lab = Lab(folder / "lab", agents=AGENTS, overrides=WORLD)
        lab.start()
    try:
        with Site(lab, folder / "site", ANY_TIME) as site:
            _prepare(site, half)
            return _measure(console, site, half, measured_s)
    finally:
        lab.stop()


@contextmanager
def _step(console: Console, title: str) -> Iterator[None]:
    began = time.monotonic()
    with console.status(title):
        yield
    console.print(f"• {title} ({time.monotonic() - began:.1f} s)", highlight=False)


def _prepare(site: Site, half: Half) -> None:
    site.cli("db", "upgrade")
    site.start()
    site.api.post("/campaigns", {"name": _CAMPAIGN, "mode": half.mode, **SETTINGS})
    file = site.folder / "cases.csv"
    write_cases(file, _CASES, SEED, spare=False)
    site.cli("import", str(file), "--campaign", _CAMPAIGN)
    site.add_agents(AGENTS)
    site.wait_idle(AGENTS)


def _measure(console: Console, site: Site, half: Half, measured_s: float) -> dict[str, Any]:
    site.api.post(f"/campaigns/{_CAMPAIGN}/start")
    began = time.monotonic()
    since: datetime | None = None
    with Board(console, _CASES) as board:
        while (elapsed := time.monotonic() - began) < WARM_UP_S + measured_s:
            if since is None and elapsed >= WARM_UP_S:
                since = datetime.now(UTC)
            board.show(site.api.get("/status"), site.api.get("/agents"), elapsed)
            time.sleep(_LOOK_S)
    until = datetime.now(UTC)
    site.api.post(f"/campaigns/{_CAMPAIGN}/pause")
    site.wait(lambda: not site.api.get("/status")["calls"], "free of calls", _SETTLE_S)
    asked = {
        "campaign": _CAMPAIGN,
        "since": (since or until).isoformat(),
        "until": until.isoformat(),
    }
    site.wait(
        lambda: not site.api.get("/report", **asked)["attempts_without_outcome"],
        "settled",
        _SETTLE_S,
    )
    # Attempts that were dialled in the span; agents' time in the span.
    report = site.api.get("/report", **asked)
    whole = site.api.get("/report", campaign=_CAMPAIGN)
    site.stop()
    console.print(f"• {half.label}: {report['attempts']} attempts counted / 计入", highlight=False)
    return row(half, report, whole, measured_s)


def row(
    half: Half, report: dict[str, Any], whole: dict[str, Any], measured_s: float
) -> dict[str, Any]:
    """One half, from the daemon's reports of the counted span and of the whole half."""
    return {
        "policy": half.mode,
        "label": half.label,
        "utilization": report["utilization"],
        "abandonment": report["abandonment_rate"],
        "live": report["live"],
        "abandoned": report["abandoned"],
        "wait_s": report["wait_s"],
        "talks_per_agent_hour": report["bridged"] / AGENTS / measured_s * 3600.0,
        "attempts": report["attempts"],
        "answer_rate": report["answer_rate"],
        "outcomes": report["outcomes"],
        "with_warm_up": {
            key: whole[key] for key in ("attempts", "live", "abandoned", "abandonment_rate")
        },
    }  # fmt: skip


def show(console: Console, result: dict[str, Any]) -> None:
    """Both halves side by side."""
    table = Table(
        title="1:1 and predictive on the same world 同一模拟世界的两种外呼方式",
        title_justify="left",
    )
    table.add_column("")
    for one in result["rows"]:
        table.add_column(one["label"], justify="right")
    for label, key, form in _LINES:
        table.add_row(label, *(_cell(one, key, form) for one in result["rows"]))
    console.print(table)
    console.print(
        f"{result['agents']} agents, {result['measured_s']:.0f} s counted after {result['warm_up_s']:.0f} s of "
        f"warm-up, target {result['target']:.0%}; one run: a few minutes hold few abandoned calls, so their share "
        "is rough (`make bench-pacing` has days and intervals).", highlight=False,
    )  # fmt: skip
    console.print("单次短时运行,呼损样本很少;完整对比见 make bench-pacing。", highlight=False)
    console.print(str(RESULT), highlight=False)


def _cell(one: dict[str, Any], key: str, form: str) -> str:
    if form == "counts":
        return f"{one['abandoned']} / {one['live']}"
    if form == "whole":
        whole = one["with_warm_up"]
        return f"{whole['abandoned']} / {whole['live']}"
    if form == "waits":
        waits = one["wait_s"]
        parts = [waits["p50"], waits["p99"], waits["max"]]
        return " / ".join("-" if part is None else f"{part:.2f}" for part in parts) + " s"
    value = one[key]
    if value is None:
        return "-"
    return f"{100 * value:.1f} %" if form == "share" else f"{value:,.0f}"


def objections(result: dict[str, Any]) -> list[str]:
    """What did not come true; empty when all did."""
    found = []
    for one in result["rows"]:
        if not one["live"]:
            found.append(f"{one['policy']}: nobody answered")
        if one["utilization"] is None:
            found.append(f"{one['policy']}: no agent was at work")
    return found
