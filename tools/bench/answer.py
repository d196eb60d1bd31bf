"""From the answer to both in one bridge: 20 answers a second, 100 agents, 400 calls up.

Rules: both ends of the measure are stamped by the PBX itself. Three beginnings: `up`, the channel is
answered (Newstate); `told`, the dialplan says so (UserEvent DialerAnswered), the first that a program
can act on; `held`, the leg is in its holding bridge, before which nobody may bridge it. The calls that
are up beside those of the side have audio both ways and are the same for both sides (crowd.py); they are
not recorded, those of the sides are: 400 recorders would be a benchmark of the disk.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tools.bench.crowd import Crowd
from tools.bench.figures import middle, ratio, spread
from tools.bench.machine import Shares, Stretch, load
from tools.bench.observer import Observer, Seen
from tools.bench.sides import Side
from tools.lab.ami import Ami
from tools.lab.lab import Lab

ANSWERS_PER_S = 20.0
CALLS_UP = 400
# Talking at 20 answers a second and talks of three seconds and a little.
_TALKING = 65
_FILL_S = 5.0
_UNDER_WAY_S = 0.5
_HELD_PER_S = 60.0
# The dialplan's line test: answered, and what is said comes back.
_ECHO = ("dialer-agent-phones", "76")
BEGINNINGS = ("up", "told", "held")


@dataclass(frozen=True, slots=True)
class Round:
    """One side's round. calls: answered debtor legs up in the middle of it. priority: of the side's
    process.
    """

    calls: int
    answered: int
    unbridged: int
    delays: dict[str, list[float]]
    used: Shares
    load: float
    priority: str = ""


def hold_calls(lab: Lab, crowd: Crowd) -> int:
    """Bring up so many that with the talks there are CALLS_UP; how many."""
    count = CALLS_UP - _TALKING
    with lab.ami() as ami:
        for i in range(count):
            ami.send("Originate", Channel=f"PJSIP/carrier-b/{crowd.number(i)}", Context=_ECHO[0],
                     Exten=_ECHO[1], Priority=1, Async="true")  # fmt: skip
            ami.drain(1 / _HELD_PER_S)
        deadline = time.monotonic() + 10.0
        while (up := _calls_up(ami)) < count and time.monotonic() < deadline:
            time.sleep(0.2)
    return up


def run(side: Side, lab: Lab, crowd: Crowd, observer: Observer, seconds: float) -> Round:
    """One round; the side is up and stays up."""
    side.rate(ANSWERS_PER_S)
    time.sleep(_FILL_S)
    observer.story()
    stretch = Stretch(side.pid, lab.pid("pbx"), lab.pid("world"), crowd.pid)
    time.sleep(seconds / 2)
    with lab.ami() as ami:
        calls = _calls_up(ami)
    time.sleep(max(0.0, stretch.start + seconds - time.time()))
    used = stretch.end()
    # The last ones need a moment to be bridged.
    time.sleep(_UNDER_WAY_S)
    answered = observer.story().answered(stretch.start, stretch.stop)
    side.rate(0)
    delays = {name: _delays(answered, name) for name in BEGINNINGS}
    unbridged = sum(one.bridged is None for one in answered)
    return Round(calls, len(answered), unbridged, delays, used, load(), side.priority)


def _delays(answered: list[Seen], beginning: str) -> list[float]:
    pairs = [(getattr(one, beginning), one.bridged) for one in answered]
    return [end - start for start, end in pairs if start is not None and end is not None]


def _calls_up(ami: Ami) -> int:
    since = len(ami.events)
    listed = ami.send("CoreShowChannels")
    ami.wait("CoreShowChannelsComplete", 10.0, since, ActionID=listed)
    rows = [row for row in ami.events[since:] if row.get("Event") == "CoreShowChannel"]
    carriers = [row for row in rows if row["Channel"].startswith("PJSIP/carrier-")]
    return sum(row["ChannelState"] == "6" for row in carriers)


def summary(rounds: dict[str, list[Round]]) -> dict[str, Any]:
    """Both sides beside each other. p50, p99: of all answers of a side; p99_rounds: the median of
    the rounds' p99, which one bad round does not bend, with the lowest and the highest of them.
    """
    found: dict[str, Any] = {}
    for beginning in BEGINNINGS:
        both = {name: _pooled(runs, beginning) for name, runs in rounds.items()}
        found[f"{beginning}_to_bridged_ms"] = {
            **both,
            **{
                f"ratio_{which}": ratio(both["engine"][which], both["bare"][which])
                for which in ("p50", "p99", "p99_rounds")
            },
        }
    found["rounds"] = {name: [_plain(one) for one in runs] for name, runs in rounds.items()}
    return found


def _pooled(runs: list[Round], beginning: str) -> dict[str, Any]:
    each = [spread(one.delays[beginning])["p99"] for one in runs]
    return {
        **spread([d for one in runs for d in one.delays[beginning]]),
        "p99_rounds": round(middle(each), 2),
        "p99_lowest": min(each, default=None),
        "p99_highest": max(each, default=None),
    }


def _plain(one: Round) -> dict[str, Any]:
    return {
        "calls_up": one.calls, "answered": one.answered, "unbridged": one.unbridged,
        **{f"{name}_ms": spread(values) for name, values in one.delays.items()},
        "side_cores": one.used.side, "pbx_cores": one.used.pbx, "world_cores": one.used.world,
        "others_cores": one.used.others, "idle_cores": one.used.idle, "load": one.load,
        "priority": one.priority,
    }  # fmt: skip
