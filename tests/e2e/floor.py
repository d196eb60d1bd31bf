"""A call centre for a test: a laboratory, a daemon of its own, and what both the books and the world
say of each call.
"""

from __future__ import annotations

import csv
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dialer_engine.domain.errors import DialerError, NotFound
from dialer_engine.store.keyring import load_vault
from tests.pbx_calls import Stereo, hear
from tools.lab.backend import find_backend
from tools.lab.errors import AmiError, BackendMissing
from tools.lab.lab import Lab
from tools.rig.people import noon_zone
from tools.rig.proxy import Proxy
from tools.rig.site import Site
from tools.rig.world import World

Json = dict[str, Any]
REQUIRED_ENV = "DIALER_REQUIRE_PBX"
RING_TIMEOUT_S = 3.0
# Short lives, so that a test takes seconds; what is tested does not depend on them.
WORLD: dict[str, Any] = {
    "seed": 20261121,
    "ring": {"median": 0.4, "sigma": 0.3, "min": 0.2, "max": 1.5},
    "talk": {"median": 2.5, "sigma": 0.3, "min": 1.5, "max": 5.0},
    "machine": {"pause": 0.6, "listens": 8.0},
    "silence": {"lasts": 3.0},
    "reinvite": {"after": 0.7},
    "cancel_cross": {"dial_timeout": RING_TIMEOUT_S, "spread": 0.1},
    "phones": {"pickup": 0.1, "login_pause": 1.5},
}
_PATIENCE_S = 40.0
_COLUMNS = (
    "a.id, a.number_key, a.node, a.trunk, a.try_no, a.outcome, a.detail, a.cause, a.sip, a.agent_id, a.verdict, "
    "a.permit, a.planned_at, a.answered_at, a.bridged_at, a.ended_at, a.talk_s, a.waited_s, a.recovered, "
    "a.answer_to_bridge_s"
)


@dataclass(frozen=True)
class Attempt:
    """One row of the book. Times in seconds since 1970."""

    id: str
    number: str
    node: str
    trunk: str
    try_no: int
    outcome: str | None
    detail: str | None
    cause: int | None
    sip: int | None
    agent: str | None
    verdict: str | None
    permit: str
    planned_at: float
    answered_at: float | None
    bridged_at: float | None
    ended_at: float | None
    talk_s: float | None
    waited_s: float | None
    recovered: bool
    answer_to_bridge_s: float | None


