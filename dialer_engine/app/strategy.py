"""What the commands about strategies do: check, explain, compare arms, schema; `strategy_simulate` has the month.

Rules: this file knows where files are and asks compliance; what strategies mean is in the pure room;
every function blocks and is called from no loop; what goes wrong is a DialerError.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from dialer_engine.app import strategies as files
from dialer_engine.app.compliance import load_book
from dialer_engine.app.compliance import presets as known_presets
from dialer_engine.app.config import Config
from dialer_engine.app.stored import in_store
from dialer_engine.app.strategy_limits import limits_of
from dialer_engine.app.yaml_marks import place_of, read_yaml
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.errors import BadValue, ConfigError, NotFound
from dialer_engine.domain.units import CampaignName
from dialer_engine.store.sql import SqlStore
from dialer_engine.strategy.check import check as contradictions
from dialer_engine.strategy.choose import Choice, choose, next_time
from dialer_engine.strategy.conditions import fact_map, nearest
from dialer_engine.strategy.conduct import review_library, review_script
from dialer_engine.strategy.experiment import Difference, Tally
from dialer_engine.strategy.experiment import report as compare
from dialer_engine.strategy.format import strategy_schema
from dialer_engine.strategy.given import facts_of
from dialer_engine.strategy.limits import Limits, clock
from dialer_engine.strategy.model import Arm, Experiment, Step, Strategy
from dialer_engine.strategy.nodes import Node, Problem, plain
from dialer_engine.strategy.read import is_strategy, parse_strategy, read_strategy
from dialer_engine.strategy.retry import retry_table
from dialer_engine.strategy.scripts import Library, scripts_schema

Json = dict[str, Any]


def ask(preset: str, config: Config | None = None) -> Limits | None:
    """What a shipped compliance preset allows, None when there is none of that name. config: whose calendar
    files count beside the library's.
    """
    if preset not in known_presets():
        return None
    named = (one.partition("=") for one in config.compliance.calendars) if config else ()
    calendars = {place: Path(file) for place, _, file in named}
    return limits_of(preset, load_book([preset], calendars=calendars))


def limits_for(
    strategy: Strategy, presets: Sequence[str], config: Config | None = None
) -> list[Limits]:
    """Of these presets; of the first that the strategy names when there are none."""
    return [_limits(name, config) for name in presets or strategy.presets[:1]]


def _limits(preset: str, config: Config | None) -> Limits:
    found = ask(preset, config)
    if found is None:
        raise NotFound(f"no compliance preset is called {preset}{nearest(preset, known_presets())}")
    return found


# -- check -----------------------------------------------------------------------------------------


def check(file: Path, scripts: Path | None = None) -> Json:
    """{ok, file, kind, segments, steps, problems [{file, line, column, level, text}]}: a strategy, a
    retry table or a script file, by what stands in it. scripts: the folder of its scripts; left out,
    `scripts` beside the file, else the shipped one.
    """
    try:
        node = read_yaml(file)
    except OSError as error:
        raise NotFound(f"{file}: {error.strerror}") from error
    except ValueError as error:
        return _told(file, "unreadable", [(file.name, place_of(error))])
    if _is_scripts(node):
        return _check_scripts(file)
    if not is_strategy(node):
        return _check_retry(file, node)
    return _check_strategy(file, node, scripts)


def _is_scripts(node: Node) -> bool:
    data = plain(node)
    return isinstance(data, dict) and not data.keys().isdisjoint({"scripts", "disclosures"})


def _check_retry(file: Path, node: Node) -> Json:
    data = plain(node)
    try:
        retry_table(file.stem, data if isinstance(data, dict) else {})
    except BadValue as error:
        return _told(
            file, "retry table", [(file.name, Problem(node.line, node.column, str(error)))]
        )
    return _told(file, "retry table", [])


def _check_scripts(file: Path) -> Json:
    library, problems = files.read_library(file.parent)
    own = [(name, problem) for name, problem in problems if name == file.name]
    own += [(name, problem) for name, problem in review_library(library) if name == file.name]
    return _told(file, "scripts", own)


def _check_strategy(file: Path, node: Node, folder: Path | None) -> Json:
    library, wrong = files.read_library(folder or _scripts_of(file))
    made, found = read_strategy(file.stem, node)
    problems = [(file.name, problem) for problem in found]
    problems += [row for row in wrong if not row[1].is_warning]
    if made is None:
        return _told(file, "strategy", problems)
    problems += [(file.name, problem) for problem in contradictions(made, library, ask)]
    problems += _conduct(made, library)
    steps = sum(len(segment.ladder) for segment in made.segments)
    return _told(file, "strategy", problems) | {"segments": len(made.segments), "steps": steps}


def _conduct(strategy: Strategy, library: Library) -> Iterator[tuple[str, Problem]]:
    """Rules of conduct over the scripts that the strategy uses."""
    used = {step.script for segment in strategy.segments for step in segment.ladder}
    for name in sorted({*used, "common"} & library.scripts.keys()):
        script = library.scripts[name]
        yield from ((script.file, found) for found in review_script(script))


def _told(file: Path, kind: str, problems: list[tuple[str, Problem]]) -> Json:
    rows = [
        {
            "file": name,
            "line": problem.line,
            "column": problem.column,
            "level": "warning" if problem.is_warning else "error",
            "text": problem.text,
        }
        for name, problem in problems
    ]
    ok = all(row["level"] == "warning" for row in rows)
    return {"ok": ok, "file": str(file), "kind": kind, "segments": 0, "steps": 0, "problems": rows}


def _scripts_of(file: Path) -> Path:
    beside = file.parent / "scripts"
    return beside if beside.is_dir() else files.shipped() / "scripts"


# -- explain ---------------------------------------------------------------------------------------


def load(named: str, own: Path | None = None) -> Strategy:
    """A strategy by the name of a shipped one, of one in the folder `own`, or by its file."""
    file = Path(named)
    if not file.suffix:
        known = files.read_full(files.shipped()) | (files.read_full(own) if own else {})
        if named not in known:
            raise NotFound(f"no strategy is called {named}{nearest(named, known)}")
        return known[named]
    try:
        return parse_strategy(file.stem, read_yaml(file))
    except OSError as error:
        raise NotFound(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from error


def explain(
    strategy: Strategy,
    reference: str,
    facts: CaseFacts,
    now: datetime,
    presets: Sequence[str] = (),
    config: Config | None = None,
) -> Json:
    """{strategy, case, segment, title, hold, because, passed, arms, now, later}: what is done with a
    case, why, and when next. now: the debtor's local time.
    presets: whose hours hold, as in `limits_for`. Caps are not counted here; `compliance explain` does.
    """
    found = choose(strategy, fact_map(facts), reference)
    limits = limits_for(strategy, presets, config)
    segment = found.segment
    return {
        "strategy": strategy.name,
        "case": reference,
        "segment": segment.id if segment else None,
        "title": asdict(segment.title) if segment else {"en": "", "zh": ""},
        "hold": found.hold,
        "because": [{"comparison": text, "held": held} for text, held in found.because],
        "passed": [{"segment": name, "because_not": text} for name, text in found.passed],
        "arms": dict(found.arms),
        "now": [_step(step) | {"at": _at(step, now, limits)} for step in found.steps],
        "later": [_step(step) | {"in_days": days} for step, days in _later(found)],
    }


def _later(found: Choice) -> list[tuple[Step, int]]:
    return [] if found.hold else list(found.later)


def _step(step: Step) -> Json:
    return {
        "step": step.id,
        "channel": step.channel.value,
        "script": step.script,
        "strength": step.strength,
        "per_day": step.per_day,
        "per_week": step.per_week,
        "hours": "-".join(map(clock, step.hours)) if step.hours else "",
        "priority": step.priority,
        "event": step.event.value if step.event else None,
    }


def _at(step: Step, now: datetime, limits: list[Limits]) -> str | None:
    when = next_time(step, now, limits)
    return when.isoformat(timespec="minutes") if when else None


def read_facts(file: Path) -> CaseFacts:
    """Facts from a JSON file, by the names that `strategy schema facts` lists."""
    return facts_of(table(file))


def of_campaign(config: Config, reference: str, campaign: str | None) -> tuple[Strategy, str]:
    """The strategy of the campaign that the case is in, and the campaign's name. campaign: which, where
    several differ. NotFound; BadValue says what to choose from.
    """

    async def work(store: SqlStore) -> dict[str, str]:
        mine = await store.case_campaigns(await store.case_id(reference))
        known = {one.name: one.strategy for one in await store.campaigns()}
        return {row["campaign"]: known[CampaignName(row["campaign"])] for row in mine}

    found = in_store(config, work)
    if campaign is not None and campaign not in found:
        raise NotFound(f"the case is in no campaign {campaign}{nearest(campaign, found)}")
    named = found if campaign is None else {campaign: found[campaign]}
    if not named:
        raise NotFound("the case is in no campaign; name a strategy with -s")
    if len(set(named.values())) > 1:
        told = ", ".join(f"{one} ({strategy})" for one, strategy in named.items())
        raise BadValue(f"the case is in several campaigns; say --campaign: {told}")
    name, strategy = next(iter(named.items()))
    course = files.read_books(config.strategies.folder).courses.get(strategy)
    if course is None:
        raise NotFound(
            f"campaign {name} has the strategy {strategy}, which has no segments; name one with -s"
        )
    return course.strategy, name


def facts_from_store(config: Config, reference: str) -> CaseFacts:
    """The case's facts as they are now; NotFound."""

    def work(store: SqlStore) -> Awaitable[Json]:
        return store.case_file(reference, datetime.now(UTC), reveal=True)

    told = in_store(config, work)
    return facts_of(told["facts"] | {"attributes": told["case"]["attributes"]})


