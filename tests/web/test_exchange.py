"""A bank's systems against a real daemon without a PBX: what comes in, what is read back, who may."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from dialer_engine.domain.collections.product import Product
from dialer_engine.domain.units import CaseId
from dialer_engine.store import evidence
from dialer_engine.web.records_in import LINE_LIMIT, NDJSON, Cutter
from tests.web.bank import AUDIT, CORE, NUMBER, READER, House, house, make_store

ROOT = "/api/v1/exchange"
LINES = {"Content-Type": NDJSON}
CASE = {"reference": "C-1", "name": "Kim Doe", "mobile": NUMBER, "balance": "100.50"}


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("empty")
    make_store(folder)
    return folder


@pytest.fixture
async def bank(tmp_path: Path, empty: Path) -> AsyncIterator[House]:
    shutil.copytree(empty, tmp_path, dirs_exist_ok=True)
    async with house(tmp_path) as one:
        yield one


def client(app: Any, token: str = "") -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://bank", headers=headers)


@pytest.fixture
async def core(bank: House) -> AsyncIterator[httpx.AsyncClient]:
    async with client(bank.network, CORE) as one:
        yield one


async def post(web: httpx.AsyncClient, kind: str, record: Any) -> httpx.Response:
    return await web.post(f"{ROOT}/{kind}", json=record)


def told(answer: httpx.Response) -> tuple[int, int, list[str]]:
    body = answer.json()
    assert body["received"] == body["accepted"] + body["rejected"]
    return body["accepted"], body["rejected"], [p["reason"] for p in body["problems"]]


# -- records


SENT = {
    "reference": "S-1", "case": "C-1", "channel": "sms", "at": "2026-11-20T09:00:00+08:00",
}  # fmt: skip
ONCE: list[tuple[str, Any]] = [
    ("cases", CASE),
    ("contracts", {"contract": "K-1", "case": "C-0", "as_of": "2026-11-01", "principal": "80",
                   "schedule": [{"due_on": "2026-10-01", "principal": "40", "interest": "1"}]}),
    ("payments", {"reference": "P-1", "contract": "C-0", "amount": "10", "paid_on": "2026-11-20"}),
    ("contacts", {"case": "C-0", "value": "+447700900002", "kind": "mobile", "consent": "given"}),
    ("contacts", {"case": "C-0", "value": "12 Any Street\nAnytown", "kind": "address"}),
    ("promises", {"case": "C-0", "key": "V-1", "amount": "50", "due_on": "2030-12-01"}),
    ("holds", {"case": "C-0", "kind": "dispute", "reason": "letter of today"}),
    ("holds", {"case": "C-0", "kind": "lawyer", "until": "2099-01-01T00:00:00+08:00"}),
    ("suppressions", {"list": "do_not_call", "number": "+447700900003"}),
    ("suppressions", {"list": "lawyer", "case": "C-0", "reason": "represented"}),
    ("communications", {"reference": "S-1", "case": "C-0", "channel": "sms", "number": NUMBER,
                        "at": "2026-11-20T09:00:00+08:00"}),
    ("communications", {"reference": "V-1", "reporter": "agency-7", "case": "C-0", "channel": "visit",
                        "at": "2026-11-20T09:00:00+08:00", "conversation": True, "by": "collector 4"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "record"), ONCE)
async def test_the_same_again_changes_nothing_and_answers_the_same(
    core: httpx.AsyncClient, kind: str, record: Any
) -> None:
    await post(core, "cases", CASE | {"reference": "C-0", "mobile": "+447700900009"})
    first = await post(core, kind, record)
    again = await post(core, kind, record)
    assert first.status_code == again.status_code == 200, first.text
    assert first.json() == again.json()
    assert (first.headers["dialer-written"], again.headers["dialer-written"]) == ("1", "0")
    assert first.json()["accepted"] == 1


async def test_a_promise_may_be_as_late_as_its_product_allows_unless_it_says_otherwise(
    bank: House, core: httpx.AsyncClient
) -> None:
    await bank.store.save_product(Product("loan", promise_grace_days=3))
    await post(core, "cases", CASE | {"reference": "C-0", "product": "loan"})
    usual = {"case": "C-0", "key": "V-1", "amount": "50", "due_on": "2030-12-01"}
    assert (await post(core, "promises", usual)).headers["dialer-written"] == "1"
    told = (await core.get(f"{ROOT}/cases/C-0")).json()["promises"]
    assert [one["grace_days"] for one in told] == [3]
    assert (await post(core, "promises", usual)).headers["dialer-written"] == "0"
    other = await post(core, "promises", usual | {"grace_days": 0})
    assert "with other values" in other.json()["problems"][0]["reason"]


BAD: list[tuple[str, Any, str, str]] = [
    ("cases", {"reference": "", "mobile": NUMBER}, "reference", "must not be empty"),
    ("cases", {"reference": "C-2"}, "mobile", "there is no number"),
    ("cases", CASE | {"balance": 100.5}, "balance", "an amount is a text"),
    ("cases", CASE | {"balance": "1e9"}, "balance", "an amount is a text"),
    ("cases", CASE | {"balance": "0.12345"}, "balance", "four decimals"),
    ("cases", CASE | {"born_on": "1990-02-30"}, "born_on", "no such day"),
    ("cases", CASE | {"born_on": "30.01.1990"}, "born_on", "a date is a text"),
    ("cases", CASE | {"priority": 10**30}, "priority", "whole number from"),
    ("cases", CASE | {"days_past_due": 2**31 - 1}, "days_past_due", "whole number from"),
    ("cases", CASE | {"occupation": "pirate"}, "occupation", "choose one of"),
    ("cases", CASE | {"name": "a\u0000b"}, "name", "control character"),
    ("cases", CASE | {"tags": ["a;b"]}, "tags", "none of ;"),
    ("cases", CASE | {"zone": "Mars/Base"}, "zone", "no such time zone"),
    ("cases", CASE | {"balanec": "1"}, "balanec", "unknown field"),
    ("contracts", {"contract": "K", "case": "none"}, "", "no such case"),
    ("contracts", {"contract": "K", "case": "C-1", "principal": "1"}, "", "as_of"),
    ("payments", {"reference": "P", "amount": "0", "paid_on": "2026-11-20"}, "", "above 0"),
    ("payments", {"reference": "P", "amount": "1"}, "paid_on", "must not be empty"),
    ("contacts", {"case": "C-1", "value": "nobody"}, "", "not a telephone number"),
    ("contacts", {"case": "none", "value": NUMBER}, "", "no such case"),
    ("promises", {"case": "none", "key": "V", "amount": "1", "due_on": "2030-01-01"}, "", "no such case"),
    ("promises", {"case": "C-1", "key": "V", "amount": "1", "due_on": "2030-01-01", "replaces": "U"}, "",
     "no promise of that key"),
    ("holds", {"case": "C-1", "kind": "mood"}, "kind", "choose one of"),
    ("holds", {"case": "C-1", "kind": "manual", "until": "2001-01-01T00:00:00Z"}, "", "over already"),
    ("holds", {"case": "C-1", "kind": "manual", "until": "2099-01-01T00:00:00"}, "until", "with a zone"),
    ("suppressions", {"list": "do_not_call"}, "", "say number or case"),
    ("suppressions", {"list": "do_not_call", "number": "abc"}, "", "not a telephone number"),
    ("communications", SENT | {"case": "none"}, "", "no such case"),
    ("communications", SENT | {"channel": "note"}, "channel", "choose one of"),
    ("communications", SENT | {"at": "2026-11-20T09:00:00"}, "at", "with a zone"),
    ("communications", SENT | {"at": "2199-11-20T09:00:00Z"}, "", "has not come yet"),
    ("communications", SENT | {"channel": "portal", "outbound": True}, "", "not outbound"),
    ("communications", SENT | {"number": "abc"}, "", "not a telephone number"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "record", "field", "reason"), BAD)
async def test_a_record_is_refused_with_field_and_reason(
    core: httpx.AsyncClient, kind: str, record: Any, field: str, reason: str
) -> None:
    await post(core, "cases", CASE)
    answer = await post(core, kind, record)
    assert answer.status_code == 400, answer.text
    body = answer.json()
    (problem,) = body["problems"]
    assert (body["code"], problem["field"], problem["accepted"]) == ("rejected", field, False)
    assert reason in problem["reason"]
    assert reason in body["error"]
    assert body["hint"]


async def test_a_list_takes_the_good_and_names_the_bad(core: httpx.AsyncClient) -> None:
    records = [
        CASE,
        {"reference": "C-2", "mobile": "x"},
        7,
        CASE,
        CASE | {"reference": "C-3", "home": "y"},
    ]
    answer = await post(core, "cases", records)
    assert answer.status_code == 200
    assert told(answer)[:2] == (2, 3)
    problems = [
        (p["line"], p["reference"], p["field"], p["accepted"]) for p in answer.json()["problems"]
    ]
    assert problems == [
        (2, "C-2", "mobile", False), (3, "", "", False), (4, "C-1", "", False), (5, "C-3", "home", True),
    ]  # fmt: skip
    assert "record 1 has the same key" in answer.json()["problems"][2]["reason"]


async def test_any_number_of_records_goes_line_by_line(
    core: httpx.AsyncClient, bank: House
) -> None:
    def lines() -> list[bytes]:
        good = [json.dumps(CASE | {"reference": f"C-{n}"}).encode() for n in range(250)]
        return [b"\xef\xbb\xbf" + good[0], b"", b"{", *good[1:], b"null", b"\xff\xfe"]

    async def body() -> AsyncIterator[bytes]:
        text = b"\n".join(lines())
        for start in range(0, len(text), 1013):
            yield text[start : start + 1013]

    answer = await core.post(f"{ROOT}/cases", content=body(), headers=LINES)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(NDJSON)
    *problems, last = [json.loads(line) for line in answer.text.splitlines()]
    assert last == {"received": 253, "accepted": 250, "rejected": 3, "complete": True}
    assert [p["line"] for p in problems] == [3, 253, 254]
    assert answer.headers["dialer-written"] == "250"
    assert len(await bank.store.find_cases(number=NUMBER)) == 250


async def test_a_line_of_a_hundred_megabytes_is_refused_and_costs_no_memory(
    core: httpx.AsyncClient,
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield json.dumps(CASE).encode() + b'\n{"reference": "'
        for _ in range(100):
            yield b"x" * (1 << 20)
        yield b'"}\n' + json.dumps(CASE | {"reference": "C-3"}).encode()

    tracemalloc.start()
    answer = await core.post(f"{ROOT}/cases", content=body(), headers=LINES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    problem, last = [json.loads(line) for line in answer.text.splitlines()]
    assert (problem["line"], problem["reason"]) == (
        2,
        f"the line is longer than {LINE_LIMIT:,} bytes",
    )
    assert (last["accepted"], last["rejected"]) == (2, 1)
    assert peak < 30 << 20


async def test_a_json_body_over_its_limit_is_refused_while_it_is_read(
    core: httpx.AsyncClient,
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 16
            yield b"[" * (1 << 16)

    kind = {"Content-Type": "application/json"}
    answer = await core.post(f"{ROOT}/cases", content=endless(), headers=kind)
    assert answer.status_code == 413
    assert NDJSON in answer.json()["error"]
    assert sent <= 2 << 20


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "text/csv"}, LINES | {"Content-Encoding": "gzip"}]
)
async def test_what_is_not_declared_as_json_is_refused(
    core: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await core.post(f"{ROOT}/cases", content=b"{}", headers=headers)
    assert answer.status_code == 415


async def test_too_many_problems_end_the_reading_and_say_where(
    core: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialer_engine.web.exchange.PROBLEMS_MOST", 150)
    answer = await core.post(f"{ROOT}/cases", content=b"x\n" * 1000, headers=LINES)
    last = json.loads(answer.text.splitlines()[-1])
    assert last == {
        "received": 200, "accepted": 0, "rejected": 200, "complete": False, "read_until": 200,
    }  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_lines_are_the_same_however_they_are_cut(size: int) -> None:
    text = b"a\n\nbb\r\nccccccccc\n" + b"d" * 9
    cutter = Cutter(8)
    parts = [text[i : i + size] for i in range(0, len(text), size)]
    lines = [line for part in parts for line in cutter.feed(part)] + cutter.end()
    assert [(one.number, one.data.strip(), bool(one.fault)) for one in lines] == [
        (1, b"a", False), (3, b"bb", False), (4, b"", True), (5, b"", True),
    ]  # fmt: skip


async def test_cases_go_into_a_campaign(core: httpx.AsyncClient, bank: House) -> None:
    await bank.service.create_campaign({"name": "spring"})
    answer = await core.post(f"{ROOT}/cases?campaign=spring", json=CASE)
    assert answer.status_code == 200
    assert (await bank.service.campaign("spring"))["backlog"]["due"] == 1
    assert (await core.post(f"{ROOT}/cases?campaign=none", json=CASE)).status_code == 404


# -- payments and what they stop


async def test_a_payment_stops_calls_before_it_is_answered(
    core: httpx.AsyncClient, bank: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post(core, "cases", CASE)
    ((case_id, _),) = await bank.store.find_cases(number=NUMBER)
    stopped: list[tuple[CaseId, str]] = []

    def stop(case: CaseId, why: str) -> int:
        stopped.append((case, why))
        return 0

    monkeypatch.setattr(bank.engine.holds, "_stop", stop)
    payment = {"reference": "P-1", "contract": "C-1", "amount": "100.50", "paid_on": "2026-11-20"}
    await post(core, "payments", payment)
    assert stopped == [(case_id, "payment")]
    await post(core, "payments", payment)
    assert len(stopped) == 1, "the same payment again is none"
    await post(core, "holds", {"case": "C-1", "kind": "dispute"})
    assert stopped[1:] == [(case_id, "hold")]
    state = (await core.get(f"{ROOT}/payments/P-1")).json()
    assert (state["case"], state["amount"], state["matched_by"]) == ("C-1", "100.50", "contract")
    facts = (await core.get(f"{ROOT}/cases/C-1")).json()["facts"]
    assert (
        float(
            facts["balance"]["amount"] if isinstance(facts["balance"], dict) else facts["balance"]
        )
        == 0
    )


async def test_a_payment_of_other_values_is_refused_and_an_unmatched_one_is_listed(
    core: httpx.AsyncClient,
) -> None:
    await post(core, "cases", CASE)
    payment = {"reference": "P/1", "contract": "C-1", "amount": "5", "paid_on": "2026-11-20"}
    await post(core, "payments", payment)
    other = await post(core, "payments", payment | {"amount": "6"})
    assert other.status_code == 400
    assert "duplicate" in other.json()["error"]
    lost = await post(core, "payments", payment | {"reference": "P-2", "contract": "K-9"})
    again = await post(core, "payments", payment | {"reference": "P-2", "contract": "K-9"})
    assert lost.json() == again.json()
    assert told(lost) == (1, 0, ["unknown_contract: no contract has this reference"])
    page = (await core.get(f"{ROOT}/exceptions?limit=1")).json()
    assert ([p["reference"] for p in page["items"]], page["more"]) == (["P-2"], False)
    after = (await core.get(f"{ROOT}/exceptions", params={"cursor": page["next"]})).json()
    assert after["items"] == []
    assert (await core.get(f"{ROOT}/payments/P%2F1")).json()["amount"] == "5.00"
    assert (await core.get(f"{ROOT}/payments/none")).status_code == 404


async def test_holds_and_suppressions_are_ended_once(core: httpx.AsyncClient) -> None:
    await post(core, "cases", CASE)
    for kind, record in (
        ("holds", {"case": "C-1", "kind": "dispute"}),
        ("suppressions", {"list": "do_not_call", "number": NUMBER}),
    ):
        await post(core, kind, record)
        first = await post(core, kind, record | {"end": True})
        again = await post(core, kind, record | {"end": True})
        assert first.json() == again.json()
        assert (first.headers["dialer-written"], again.headers["dialer-written"]) == ("1", "0")
    assert (await core.get(f"{ROOT}/suppressions")).json()["items"] == []


async def test_suppressions_are_paged_and_masked(core: httpx.AsyncClient) -> None:
    numbers = [f"+44770090000{n}" for n in range(5)]
    await post(core, "suppressions", [{"list": "do_not_call", "number": n} for n in numbers])
    seen: list[str] = []
    cursor, more = "", True
    while more:
        page = (
            await core.get(f"{ROOT}/suppressions", params={"limit": 2, "cursor": cursor})
        ).json()
        seen += [one["shown"] for one in page["items"]]
        cursor, more = page["next"], page["more"]
    assert len(seen) == 5
    assert not set(seen) & set(numbers)
    other = await post(
        core, "suppressions",
        {"list": "do_not_call", "number": numbers[0], "until": "2099-01-01T00:00:00Z"},
    )  # fmt: skip
    assert "another time" in other.json()["error"]


# -- rights


async def test_without_a_token_nothing_is_told_on_the_network(bank: House) -> None:
    async with client(bank.network) as nobody, client(bank.network, "wrong") as wrong:
        for web in (nobody, wrong):
            for path in (f"{ROOT}/outcomes", "/openapi.json"):
                answer = await web.get(path)
                assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
                assert answer.headers["www-authenticate"] == "Bearer"
            assert (await web.post(f"{ROOT}/cases", json=CASE)).status_code == 401
            assert (await web.get("/healthz")).status_code == 200
            assert (await web.get("/api/v1/status")).status_code == 404


async def test_a_token_may_what_it_may(bank: House, core: httpx.AsyncClient) -> None:
    await post(core, "cases", CASE)
    async with client(bank.network, READER) as reader, client(bank.network, AUDIT) as audit:
        denied = await reader.post(f"{ROOT}/cases", json=CASE)
        assert (denied.status_code, denied.json()["code"]) == (403, "forbidden")
        assert "exchange.write" in denied.json()["error"]
        masked = (await reader.get(f"{ROOT}/cases/C-1")).text
        assert "Kim" not in masked
        assert NUMBER not in masked
        assert (await core.get(f"{ROOT}/cases/C-1?reveal=true")).status_code == 403
        whole = (await audit.get(f"{ROOT}/cases/C-1?reveal=true")).json()
        looks = [row["by"] for row in whole["record"] if row["kind"] == "revealed"]
        assert looks == ["audit"]
        assert whole["case"]["name"] == "Kim Doe"
        assert whole["contacts"][0]["value"] == NUMBER
        assert "Kim" not in (await audit.get(f"{ROOT}/cases/C-1")).text


async def test_the_socket_needs_no_token_but_to_unmask(bank: House) -> None:
    async with client(bank.socket) as web, client(bank.socket, AUDIT) as audit:
        assert (await post(web, "cases", CASE)).status_code == 200
        assert (await web.get(f"{ROOT}/cases/C-1")).status_code == 200
        assert (await web.get(f"{ROOT}/cases/C-1?reveal=true")).status_code == 403
        assert (await audit.get(f"{ROOT}/cases/C-1?reveal=true")).status_code == 200
        assert (await audit.post(f"{ROOT}/cases", json=CASE)).status_code == 403


async def test_a_token_is_not_logged(bank: House) -> None:
    with structlog.testing.capture_logs() as logs:
        async with client(bank.network, "very-wrong") as web:
            for _ in range(20):
                await web.get(f"{ROOT}/outcomes")
        async with client(bank.network, AUDIT) as web:
            await web.get(f"{ROOT}/cases/none?reveal=true")
    assert [line["event"] for line in logs if "token" in line["event"]] == [
        "requests without a valid token were refused"
    ]
    assert "very-wrong" not in str(logs)
    assert AUDIT not in str(logs)


async def test_tokens_change_with_a_reload(bank: House, tmp_path: Path) -> None:
    file = tmp_path / "dialer.yaml"
    file.write_text(file.read_text().replace("name: reader", "name: other"), encoding="utf-8")
    async with client(bank.network, READER) as web:
        assert (await web.get(f"{ROOT}/outcomes")).status_code == 200
        text = file.read_text()
        start = text.index("{name: other")
        file.write_text(text[:start] + text[text.index("}, ", start) + 3 :], encoding="utf-8")
        await bank.service.reload()
        assert (await web.get(f"{ROOT}/outcomes")).status_code == 401


async def test_a_contact_of_another_channel_is_on_the_timeline_once_and_never_changed(
    bank: House, core: httpx.AsyncClient
) -> None:
    await post(core, "cases", CASE)
    assert told(await post(core, "communications", SENT))[0] == 1
    changed = await post(core, "communications", SENT | {"channel": "letter"})
    assert changed.status_code == 400
    assert "there with other values" in changed.json()["error"]
    # Another reporter may use the same key.
    other = await post(core, "communications", SENT | {"reporter": "agency-7"})
    assert other.headers["dialer-written"] == "1"
    file = (await core.get(f"{ROOT}/cases/C-1")).json()
    assert [(one["channel"], one["key"]) for one in file["timeline"]] == [
        ("sms", "r:agency-7:S-1"), ("sms", "r:core:S-1"),
    ]  # fmt: skip
    links = await bank.store.database.read(evidence.of_case, 1)
    assert [link.kind for link in links] == ["communication", "communication"]
