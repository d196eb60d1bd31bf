"""Allocation (分案) and recall (回收): who works a case, and when it is taken back.

Rules: pure and the same for the same input; who may not (skill, language, seniority, capacity) is left
out before anything is weighed; every decision carries the parts of its score, or the reason why nobody
could take the case; the hardest cases are dealt first, so that experience is not used up on easy ones;
a case that has an able owner keeps them unless the policy says otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from dialer_engine.domain.collections.codes import Code
from dialer_engine.domain.collections.money import ZERO


@dataclass(frozen=True, slots=True)
class Collector:
    """capacity: cases at once. load: cases held now. worth: what they amount to. seniority: 0 for a
    beginner, upwards. agency: empty for own staff.
    """

    id: str
    team: str = ""
    agency: str = ""
    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    seniority: int = 0
    capacity: int = 100
    load: int = 0
    worth: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Dealt:
    """A case to be dealt. score: higher is likelier to pay. worth: what it amounts to. owner: who has
    it now. not_to: who must not have it (a conflict of interests, a complaint).
    """

    case: str
    dpd: int = 0
    score: float | None = None
    worth: Decimal = ZERO
    skills: frozenset[str] = frozenset()
    language: str = ""
    agency: str = ""
    owner: str = ""
    not_to: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AllocationPolicy:
    """seniority_from_dpd: day past due -> least seniority from there on (逾期久的案件给经验丰富者).
    weights: load (fewer cases), worth (less money, fairness), seniority (just enough), each at least
    0. keep_owner: who has the case keeps it while able.
    """

    seniority_from_dpd: Mapping[int, int] = field(default_factory=dict)
    load: float = 1.0
    worth: float = 0.5
    seniority: float = 0.25
    keep_owner: bool = True

    def seniority_for(self, dpd: int) -> int:
        """The least seniority for a case of `dpd`."""
        return max((s for day, s in self.seniority_from_dpd.items() if dpd >= day), default=0)


@dataclass(frozen=True, slots=True)
class Allocation:
    """collector: None when nobody could take it. parts: of the winner's score, lower is better. why:
    kept, best, or how many were left out by which rule.
    """

    case: str
    collector: str | None
    parts: Mapping[str, float]
    why: str


class _Desk:
    """A collector while cases are dealt."""

    __slots__ = ("given", "id", "load", "who", "worth")

    def __init__(self, who: Collector) -> None:
        self.who, self.id = who, who.id
        self.load, self.worth, self.given = who.load, who.worth, 0


def allocate(
    cases: Iterable[Dealt], collectors: Sequence[Collector], policy: AllocationPolicy
) -> list[Allocation]:
    """One decision for each case, in the order in which they were dealt: longest overdue first, then
    the largest. Cost: cases × collectors.
    """
    desks = {who.id: _Desk(who) for who in sorted(collectors, key=lambda c: c.id)}
    queue = sorted(cases, key=lambda c: (-c.dpd, c.score or 0.0, -c.worth, c.case))
    total = sum((case.worth for case in queue), sum((d.worth for d in desks.values()), ZERO))
    mean = float(total) / len(desks) if desks and total else 1.0
    return [_deal(case, desks, policy, mean) for case in queue]


def _deal(
    case: Dealt, desks: Mapping[str, _Desk], policy: AllocationPolicy, mean: float
) -> Allocation:
    least = policy.seniority_for(case.dpd)
    owner = desks.get(case.owner)
    if policy.keep_owner and owner and not _unfit(case, owner, least, held=True):
        return Allocation(case.case, owner.id, {}, "kept: the present owner can go on")
    left_out: Counter[str] = Counter()
    best: tuple[float, str, _Desk, dict[str, float]] | None = None
    for desk in desks.values():
        unfit = _unfit(case, desk, least, held=False)
        if unfit:
            left_out[unfit] += 1
            continue
        parts = _parts(desk, least, policy, mean)
        found = (sum(parts.values()), desk.id, desk, parts)
        if best is None or found[:2] < best[:2]:
            best = found
    if best is None:
        return Allocation(case.case, None, {}, f"nobody: {_counted(left_out)}")
    _give(case, best[2], desks)
    why = f"best of {len(desks) - left_out.total()}"
    return Allocation(
        case.case, best[1], best[3], why + (f"; not {_counted(left_out)}" * bool(left_out))
    )


def _give(case: Dealt, desk: _Desk, desks: Mapping[str, _Desk]) -> None:
    former = desks.get(case.owner)
    if former is not None:
        former.load -= 1
        former.worth -= case.worth
    desk.load += 1
    desk.worth += case.worth


def _unfit(case: Dealt, desk: _Desk, least: int, *, held: bool) -> str:
    """The first rule that keeps this collector from this case, or empty."""
    who = desk.who
    checks = (
        ("excluded", who.id in case.not_to),
        ("agency", bool(case.agency) and who.agency != case.agency),
        ("skill", not case.skills <= who.skills),
        ("language", bool(case.language and who.languages) and case.language not in who.languages),
        ("seniority", who.seniority < least),
        ("capacity", desk.load >= who.capacity + held),
    )
    return next((name for name, broken in checks if broken), "")


def _parts(desk: _Desk, least: int, policy: AllocationPolicy, mean: float) -> dict[str, float]:
    return {
        "load": policy.load * desk.load / max(1, desk.who.capacity),
        "worth": policy.worth * float(desk.worth) / mean,
        "seniority": policy.seniority * (desk.who.seniority - least),
    }


def _counted(left_out: Mapping[str, int]) -> str:
    return (
        ", ".join(f"{count} by {name}" for name, count in sorted(left_out.items()))
        or "no collectors"
    )


class RecallReason(Code):
    """Why a case is taken back."""

    EXPIRED = "expired", "its time with the holder is over", "到期回收"
    PAID = "paid", "it is paid", "已还款"
    COMPLAINT = "complaint", "a complaint is open", "投诉"
    BREACH = "breach", "the holder broke the rules", "违规"
    IDLE = "idle", "nobody worked it", "超期未跟进"


@dataclass(frozen=True, slots=True)
class Held:
    """A case with its holder. recall_on: agreed day, the case goes back on it. breaches: found with
    this holder and this case.
    """

    case: str
    holder: str
    since: date
    recall_on: date | None = None
    owed: Decimal | None = None
    open_complaints: int = 0
    breaches: int = 0
    last_worked_on: date | None = None
    promise_open: bool = False


@dataclass(frozen=True, slots=True)
class RecallPolicy:
    """idle_days: without work for so long; None: never. breaches: so many take the case away.
    keep_promises: an open promise lets the holder see it through, but for complaint and breach.
    """

    idle_days: int | None = None
    breaches: int = 1
    on_complaint: bool = True
    keep_promises: bool = True


@dataclass(frozen=True, slots=True)
class Recall:
    """reasons: all that hold, the gravest first; empty: it stays. why: in words."""

    case: str
    holder: str
    reasons: tuple[RecallReason, ...]
    why: str

    @property
    def is_due(self) -> bool:
        """The case goes back."""
        return bool(self.reasons)


def judge_recall(held: Held, policy: RecallPolicy, today: date) -> Recall:
    """Whether a case is taken back today."""
    idle = _idle_days(held, today)
    grave = (
        (RecallReason.BREACH, 0 < policy.breaches <= held.breaches, f"{held.breaches} breaches"),
        (
            RecallReason.COMPLAINT,
            policy.on_complaint and held.open_complaints > 0,
            f"{held.open_complaints} open complaints",
        ),
        (RecallReason.PAID, held.owed is not None and held.owed <= 0, "nothing is owed"),
    )
    usual = (
        (
            RecallReason.EXPIRED,
            held.recall_on is not None and today >= held.recall_on,
            f"agreed until {held.recall_on}",
        ),
        (
            RecallReason.IDLE,
            policy.idle_days is not None and idle > policy.idle_days,
            f"not worked for {idle} days",
        ),
    )
    kept = policy.keep_promises and held.promise_open
    found = [(reason, why) for reason, holds, why in (*grave, *(() if kept else usual)) if holds]
    words = "; ".join(why for _, why in found) or (
        "an open promise" if kept else "nothing against it"
    )
    return Recall(held.case, held.holder, tuple(reason for reason, _ in found), words)


def _idle_days(held: Held, today: date) -> int:
    return (today - (held.last_worked_on or held.since)).days
