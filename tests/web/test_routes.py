from __future__ import annotations

from typing import Any

import httpx
import pytest

from dialer_engine.engine.api import EngineApi
from dialer_engine.engine.api_pacing import PacingApi
from dialer_engine.web.routes import _V1
from tests.web.fake_api import ATTEMPT, FakeEngineApi

# method, path, body, what the engine must be asked, status
ROUTES: list[tuple[str, str, Any, tuple[Any, ...], int]] = [
    ("GET", "/status", None, ("status",), 200),
    ("GET", "/doctor", None, ("doctor",), 200),
    ("POST", "/reload", None, ("reload",), 200),
    ("POST", "/shutdown", None, ("shutdown", True, None), 202),
    ("POST", "/shutdown", {"graceful": False, "limit_s": 3}, ("shutdown", False, 3.0), 202),
    ("GET", "/report", None, ("report", None, None, None), 200),
    ("GET", "/report?campaign=spring&since=x&until=y", None, ("report", "spring", "x", "y"), 200),
    ("GET", "/campaigns", None, ("campaigns",), 200),
    ("POST", "/campaigns", {"name": "n", "ratio": 2}, ("create_campaign", {"name": "n", "ratio": 2.0}), 201),
    ("GET", "/campaigns/spring", None, ("campaign", "spring"), 200),
    ("PATCH", "/campaigns/spring", {"amd": True}, ("change_campaign", "spring", {"amd": True}), 200),
    ("POST", "/campaigns/spring/start", {}, ("start_campaign", "spring"), 200),
    ("POST", "/campaigns/spring/pause", None, ("pause_campaign", "spring"), 200),
    ("POST", "/campaigns/spring/stop", None, ("stop_campaign", "spring"), 200),
    ("GET", "/agents", None, ("agents",), 200),
    ("POST", "/agents", {"id": "9", "skills": ["a"]}, ("add_agent", {"id": "9", "skills": ["a"]}), 201),
    ("POST", "/agents/1004/login", None, ("login_agent", "1004"), 200),
    ("POST", "/agents/1001/logout", None, ("logout_agent", "1001"), 200),
    ("POST", "/agents/1001/pause", {"reason": "lunch"}, ("pause_agent", "1001", "lunch"), 200),
    ("POST", "/agents/1003/resume", None, ("resume_agent", "1003"), 200),
    ("POST", "/agents/1005/wrapup", None, ("end_wrap_up", "1005"), 200),
    ("POST", "/agents/1001/dispose", {"code": "promise"}, ("dispose", "1001", "promise", "", None), 200),
    ("POST", "/agents/1001/listen", {"phone": "s1", "mode": "barge"}, ("listen", "1001", "s1", "barge"), 202),
    ("GET", "/calls?phase=talking", None, ("calls", {"phase": "talking"}), 200),
    ("GET", f"/calls/{ATTEMPT}", None, ("call", ATTEMPT), 200),
    ("POST", f"/calls/{ATTEMPT}/hangup", None, ("hangup_call", ATTEMPT), 200),
    ("GET", "/history", None, ("call_history", None, 50, None), 200),
    ("GET", "/history?campaign=c&limit=7&before=a-1", None, ("call_history", "c", 7, "a-1"), 200),
    ("GET", "/campaigns/spring/changes", None, ("campaign_changes", "spring", 20), 200),
    ("GET", "/campaigns/spring/changes?limit=3", None, ("campaign_changes", "spring", 3), 200),
    ("GET", "/campaigns/spring/pacing", None, ("pacing", "spring"), 200),
    ("GET", "/campaigns/spring/pacing/explain", None, ("explain", "spring", None), 200),
    ("GET", "/campaigns/spring/pacing/explain?at=x", None, ("explain", "spring", "x"), 200),
    ("GET", "/campaigns/spring/pacing/shadow", None, ("shadow", "spring", None), 200),
    ("POST", "/campaigns/spring/pacing/shadow", {"policy": "none"}, ("shadow", "spring", "none"), 200),
    ("GET", "/campaigns/spring/pacing/learned", None, ("export_learned", "spring"), 200),
    ("POST", "/agents/1002/accept", None, ("accept_case", "1002"), 202),
    ("POST", "/agents/1002/skip", {"reason": "r"}, ("skip_case", "1002", "r"), 200),
    ("POST", "/agents/1002/dial", {"campaign": "c", "reference": "R"}, ("dial_case", "1002", "c", "R"), 202),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "asked", "status"), ROUTES)
async def test_route_asks_the_engine_and_gives_its_answer(
    web: httpx.AsyncClient,
    fake: FakeEngineApi,
    method: str,
    path: str,
    body: Any,
    asked: tuple[Any, ...],
    status: int,
) -> None:
    answer = await web.request(method, "/api/v1" + path, json=body)
    assert answer.status_code == status, answer.text
    assert fake.asked == [asked]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    twin = FakeEngineApi()
    assert answer.json() == await getattr(twin, asked[0])(*asked[1:])


def test_every_route_is_in_the_table_above() -> None:
    # payment_arrived: what POST /exchange/payments ends in.
    elsewhere = {"subscribe", "import_learned", "payment_arrived"}
    reached = {asked[0] for *_, asked, _ in ROUTES} | elsewhere
    both = vars(EngineApi) | vars(PacingApi)
    asked_for = {name for name in both if not name.startswith("_")}
    assert reached == asked_for
    assert len({(method, path) for method, path, _ in _V1}) == len(_V1)


