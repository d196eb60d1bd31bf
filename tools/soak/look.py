"""One look at everything that might grow: the daemon, the PBX, the store, and who believes in which
call.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.bench.machine import MIB, children, load, open_files, own_memory, usage
from tools.lab.ami import Ami
from tools.lab.lab import Lab
from tools.rig.site import Site
from tools.soak import plan

_PREFIX = "a-"


@dataclass(frozen=True, slots=True)
class Looked:
    """values: figures by name. pbx, registry, store: attempts that live, as each of them sees it."""

    values: dict[str, float]
    pbx: frozenset[str]
    registry: frozenset[str]
    store: frozenset[str]


@dataclass
class Ghosts:
    """Calls that one side has had and another not in two looks in a row. seen: every one so far,
    by kind.
    """

    seen: dict[str, set[str]] = field(default_factory=dict)
    _suspects: dict[str, frozenset[str]] = field(default_factory=dict)

    def judge(self, looked: Looked) -> dict[str, int]:
        """How many of each kind there are now."""
        strange = {
            "on the PBX, unknown to the engine": looked.pbx - looked.registry,
            "known to the engine, not on the PBX": looked.registry - looked.pbx,
            "open in the store, unknown to the engine": looked.store - looked.registry,
        }
        found: dict[str, int] = {}
        for kind, now in strange.items():
            ghosts = now & self._suspects.get(kind, frozenset())
            self.seen.setdefault(kind, set()).update(ghosts)
            found[kind] = len(ghosts)
        self._suspects = strange
        return found


class Looker:
    """Looks. began: of the soak, on the monotonic clock."""

    def __init__(self, lab: Lab, site: Site, began: float) -> None:
        self._lab, self._site, self._began = lab, site, began
        self._last: tuple[float, float] | None = None
        self._looks = 0
        self._trimmed = 0.0

    def look(self) -> Looked:
        """Everything, in a few milliseconds."""
        at = time.monotonic()
        # The engine last and the PBX first: what ends in between is no ghost for long.
        channels = self._channels()
        store = self._open_attempts()
        registry = frozenset(str(call["attempt"]) for call in self._site.api.get("/calls"))
        status = self._site.api.get("/status")
        values = {
            "t": at - self._began,
            "load": load(),
            **self._daemon(at),
            **self._asterisk(),
            **figures(status),
            "pbx channels": float(len(channels)),
            "store open attempts": float(len(store)),
            "store MiB": self._store_size(),
        }
        pbx = frozenset(one for one in channels if one.startswith(_PREFIX))
        return Looked(values, pbx, registry, store)

    def _daemon(self, at: float) -> dict[str, float]:
        used = usage(self._site.pid)
        last, self._last = self._last, (at, used.cpu_s)
        share = (used.cpu_s - last[1]) / (at - last[0]) if last else 0.0
        return {
            "daemon RSS MiB": used.rss / MIB,
            "daemon own MiB": own_memory(self._site.pid) / MIB,
            "converter own MiB": self._converter(),
            "daemon threads": used.threads,
            "daemon files": open_files(self._site.pid),
            "daemon CPU share": share,
        }

    def _converter(self) -> float:
        """The process that converts recordings for the daemon (`recordings.worker`)."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return sum(own_memory(child) for child in children(self._site.pid)) / MIB
        return 0.0

    def _asterisk(self) -> dict[str, float]:
        pbx = self._lab.pid("pbx")
        used = usage(pbx)
        return {
            "asterisk RSS MiB": used.rss / MIB,
            "asterisk trimmed MiB": self._kept(pbx),
            "asterisk threads": used.threads,
            "asterisk files": open_files(pbx),
            "world RSS MiB": usage(self._lab.pid("world")).rss / MIB,
        }

    def _kept(self, pbx: int) -> float:
        """What Asterisk keeps when its allocator has given back what is free; asked for once a
        minute, else the last figure.
        """
        if self._looks % plan.TRIM_EVERY == 0:
            self._lab.command("pbx", "malloc trim")
            self._trimmed = usage(pbx).rss / MIB
        self._looks += 1
        return self._trimmed

    def _channels(self) -> list[str]:
        with self._lab.ami() as ami:
            return channels(ami)

    def _store_file(self) -> Path:
        return self._site.folder / "dialer.db"

    def _open_attempts(self) -> frozenset[str]:
        uri = f"file:{self._store_file()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5.0)) as db:
            rows = db.execute("SELECT id FROM attempts WHERE outcome IS NULL").fetchall()
        return frozenset(str(row[0]) for row in rows)

    def _store_size(self) -> float:
        return sum(p.stat().st_size for p in self._site.folder.glob("dialer.db*")) / MIB


def channels(ami: Ami) -> list[str]:
    """Unique ids of every channel of the PBX."""
    since = len(ami.events)
    action = ami.send("CoreShowChannels")
    ami.wait("CoreShowChannelsComplete", 10.0, since, ActionID=action)
    rows = ami.events[since:]
    return [row["Uniqueid"] for row in rows if row.get("Event") == "CoreShowChannel"]


def figures(status: Mapping[str, Any]) -> dict[str, float]:
    """What the daemon says of itself, as numbers."""
    engine, today = status["engine"], [c["today"] for c in status["campaigns"]]
    lines = status["agents"]["line"]
    return {
        "tasks": engine["tasks"],
        "timers": engine["timers"],
        "inbox": engine["inbox"],
        "store pending": status["store"]["pending"],
        "calls": sum(status["calls"].values()),
        "agents at work": sum(lines.values()),
        "agents talking": lines.get("in_call", 0),
        "trunk channels": sum(trunk["in_use"] for trunk in status["trunks"]),
        "attempts": sum(one["attempts"] for one in today),
        "bridged": sum(one["bridged"] for one in today),
        "abandoned": sum(one["abandoned"] for one in today),
        "late ticks": engine["late_ticks"],
        "failures": engine["event_failures"] + engine["task_failures"],
        "illegal": sum(engine["illegal_transitions"].values()),
        "unknown": engine["unknown"],
        "shed": engine["shed"],
    }
