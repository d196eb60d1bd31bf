"""What the commands about compliance do to the store, each in one call.

Rules: as in `data.py`: arguments and answers are plain, every function blocks and is called from no loop,
what goes wrong is a DialerError.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from dialer_engine.app import signing
from dialer_engine.app.compliance import load_book
from dialer_engine.app.config import Config
from dialer_engine.app.stored import in_store
from dialer_engine.app.wiring import rule_book
from dialer_engine.compliance.evidence import Link, digest
from dialer_engine.compliance.ruleset import RuleBook, plain
from dialer_engine.domain.errors import BadValue, NotFound, TargetNotEmpty
from dialer_engine.store import evidence, retention, suppression
from dialer_engine.store.law_lookup import case_id_of
from dialer_engine.store.numbers import masked
from dialer_engine.store.phone import BadNumber, read_number
from dialer_engine.store.sql import SqlStore
from dialer_engine.store.suppression import Suppression, case_unit, number_unit

Json = dict[str, Any]
T = TypeVar("T")
_FORMAT = "dialer-engine evidence 1"
_BATCH = 1000


def moment(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    found = datetime.fromisoformat(at)
    if found.utcoffset() is None:
        raise BadValue("the time needs a zone, such as 2026-11-23T09:00+08:00")
    return found.astimezone(UTC)


# -- evidence ----------------------------------------------------------------------------------------


def verify(config: Config, head: str | None) -> Json:
    """{ok, records, head, problems}: the whole chain, read anew. head: `SEQ:HASH` kept elsewhere, which
    must be in the chain.
    """

    async def work(store: SqlStore) -> Json:
        count, end, faults = await store.database.read(evidence.verify)
        problems = [{"seq": one.seq, "text": one.what} for one in faults]
        if head is not None:
            problems += await store.database.read(_witness, head)
        told = {"records": count, "head": f"{end[0]}:{end[1]}", "problems": problems}
        return {"ok": not problems, **told}

    return in_store(config, work)


async def _witness(connection: Any, head: str) -> list[Json]:
    number, _, mark = head.partition(":")
    if not number.isdigit():
        raise BadValue("a head is written SEQ:HASH, as `evidence verify` prints it")
    async for page in evidence.pages(connection, int(number) - 1):
        if page[0].seq == int(number) and page[0].hash == mark:
            return []
        break
    return [{"seq": int(number), "text": "is not the record that was witnessed"}]


def export(config: Config, reference: str, to: Path) -> Json:
    """Everything on record about a case in one signed file: {file, records, fingerprint}. TargetNotEmpty
    when the file exists.
    """
    if to.exists():
        raise TargetNotEmpty(f"{to} exists already")
    key = signing.signing_key(config.daemon.state_dir)

    async def work(store: SqlStore) -> Json:
        case_id = await store.database.read(case_id_of, reference)
        links = await store.database.read(evidence.of_case, case_id)
        end = await store.database.read(evidence.head)
        return {
            "format": _FORMAT,
            "case": reference,
            "exported_at": datetime.now(UTC).isoformat(),
            "chain_head": {"seq": end[0], "hash": end[1]},
            "records": evidence.contents(links),
        }

    signed = signing.sign(in_store(config, work), key)
    text = json.dumps(signed, indent=1, ensure_ascii=False, sort_keys=True)
    handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    told = {"file": str(to), "records": len(signed["records"])}
    return told | {"fingerprint": signed["fingerprint"]}


def check_export(file: Path) -> Json:
    """{ok, fingerprint, records, problems}: a file of `export`, without any store."""
    try:
        signed = json.loads(file.read_text(encoding="utf-8"))
        records = [_link(one) for one in signed["records"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadValue(f"{file} is no file of evidence: {type(error).__name__}") from None
    good, fingerprint = signing.check(signed)
    problems = [] if good else [{"seq": 0, "text": "the signature is not of this content"}]
    problems += [
        {"seq": one.seq, "text": "was changed"} for one in records if digest(one) != one.hash
    ]
    problems += [
        {"seq": one["seq"], "text": "is told otherwise than it was recorded"}
        for one in signed["records"]
        if json.loads(one["record"]) != one["content"]
    ]
    told = {"fingerprint": fingerprint, "records": len(records), "problems": problems}
    return {"ok": not problems, **told}


def _link(one: Json) -> Link:
    return Link(**{name: value for name, value in one.items() if name != "content"})


# -- suppression lists -------------------------------------------------------------------------------


def suppress(
    config: Config, name: str, whom: Sequence[str], *, why: str, until: str | None, source: str = ""
) -> Json:
    """Put numbers (E.164, or of compliance.default_country) or cases (`case:REFERENCE`) on a list."""
    end = moment(until) if until else None

    async def work(store: SqlStore) -> Json:
        entries = [await _entry(config, store, name, one, why, source, end) for one in whom]
        added = await store.database.write(suppression.add, entries, caller(), datetime.now(UTC))
        return {"added": added, "known": len(entries) - added}

    return in_store(config, work)


async def _entry(
    config: Config,
    store: SqlStore,
    name: str,
    whom: str,
    why: str,
    source: str,
    end: datetime | None,
) -> Suppression:
    if whom.startswith("case:"):
        reference = whom.removeprefix("case:")
        case = await store.database.read(case_id_of, reference)
        return Suppression(name, "case", case_unit(case), reference, why, source, end)
    try:
        number = read_number(whom, config.compliance.default_country)
    except BadNumber as error:
        raise BadValue(str(error)) from None
    key = number_unit(store.vault.number(number))
    return Suppression(name, "number", key, masked(number), why, source, end)


def import_suppressions(config: Config, file: Path, name: str, why: str) -> Json:
    """A file with one number or `case:REFERENCE` in the first column of each line; further columns are
    ignored, and so is a heading. {added, known, rejected, problems [{line, text}]}: good lines are in.
    """
    told: Json = {"added": 0, "known": 0, "rejected": 0, "problems": []}

    async def work(store: SqlStore) -> Json:
        batch: list[Suppression] = []
        with file.open(encoding="utf-8-sig", errors="replace", newline="") as rows:
            for line, row in enumerate(csv.reader(rows), 1):
                if not row or not row[0].strip():
                    continue
                try:
                    batch.append(
                        await _entry(config, store, name, row[0].strip(), why, file.name, None)
                    )
                except (BadValue, NotFound) as error:
                    if line > 1:
                        _reject(told, line, str(error))
                if len(batch) >= _BATCH:
                    await _add(store, batch, told)
                    batch = []
        await _add(store, batch, told)
        return told

    return in_store(config, work)


_TOLD_PROBLEMS = 100


def _reject(told: Json, line: int, text: str) -> None:
    told["rejected"] += 1
    if len(told["problems"]) < _TOLD_PROBLEMS:
        told["problems"].append({"line": line, "text": text})


async def _add(store: SqlStore, batch: list[Suppression], told: Json) -> None:
    if batch:
        added = await store.database.write(suppression.add, batch, caller(), datetime.now(UTC))
        told["added"] += added
        told["known"] += len(batch) - added


def suppressions(config: Config, name: str | None, limit: int) -> list[Json]:
    """Entries that hold, newest first, masked."""
    return in_store(
        config,
        lambda store: store.database.read(suppression.listing, name, limit, datetime.now(UTC)),
    )


def release(config: Config, id: int, why: str) -> Json:
    """End an entry."""

    async def work(store: SqlStore) -> Json:
        now = datetime.now(UTC)
        await store.database.write(suppression.remove, id, caller(), why, now)
        return {"removed": id}

    return in_store(config, work)


def caller() -> str:
    """Who runs this command, as the system knows them."""
    return f"{os.environ.get('SUDO_USER') or os.environ.get('USER') or os.getuid()}"


# -- retention ---------------------------------------------------------------------------------------


def periods(book: RuleBook) -> list[Json]:
    """What is kept for how long, and by which rule."""
    return [plain(keep) for _, keep in sorted(retention.periods(book).items())]


def retain(config: Config, presets: Sequence[str], recordings: Path, apply: bool) -> Json:
    """Delete or anonymise what is beyond its period; a report. apply False: only say how much is due. held:
    attempts that a hold keeps; on_hold: {everything, cases} under a hold now.
    """
    book = load_book(presets) if presets else rule_book(config)

    async def work(store: SqlStore) -> Json:
        now = datetime.now(UTC)
        if not apply:
            rows, held = await store.database.read(retention.due, book, now)
            told: Json = {"due": len(rows), "held": held}
        else:
            told = await _sweep_all(store, book, recordings)
        on_hold = await store.database.read(retention.held_cases, now)
        return told | {"on_hold": on_hold, "periods": periods(book)}

    return in_store(config, work)


async def _sweep_all(store: SqlStore, book: RuleBook, recordings: Path) -> Json:
    total: Json = {}
    files = 0
    while True:
        report = await store.database.write(retention.sweep, book, datetime.now(UTC))
        files += sum(_unlink(recordings, path) for path in report.recordings)
        for name, value in asdict(report).items():
            if type(value) is int:
                total[name] = total.get(name, 0) + value if name != "held" else value
        if not report.attempts_anonymised + report.attempts_deleted:
            return total | {"recordings_deleted": files}


def _unlink(folder: Path, path: str) -> bool:
    """One recording; a path that leads out of the folder is left alone."""
    found = (folder / path).resolve()
    if not found.is_relative_to(folder.resolve()) or not found.is_file():
        return False
    found.unlink()
    return True
