"""What never came to the person's number takes no token; what may have come does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dialer_engine.app.compliance import load_book
from dialer_engine.compliance.arrival import (
    EARLY_S,
    NEVER_BY_CAUSE,
    NEVER_BY_SIP,
    never_came,
)
from dialer_engine.compliance.counting import MASKS, Flag, counter, unit_key
from dialer_engine.compliance.facts import Facts, Subject
from dialer_engine.compliance.gate import Gate, Permit, RuleSet
from dialer_engine.compliance.rules import CountSpec, Event, Span, Unit
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.domain.attempt import AttemptDraft, AttemptEnd
from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.outcome import BY_CAUSE, BY_SIP, REFUSED_BY_PBX, Outcome
from dialer_engine.domain.units import AttemptId, CaseId, NodeName, TrunkName
from dialer_engine.store import SqlStore, compliance, evidence
from tests.compliance.facts import EVERY_PROMISE
from tests.store.building import LOANS, NOW, fresh_id, number

AT_ONCE = NOW + timedelta(seconds=1)


def end(**changes: object) -> AttemptEnd:
    """Of a call that left and that the carrier refused at once with 503."""
    made = AttemptEnd(
        AttemptId("a-1"), Outcome.CONGESTION, "", 34, 503, None, None, NOW, None, None, None,
        AT_ONCE, None, None,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_refusal_of_the_trunk_never_came_and_says_why() -> None:
    assert never_came(end()) == "RFC 3398: cause 41"
    assert never_came(end(sip=None)) == "Q.850 34 no circuit available"
    refused = end(outcome=Outcome.FAILED, cause=0, sip=None, detail=REFUSED_BY_PBX)
    assert never_came(refused) == REFUSED_BY_PBX


@pytest.mark.parametrize(
    "changes",
    [
        {"ringing_at": NOW},
        {"answered_at": NOW},
        {"bridged_at": NOW},
        {"recovered": True},
        {"originated_at": None},
        {"ended_at": NOW + timedelta(seconds=EARLY_S)},
        # A clock that was set back says nothing.
        {"ended_at": NOW - timedelta(seconds=1)},
        {"sip": 486, "cause": 17, "outcome": Outcome.BUSY},
        {"sip": 480, "cause": 20, "outcome": Outcome.SWITCHED_OFF},
        {"sip": 404, "cause": 1, "outcome": Outcome.INVALID_NUMBER},
        {"sip": 403, "cause": 21, "outcome": Outcome.BARRED},
        {"sip": 502, "cause": 38, "outcome": Outcome.UNREACHABLE},
        {"sip": 504, "cause": 34, "outcome": Outcome.UNREACHABLE},
        {"sip": None, "cause": 127, "outcome": Outcome.FAILED},
        {"sip": None, "cause": 0, "outcome": Outcome.FAILED},
        {"outcome": Outcome.LOST},
        {"outcome": Outcome.CANCELLED},
        {"outcome": Outcome.NO_ANSWER},
    ],
)
def test_in_doubt_it_came(changes: dict[str, object]) -> None:
    assert never_came(end(**changes)) == ""


def test_only_the_trunks_own_faults_are_in_the_table() -> None:
    assert all(BY_CAUSE[cause].trunk_fault for cause in NEVER_BY_CAUSE)
    assert all(BY_SIP[status].trunk_fault for status in NEVER_BY_SIP)


def test_only_what_a_carrier_counts_counts_what_never_came() -> None:
    flags = int(Flag.OUTBOUND | Flag.VOICE | Flag.UNREACHED)
    counted = {
        event
        for event in MASKS
        if counter(CountSpec(Unit.NUMBER, event, Span.DAY, 1)).counts(flags)
    }
    assert counted == {Event.ANY_ATTEMPT}


def test_the_carriers_presets_count_every_attempt() -> None:
    for spec in load_book(["cn_carrier_aliyun", "cn_carrier_volc"]).counted:
        assert spec.event is Event.ANY_ATTEMPT


# -- in the store ----------------------------------------------------------------------------------


class Caller:
    """One case under the China preset, dialled again and again; the caps as the store has them."""

    def __init__(self, store: SqlStore, book: RuleBook, carrier: str = "") -> None:
        self.store = store
        self.gate = Gate(RuleSet(daily_cap=100), book)
        self.subject = Subject(carrier=carrier)
        self.keys = {unit.value: unit_key(unit, "somebody") for unit in Unit}

    async def dial(self, seconds: float) -> tuple[AttemptId, str]:
        """With a history that is old, as that of a case that goes to the next trunk at once."""
        now = NOW + timedelta(seconds=seconds)
        told = Facts(
            fresh_id(), number(1), "Asia/Shanghai", 0, "2026-11-23", self.subject,
            country="CN", keys=self.keys, disclosures=EVERY_PROMISE,
        )  # fmt: skip
        permit = self.gate.decide(told, now)
        assert isinstance(permit, Permit), permit
        draft = AttemptDraft(
            told.attempt, LOANS, CaseId(1), told.number, NodeName("pbx1"), TrunkName("t"), now,
            permit.local_day, permit.daily_cap, permit.evidence, reservation=permit.reservation,
        )  # fmt: skip
        refused = await self.store.begin_attempts([draft])
        return told.attempt, refused.get(told.attempt, "")

    async def end(self, attempt: AttemptId, seconds: float, **changes: object) -> None:
        started = NOW + timedelta(seconds=seconds)
        over = {"id": attempt, "originated_at": started, "ended_at": started + timedelta(seconds=1)}
        await self.store.end_attempts([end(**(over | changes))], [])


async def caller(store: SqlStore, *names: str, carrier: str = "") -> Caller:
    await store.save_campaign(Campaign(LOANS))
    return Caller(store, load_book(names or ["cn"]), carrier)


async def test_the_second_trunk_is_tried_at_once_under_the_gap_of_ten_minutes(
    store: SqlStore,
) -> None:
    one = await caller(store)
    first, why = await one.dial(0)
    assert why == ""
    await one.end(first, 0)
    second, why = await one.dial(2)
    assert why == ""
    # It rang: from here on the gap holds.
    await one.end(second, 2, outcome=Outcome.NO_ANSWER, cause=19, sip=487, ringing_at=NOW)
    _, why = await one.dial(300)
    assert why == "cn_min_gap"
    _, why = await one.dial(603)
    assert why == ""


async def test_what_rang_once_keeps_its_token_even_when_the_line_then_refused(
    store: SqlStore,
) -> None:
    one = await caller(store)
    first, _ = await one.dial(0)
    await one.end(first, 0, ringing_at=NOW)
    _, why = await one.dial(2)
    assert why == "cn_min_gap"


async def test_the_carrier_counts_what_it_refused(store: SqlStore) -> None:
    one = await caller(store, "cn_carrier_aliyun", carrier="aliyun")
    first, _ = await one.dial(0)
    await one.end(first, 0)
    _, why = await one.dial(30)
    assert why == "aliyun_minute"
    _, why = await one.dial(61)
    assert why == ""
    assert (await store.database.read(compliance.sizes))["contacts"] == 2


async def test_a_token_comes_back_once_and_the_record_says_why(store: SqlStore) -> None:
    one = await caller(store)
    first, _ = await one.dial(0)
    await one.end(first, 0)
    # The first word counts: a second one neither takes nor gives.
    await one.end(first, 0, outcome=Outcome.COMPLETED, cause=16, sip=None, answered_at=NOW)
    [unit] = {one.keys["number"]}
    history = await store.database.read(compliance.history, {unit: None})
    assert [flags & Flag.UNREACHED != 0 for _, flags in history[unit]] == [True]
    _, why = await one.dial(2)
    assert why == ""
    links = await store.database.read(evidence.of_case, 1)
    told = [link.record for link in links if link.kind == "outcome"]
    assert len(told) == 1
    assert '"never_came":"RFC 3398: cause 41"' in told[0]
