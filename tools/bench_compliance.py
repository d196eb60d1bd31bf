"""How many decisions a second the compliance gate makes on one core.

Every decision is about another number, with a history of its own, under the China preset (and the
United States' for comparison); the record that is kept with the attempt is part of it. Run:
`python -m tools.bench_compliance [DECISIONS]`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from dialer_engine.app.compliance import load_book
from dialer_engine.compliance.counting import Flag, unit_key
from dialer_engine.compliance.facts import Facts, Subject
from dialer_engine.compliance.gate import Gate, Permit, RuleSet
from dialer_engine.compliance.rules import Unit
from dialer_engine.compliance.zones import jurisdictions
from dialer_engine.domain.units import E164, AttemptId

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
_PROMISES = frozenset(
    {"identify_institution_first", "verify_identity", "record_call", "abandon_message"}
)
_CALL = int(Flag.OUTBOUND | Flag.VOICE)


def people(count: int, place: str, zone: str, country: str, now: datetime) -> list[Facts]:
    """So many people; every third was called this morning, every tenth is on a list."""
    subject = Subject(jurisdictions=jurisdictions(place))
    return [_person(index, subject, zone, country, now) for index in range(count)]


def _person(index: int, subject: Subject, zone: str, country: str, now: datetime) -> Facts:
    keys = {unit.value: unit_key(unit, str(index)) for unit in Unit}
    contacts = tuple((now - timedelta(hours=1 + tries), _CALL) for tries in range(index % 3))
    return Facts(
        attempt=AttemptId(f"a-{index}"),
        number=E164(f"+12025550{100 + index % 100}"),
        zone=zone,
        attempts_today=0,
        counted_day=now.date().isoformat(),
        subject=subject,
        country=country,
        keys=keys,
        history={keys[unit]: contacts for unit in ("number", "person", "person_x_debt")},
        lists=("do_not_call",) if index % 10 == 9 else (),
        days_past_due=30,
        disclosures=_PROMISES,
    )


def measure(gate: Gate, asked: Sequence[Facts], now: datetime) -> tuple[float, int]:
    """Decisions a second, and how many were permits."""
    started = time.perf_counter()
    permits = sum(isinstance(gate.decide(facts, now), Permit) for facts in asked)
    return len(asked) / (time.perf_counter() - started), permits


def main(arguments: Sequence[str]) -> None:
    """Print one line for each preset."""
    count = int(arguments[0]) if arguments else 100_000
    house = RuleSet(daily_cap=100)
    for preset, place, zone, country, hour in (
        (("cn",), "CN", "Asia/Shanghai", "CN", 4),
        (("us", "us_pacing"), "US-MA", "America/New_York", "", 17),
    ):
        gate = Gate(house, load_book(preset))
        now = NOW.replace(hour=hour)
        asked = people(count, place, zone, country, now)
        gate.decide(asked[0], now)
        rate, permits = measure(gate, asked, now)
        rules = len(gate.book.active)
        print(
            f"{'+'.join(preset):14} {rules} rules: {rate:,.0f} decisions/s,"
            f" {permits:,} permits of {count:,}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
