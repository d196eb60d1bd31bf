"""Creditors and their products: whose debt it is, and the rules that came with it.

Rules: a product carries every number that another creditor or country would set otherwise: where
stages begin, grace, the order of allocation, rounding, penalty, fees, caps. The defaults of the edges
are the ones that Chinese lenders use (M1 = 1 to 30 days, and so on by 30 days, M7+ from 181).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from dialer_engine.domain.collections.charges import CostCap, FeeRule, PenaltyRule
from dialer_engine.domain.collections.codes import DebtType, PartyType, Phase, Stage
from dialer_engine.domain.collections.money import (
    DEFAULT_ORDER,
    ZERO,
    Component,
    Order,
    Rounding,
    check_order,
)
from dialer_engine.domain.errors import BadValue

_BUCKETS = (
    Stage.M0, Stage.M1, Stage.M2, Stage.M3, Stage.M4, Stage.M5, Stage.M6, Stage.M7_PLUS,
)  # fmt: skip
# The first day of M0, M1, … M7+.
DEFAULT_EDGES: tuple[int, ...] = (0, 1, 31, 61, 91, 121, 151, 181)
# After four months several means at once, beyond six a court is considered (features S3-021, -022).
DEFAULT_PHASES: Mapping[Stage, Phase] = {
    Stage.PRE_DUE: Phase.PREVENTION,
    Stage.M0: Phase.PREVENTION,
    Stage.M1: Phase.EARLY,
    Stage.M2: Phase.EARLY,
    Stage.M3: Phase.EARLY,
    Stage.M4: Phase.LATE,
    Stage.M5: Phase.LATE,
    Stage.M6: Phase.LATE,
    Stage.M7_PLUS: Phase.RECOVERY,
    Stage.SETTLED: Phase.DONE,
}


@dataclass(frozen=True, slots=True)
class Creditor:
    """To whom the debt is owed. jurisdiction: ISO 3166 country, or `CC-REGION`; whose rules of
    contact hold unless the case says otherwise. party_type: who calls for it.
    """

    code: str
    name: str = ""
    jurisdiction: str = ""
    party_type: PartyType = PartyType.FIRST


@dataclass(frozen=True, slots=True)
class Limits:
    """What one role may grant. shares: of each component, at most; what is not named is 0.
    max_amount: of one reduction, None for no limit but the shares. min_dpd: not before. max_months,
    min_first_share, min_instalment: of an instalment offer; max_months 0: none may be offered.
    """

    role: str
    shares: Mapping[Component, Decimal] = field(default_factory=dict)
    max_amount: Decimal | None = None
    min_dpd: int = 0
    max_months: int = 0
    min_first_share: Decimal = ZERO
    min_instalment: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Product:
    """What was sold or lent, and its rules. edges: first day past due of M0 … M7+, ascending; equal
    neighbours leave a bucket out. by_instalment: a payment clears the oldest instalment wholly
    before the next; else each component over all instalments. tolerance: arrears up to this are not
    overdue. promise_grace_days: how late a promise may be kept. limits: what each role may grant, the
    least role first; nobody may grant anything by default.
    """

    code: str
    creditor: str = ""
    debt_type: DebtType = DebtType.OTHER
    edges: tuple[int, ...] = DEFAULT_EDGES
    phases: Mapping[Stage, Phase] = field(default_factory=lambda: DEFAULT_PHASES)
    order: Order = DEFAULT_ORDER
    by_instalment: bool = True
    overdue_by: frozenset[Component] = frozenset({Component.PRINCIPAL, Component.INTEREST})
    tolerance: Decimal = ZERO
    rounding: Rounding = field(default_factory=Rounding)
    penalty: PenaltyRule | None = None
    fees: tuple[FeeRule, ...] = ()
    cap: CostCap | None = None
    promise_grace_days: int = 0
    limits: tuple[Limits, ...] = ()

    def __post_init__(self) -> None:
        check_edges(self.edges)
        check_order(self.order)

    def stage(self, dpd: int | None) -> Stage:
        """The bucket of `dpd`; None: nothing is owed."""
        return stage_of(dpd, self.edges)

    def phase(self, dpd: int | None) -> Phase:
        """What collecting is about at `dpd`."""
        return self.phases.get(self.stage(dpd), Phase.EARLY)


def check_edges(edges: tuple[int, ...]) -> tuple[int, ...]:
    """Eight ascending days, the first at least 0; BadValue."""
    ascending = all(a <= b for a, b in pairwise(edges))
    if len(edges) != len(_BUCKETS) or not ascending or edges[0] < 0:
        raise BadValue(
            "edges are the first days of M0, M1 … M7+: eight numbers, ascending, from 0 on"
        )
    return edges


def stage_of(dpd: int | None, edges: tuple[int, ...] = DEFAULT_EDGES) -> Stage:
    """The bucket whose first day is the last one that is not after `dpd`."""
    if dpd is None:
        return Stage.SETTLED
    place = bisect_right(edges, dpd)
    return Stage.PRE_DUE if place == 0 else _BUCKETS[place - 1]
