"""The API's part on pacing, over a whole engine between virtual twins."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from dialer_engine.app import wiring
from dialer_engine.domain.errors import BadValue, ConfigError, Conflict, NotFound
from dialer_engine.domain.units import CampaignName
from tests.app.test_service import FILE, running, virtual
from tests.engine.house import LOANS


@virtual
async def test_a_campaign_becomes_predictive_and_tells_how_it_goes(tmp_path: Path) -> None:
    async with running(tmp_path, agents=3, cases=60) as desk:
        row = await desk.service.change_campaign("loans", {"mode": "predictive", "target": 0.02})
        assert (row["mode"], row["target"], row["account"]["live"]) == ("predictive", 0.02, 0)
        await desk.house.wait(5.0)
        told = await desk.service.pacing("loans")
        assert told["settings"]["target"] == 0.02
        assert told["period"]["kind"] == "day"
        assert told["decision"]["policy"] == "predictive"
        assert {one["kind"] for one in told["learned"]} == {"answered", "talk", "wrap"}
        json.dumps(told, allow_nan=False)
        assert len(desk.house.pbx.dialled) > 3


@virtual
async def test_a_decision_is_explained_in_both_languages_also_later(tmp_path: Path) -> None:
    async with running(tmp_path, agents=2, cases=9) as desk:
        await desk.house.wait(3.0)
        now = await desk.service.explain("loans", None)
        assert now["numbers"]["staffed"] == 2
        assert "2 agents at work" in now["sentence"]["en"]
        assert "在岗坐席2名" in now["sentence"]["zh"]
        then = desk.house.clock.now().utc
        desk.house.engine.dialling.running[LOANS].pace.decisions.ring.clear()
        kept = await desk.service.explain("loans", then.isoformat())
        assert kept["at"] < now["at"]
        assert "2 new calls" in kept["sentence"]["en"]
        with pytest.raises(NotFound, match="kept for three days"):
            await desk.service.explain("loans", (then - timedelta(days=1)).isoformat())
        with pytest.raises(BadValue, match="no offset"):
            await desk.service.explain("loans", "2026-11-21T08:00:00")
        with pytest.raises(NotFound):
            await desk.service.explain("none", None)


@virtual
async def test_who_changed_what_is_noted(tmp_path: Path) -> None:
    async with running(tmp_path, cases=1) as desk:
        await desk.service.change_campaign("loans", {"target": 0.01, "period": "week"}, "ann")
        await desk.service.change_campaign("loans", {"target": 0.01, "ratio": 2}, "")
        rows = await desk.service.campaign_changes("loans", 10)
        noted = [(r["who"], r["setting"], r["before"], r["after"]) for r in rows]
        assert noted[0] == ("api", "ratio", "1.0", "2.0")
        assert set(noted[1:]) == {
            ("ann", "target", "0.03", "0.01"),
            ("ann", "period", "day", "week"),
        }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"target": 3.0}, "target must be between 0 and 0.2"),
        ({"period": "year"}, "no accounting period is called 'year'; there are day, week, month"),
        ({"mode": "fast"}, "no mode is called 'fast'"),
        ({"robot_channels": 0}, "robot_channels must be between 1 and"),
        ({"robot_channels": 2.5}, "robot_channels must be a value of type int"),
        ({"robot_message": "a,System(x)"}, "robot_message is names of sounds"),
        ({"min_ring_s": -1.0}, "min_ring_s must be between"),
    ],
)
def test_a_wrong_setting_changes_nothing(
    tmp_path: Path, changes: dict[str, object], why: str
) -> None:
    @virtual
    async def play() -> None:
        async with running(tmp_path) as desk:
            before = await desk.service.campaign("loans")
            with pytest.raises(BadValue, match=why):
                await desk.service.change_campaign("loans", {**changes, "amd": True})
            assert await desk.service.campaign("loans") == before
            assert not await desk.service.campaign_changes("loans", 9)

    play()


@virtual
async def test_a_shadow_is_begun_told_and_ended(tmp_path: Path) -> None:
    async with running(tmp_path, agents=2, cases=9) as desk:
        assert (await desk.service.shadow("loans", None))["policy"] == "none"
        await desk.service.shadow("loans", "predictive")
        await desk.house.wait(3.0)
        told = await desk.service.shadow("loans", None)
        assert told["decisions"] >= 10
        assert told["share_more"] + told["share_fewer"] <= 1.0
        assert told["last"]["shadow"]["originate"] >= 0
        assert (await desk.service.pacing("loans"))["shadow"]["policy"] == "predictive"
        assert (await desk.service.shadow("loans", "none"))["decisions"] is None
        with pytest.raises(BadValue, match="a shadow policy is one of"):
            await desk.service.shadow("loans", "robot")
        await desk.service.change_campaign("loans", {"mode": "manual"})
        with pytest.raises(Conflict, match="no lines for agents"):
            await desk.service.shadow("loans", "ratio")


@virtual
async def test_what_was_learned_goes_from_one_campaign_to_another(tmp_path: Path) -> None:
    async with running(tmp_path, agents=2, cases=30) as desk:
        with pytest.raises(NotFound, match="has learned nothing yet"):
            await desk.service.export_learned("loans")
        await desk.service.change_campaign("loans", {"mode": "predictive"})
        await desk.house.wait(2.0)
        learned = await desk.service.export_learned("loans")
        await desk.house.campaign(CampaignName("spring"), cases=3)
        with pytest.raises(Conflict, match="does not run"):
            await desk.service.import_learned("spring", learned, "ann")
        await desk.service.start_campaign("spring")
        told = await desk.service.import_learned("spring", learned, "ann")
        assert {one["of"] for one in told["learned"] if one["kind"] == "answered"} == {"spring"}
        (noted,) = await desk.service.campaign_changes("spring", 5)
        assert (noted["who"], noted["setting"]) == ("ann", "learned")
        with pytest.raises(BadValue):
            await desk.service.import_learned("spring", {"nodes": {}}, "ann")
        await desk.service.stop_campaign("loans")
        # A stopped campaign still has it in the store.
        assert (await desk.service.export_learned("loans"))["campaign"] == "loans"
        file = tmp_path / "priors.json"
        file.write_text(json.dumps(learned), encoding="utf-8")
        desk.file.write_text(FILE + f"pacing: {{priors: {file}}}\n", encoding="utf-8")
        assert wiring.engine_settings(desk.read().config).priors == learned
        await desk.service.reload()
        await desk.service.create_campaign({"name": "fresh", "mode": "predictive"})
        await desk.service.start_campaign("fresh")
        assert (await desk.service.pacing("fresh"))["learned"][0]["of"] == "fresh"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 1, "nodes": {}}'])
def test_priors_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "priors.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"pacing\.priors"):
        wiring.priors(str(file))
    with pytest.raises(ConfigError, match=r"pacing\.priors"):
        wiring.priors(str(tmp_path / "none.json"))
    assert wiring.priors("") is None


@virtual
async def test_agents_accept_skip_and_dial(tmp_path: Path) -> None:
    async with running(tmp_path, cases=5) as desk:
        await desk.service.change_campaign("loans", {"mode": "preview"})
        await desk.house.wait(1.0)
        await desk.house.login(*desk.house.agents(1))
        await desk.house.wait(0.5)
        told = await desk.service.skip_case("1001", "no time")
        assert told == {"agent": "1001", "campaign": "loans", "reference": "CASE-1"}
        await desk.house.wait(0.5)
        assert (await desk.service.accept_case("1001"))["reference"] == "CASE-2"
        (attempt,) = await desk.house.dialled()
        desk.house.pbx.end(attempt, 17, 486)
        await desk.house.wait(0.1)
        await desk.service.change_campaign("loans", {"mode": "manual"})
        await desk.house.wait(0.5)
        with pytest.raises(Conflict, match="looking at no case"):
            await desk.service.accept_case("1001")
        told = await desk.service.dial_case("1001", "loans", "CASE-4")
        assert told["reference"] == "CASE-4"
        await desk.house.dialled()
        for who, campaign, reference, error in (
            ("9", "loans", "CASE-1", NotFound),
            ("1001", "none", "CASE-1", NotFound),
            ("1001", "loans", "CASE-99", NotFound),
            ("1001", "loans", "CASE-4", Conflict),
        ):
            with pytest.raises(error):
                await desk.service.dial_case(who, campaign, reference)
        await desk.service.change_campaign("loans", {"mode": "ratio"})
        with pytest.raises(Conflict, match="dials by itself"):
            await desk.service.dial_case("1001", "loans", "CASE-5")
        await desk.service.change_campaign("loans", {"mode": "manual"})
        await desk.service.pause_campaign("loans")
        with pytest.raises(Conflict, match="the campaign is paused"):
            await desk.service.dial_case("1001", "loans", "CASE-5")