def test_fake_is_a_twin_of_the_contract() -> None:
    api: EngineApi = FakeEngineApi()
    assert api is not None


async def test_names_may_hold_any_character_but_a_slash(
    web: httpx.AsyncClient, fake: FakeEngineApi
) -> None:
    fake.by_name["春季 50%"] = {"name": "春季 50%"}
    answer = await web.get("/api/v1/campaigns/%E6%98%A5%E5%AD%A3%2050%25")
    assert answer.json() == {"name": "春季 50%"}


BAD: list[tuple[str, str, Any, str]] = [
    ("PATCH", "/campaigns/spring", {"ratoi": 2}, "did you mean 'ratio'"),
    ("PATCH", "/campaigns/spring", {"zzz": 2}, "Known here: mode, ratio"),
    ("PATCH", "/campaigns/spring", {}, "nothing to change"),
    ("PATCH", "/campaigns/spring", {"ratio": "two"}, "ratio must be a number, not text"),
    ("PATCH", "/campaigns/spring", {"ratio": True}, "ratio must be a number, not true or false"),
    ("PATCH", "/campaigns/spring", {"amd": 1}, "amd must be true or false, not a whole number"),
    (
        "PATCH",
        "/campaigns/spring",
        {"mode": "fast"},
        "mode must be one of predictive, progressive, ratio",
    ),
    ("POST", "/campaigns", {}, "name is missing"),
    ("POST", "/campaigns", [1], "must be a JSON object, not a list"),
    ("POST", "/agents", {"id": "9", "skills": [1]}, "skills must be a list of texts"),
    ("POST", "/agents", {"id": "9", "mode": "loud"}, "mode must be one of nailed, ring"),
    ("POST", "/agents/1001/dispose", {"note": "x"}, "code is missing"),
    ("POST", "/agents/1001/login", {"pin": "4711"}, "unknown name 'pin'"),
    ("POST", "/agents/1001/listen", {"phone": "s1", "mode": "shout"}, "mode must be one of"),
    ("POST", "/shutdown", {"limit_s": -1}, "limit_s must not be negative"),
    ("GET", "/calls?fase=ringing", None, "did you mean 'phase'"),
    ("GET", "/calls?phase=a&phase=b", None, "given twice"),
    ("GET", "/history?limit=0", None, "whole number from 1 to 1000"),
    ("GET", "/history?limit=1e3", None, "whole number from 1 to 1000"),
    ("GET", "/events?topics=cals", None, "did you mean 'calls'"),
    ("PATCH", "/campaigns/spring", {"period": "year"}, "period must be one of day, week, month"),
    (
        "PATCH",
        "/campaigns/spring",
        {"robot_channels": "x"},
        "robot_channels must be a whole number, not text",
    ),
    ("POST", "/campaigns/spring/pacing/shadow", {}, "policy is missing"),
    ("POST", "/campaigns/spring/pacing/shadow", {"policy": "robot"}, "policy must be one of"),
    ("PUT", "/campaigns/spring/pacing/learned", {"learned": []}, "learned must be an object"),
    ("POST", "/agents/1002/dial", {"campaign": "c"}, "reference is missing"),
    ("GET", "/campaigns/spring/changes?limit=0", None, "whole number from 1 to 1000"),
]


@pytest.mark.parametrize(("method", "path", "body", "message"), BAD)
async def test_bad_request_is_refused_with_what_is_wrong(
    web: httpx.AsyncClient, fake: FakeEngineApi, method: str, path: str, body: Any, message: str
) -> None:
    answer = await web.request(method, "/api/v1" + path, json=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_value"
    assert message in answer.json()["error"]
    assert fake.asked == []


async def test_what_was_learned_may_be_larger_than_other_bodies(
    web: httpx.AsyncClient, fake: FakeEngineApi
) -> None:
    learned = {"format": 1, "nodes": {"main": {"rings": [0.123456] * 20_000}}}
    where = "/api/v1/campaigns/spring/pacing/learned"
    answer = await web.put(where, json={"learned": learned}, headers={"X-Dialer-User": "ann"})
    assert answer.status_code == 200
    assert fake.asked[0] == ("import_learned", "spring", learned)
    assert fake.who == "ann"
    many = {"learned": {"nodes": "x" * 5_000_000}}
    assert (await web.put(where, json=many)).status_code == 413


async def test_who_changes_a_setting_is_passed_on_and_cut(
    web: httpx.AsyncClient, fake: FakeEngineApi
) -> None:
    where, body = "/api/v1/campaigns/spring", {"amd": True}
    await web.patch(where, json=body)
    assert fake.who == ""
    await web.patch(where, json=body, headers={"X-Dialer-User": "a" * 500})
    assert fake.who == "a" * 64


async def test_a_refused_value_is_not_repeated(web: httpx.AsyncClient) -> None:
    answer = await web.post("/api/v1/agents", json={"id": "9", "pin": [4711]})
    assert answer.status_code == 400
    assert "4711" not in answer.text


async def test_head_is_answered_where_get_is(web: httpx.AsyncClient) -> None:
    assert (await web.head("/api/v1/status")).status_code == 200


async def test_head_of_the_feed_ends(web: httpx.AsyncClient, fake: FakeEngineApi) -> None:
    assert (await web.head("/api/v1/events")).status_code == 200
    assert fake.asked == []