class Floor:
    """Lab, site and world, and the few things that tests do with them."""

    def __init__(self, lab: Lab, site: Site, world: World, proxy: Proxy | None = None) -> None:
        self.lab, self.site, self.world = lab, site, world
        self._proxy = proxy
        self._cases = 0
        self._numbers: dict[str, str] = {}

    @property
    def proxy(self) -> Proxy:
        """The wire between daemon and PBX, of a floor that was opened `proxied`."""
        assert self._proxy is not None
        return self._proxy

    def talk(self, campaign: str, numbers: Sequence[str]) -> dict[str, str]:
        """Dial people who talk until we hang up; returns when all talk: attempt id by number."""
        self.start(self.campaign(campaign, numbers))
        self.until(
            lambda: len(self.calls(campaign=campaign, phase="talking")) == len(numbers), "talking"
        )
        return {one.number: one.id for one in self.attempts(campaign)}

    def hang_up(self, attempts: Iterable[str]) -> None:
        """The operator ends calls; one may have ended by itself a moment before."""
        for attempt in attempts:
            with suppress(NotFound):
                self.site.api.post(f"/calls/{attempt}/hangup")

    def hang_up_all(self) -> None:
        """Every call that is up."""
        self.hang_up([one["attempt"] for one in self.calls()])

    def recorded(self, attempt: str) -> int:
        """Bytes of the recording that the PBX writes at this moment."""
        files = self.lab.recordings_dir.rglob(f"{attempt}.raw")
        return sum(file.stat().st_size for file in files)

    def heard(self, ear: Path) -> Stereo:
        """What was heard at that ear, whose call the dialer has ended: whole once the world, which hears of
        the end later, has let go of the file.
        """
        self.until(lambda: ear.exists() and not self._is_open(ear), "a whole recording")
        return hear(ear)

    def _is_open(self, file: Path) -> bool:
        """Whether the world's Asterisk has this file open."""
        for one in Path(f"/proc/{self.lab.pid('world')}/fd").iterdir():
            # They come and go while they are looked at.
            with suppress(FileNotFoundError):
                if one.readlink().name == file.name:
                    return True
        return False

    def until_context(self, context: str, limit_s: float = _PATIENCE_S) -> None:
        """Until a channel of the PBX is in this context; asked of the PBX itself."""
        deadline, late = time.monotonic() + limit_s, False
        while not late:
            late = time.monotonic() >= deadline
            if f"!{context}!" in self.lab.command("pbx", "core show channels concise"):
                return
            time.sleep(0.1)
        raise AssertionError(f"no channel in {context}")

    def never_twice(self, campaign: str | None = None) -> None:
        """What the world saw against the books: no number got more calls than it has attempts with
        a permit, and every attempt has exactly one outcome.
        """
        rows = self.attempts(campaign)
        assert all(one.outcome for one in rows)
        assert all(len(one.permit) > 2 for one in rows)
        allowed = Counter(one.number for one in rows)
        for number, count in Counter(one.number for one in self.world.calls()).items():
            if campaign is None or number in allowed:
                assert count <= allowed[number], "a number was dialled without a permit"

    # -- campaigns

    def campaign(
        self, name: str, numbers: Sequence[str], skills: Sequence[str] = (), **settings: Any
    ) -> str:
        """A campaign with one case for each number, not started."""
        given = {"ring_timeout_s": RING_TIMEOUT_S, "wrap_up_s": 0.0, **settings}
        self.site.api.post("/campaigns", {"name": name, **given})
        file = self.site.folder / f"{name}.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(
                ("reference", "name", "mobile", "timezone", "balance", "currency", "skill")
            )
            for i, number in enumerate(numbers):
                self._cases += 1
                skill = skills[i] if i < len(skills) else ""
                reference = f"{name}-{self._cases:05d}"
                rows.writerow((reference, "Kit Maple", number, noon_zone(), "10.00", "GBP", skill))
        self.site.cli("import", str(file), "--campaign", name)
        vault = load_vault(self.site.store)
        self._numbers |= {vault.number(number): number for number in numbers}
        return name

    def start(self, name: str) -> None:
        """Dial."""
        self.site.api.post(f"/campaigns/{name}/start")

    def run(
        self, name: str, numbers: Sequence[str], least: int = 0, **settings: Any
    ) -> dict[str, list[Attempt]]:
        """A whole campaign: until each number has been called, there are `least` attempts and
        nothing is open any more. Its attempts by number.
        """
        self.campaign(name, numbers, **settings)
        self.start(name)
        self.until(lambda: len(self.attempts(name)) >= least, f"{least} attempts")
        self.settled(name, set(numbers))
        self.site.api.post(f"/campaigns/{name}/stop")
        found: dict[str, list[Attempt]] = {}
        for one in self.attempts(name):
            found.setdefault(one.number, []).append(one)
        return found

    def settled(self, name: str, numbers: set[str], limit_s: float = _PATIENCE_S) -> None:
        """Until each of these numbers has been called, and every attempt has an outcome."""

        def done() -> bool:
            rows = self.attempts(name)
            return numbers <= {one.number for one in rows} and all(one.outcome for one in rows)

        self.until(done, f"done with campaign {name}", limit_s)

    # -- the books, read beside the daemon

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        path = self.site.store.partition("///")[2]
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20.0)) as link:
            return link.execute(query, values).fetchall()

    def attempts(self, campaign: str | None = None) -> list[Attempt]:
        """Attempts in the order of planning."""
        query = f"select {_COLUMNS} from attempts a join campaigns c on c.id = a.campaign_id "
        query += "where c.name = ? order by a.id" if campaign else "order by a.id"
        rows = self.rows(query, *([campaign] if campaign else []))
        return [_attempt((one[0], self._numbers[one[1]], *one[2:])) for one in rows]

    def key_of(self, number: str) -> str:
        """What the store knows a number by."""
        return load_vault(self.site.store).number(number)

    def alarms(self) -> list[tuple[str, str]]:
        """Kind and text of each alarm in the store."""
        return [
            (kind, text) for kind, text in self.rows("select kind, text from alarms order by id")
        ]

    # -- agents

    def line(self, agent: str) -> str:
        """What the switch sees of an agent."""
        return str(self.agent(agent)["line"])

    def agent(self, agent: str) -> Json:
        """One agent."""
        found: Json = next(one for one in self.site.api.get("/agents") if one["id"] == agent)
        return found

    def until_line(self, agent: str, line: str, limit_s: float = _PATIENCE_S) -> None:
        """Until the switch sees the agent so."""
        self.until(lambda: self.line(agent) == line, f"{agent} {line}", limit_s)

    def calls(self, **query: str) -> list[Json]:
        """Live calls."""
        found: list[Json] = self.site.api.get("/calls", **query)
        return found

    # -- waiting

    def until(self, condition: Callable[[], Any], what: str, limit_s: float = _PATIENCE_S) -> None:
        """Until it is so."""
        self.site.wait(condition, what, limit_s)

    def quiet(self) -> None:
        """Until no call is left, and every attempt has its outcome."""
        self.until(lambda: not self.site.api.get("/status")["calls"], "free of calls")
        self.until(lambda: all(one.outcome for one in self.attempts()), "settled")

    def decided(self, times: int = 5) -> None:
        """Until the daemon has decided so often again; who was not dialled then is not going to be."""
        before = self._ticks()
        self.until(lambda: self._ticks() >= before + times, "decided")

    def _ticks(self) -> int:
        return int(self.site.api.get("/status")["engine"]["ticks"])

    def dialled(self) -> None:
        """Until no call that was committed is still on its way to the world."""
        early = ("planned", "dialing")
        self.until(lambda: not [c for c in self.calls() if c["phase"] in early], "dialled")

    def clear(self) -> None:
        """Whatever a test left behind, also one that failed: then a daemon runs and a PBX is known, no
        campaign dials, and no call is up at either end.
        """
        self._whole()
        for campaign in self.site.api.get("/campaigns"):
            self.site.api.post(f"/campaigns/{campaign['name']}/stop")
        self.until(self._is_free, "free of calls")
        self.quiet()
        self.until(self._is_free_in_the_world, "free of calls in the world")

    def all_idle(self, agents: int) -> None:
        """Until so many agents are ready and free; who is on a break comes back."""
        for agent in self.site.api.get("/agents"):
            if agent["presence"] == "break":
                self.site.api.post(f"/agents/{agent['id']}/resume")
        self.site.wait_idle(agents)

    def _whole(self) -> None:
        if self._proxy is not None:
            self._proxy.heal()
        for trunk in self.lab.trunks:
            self.lab.congest(trunk, False)
        if not self.lab.alive():
            self.lab.start_pbx()
        if not self._runs():
            self.site.stop(graceful=False)
            self.site.start()
        self.site.wait_ready()

    def _runs(self) -> bool:
        """False also of a daemon that is about to end."""
        try:
            return self.site.runs and self.site.api.get("/status")["state"] == "running"
        except DialerError:
            return False

    def _is_free(self) -> bool:
        """What was being committed when its campaign was stopped may come up after the first look."""
        self.hang_up_all()
        return not self.calls()

    def _is_free_in_the_world(self) -> bool:
        """Nobody tells the far end that a PBX was killed."""
        for one in self.world.calls():
            if one.went is None:
                # It may end by itself at this moment.
                with suppress(AmiError):
                    self.world.hang_up(one)
        return not self.world.up()

    def matched(self) -> None:
        """Until every recording has been looked at."""

        def done() -> bool:
            report = self.site.api.get("/report")
            seen = report["recordings_verified"] + report["recordings_failed"]
            return bool(seen >= report["recordings_expected"])

        self.until(done, "done with recordings")


