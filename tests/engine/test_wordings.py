"""What is to be said is in the evidence of each attempt, as hashes, and the words behind them once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from dialer_engine.app import wiring
from dialer_engine.domain.attempt import Plan
from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.errors import ConfigError
from dialer_engine.engine.wordings import Wordings
from dialer_engine.sim.clock import MONDAY_AT_TEN
from dialer_engine.sim.law import MemoryLaw
from tests.engine.house import LOANS, House, settings, virtual
from tests.engine.test_guide import facts, guided
from tests.strategy.shipped import library

SPEECH = settings(library=library())
SPRING = Campaign(LOANS)
PLAN = Plan(
    "early", "v1", "many", "plain", "early", 2, MONDAY_AT_TEN,
    facts=CaseFacts(jurisdiction="CN", dpd=45),
)  # fmt: skip


def by_kind(told: tuple[str, ...]) -> dict[str, str]:
    return {one.partition(":")[0]: one for one in told}


def test_script_disclosures_strategy_and_message_are_named_with_their_hashes() -> None:
    wordings = Wordings(replace(SPEECH, safe_harbour="dialer/sorry", safe_harbour_sha256="ab" * 32))
    told = by_kind(wordings.of(PLAN, SPRING))
    assert told["strategy"] == "strategy:early:v1"
    assert told["safe_harbour"] == f"safe_harbour:dialer/sorry:{'ab' * 32}"
    kind, name, digest = told["script"].split(":")
    assert (kind, name) == ("script", "early.2")
    assert hashlib.sha256(wordings.fresh[digest].encode()).hexdigest() == digest
    words = json.loads(wordings.fresh[digest])
    assert {row[1] for row in words} == {"zh", "en"}
    assert any("recorded" in line for row in words for line in row[4])
    assert "recorded" in told["disclosures"].split(":")[1].split("+")


def test_other_words_have_another_hash_and_a_debtor_changes_none() -> None:
    wordings = Wordings(SPEECH)
    one = by_kind(wordings.of(PLAN, SPRING))["script"]
    richer = replace(PLAN, facts=replace(PLAN.facts, balance=PLAN.facts.balance + 7, dpd=46))
    assert by_kind(wordings.of(richer, SPRING))["script"] == one
    firmer = by_kind(wordings.of(replace(PLAN, strength=1), SPRING))["script"]
    assert firmer.split(":")[2] != one.split(":")[2]
    script = library().scripts["early"]
    scenes = dict(script.scenes)
    scene, rows = next(iter(scenes.items()))
    scenes[scene] = tuple(replace(r, texts={k: t + "!" for k, t in r.texts.items()}) for r in rows)
    other = replace(
        library(), scripts={**library().scripts, "early": replace(script, scenes=scenes)}
    )
    changed = by_kind(Wordings(replace(SPEECH, library=other)).of(PLAN, SPRING))["script"]
    assert changed.split(":")[2] != one.split(":")[2]


def test_a_script_that_is_chosen_by_the_case_is_named_as_chosen() -> None:
    told = by_kind(Wordings(SPEECH).of(replace(PLAN, script=""), SPRING))
    assert told["script"].split(":")[1] in {f"{name}.2" for name in library().scripts}


def test_what_no_strategy_planned_has_the_message_only() -> None:
    assert Wordings(SPEECH).of(None, SPRING) == ("safe_harbour:pbx",)
    robot = replace(SPRING, mode=DialMode.ROBOT, robot_message="dialer/notice")
    assert Wordings(SPEECH).of(None, robot) == ("message:dialer/notice",)
    unplanned = replace(PLAN, script="", step="")
    assert Wordings(SPEECH).of(unplanned, SPRING) == ("strategy:early:v1", "safe_harbour:pbx")


@virtual
async def test_each_attempt_has_them_in_its_permit_and_the_words_go_on_record_once() -> None:
    law = MemoryLaw()
    house = House(replace(guided(), library=library()))
    house.engine.counsel._law = law
    async with house:
        house.agents(2)
        await house.campaign(strategy="early")
        for _ in range(2):
            facts(house, house.case(), dpd=45, jurisdiction="CN")
        await house.login(*house.engine.registry.agents)
        await house.engine.leases.take_started()
        first, second = await house.dialled(2)
        told = house.store.attempts[first].draft.permit["facts"]["messages"]
        assert told == house.store.attempts[second].draft.permit["facts"]["messages"]
        digests = {one.split(":")[2] for one in told if one.startswith(("script", "disclos"))}
        assert len(digests) == 2
        await house.wait(1)
        assert set(law.words) == digests
        assert house.engine.counsel.wordings.fresh == {}


def test_the_prompt_is_hashed_from_a_copy_and_one_that_is_not_there_is_an_error(
    tmp_path: Path,
) -> None:
    file = tmp_path / "sorry.wav"
    file.write_bytes(b"sound")
    assert wiring._hash_of(file) == hashlib.sha256(b"sound").hexdigest()
    assert wiring._hash_of(None) == ""
    with pytest.raises(ConfigError, match=r"safe_harbour\.file"):
        wiring._hash_of(tmp_path / "none.wav")
