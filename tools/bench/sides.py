"""The two sides: the engine as a daemon of its own, and the bare loop. Both are steered alike.

Rules: both run at the priority of the switch that they steer (config/dialer-engine.service, which
says why). Else what is measured is who gets the core.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Protocol

from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.domain.case import Case, Number
from dialer_engine.domain.units import E164, AgentId, CampaignName
from dialer_engine.ports.store import AgentRow
from dialer_engine.store.sql import SqlStore
from tools.bench.people import AGENTS, RING_TIMEOUT_S, numbers
from tools.lab.lab import Lab
from tools.lab.priority import like, named
from tools.rig.people import noon_zone
from tools.rig.site import Site, SiteError

CAMPAIGN = CampaignName("bench")
_BATCH = 1000
_TRUNK_LIMIT = 2000
_UP_S = 30.0
_HANG_UP = r"/^PJSIP\/(carrier-a|agent)-.*/"


class Side(Protocol):
    """One side, dialling numbers in their order. priority: that it runs at, once it is up."""

    name: str
    priority: str

    @property
    def pid(self) -> int:
        """Its process."""
        ...

    def start(self) -> None:
        """Up, with every agent in their holding bridge; nothing is dialled yet."""
        ...

    def rate(self, calls_a_second: float) -> None:
        """Dial so fast from now on; 0: not at all."""
        ...

    def stop(self) -> None:
        """Gone, and its calls with it."""
        ...


class EngineSide:
    """The product: daemon, law, write-ahead store, recordings matched, as shipped."""

    name = "engine"

    def __init__(self, lab: Lab, folder: Path, kinds: tuple[str, ...], count: int) -> None:
        self._lab, self._kinds, self._count = lab, kinds, count
        self._dials, self.priority = False, ""
        self.site = Site(
            lab, folder, {"agents.wrap_up_s": 0}, cps=1.0, channels=_TRUNK_LIMIT,
            trunks=("carrier-a",),
        )  # fmt: skip

    @property
    def pid(self) -> int:
        return self.site.pid

    def start(self) -> None:
        """See Side."""
        self.site.cli("db", "upgrade")
        asyncio.run(self._furnish())
        with like(self._lab.pid("pbx")):
            self.site.start()
        self.priority = named(self.pid)
        for i in range(AGENTS):
            self.site.api.post(f"/agents/{1001 + i}/login")
        self.site.wait_idle(AGENTS, _UP_S)

    async def _furnish(self) -> None:
        """Agents and cases straight into the store: `import` refuses numbers that nobody has."""
        store = SqlStore(self.site.store)
        await store.open()
        try:
            await store.save_campaign(
                Campaign(
                    CAMPAIGN, DialMode.RATIO, 10.0, ring_timeout_s=RING_TIMEOUT_S, wrap_up_s=0.0
                )
            )
            for i in range(AGENTS):
                name = str(1001 + i)
                await store.save_agent(AgentRow(AgentId(name), phone=f"agent-{name}"))
            cases = [_case(i, n) for i, n in enumerate(islice(numbers(self._kinds), self._count))]
            for start in range(0, len(cases), _BATCH):
                await store.import_batch(CAMPAIGN, cases[start : start + _BATCH], datetime.now(UTC))
        finally:
            await store.close()

    def rate(self, calls_a_second: float) -> None:
        """See Side. The trunk's limit of calls a second is the rate."""
        if calls_a_second == 0:
            self.site.api.post(f"/campaigns/{CAMPAIGN}/pause")
            self._dials = False
            return
        self.site.configure({"trunks.0.max_cps": calls_a_second})
        self.site.api.post("/reload")
        if not self._dials:
            self.site.api.post(f"/campaigns/{CAMPAIGN}/start")
            self._dials = True

    def stop(self) -> None:
        """See Side."""
        self.site.__exit__(None, None, None)
        hang_up_all(self._lab)


class BareSide:
    """tools/bench/bare.py."""

    name = "bare"

    def __init__(self, lab: Lab, folder: Path, kinds: tuple[str, ...], count: int) -> None:
        self._lab, self._folder, self._kinds, self._count = lab, folder, kinds, count
        self._process: subprocess.Popen[str] | None = None
        self.priority = ""

    @property
    def pid(self) -> int:
        if self._process is None:
            raise SiteError("the bare loop does not run")
        return self._process.pid

    def start(self) -> None:
        """See Side."""
        lab, recordings = self._lab, self._lab.recordings_dir / f"bare-{time.time_ns()}"
        recordings.mkdir(parents=True)
        given = {
            "host": lab.ami_host, "port": lab.ami_port, "user": lab.ami_user, "secret": lab.ami_secret,
            "phones": list(lab.phones[:AGENTS]), "recordings": str(recordings), "ring_s": RING_TIMEOUT_S,
            "numbers": list(islice(numbers(self._kinds), self._count)),
        }  # fmt: skip
        with like(lab.pid("pbx")):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tools.bench.bare"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )  # fmt: skip
        self._say(json.dumps(given))
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            raise SiteError("the bare loop did not come up")
        self.priority = named(self.pid)

    def _say(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def rate(self, calls_a_second: float) -> None:
        """See Side."""
        self._say(f"rate {calls_a_second}")

    def stop(self) -> None:
        """See Side."""
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):
                self._say("stop")
            self._process.communicate(timeout=_UP_S)
            self._process = None
        hang_up_all(self._lab)


def _case(index: int, number: str) -> Case:
    return Case(f"BENCH-{index:07d}", "", (Number(E164(number), zone=noon_zone()),))


def hang_up_all(lab: Lab) -> None:
    """Every call of a side, agents' legs too; returns when they are gone."""
    if not lab.alive("pbx"):
        raise SiteError(f"the PBX ended in the middle of the run.\n{lab.last_log('pbx')}")
    deadline = time.monotonic() + _UP_S
    with lab.ami() as ami:
        while time.monotonic() < deadline:
            ami.send("Hangup", Channel=_HANG_UP)
            since = len(ami.events)
            ami.drain(0.5)
            listed = ami.send("CoreShowChannels")
            ami.wait("CoreShowChannelsComplete", 10.0, since, ActionID=listed)
            if not any(_is_side(row) for row in ami.events[since:]):
                return
    raise SiteError("calls of the last side are still up")


def _is_side(row: dict[str, str]) -> bool:
    names = ("PJSIP/carrier-a-", "PJSIP/agent-")
    return row.get("Event") == "CoreShowChannel" and row["Channel"].startswith(names)


SIDES: Sequence[type[EngineSide] | type[BareSide]] = (EngineSide, BareSide)
