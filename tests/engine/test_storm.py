"""Storms: a whole engine for some minutes of virtual time, in which everything that can go wrong does, in
any order. After each step `House.check` holds; when the sky has cleared, `House.check_books`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from dialer_engine.compliance.gate import RuleSet
from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentMode
from dialer_engine.domain.campaign import DialMode
from dialer_engine.domain.errors import DialerError
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import ATTEMPT_PREFIX, AttemptId, LegId, Moment
from dialer_engine.ports.pbx import Sink
from dialer_engine.sim.clock import VirtualClock, run
from dialer_engine.sim.pbx import Fate, Meets
from dialer_engine.strategy.retry import RetryRule, RetryTable, Then
from tests.engine.house import House, settings

Act = tuple[int, int, int]
acts = st.lists(st.tuples(*[st.integers(0, 999)] * 3), max_size=80)
COMMANDS = (
    "originate", "bridge", "hang_up", "call_agent", "safe_harbour", "channels", "endings", "accept_login",
    "forget", "answered_ago",
)  # fmt: skip
ENDINGS = ((16, None), (17, 486), (19, None), (34, 503), (1, 404), (21, 603))


@dataclass
class Road:
    """Events wait here and leave in any order, now and then twice."""

    chance: Random
    bad: bool = False
    held: list[tuple[ev.PbxEvent, Moment]] = field(default_factory=list)

    def carry(self, event: ev.PbxEvent, at: Moment, sink: Sink) -> None:
        if not self.bad:
            self.flush(sink)
            sink(event, at)
            return
        self.held.append((event, at))
        while self.held and self.chance.random() < 0.6:
            self._release(sink)

    def flush(self, sink: Sink) -> None:
        while self.held:
            self._release(sink)

    def _release(self, sink: Sink) -> None:
        event, at = self.held.pop(self.chance.randrange(len(self.held)))
        sink(event, at)
        if self.chance.random() < 0.2:
            sink(event, at)


class Storm:
    """One house in a storm."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.road = Road(Random(7))
        self.seen: Counter[str] = Counter()
        self.dialled_in = 0
        self.dies = False
        house.pbx.relay = self.road.carry
        self.acts: tuple[Callable[[int, int], None], ...] = (
            self.ring, self.answer, self.answer, self.answer, self.machine, self.end, self.end, self.drop_leg,
            self.pick_up, self.script, self.script, self.link, self.mute, self.bad_road, self.store,
            self.presence, self.presence, self.dial_in, self.operator, self.desynchronise, self.crash,
            self.key, self.stray, self.die, self.ring, self.answer, self.end, self.presence,
        )  # fmt: skip

    def act(self, what: int, which: int, detail: int) -> None:
        done = self.acts[what % len(self.acts)]
        self.seen[done.__name__] += 1
        done(which, detail)

    # -- far ends

    def debtor(self, which: int) -> AttemptId | None:
        living = [c for c in self.house.pbx.living if c.startswith(ATTEMPT_PREFIX)]
        return AttemptId(living[which % len(living)]) if living else None

    def leg(self, which: int) -> LegId | None:
        living = [c for c in self.house.pbx.living if not c.startswith(ATTEMPT_PREFIX)]
        return LegId(living[which % len(living)]) if living else None

    def ring(self, which: int, detail: int) -> None:
        attempt = self.debtor(which)
        if attempt:
            self.house.pbx.ring(attempt)

    def answer(self, which: int, detail: int) -> None:
        attempt = self.debtor(which)
        if attempt:
            verdict = None if detail % 7 == 0 else ev.Verdict.NOT_ASKED
            self.house.pbx.answer(attempt, verdict)

    def machine(self, which: int, detail: int) -> None:
        attempt = self.debtor(which)
        if attempt:
            self.house.pbx.answer(attempt, ev.Verdict.MACHINE)

    def end(self, which: int, detail: int) -> None:
        attempt = self.debtor(which)
        if attempt:
            self.house.pbx.end(attempt, *ENDINGS[detail % len(ENDINGS)])

    def drop_leg(self, which: int, detail: int) -> None:
        leg = self.leg(which)
        if leg:
            self.house.pbx.end(leg)

    def pick_up(self, which: int, detail: int) -> None:
        self.house.pbx.legs_come_up = detail % 4 != 0
        leg = self.leg(which)
        if leg:
            self.house.pbx.leg_up(leg)

    def key(self, which: int, detail: int) -> None:
        leg = self.leg(which)
        if leg:
            self.house.pbx.key(leg, "12#9"[detail % 4])

    # -- faults

    def script(self, which: int, detail: int) -> None:
        fates = list(Fate)
        meets = Meets(fates[detail % len(fates)], (detail % 3) * 0.4, (detail % 4) * 0.3)
        self.house.pbx.script(COMMANDS[which % len(COMMANDS)], meets)

    def passes(self, detail: int, heal: Callable[[], None]) -> None:
        """Each fault is over some time."""
        self.house.clock.later((0.0, 0.3, 1.0, 4.0, 12.0)[detail % 5], heal)

    def link(self, which: int, detail: int) -> None:
        pbx = self.house.pbx
        pbx.lose_link()
        self.passes(detail, lambda: None if pbx.connected else pbx.restore_link())

    def mute(self, which: int, detail: int) -> None:
        pbx = self.house.pbx
        pbx.muted = True
        self.passes(detail, lambda: setattr(pbx, "muted", False))

    def bad_road(self, which: int, detail: int) -> None:
        self.road.bad = True
        self.passes(detail, lambda: setattr(self.road, "bad", False))

    def desynchronise(self, which: int, detail: int) -> None:
        self.house.pbx.desynchronise()

    def crash(self, which: int, detail: int) -> None:
        if detail % 5 == 0:
            self.house.pbx.crash()
            self.house.pbx.restore_link()

    def store(self, which: int, detail: int) -> None:
        store = self.house.store
        store.delays_s = {"begin_attempts": (which % 3) * 0.5, "open_attempts": (which % 2) * 0.2}
        store.down = "locked" if which % 2 else ""
        self.passes(detail, lambda: setattr(store, "down", ""))

    def die(self, which: int, detail: int) -> None:
        """kill -9; the next daemon comes up at once or a little later."""
        self.dies = True

    def stray(self, which: int, detail: int) -> None:
        """Something of a call that nobody knows, or knows no more."""
        ended = [a for a in self.house.store.attempts if a not in self.house.pbx.living]
        attempt = ended[which % len(ended)] if ended else AttemptId("a-UNKNOWN")
        kinds = (ev.CallAnswered(attempt), ev.CallEnded(attempt), ev.CallUnbridged(attempt))
        self.house.engine.inbox.put(kinds[detail % len(kinds)])

    # -- people

    def presence(self, which: int, detail: int) -> None:
        desk, who = self.house.engine.desk, str(1001 + which % 4)
        wishes: tuple[Callable[[], object], ...] = (
            lambda: desk.login(who), lambda: desk.logout(who), lambda: desk.pause(who, "lunch"),
            lambda: desk.resume(who), lambda: desk.end_wrap_up(who), lambda: desk.login(who),
            lambda: desk.login(who), lambda: desk.resume(who),
        )  # fmt: skip
        try:
            wishes[detail % len(wishes)]()
        except DialerError:
            self.seen["refused"] += 1

    def dial_in(self, which: int, detail: int) -> None:
        pin = "4711" if detail % 3 else "0000"
        self.dialled_in += 1
        self.house.pbx.dial_in(f"1795.{self.dialled_in}", str(1001 + which % 4), pin)

    def operator(self, which: int, detail: int) -> None:
        flying = self.house.flying
        if flying:
            self.house.engine.inbox.put(ev.HangupAsked(flying[which % len(flying)], "operator"))

    # -- the end

    async def clear(self) -> None:
        """No more faults; everything that lives ends by itself; nothing new begins."""
        house = self.house
        house.store.down, house.store.delays_s = "", {}
        house.pbx.muted = False
        self.road.bad = False
        house.pbx._script.clear()
        self.road.flush(lambda event, at: house.engine.inbox.put(event, at))
        house.engine.dialling.draining = True
        if not house.pbx.connected:
            house.pbx.restore_link()
        for _ in range(8):
            for channel in [c for c in house.pbx.living if c.startswith(ATTEMPT_PREFIX)]:
                house.pbx.end(channel)
            await house.wait(15.0)
            house.check()


