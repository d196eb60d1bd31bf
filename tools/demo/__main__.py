"""`make demo`: a real Asterisk dials invented people. Exit code 0 only when everything that is promised came
true. `--compare`: 1:1 and predictive, one after the other, on the same people.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dialer_engine.domain.outcome import Outcome
from tools.demo import compare, debtors, lawful, plan
from tools.demo.board import Board, attempts
from tools.demo.breaks import Team
from tools.demo.check import objections
from tools.demo.collectors import Collectors
from tools.lab.errors import LabError
from tools.lab.lab import Lab
from tools.rig.site import Site, SiteError

FOLDER = Path("build/demo")
_LOOK_S = 0.25
_SETTLE_S = 60.0
console = Console()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    parser.add_argument("--compare", action="store_true", help="1:1 and predictive side by side")
    given = parser.parse_args(arguments)
    try:
        return _compare() if given.compare else _demo()
    except (LabError, SiteError) as error:
        console.print(
            f"[red]The demo stopped / 演示中止:[/red] {error}", markup=True, highlight=False
        )
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped by Ctrl-C / 已中断")
        return 130


def _compare() -> int:
    result = compare.run(console)
    compare.show(console, result)
    wrong = compare.objections(result)
    for line in wrong:
        console.print(f"[red]✗[/red] {line}")
    return 1 if wrong else 0


def _demo() -> int:
    started = time.monotonic()
    report = _run()
    _show(report)
    wrong = objections(report)
    for line in wrong:
        console.print(f"[red]✗[/red] {line}")
    if not wrong:
        console.print(
            "[green]✓[/green] every attempt has an outcome, every kind was seen, every recording is verified"
        )
        console.print("[green]✓[/green] 每次呼叫都有结果,各类结果齐全,录音全部核验通过")
    console.print(f"{FOLDER}/report.json, recordings in {FOLDER}/lab, log {FOLDER}/site/daemon.log "
                  f"({time.monotonic() - started:.0f} s in all)", highlight=False)  # fmt: skip
    return 1 if wrong else 0


def _run() -> dict[str, Any]:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with _step("Starting a real Asterisk and the world it dials into / 启动 Asterisk 与模拟运营商"):
        lab = Lab(FOLDER / "lab", agents=plan.AGENTS, overrides=plan.WORLD)
        lab.start()
    try:
        console.print(f"  PBX: {lab.backend.label}", highlight=False)
        with Site(lab, FOLDER / "site", plan.ANY_TIME | lawful.changes(FOLDER.resolve())) as site:
            _prepare(site)
            collectors = Collectors(site, plan.SEED)
            _dial(site, collectors)
            return _finish(site, collectors)
    finally:
        lab.stop()


@contextmanager
def _step(title: str) -> Iterator[None]:
    began = time.monotonic()
    with console.status(title):
        yield
    console.print(f"• {title} ({time.monotonic() - began:.1f} s)", highlight=False)


def _prepare(site: Site) -> None:
    with _step("Creating the database and importing cases / 建库并导入案件"):
        _say(site, "db", "upgrade")
    site.start()
    today = datetime.now(UTC).date()
    unwanted: list[str] = []
    for one in plan.PLANS:
        site.api.post("/campaigns", {"name": one.name, **one.settings})
        files = debtors.write(
            site.folder, one.name, one.cases, plan.SEED + one.cases, one.people, plan.special(one), today
        )  # fmt: skip
        _say(site, "import", str(files.cases), "--campaign", one.name)
        _say(site, "import", str(files.contracts), "--what", "contracts")
        unwanted += files.unwanted
    (site.folder / "unwanted.csv").write_text("\n".join(unwanted), encoding="utf-8")
    why = ("--list", "do_not_call", "--why", "asked not to be called")
    _say(site, "suppression", "import", str(site.folder / "unwanted.csv"), *why)
    lawful.agree(site.config)
    console.print(f"  law: preset {lawful.PRESET}; the invented debtors agreed to be called at any hour / "
                  "法规预设 cn;虚构债务人已同意任意时段来电", highlight=False)  # fmt: skip
    if lawful.rests_today():
        console.print("  it is Sunday at the debtors, the strategies rest: a copy without weekdays is used / "
                      "对方当地为周日,使用去掉星期限制的策略副本", highlight=False)  # fmt: skip
    with _step(f"Calling {plan.AGENTS} agents' phones / 呼叫坐席话机"):
        site.add_agents(plan.AGENTS)
        site.wait_idle(plan.AGENTS)


def _say(site: Site, *words: str) -> None:
    console.print(f"  $ dialer-engine {' '.join(words)}", style="dim", highlight=False)
    site.cli(*words)


def _dial(site: Site, collectors: Collectors) -> None:
    for one in plan.PLANS:
        site.api.post(f"/campaigns/{one.name}/start")
        console.print(
            f"  $ dialer-engine campaign start {one.name}   # {one.title}",
            style="dim",
            highlight=False,
        )
    began = time.monotonic()
    team = Team(site)
    with Board(console, plan.ATTEMPTS) as board:
        while (elapsed := time.monotonic() - began) < plan.LIMIT_S:
            status, agents = site.api.get("/status"), site.api.get("/agents")
            board.show(status, agents, elapsed)
            collectors.look(agents)
            if attempts(status) >= plan.ATTEMPTS:
                break
            team.look(status, agents, elapsed)
            time.sleep(_LOOK_S)
    console.print(f"• Dialled for {time.monotonic() - began:.0f} s / 拨打完毕", highlight=False)


def _finish(site: Site, collectors: Collectors) -> dict[str, Any]:
    with _step("Letting the last talks end and matching recordings / 等待通话结束并核验录音"):
        for one in plan.PLANS:
            site.api.post(f"/campaigns/{one.name}/pause")
        site.wait(lambda: not site.api.get("/status")["calls"], "free of calls", _SETTLE_S)
        collectors.look(site.api.get("/agents"))
        # The outcome of the last call is written a moment after the call has gone.
        site.wait(
            lambda: not site.api.get("/report")["attempts_without_outcome"], "settled", _SETTLE_S
        )
        site.wait(lambda: _matched(site.api.get("/report")), "done with recordings", _SETTLE_S)
        paid = site.folder / "payments.csv"
        if collectors.pay(paid):
            _say(site, "import", str(paid), "--what", "payments")
        report: dict[str, Any] = site.report()
        site.stop()
    (FOLDER / "report.json").write_text(
        json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8"
    )
    return report


def _matched(report: dict[str, Any]) -> bool:
    return int(report["recordings_verified"]) + int(report["recordings_failed"]) >= int(
        report["recordings_expected"]
    )


def _show(report: dict[str, Any]) -> None:
    table = Table(title="Report 报告", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    bridge = report["answer_to_bridge_ms"]
    for label, value in (
        ("attempts 呼叫次数", report["attempts"]),
        ("without outcome 无结果", report["attempts_without_outcome"]),
        ("answer rate 接通率", _percent(report["answer_rate"])),
        ("bridged to an agent 已转坐席", report["bridged"]),
        ("abandonment 呼损率", _percent(report["abandonment_rate"])),
        ("utilization 坐席利用率", _percent(report["utilization"])),
        ("answer to bridge p50 / p99 接通到转接", f"{bridge['p50']:.1f} / {bridge['p99']:.1f} ms"),
        (
            "recordings verified 录音核验",
            f"{report['recordings_verified']} / {report['recordings_expected']}",
        ),
    ):
        table.add_row(label, str(value))
    console.print(table)
    outcomes = Table(title="Outcomes 结果", title_justify="left")
    outcomes.add_column("outcome")
    outcomes.add_column("", justify="right")
    for name, count in sorted(report["outcomes"].items(), key=lambda item: -item[1]):
        outcomes.add_row(f"{Outcome(name).chinese} {name}", str(count))
    console.print(outcomes)
    _show_strategy(report)


def _show_strategy(report: dict[str, Any]) -> None:
    segments = Table(title="Segments 分群", title_justify="left")
    columns = ("strategy", "segment", "attempts", "answered", "connected", "promises")
    for name in columns:
        segments.add_column(name, justify="left" if name in columns[:2] else "right")
    for row in report["segments"]:
        segments.add_row(*(str(row[name]) for name in columns))
    console.print(segments)
    denials = Table(title="Not dialled, and why 未拨原因", title_justify="left")
    for name in ("reason", "source", "count"):
        denials.add_column(name)
    for row in report["denials"]:
        denials.add_row(row["reason"], row["source"], str(row["count"]))
    console.print(denials)
    told = report["promises"]
    amounts = ", ".join(f"{amount} {currency}" for currency, amount in told["amount"].items())
    console.print(f"Promises 承诺: {told['made']} ({amounts}), kept 已履约 {told['kept']}, "
                  f"open 待履约 {told['open']}, broken 违约 {told['broken']}", highlight=False)  # fmt: skip


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


if __name__ == "__main__":
    sys.exit(main())