def _attempt(row: tuple[Any, ...]) -> Attempt:
    cells = list(row)
    for place in (12, 13, 14, 15):
        cells[place] = None if cells[place] is None else cells[place] / 1e6
    cells[18] = bool(cells[18])
    return Attempt(*cells)


@contextmanager
def open_floor(
    folder: Path,
    *,
    agents: int = 4,
    extra_phones: Iterable[int] = (),
    world: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    start: bool = True,
    proxied: bool = False,
    **site: Any,
) -> Iterator[Floor]:
    """Everything up: both Asterisks, the database, the daemon. Skips where there is no Asterisk,
    unless `make test` promised one.
    """
    try:
        backend = find_backend()
    except BackendMissing as error:
        if os.environ.get(REQUIRED_ENV):
            raise
        pytest.skip(str(error))
    overrides = {**WORLD, **(world or {})}
    lab = Lab(
        folder / "lab",
        agents=agents,
        extra_phones=extra_phones,
        overrides=overrides,
        backend=backend,
    )
    usual = {"compliance.daily_cap": 50, "safe_harbour.pbx_wait_s": 5, **(changes or {})}
    with ExitStack() as opened:
        opened.enter_context(lab)
        seen = opened.enter_context(World(lab))
        proxy = None
        if proxied:
            proxy = opened.enter_context(Proxy(lab.ami_host, lab.ami_port))
            usual["pbx.nodes.0.port"] = proxy.port
        place = opened.enter_context(Site(lab, folder / "site", usual, **site))
        place.cli("db", "upgrade")
        if start:
            place.start()
        yield Floor(lab, place, seen, proxy)