TABLE = RetryTable("default", dict.fromkeys(Outcome, RetryRule(Then.SAME_NUMBER, 5.0)), 50)
SETTINGS = settings(
    agent_ring_timeout_s=10.0,
    rules=RuleSet(default_zone="Europe/London", daily_cap=50),
    strategies={"default": TABLE},
)


async def play(walk: list[Act]) -> Storm:
    """One storm, from calm to calm."""
    house = House(SETTINGS)
    house.agents(2)
    house.agent("1003", mode=AgentMode.RING)
    house.agent("1004")
    await house.campaign(cases=40, mode=DialMode.RATIO, ratio=2.0, wrap_up_s=3.0)
    await house.engine.start()
    storm = Storm(house)
    for who in ("1001", "1002", "1003"):
        house.engine.desk.login(who)
    for what, which, detail in walk:
        storm.act(what, which, detail)
        storm.house.check()
        await storm.house.wait((0.0, 0.05, 0.3, 1.0, 2.5)[detail % 5])
        if storm.dies:
            await reborn(storm)
        storm.house.check()
    await storm.clear()
    storm.house.check_books()
    assert storm.house.engine.inbox.failures == 0, "a handler raised"
    assert storm.house.engine.tasks.failures == 0, "a task failed"
    await storm.house.engine.stop()
    return storm


async def reborn(storm: Storm) -> None:
    """Another daemon on the same store and the same PBX."""
    old = storm.house
    await old.die()
    storm.dies, storm.road.held = False, []
    down, old.store.down = old.store.down, ""
    storm.house = House(SETTINGS, store=old.store, pbx=old.pbx)
    await storm.house.engine.start()
    old.store.down = down


@budget(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(walk=acts)
def test_the_invariants_hold_in_every_storm(walk: list[Act]) -> None:
    run(VirtualClock(), play(walk))


def test_long_storms_see_every_outcome_and_leave_nothing_behind() -> None:
    """Together they visit everything, so that the invariants above were not checked on a calm sea."""
    outcomes: set[Outcome] = set()
    commands: set[str] = set()
    for seed in range(12):
        chance = Random(seed)
        walk = [
            (chance.randrange(1000), chance.randrange(1000), chance.randrange(1000))
            for _ in range(300)
        ]
        storm = run(VirtualClock(), play(walk))
        store = storm.house.store
        outcomes |= {one.end.outcome for one in store.attempts.values() if one.end}
        commands |= {line.split()[0] for line in storm.house.pbx.transcript}
        assert len(store.attempts) > 20, "a storm without calls shows nothing"
    assert commands >= set(COMMANDS)
    assert outcomes >= {
        Outcome.COMPLETED, Outcome.ABANDONED, Outcome.MACHINE, Outcome.HUNG_UP_EARLY, Outcome.NO_ANSWER,
        Outcome.CANCELLED, Outcome.FAILED, Outcome.LOST, Outcome.BUSY, Outcome.CONGESTION,
    }  # fmt: skip