# -- experiments -----------------------------------------------------------------------------------


def experiments(config: Config, campaign: str, result: str, confidence: float) -> Json:
    """{campaign, strategy, version, result, confidence, experiments [{experiment, sound, mismatch_p, arms
    [{arm, share, cases, results, rate, rate_low, rate_high, difference, low, high, clear}]}]}. NotFound
    for a campaign that is not there or whose strategy has no experiments.
    """
    books = files.read_books(config.strategies.folder)

    async def work(store: SqlStore) -> Json:
        known = {one.name: one for one in await store.campaigns()}
        if campaign not in known:
            raise NotFound(f"no campaign is called {campaign}{nearest(campaign, known)}")
        course = books.courses.get(known[CampaignName(campaign)].strategy)
        if course is None or not course.strategy.experiments:
            raise NotFound(f"the strategy of campaign {campaign} has no experiments")
        rows = [
            _compared(one, await store.tallies(CampaignName(campaign), one.id, result), confidence)
            for one in course.strategy.experiments
        ]
        return {
            "campaign": campaign, "strategy": course.strategy.name, "version": course.version,
            "result": result, "confidence": confidence, "experiments": rows,
        }  # fmt: skip

    return in_store(config, work)


def _compared(one: Experiment, counted: Mapping[str, tuple[int, int]], confidence: float) -> Json:
    tallies = {arm: Tally(*counts) for arm, counts in counted.items()}
    told = compare(one, tallies, confidence)
    rows = {row.arm: row for row in (told.champion, *told.others)}
    return {
        "experiment": one.id,
        "sound": told.is_sound,
        "mismatch_p": told.mismatch_p,
        "arms": [_arm(arm, rows[arm.id], tallies.get(arm.id, Tally(0, 0))) for arm in one.arms],
    }


def _arm(arm: Arm, row: Difference, tally: Tally) -> Json:
    found = asdict(row) | {"share": arm.share, "cases": tally.cases, "results": tally.results}
    return found | {"clear": row.is_clear}


def table(file: Path) -> Mapping[str, Any]:
    try:
        data = plain(read_yaml(file)) if file.suffix in (".yaml", ".yml") else _json(file)
    except OSError as error:
        raise NotFound(f"{file}: {error.strerror}") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise BadValue(f"{file}: {error}") from error
    if not isinstance(data, dict):
        raise BadValue(f"{file}: here stands one table")
    return data


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


# -- schema ----------------------------------------------------------------------------------------

SCHEMAS: Mapping[str, Callable[[], Json]] = {
    "strategy": strategy_schema,
    "scripts": scripts_schema,
}


def schema(which: str) -> Json:
    """JSON Schema of strategy or script files."""
    return SCHEMAS[which]()
