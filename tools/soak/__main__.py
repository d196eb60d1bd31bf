"""`make soak`: an hour of steady load, then a verdict. Exit code 0 when nothing grew and no call was
a ghost; 1 when something did; 2 when it could not be run to its end.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools.bench.machine import describe, now
from tools.lab.errors import LabError
from tools.lab.lab import Lab
from tools.rig.people import write_cases
from tools.rig.site import Site, SiteError
from tools.soak import pbx, plan, plot
from tools.soak.look import Ghosts, Looker
from tools.soak.trend import Trend, trend

_SETTLE_S = 60.0
_SAY_EVERY = 6
_NONE_OF = ("ghosts", "left_at_the_end", "must_be_none")
Samples = list[dict[str, float]]


def main(argv: list[str] | None = None) -> int:
    """Run it."""
    args = _arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    folder: Path = args.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        found = _run(folder, args.minutes * 60, args.rate, args.agents)
    except (LabError, SiteError) as error:
        print(f"The soak stopped: {error}", file=sys.stderr)
        return 2
    _write(folder, found)
    if not args.keep:
        shutil.rmtree(folder / "lab", ignore_errors=True)
    if not found["judged"]:
        return 2
    return 0 if found["passed"] else 1


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=plan.CALLS_PER_SECOND, help="calls a second")
    parser.add_argument("--agents", type=int, default=plan.AGENTS)
    parser.add_argument("--folder", type=Path, default=Path("build/soak"))
    parser.add_argument("--keep", action="store_true", help="keep PBX files and recordings")
    return parser.parse_args(argv)


def _run(folder: Path, seconds: float, rate: float, agents: int) -> dict[str, Any]:
    lab = Lab(folder / "lab", agents=agents, overrides=plan.WORLD)
    with lab, Site(lab, folder / "site", plan.CHANGES, cps=rate, trunks=("carrier-a",)) as site:
        _prepare(site, agents)
        began = now()
        samples, ghosts = _watch(folder, lab, site, seconds)
        left = _settle(lab, site)
        return {
            "began": began,
            "ended": now(),
            "minutes": round(seconds / 60, 1),
            "calls_per_second": rate,
            "agents": agents,
            "cases": plan.CASES,
            "machine": describe(),
            **judge(samples, ghosts, left),
            "samples": samples,
        }


def _prepare(site: Site, agents: int) -> None:
    site.cli("db", "upgrade")
    site.start()
    site.api.post("/campaigns", {"name": plan.CAMPAIGN, **plan.SETTINGS})
    file = site.folder / "cases.csv"
    write_cases(file, plan.CASES, plan.SEED)
    site.cli("import", str(file), "--campaign", plan.CAMPAIGN)
    site.add_agents(agents)
    site.wait_idle(agents)
    site.api.post(f"/campaigns/{plan.CAMPAIGN}/start")


def _watch(folder: Path, lab: Lab, site: Site, seconds: float) -> tuple[Samples, Ghosts]:
    samples: Samples = []
    ghosts = Ghosts()
    looker = Looker(lab, site, began := time.monotonic())
    with (folder / "samples.jsonl").open("w", encoding="utf-8") as out:
        while (elapsed := time.monotonic() - began) < seconds:
            _again(site)
            looked = looker.look()
            values = {
                **looked.values,
                **{f"ghosts {k}": n for k, n in ghosts.judge(looked).items()},
            }
            samples.append(values)
            out.write(json.dumps(values) + "\n")
            out.flush()
            if len(samples) % _SAY_EVERY == 1:
                _say(values)
            time.sleep(
                max(0.0, began + (elapsed // plan.LOOK_S + 1) * plan.LOOK_S - time.monotonic())
            )
    return samples, ghosts


def _again(site: Site) -> None:
    """Cases that are done, or wait for hours, are due again: a few thousand last for ever."""
    # The store writes times as microseconds since 1970 (store/_types.py).
    due = time.time_ns() // 1000
    with closing(sqlite3.connect(site.folder / "dialer.db", timeout=10.0)) as db, db:
        db.execute(
            "UPDATE campaign_cases SET due_at = ?, tries = 0, reason = '' "
            "WHERE due_at IS NULL OR due_at > ?",
            (due, due),
        )


def _say(values: dict[str, float]) -> None:
    print(
        f"{values['t'] / 60:5.1f} min  attempts {values['attempts']:.0f}  calls {values['calls']:.0f}  "
        f"talking {values['agents talking']:.0f}  daemon {values['daemon RSS MiB']:.1f} MiB  "
        f"tasks {values['tasks']:.0f}  files {values['daemon files']:.0f}  "
        f"asterisk {values['asterisk RSS MiB']:.0f} MiB  load {values['load']:.2f}",
        flush=True,
    )


def _settle(lab: Lab, site: Site) -> dict[str, int]:
    """What is left when dialling has stopped and every call should be over."""
    site.api.post(f"/campaigns/{plan.CAMPAIGN}/pause")
    deadline = time.monotonic() + _SETTLE_S
    looker = Looker(lab, site, time.monotonic())
    while True:
        looked = looker.look()
        left = {
            "on the PBX": len(looked.pbx),
            "known to the engine": len(looked.registry),
            "open in the store": len(looked.store),
            "on the trunk": int(looked.values["trunk channels"]),
        }
        if not any(left.values()) or time.monotonic() >= deadline:
            return left
        time.sleep(1.0)


# -- verdict ---------------------------------------------------------------------------------------


def judge(samples: Samples, ghosts: Ghosts, left: dict[str, int]) -> dict[str, Any]:
    """The trend of each series, what grew, what was left, and whether it passed."""
    times = [one["t"] for one in samples]
    trends: dict[str, Trend] = {}
    for name, allowance in plan.ALLOWED.items():
        found = trend(times, [one[name] for one in samples], allowance)
        if found is not None:
            trends[name] = found
    grew = sorted(name for name, one in trends.items() if one.grows)
    haunted = {kind: len(seen) for kind, seen in ghosts.seen.items()}
    counted = {name: samples[-1][name] for name in plan.MUST_BE_NONE} if samples else {}
    clean = not any(haunted.values()) and not any(left.values()) and not any(counted.values())
    trimmed = samples[:: plan.TRIM_EVERY]
    asterisk = pbx.growth(
        [one["t"] for one in trimmed],
        [one["asterisk trimmed MiB"] for one in trimmed],
        [one["attempts"] for one in trimmed],
    )
    leaks = asterisk is not None and asterisk.leaks
    return {
        "passed": bool(trends) and not grew and clean and not leaks,
        "judged": bool(trends),
        "grew": grew,
        "ghosts": haunted,
        "left_at_the_end": left,
        "must_be_none": counted,
        "attempts": samples[-1]["attempts"] if samples else 0,
        "asterisk_memory": None if asterisk is None else {**asdict(asterisk), "leaks": leaks},
        "trends": {name: {**asdict(one), "grows": one.grows} for name, one in trends.items()},
    }


def _write(folder: Path, found: dict[str, Any]) -> None:
    (folder / "soak.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    samples: Samples = found["samples"]
    series = {name: [one[name] for one in samples] for name in samples[0] if name != "t"}
    title = f"Soak of {found['minutes']:g} minutes from {found['began']}, {found['attempts']:.0f} attempts"
    (folder / "soak.svg").write_text(plot.svg(series, title, frozenset(found["grew"])), "utf-8")
    _show(found, series)
    print(f"{folder}/soak.json, {folder}/soak.svg")


def _show(found: dict[str, Any], series: dict[str, list[float]]) -> None:
    print(f"\n{'':24}{'first':>9}{'last':>9}{'per hour':>10}{'allowed':>9}")
    for name, one in found["trends"].items():
        mark = "GROWS" if one["grows"] else ""
        print(
            f"{name:24}{one['first']:9.1f}{one['last']:9.1f}{one['per_hour']:+10.2f}"
            f"{one['allowed']:9.1f}  {plot.blocks(series[name])} {mark}"
        )
    for what in _NONE_OF:
        print(f"{what.replace('_', ' ')}: {found[what]}")
    print(_asterisk(found))
    print(_verdict(found))


def _verdict(found: dict[str, Any]) -> str:
    """The last line; everything that failed is named in it."""
    if not found["judged"]:
        return "too short for a verdict"
    if found["passed"]:
        return "PASSED: nothing of ours grew, no ghosts"
    wrong = list(found["grew"])
    wrong += [what for what in _NONE_OF if any(found[what].values())]
    asterisk = found["asterisk_memory"]
    if asterisk is not None and asterisk["leaks"]:
        wrong.append("asterisk memory a call")
    return f"FAILED: {', '.join(name.replace('_', ' ') for name in wrong)}"


def _asterisk(found: dict[str, Any]) -> str:
    """Its memory is not ours, and is said beside."""
    one = found["asterisk_memory"]
    if one is None:
        return "asterisk's own memory: too short to say"
    return (
        f"asterisk's own memory after a trim, MiB: {one['first_mib']:.0f} to {one['last_mib']:.0f}, "
        f"{one['mib_per_hour']:+.1f} an hour in the second half, {one['kib_per_call']:+.2f} KiB a call "
        f"(a leak above {one['bound']:g})"
    )


if __name__ == "__main__":
    sys.exit(main())
