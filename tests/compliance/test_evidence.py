"""The chain of evidence, the signed export, and decisions computed again from their records."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from dialer_engine.app import signing
from dialer_engine.compliance.evidence import GENESIS, Entry, Link, Verifier, link, recompute
from dialer_engine.compliance.gate import Gate, Permit, RuleSet
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.domain.collections.codes import HoldKind
from dialer_engine.domain.errors import ConfigError
from dialer_engine.domain.outcome import Outcome
from dialer_engine.domain.units import CaseId
from dialer_engine.ports.store import RecordingRow
from dialer_engine.store import SqlStore, evidence
from dialer_engine.store.law import SqlLaw
from tests.compliance.test_caps_hold import BOOK, GATE, HOUSE
from tests.store.building import at, case, draft, end, fill

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def chain(count: int) -> list[Link]:
    links: list[Link] = []
    prev = GENESIS
    for number in range(1, count + 1):
        entry = Entry("permit", NOW, {"n": number, "who": "caller"}, f"a-{number}", number)
        links.append(link(entry, number, prev))
        prev = links[-1].hash
    return links


def faults(links: list[Link], head: tuple[int, str]) -> list[str]:
    verifier = Verifier()
    found = [*verifier.read(links), *verifier.close(*head)]
    return [one.what for one in found]


def test_a_chain_that_was_left_alone_is_whole() -> None:
    links = chain(5)
    assert faults(links, (5, links[-1].hash)) == []
    assert faults([], (0, GENESIS)) == []


@given(
    st.integers(0, 4), st.sampled_from(["kind", "at", "record", "prev", "hash", "attempt", "case"])
)
def test_any_change_is_found(index: int, name: str) -> None:
    links = chain(5)
    changed: dict[str, Any] = {name: 99 if name == "case" else "0" * 64}
    links[index] = replace(links[index], **changed)
    told = faults(links, (5, chain(5)[-1].hash))
    # The first record follows the genesis, which is what it was changed to.
    assert told or links == chain(5)


@pytest.mark.parametrize("gone", range(5))
def test_a_record_that_was_taken_out_is_found(gone: int) -> None:
    links = chain(5)
    head = (5, links[-1].hash)
    del links[gone]
    assert faults(links, head)


def test_a_record_that_was_put_in_is_found() -> None:
    links = chain(5)
    forged = link(Entry("permit", NOW, {"n": 6}), 6, links[-1].hash)
    assert faults([*links, forged], (5, links[-1].hash))


async def test_attempt_outcome_and_recording_are_chained_and_found_by_case(store: SqlStore) -> None:
    await fill(store, [case(1), case(2)])
    one, two = draft(1, 1), draft(2, 2)
    assert await store.begin_attempts([one, two]) == {}
    await store.end_attempts([end(one.id, Outcome.COMPLETED, answered=3, bridged=4)], [])
    await store.end_attempts([end(one.id, Outcome.BUSY)], [])
    row = RecordingRow(one.id, "2026/x.wav", "verified", 12.0, sha256="ab" * 32, checked_at=at(60))
    await store.save_recordings([row])
    count, head, found = await store.database.read(evidence.verify)
    assert (count, head[0], found) == (4, 4, [])
    links = await store.database.read(evidence.of_case, 1)
    assert [one.kind for one in links] == ["permit", "outcome", "recording"]
    assert json.loads(links[1].record)["outcome"] == "completed"
    assert json.loads(links[2].record)["sha256"] == "ab" * 32
    assert not any("+4477" in one.record for one in links)


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE evidence SET record = '{}' WHERE seq = 2",
        "UPDATE evidence SET case_id = 7 WHERE seq = 1",
        "DELETE FROM evidence WHERE seq = 2",
        "DELETE FROM evidence WHERE seq = 3",
        "DELETE FROM evidence_heads",
        "UPDATE evidence_heads SET seq = 2",
        "INSERT INTO evidence SELECT 4, kind, at, attempt_id, case_id, record, prev, hash FROM evidence WHERE seq = 3",
    ],
)
async def test_what_is_done_to_the_table_is_found(store: SqlStore, harm: str) -> None:
    await fill(store, [case(index) for index in (1, 2, 3)])
    await store.begin_attempts([draft(index, index) for index in (1, 2, 3)])

    async def work(connection: Any) -> None:
        await connection.execute(text(harm))

    await store.database.write(work)
    _, _, found = await store.database.read(evidence.verify)
    assert found


async def test_what_is_rolled_back_leaves_no_gap(store: SqlStore) -> None:
    async def fails(connection: Any) -> None:
        await evidence.append(connection, [Entry("permit", NOW, {"n": 1})])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.database.write(fails)
    await store.database.write(evidence.append, [Entry("permit", NOW, {"n": 2})])
    count, head, found = await store.database.read(evidence.verify)
    assert (count, head[0], found) == (1, 1, [])


async def test_without_a_head_nothing_is_begun(store: SqlStore) -> None:
    await fill(store, [case(1)])

    async def work(connection: Any) -> None:
        await connection.execute(text("DELETE FROM evidence_heads"))

    await store.database.write(work)
    with pytest.raises(evidence.ChainLost):
        await store.begin_attempts([draft(1, 1)])
    assert await store.open_attempts() == []


# -- computed again


def test_a_permit_is_computed_again_from_its_record_and_a_changed_one_is_not() -> None:
    from tests.compliance.facts import facts

    told = facts(
        "Europe/London", NOW,
        {"number": "+447700900101", "default_place": "GB",
         "history": {"person": [["2026-11-23 09:00", "attempt"]]}},
    )  # fmt: skip
    permit = GATE.decide(told, NOW)
    assert isinstance(permit, Permit)
    record = json.loads(json.dumps(permit.evidence))
    assert recompute(record, GATE) == []
    key = told.keys["person"]
    call = record["facts"]["history"][key][0]
    forged = {
        **record,
        "facts": {**record["facts"], "history": {key: [call, call, call]}},
    }
    assert recompute(forged, GATE)
    assert recompute({**record, "must_end_by": None}, GATE)
    assert recompute(record, Gate(RuleSet(), BOOK)) == ["the record is of other rules"]
    assert GATE.hash == Gate(HOUSE, BOOK, tzdata="other").hash


# -- signed


def test_a_signed_file_is_checked_and_every_change_is_found(tmp_path: Path) -> None:
    key = signing.signing_key(tmp_path)
    assert (tmp_path / signing.KEY_FILE).stat().st_mode & 0o777 == 0o600
    signed = signing.sign({"case": "C-1", "records": [{"n": 1}]}, key)
    good, fingerprint = signing.check(json.loads(json.dumps(signed, indent=3)))
    assert (good, fingerprint) == (True, signed["fingerprint"])
    changes: list[dict[str, Any]] = [
        {"case": "C-2"},
        {"records": []},
        {"signature": "AAAA"},
        {"public_key": "??"},
    ]
    for change in changes:
        assert signing.check(signed | change) == (False, "")
    assert signing.check({}) == (False, "")
    again = signing.signing_key(tmp_path)
    assert signing.sign({"case": "C-1", "records": [{"n": 1}]}, again) == signed


def test_a_broken_key_is_told(tmp_path: Path) -> None:
    (tmp_path / signing.KEY_FILE).write_text("nonsense")
    with pytest.raises(ConfigError, match="key that signs"):
        signing.signing_key(tmp_path)


async def test_words_are_on_record_once_and_in_the_export_of_a_case_that_heard_them(
    store: SqlStore,
) -> None:
    book = RuleBook("test", ())
    law = SqlLaw(store, book)
    digest = "ab" * 32
    await law.said({digest: '[["opening","en","early",1,["Hello"]]]', "cd" * 32: "[]"}, NOW)
    await law.said({digest: '[["opening","en","early",1,["Hello"]]]'}, NOW)
    await fill(store, [case(1)])
    permit = {"rules": "0" * 64, "facts": {"messages": [f"script:early.1:{digest}", "message:pbx"]}}
    one = replace(draft(1, 1), permit=permit)
    assert await store.begin_attempts([one]) == {}
    links = await store.database.read(evidence.of_case, 1)
    assert [(link.kind, link.attempt) for link in links] == [
        ("words", f"w-{digest}"), ("permit", one.id),
    ]  # fmt: skip
    assert json.loads(links[0].record)["words"][0][4] == ["Hello"]
    count, _, faults = await store.database.read(evidence.verify)
    assert (count, faults) == (3, [])


async def test_a_hold_is_on_the_chain_whoever_set_it_and_its_closed_reason_is_not(
    store: SqlStore,
) -> None:
    await fill(store, [case(1)])
    await store.set_hold(CaseId(1), HoldKind.DISPUTE, NOW, by="core-bank", reason="a private word")
    assert await store.end_hold(CaseId(1), HoldKind.DISPUTE, at(1), by="core-bank") == 1
    assert await store.end_hold(CaseId(1), HoldKind.DISPUTE, at(2), by="core-bank") == 0
    links = await store.database.read(evidence.of_case, 1)
    assert [link.kind for link in links] == ["hold", "hold_ended"]
    assert all('"who":"core-bank"' in link.record for link in links)
    assert "private" not in links[0].record
