"""`make bench`: prints a table and leaves build/bench/core.json. A timing never fails; exit code 1 only
when something could not be measured.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tools.bench import answer, book, core, people, ramp, wire
from tools.bench.crowd import Crowd
from tools.bench.machine import MIB, describe, load, now, usage
from tools.bench.observer import Observer
from tools.bench.sides import SIDES, BareSide, EngineSide, Side
from tools.bench.table import show
from tools.lab.errors import LabError
from tools.lab.lab import Lab
from tools.rig.site import SiteError

FOLDER = Path("build/bench")
T = TypeVar("T")


class Pace:
    """How long each part is measured."""

    def __init__(self, short: bool) -> None:
        self.short = short
        self.climbs = 1 if short else 2
        self.step_s = 1.5 if short else 4.0
        # Many short rounds, the sides in turns: what disturbs the machine for a while then meets both.
        self.rounds = 1 if short else 6
        self.answers_s = 5.0 if short else 10.0
        self.wire_events = 20_000 if short else 60_000
        if short:
            ramp.STEPS = (50.0, 100.0)


def main(argv: list[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="under a minute, rougher")
    parser.add_argument("--out", type=Path, default=FOLDER / "core.json")
    args = parser.parse_args(argv)
    began = time.monotonic()
    try:
        found = _measure(Pace(args.short))
    except (LabError, SiteError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    found["took_s"] = round(time.monotonic() - began)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    show(found)
    print(f"{args.out} ({found['took_s']} s)")
    return 0


def _measure(pace: Pace) -> dict[str, Any]:
    shutil.rmtree(FOLDER / "lab", ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"date": now(), "short": pace.short, "machine": describe()}
    found["load_before"] = load()
    found["core"] = _say("engine alone", lambda: core.measure(pace.short))
    found["store"] = _say("store alone", lambda: book.measure(FOLDER / "store", pace.short))
    found["ami_events_per_s"] = _say("AMI link", lambda: wire.compare(pace.wire_events))
    lab = Lab(FOLDER / "lab", agents=people.AGENTS, overrides=people.WORLD)
    with lab, Crowd(lab) as crowd, Observer(lab) as observer:
        found["pbx"] = lab.backend.label
        found |= _dial(lab, crowd, observer, pace)
    found["load_after"] = load()
    shutil.rmtree(FOLDER / "lab", ignore_errors=True)
    return found


def _say(what: str, work: Callable[[], T]) -> T:
    """Progress, with the load beside it."""
    began = time.monotonic()
    done = work()
    print(f"  {what}: {time.monotonic() - began:.0f} s, load {load()}", flush=True)
    return done


def _dial(lab: Lab, crowd: Crowd, observer: Observer, pace: Pace) -> dict[str, Any]:
    steps: dict[str, list[list[ramp.Step]]] = {side.name: [] for side in SIDES}
    memory: dict[str, list[float]] = {side.name: [] for side in SIDES}

    def climb(side: Side) -> None:
        steps[side.name].append(ramp.climb(side, lab, observer, pace.step_s))
        memory[side.name].append(usage(side.pid).rss / MIB)

    _in_turns(lab, pace.climbs, people.RAMP, "ramp", climb)
    pbx_before, up = usage(lab.pid("pbx")).rss, answer.hold_calls(lab, crowd)
    pbx_per_call = (usage(lab.pid("pbx")).rss - pbx_before) / max(1, up)
    rounds: dict[str, list[answer.Round]] = {side.name: [] for side in SIDES}

    def bridge(side: Side) -> None:
        rounds[side.name].append(answer.run(side, lab, crowd, observer, pace.answers_s))

    _in_turns(lab, pace.rounds, people.TALKS, "answers", bridge)
    return {
        "ramp": ramp.summary(steps),
        "answer_to_bridge": answer.summary(rounds),
        "memory": {
            "rss_mib_after_ramp": {
                n: [round(one, 1) for one in all_] for n, all_ in memory.items()
            },
            "asterisk_kib_per_call": round(pbx_per_call / 1024, 1),
        },
    }


def _in_turns(
    lab: Lab, rounds: int, kinds: tuple[str, ...], what: str, measure: Callable[[Side], None]
) -> None:
    """Rounds of both sides, the order turned round each time."""
    for turn in range(rounds):
        order = SIDES if turn % 2 == 0 else tuple(reversed(SIDES))
        for make in order:
            work = partial(_one, lab, make, kinds, measure)
            _say(f"{what}, {make.name}, round {turn + 1}", work)


def _one(
    lab: Lab,
    make: type[EngineSide] | type[BareSide],
    kinds: tuple[str, ...],
    measure: Callable[[Side], None],
) -> None:
    folder = FOLDER / "site"
    shutil.rmtree(folder, ignore_errors=True)
    # As many people as the whole ramp can dial.
    count = int(sum(ramp.STEPS) * 9) if kinds is people.RAMP else 1000
    side = make(lab, folder, kinds, count)
    try:
        side.start()
        measure(side)
    finally:
        side.stop()


if __name__ == "__main__":
    sys.exit(main())
