"""Steps of a ladder that are no calls: which of them are due for a case, and what they say.

Rules: pure; a step of a day is done once in its days, one that an event brings once a week at most (as in
`simulate`), and by channel: whoever wrote to a debtor has written; a task is for people here and asks nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.strategy.choose import Choice
from dialer_engine.strategy.model import Channel, Step
from dialer_engine.strategy.prompter import spoken, values
from dialer_engine.strategy.scripts import Library, Scene
from dialer_engine.strategy.speech import Speech, script_for

_WEEK = timedelta(days=7)
_SCENES = {
    Channel.SMS: Scene.MESSAGE,
    Channel.EMAIL: Scene.MESSAGE,
    Channel.MESSENGER: Scene.MESSAGE,
    Channel.LETTER: Scene.LETTER,
}


def steps_due(choice: Choice, channel: Channel | None = None) -> list[Step]:
    """The steps in force that are no calls; nothing of a segment on hold. channel: only this one."""
    if choice.hold:
        return []
    return [
        step
        for step in choice.steps
        if not step.channel.is_voice and (channel is None or step.channel is channel)
    ]


def done_since(step: Step, dpd: int, today: date) -> date:
    """The first day on which a contact of the step's channel was this step."""
    if step.day is None:
        return today - _WEEK + timedelta(days=1)
    return today - timedelta(days=max(0, dpd - step.day))


def words_of(
    library: Library,
    step: Step,
    facts: CaseFacts,
    today: date,
    *,
    name: str,
    language: str,
    house: dict[str, str],
) -> Speech | None:
    """What is written; None for a visit or a task, and for a script that has no such scene."""
    scene = _SCENES.get(step.channel)
    if scene is None:
        return None
    given: dict[str, Any] = values(facts, today, name=name, words=house)
    # Nobody is on the line: the house itself writes.
    given["agent_name"] = given.get("institution", "")
    return script_for(
        library, facts, scene, step.strength, given, script=step.script, language=spoken(language),
        channel=step.channel,
    )  # fmt: skip


def channels() -> Iterator[Channel]:
    """The channels that are no calls."""
    return (channel for channel in Channel if not channel.is_voice)
