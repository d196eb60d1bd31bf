"""What is wrong with a strategy that can be read: contradictions in itself, with its scripts, and with
what compliance allows.

Rules: an error is something that can never do what it says; a warning is something that does less,
or should be said otherwise; every one has the line of the segment or step it is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dialer_engine.strategy.conditions import condition, nearest
from dialer_engine.strategy.conduct import makes
from dialer_engine.strategy.limits import Ask, objections
from dialer_engine.strategy.model import EVENT_CONDITIONS, Channel, Segment, Step, Strategy
from dialer_engine.strategy.nodes import Problem
from dialer_engine.strategy.reach import reachable
from dialer_engine.strategy.scripts import COMMON, Claim, Library, Scene, Wording
from dialer_engine.strategy.tree import Node

# Seed S3-022: a court is considered from six months on.
LEGAL_FROM_DAY = 180
# The scene that a channel begins with.
SCENES = {
    Channel.CALL: Scene.MAIN,
    Channel.BOT_CALL: Scene.MAIN,
    Channel.SMS: Scene.MESSAGE,
    Channel.MESSENGER: Scene.MESSAGE,
    Channel.EMAIL: Scene.LETTER,
    Channel.LETTER: Scene.LETTER,
    Channel.VISIT: Scene.MAIN,
}


def check(strategy: Strategy, library: Library, ask: Ask) -> list[Problem]:
    """Everything that is to be said of a strategy, by line."""
    found = [
        *_unreachable(strategy.segments),
        *_overlaps(strategy.segments),
        *_scripts(strategy, library),
        *_compliance(strategy, ask),
        *_experiments(strategy),
    ]
    return sorted(set(found))


def _at(place: Segment | Step, text: str, *, is_warning: bool = False) -> Problem:
    return Problem(place.line, place.column, text, is_warning)


# -- in itself -------------------------------------------------------------------------------------


def _unreachable(segments: Sequence[Segment]) -> Iterator[Problem]:
    for index, segment in enumerate(segments):
        before = [earlier.when.root for earlier in segments[:index]]
        if reachable([segment.when.root], before) is False:
            why = "an earlier segment takes every case of it"
            if reachable([segment.when.root], []) is False:
                why = "no case satisfies its condition"
            yield _at(segment, f"segment {segment.id} is never reached: {why}")
            continue
        for step in segment.ladder:
            if reachable([segment.when.root, _in_force(step)], before) is False:
                days = f"event {step.event}" if step.event else f"day {step.day} to {step.until}"
                told = (
                    f"step {step.id} is never in force: no case of segment {segment.id} has {days}"
                )
                yield _at(step, told)


def _in_force(step: Step) -> Node:
    if step.event is not None:
        return EVENT_CONDITIONS[step.event].root
    upper = f" and dpd <= {step.until}" if step.until is not None else ""
    return condition(f"dpd >= {step.day}{upper}").root


def _overlaps(segments: Sequence[Segment]) -> Iterator[Problem]:
    for segment in segments:
        for index, step in enumerate(segment.ladder):
            for earlier in segment.ladder[:index]:
                if earlier.channel is step.channel and _meet(earlier, step):
                    told = f"step {step.id} and step {earlier.id} are both {step.channel} on the same days"
                    yield _at(step, f"{told}; {earlier.id} is taken", is_warning=True)


def _meet(one: Step, other: Step) -> bool:
    if one.channel is Channel.TASK:
        return False
    if one.event is not None or other.event is not None:
        return one.event is other.event
    return (other.until is None or (one.day or 0) <= other.until) and (
        one.until is None or (other.day or 0) <= one.until
    )


# -- with its scripts ------------------------------------------------------------------------------


def _scripts(strategy: Strategy, library: Library) -> Iterator[Problem]:
    for segment in strategy.segments:
        for step in segment.ladder:
            if step.script:
                yield from _script(step, library)


def _script(step: Step, library: Library) -> Iterator[Problem]:
    script = library.scripts.get(step.script)
    if script is None:
        yield _at(step, f"no script is called {step.script}{nearest(step.script, library.scripts)}")
        return
    scene = SCENES[step.channel]
    owner = script if scene in script.scenes else library.scripts.get(COMMON)
    rows = owner.scenes.get(scene, ()) if owner else ()
    allowed = [row.strength for row in rows if row.strength <= step.strength]
    if not allowed:
        told = (
            f"script {step.script} has no words for {scene} at strength {step.strength} or milder"
        )
        yield _at(step, told)
        return
    if scene is Scene.MAIN and max(allowed) < step.strength:
        told = f"script {step.script} has no strength {step.strength}; {max(allowed)} is used"
        yield _at(step, told, is_warning=True)
    if (step.day or 0) < LEGAL_FROM_DAY and _speaks_of_courts(rows, max(allowed)):
        told = f"script {script.id} speaks of a court before day {LEGAL_FROM_DAY}; is that true?"
        yield _at(step, told, is_warning=True)


def _speaks_of_courts(rows: Sequence[Wording], strength: int) -> bool:
    texts = (row.texts for row in rows if row.strength == strength)
    return any(makes(Claim.LEGAL, words[lang], lang) for words in texts for lang in words)


# -- with compliance -------------------------------------------------------------------------------


def _compliance(strategy: Strategy, ask: Ask) -> Iterator[Problem]:
    for name in strategy.presets:
        limits = ask(name)
        if limits is None:
            yield Problem(1, 1, f"there is no compliance preset {name}")
            continue
        for segment in strategy.segments:
            for step in segment.ladder:
                for is_never, told in objections(step, limits):
                    kind = "compliance never allows" if is_never else "compliance narrows"
                    yield _at(step, f"{kind} step {step.id}: {told}", is_warning=not is_never)


# -- experiments -----------------------------------------------------------------------------------


def _experiments(strategy: Strategy) -> Iterator[Problem]:
    every = tuple(segment.id for segment in strategy.segments)
    for index, later in enumerate(strategy.experiments):
        for earlier in strategy.experiments[:index]:
            shared = set(later.segments or every) & set(earlier.segments or every)
            fields = {f for arm in later.arms for f in arm.changes} & {
                f for arm in earlier.arms for f in arm.changes
            }
            if shared and fields:
                told = (
                    f"experiments {earlier.id} and {later.id} both set {', '.join(sorted(fields))}"
                )
                yield Problem(later.line, later.column, told, is_warning=True)
