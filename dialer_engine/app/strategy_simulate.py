"""What `strategy simulate` does: a book, a model of how people answer, and a month on a virtual clock.

Rules: the model is the one that is given, else what the store has observed when that is enough, else the
assumed one, and the answer says which; every function blocks and is called from no loop; what goes wrong is a
DialerError.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dialer_engine.app.config import Config
from dialer_engine.app.stored import in_store
from dialer_engine.app.strategy import limits_for, table
from dialer_engine.domain.errors import BadValue, DialerError, NotFound
from dialer_engine.store.observed import observed
from dialer_engine.store.sql import SqlStore
from dialer_engine.strategy.given import facts_of, invented
from dialer_engine.strategy.limits import Limits
from dialer_engine.strategy.model import Strategy
from dialer_engine.strategy.observed import ENOUGH_ATTEMPTS, Observed, model_of
from dialer_engine.strategy.outcomes import OutcomeModel, outcome_model
from dialer_engine.strategy.simulate import SimCase, Simulation, simulate

Json = dict[str, Any]
# More than a person wants to wait for: a month of 100,000 cases takes minutes.
MOST_CASES = 1_000_000
# What people did longer ago says less of next month.
_DAYS = 90


@dataclass(frozen=True, slots=True)
class Model:
    """name: a file, `observed` or `assumed`. told: what of it was seen, and what not."""

    name: str
    outcomes: OutcomeModel
    told: Json = field(default_factory=dict)


def model_for(config: Config, given: Path | None, *, assume: bool = False) -> Model:
    """The model of a file, else of the store, else the assumed one. assume: do not ask the store."""
    if given is not None:
        return Model(str(given), outcome_model(table(given)))
    if assume:
        return Model("assumed", OutcomeModel())
    try:
        seen, since, zone = _seen(config)
    except DialerError as error:
        return Model("assumed", OutcomeModel(), {"why": f"no store: {type(error).__name__}"})
    found = model_of(seen)
    if found is None:
        why = f"{seen.attempts} attempts in {_DAYS} days, {ENOUGH_ATTEMPTS} are needed"
        return Model("assumed", OutcomeModel(), {"why": why})
    outcomes, assumed = found
    told = {
        "attempts": seen.attempts,
        "since": since.isoformat(timespec="minutes"),
        "zone": zone,
        "assumed": assumed,
        "figures": asdict(outcomes),
    }
    return Model("observed", outcomes, told)


def _seen(config: Config) -> tuple[Observed, datetime, str]:
    zone = config.compliance.default_zone
    now = datetime.now(UTC)
    since = now - timedelta(days=_DAYS)

    def seen(store: SqlStore) -> Awaitable[Observed]:
        return store.database.read(observed, since, now, ZoneInfo(zone or "UTC"))

    return in_store(config, seen), since, zone or "UTC"


def run(
    strategy: Strategy,
    book: list[SimCase],
    *,
    model: Model,
    seed: int,
    start: date,
    days: int,
    presets: Sequence[str] = (),
    config: Config | None = None,
) -> Json:
    """The month over the book as plain data; see `strategy.simulate.Simulation`. presets: whose limits
    hold, all at once; the first that the strategy names when left out, since a case has one place. config:
    whose calendar files count.
    """
    limits = limits_for(strategy, presets, config)
    told = simulate(strategy, book, model.outcomes, limits, seed=seed, start=start, days=days)
    return _simulated(told) | {
        "strategy": strategy.name,
        "presets": [limit.preset for limit in limits],
        "seed": seed,
        "start": start.isoformat(),
        "model": model.name,
        "model_told": model.told,
        "closed_years": _closed_years(limits, start, days),
    }


def _closed_years(limits: Sequence[Limits], start: date, days: int) -> list[str]:
    """Years of the month in which a preset is closed on every day, as at the gate: nobody knows their holidays
    yet.
    """
    dates = [start + timedelta(days=ahead) for ahead in range(days)]
    return [
        f"{one.preset} {year}"
        for one in limits
        for year in sorted({day.year for day in dates})
        if _is_closed(one, year)
    ]


def _is_closed(limits: Limits, year: int) -> bool:
    # A week and a day: no preset closes all of them, holidays among them or not.
    days = [date(year, 3, 1) + timedelta(days=ahead) for ahead in range(8)]
    windows = [one for one in limits.windows if one.of_date is not None]
    return any(all(one.on(day) is None for day in days) for one in windows)


def _simulated(told: Simulation) -> Json:
    found = asdict(told)
    found["recovered"] = {name: str(amount) for name, amount in told.recovered.items()}
    found["outcomes"] = dict(told.outcomes.most_common())
    for name in ("caps", "plan", "channels"):
        found[name] = dict(getattr(told, name).most_common())
    found["agent_hours"] = round(told.agent_hours, 1)
    return found


def book_from(file: Path) -> list[SimCase]:
    """A case book: one JSON object a line, facts by name, with `reference` and `numbers` beside."""
    found = []
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    found.append(_sim_case(line, number))
                if len(found) > MOST_CASES:
                    raise BadValue(f"{file}: more than {MOST_CASES:,} cases")
    except OSError as error:
        raise NotFound(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadValue(f"{file}: not UTF-8") from error
    return found


def _sim_case(line: str, number: int) -> SimCase:
    try:
        data = json.loads(line)
        if not isinstance(data, dict):
            raise BadValue("a line is one JSON object")
        reference, numbers = data.pop("reference", f"line-{number}"), data.pop("numbers", 1)
        if not isinstance(numbers, int) or isinstance(numbers, bool) or numbers < 1:
            raise BadValue("numbers is 1 or more")
        return SimCase(str(reference), facts_of(data), numbers)
    except (ValueError, RecursionError) as error:
        raise BadValue(f"line {number}: {error}") from error


def invented_book(cases: int, seed: int) -> list[SimCase]:
    """A book of no person; see `strategy.given.invented`."""
    if not 1 <= cases <= MOST_CASES:
        raise BadValue(f"a book has 1 to {MOST_CASES:,} cases")
    return invented(cases, seed)
