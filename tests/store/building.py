"""Attempts, cases and files for the tests of the store. Numbers are of Ofcom's ranges for fiction."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from dialer_engine.domain.attempt import AttemptDraft, AttemptEnd, Candidate, CaseNext
from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.case import Case, Number
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import (
    E164,
    AgentId,
    AttemptId,
    CampaignName,
    CaseId,
    NodeName,
    TrunkName,
    attempt_id,
)
from dialer_engine.ports.daily import Job
from dialer_engine.store import SqlStore

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
TODAY = "2026-11-23"
LOANS = CampaignName("loans")
CARDS = CampaignName("cards")
_serial = count(1)


def at(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def day_of(zone: str | None) -> str:
    """Everybody is at TODAY."""
    return TODAY


def number(index: int) -> E164:
    """+447700900000 … 900999."""
    return E164(f"+4477009{index:05d}")


def fresh_id() -> AttemptId:
    """Ids in the order in which they are made."""
    serial = next(_serial)
    return attempt_id(int(NOW.timestamp() * 1000) + serial, serial.to_bytes(10, "big"))


def case(index: int, *, numbers: int = 1, priority: int = 0, skill: str = "") -> Case:
    """Case `C<index>`; its numbers are those from index * 10 on when it has several."""
    first = index if numbers == 1 else index * 10
    theirs = tuple(
        Number(number(first + rank), "mobile", "Europe/London", rank) for rank in range(numbers)
    )
    return Case(f"C{index}", f"Debtor {index}", theirs, priority=priority, skill=skill)


async def fill(
    store: SqlStore,
    cases: Sequence[Case],
    *,
    campaign: CampaignName = LOANS,
    due_at: datetime = NOW,
) -> None:
    """Make the campaign and put the cases into it."""
    known = {found.name for found in await store.campaigns()}
    if campaign not in known:
        await store.save_campaign(Campaign(campaign))
    await store.import_batch(campaign, cases, due_at)


async def due(
    store: SqlStore, limit: int = 100, campaign: CampaignName = LOANS, now: datetime = NOW
) -> list[Candidate]:
    """What may be dialled."""
    return await store.candidates(campaign, limit, now, [], day_of)


def draft(
    case_id: int,
    to: int,
    *,
    campaign: CampaignName = LOANS,
    cap: int = 3,
    day: str = TODAY,
    try_no: int = 1,
) -> AttemptDraft:
    """An attempt for a case on number(to)."""
    return AttemptDraft(
        id=fresh_id(),
        campaign=campaign,
        case_id=CaseId(case_id),
        number=number(to),
        node=NodeName("pbx1"),
        trunk=TrunkName("carrier"),
        planned_at=NOW,
        local_day=day,
        daily_cap=cap,
        permit={"rules": "0" * 64, "zone": "Europe/London"},
        try_no=try_no,
    )


def draft_for(candidate: Candidate, *, cap: int = 3) -> AttemptDraft:
    """An attempt for a candidate."""
    made = draft(candidate.case_id, 0, campaign=candidate.campaign, cap=cap)
    return AttemptDraft(
        **{
            name: getattr(made, name) for name in made.__slots__ if name not in ("number", "try_no")
        },
        number=candidate.number,
        try_no=candidate.tries + 1,
    )


def end(
    attempt: AttemptId,
    outcome: Outcome = Outcome.NO_ANSWER,
    *,
    agent: str | None = None,
    answered: float | None = None,
    bridged: float | None = None,
    ended: float = 30.0,
) -> AttemptEnd:
    """An end; answered, bridged, ended: seconds after NOW."""
    live = None if outcome is Outcome.MACHINE else answered
    return AttemptEnd(
        id=attempt,
        outcome=outcome,
        detail="",
        cause=16,
        sip=None,
        agent=AgentId(agent) if agent else None,
        verdict=None,
        originated_at=NOW,
        ringing_at=NOW,
        answered_at=None if answered is None else at(answered),
        bridged_at=None if bridged is None else at(bridged),
        ended_at=at(ended),
        answer_to_bridge_s=None if bridged is None or answered is None else bridged - answered,
        talk_s=None if bridged is None else ended - bridged,
        waited_s=None if live is None else (ended if bridged is None else bridged) - live,
    )


def follow(
    case_id: int,
    due_at: datetime | None,
    *,
    tries: int = 1,
    rank: int = 0,
    campaign: CampaignName = LOANS,
) -> CaseNext:
    """What follows for a case."""
    return CaseNext(campaign, CaseId(case_id), due_at, "no_answer", tries, rank)


async def day_of_promises(store: SqlStore, now: datetime) -> dict[str, int]:
    """What the work of that day makes of promises."""
    until, day = now + timedelta(minutes=2), now.date()
    claim = await store.claim_day(day, Job.PROMISES, "a", now, until)
    if claim.after is None:
        return {}
    return dict((await store.day_step(day, Job.PROMISES, "a", now, until)).counts)


def write_csv(path: Path, rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> Path:
    """A file of these rows, the first of them the header."""
    with path.open("w", encoding=encoding, newline="") as target:
        csv.writer(target).writerows(rows)
    return path
