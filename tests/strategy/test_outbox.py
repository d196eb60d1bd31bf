"""Steps that are no calls: which are due, since when they count as done, and what they say."""

from __future__ import annotations

from datetime import date

from dialer_engine.app.strategies import load_library, read_full, shipped
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.strategy.choose import choose
from dialer_engine.strategy.conditions import fact_map
from dialer_engine.strategy.model import Channel, Event, Step
from dialer_engine.strategy.outbox import channels, done_since, steps_due, words_of

TODAY = date(2026, 12, 9)
SMS = Step("s", Channel.SMS, day=3, until=6, script="early")


def test_only_what_is_no_call_and_nothing_on_hold() -> None:
    made = read_full(shipped())
    seen = set()
    for strategy in made.values():
        for dpd in range(-10, 120):
            facts = fact_map(CaseFacts(dpd=dpd, stage="M1"))
            choice = choose(strategy, facts, "C-1")
            seen |= {step.channel for step in steps_due(choice)}
            assert not choice.hold or not steps_due(choice)
            for step in steps_due(choice, Channel.LETTER):
                assert step.channel is Channel.LETTER
    assert Channel.SMS in seen
    assert not seen & {Channel.CALL, Channel.BOT_CALL}
    assert set(channels()) == set(Channel) - {Channel.CALL, Channel.BOT_CALL}


def test_since_when_it_counts_as_done() -> None:
    assert done_since(SMS, 5, TODAY) == date(2026, 12, 7)
    assert done_since(SMS, 3, TODAY) == TODAY
    event = Step("e", Channel.SMS, event=Event.PROMISE_BROKEN)
    assert done_since(event, 40, TODAY) == date(2026, 12, 3)


def test_what_is_written_and_in_whose_name() -> None:
    library = load_library(shipped() / "scripts")
    facts = CaseFacts(dpd=5, stage="M1", creditor="Acorn", currency="GBP")
    house = {"institution": "Acorn Care", "callback": "020 7946 0001"}
    speech = words_of(library, SMS, facts, TODAY, name="Kit Maple", language="en-GB", house=house)
    assert speech is not None
    assert "Kit Maple" in speech.text
    assert "\ue000" not in speech.text
    assert speech.language == "en"
    task = Step("t", Channel.TASK, day=3)
    assert words_of(library, task, facts, TODAY, name="", language="", house={}) is None
