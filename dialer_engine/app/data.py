"""What commands do to the store and the recordings without a daemon, each in one call.

Rules: arguments and answers are plain, so that the command line needs to know no adapter; every
function blocks and is called from no loop; what goes wrong is a DialerError.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from dialer_engine.app import unmask
from dialer_engine.app.config import Config
from dialer_engine.app.stored import opened
from dialer_engine.app.unmask import Asked
from dialer_engine.domain.errors import BadValue, SchemaOutdated
from dialer_engine.domain.units import AttemptId, CampaignName
from dialer_engine.recordings import commands as files
from dialer_engine.store import import_csv, import_rows, keyring
from dialer_engine.store import upgrade as schema
from dialer_engine.store.exchange import Kind
from dialer_engine.store.export import Form, export_attempts, export_cases, write_json

Json = dict[str, Any]
# What is done, and of how many where that is known.
Progress = Callable[[int, int | None], None]


# -- the schema ------------------------------------------------------------------------------------


def upgrade(config: Config) -> Json:
    """{before, after}: revisions of the schema; before is None for a new database."""
    before, after = schema.upgrade(config.store.url.reveal(), config.store.key_file)
    return {"before": before, "after": after}


def check(config: Config) -> Json:
    """{ok, revision, detail, advice}. StoreUnavailable when the database cannot be reached."""
    try:
        revision = schema.check(config.store.url.reveal())
    except SchemaOutdated as error:
        advice = "dialer-engine db upgrade"
        return {"ok": False, "revision": None, "detail": str(error), "advice": advice}
    return {"ok": True, "revision": revision, "detail": f"schema {revision}", "advice": ""}


# -- keys ------------------------------------------------------------------------------------------


def keys_status(config: Config) -> Json:
    """{keys [{id, purpose, made_at, master_id, active, rows}], pending, masters}."""
    return asdict(keyring.status(config.store.url.reveal(), config.store.key_file))


def keys_rotate(config: Config, *, master_only: bool, progress: Progress) -> Json:
    """{rewrapped, key, rows}: data keys closed with another master, the new data key, values closed."""
    return dict(
        keyring.rotate(
            config.store.url.reveal(),
            config.store.key_file,
            master_only=master_only,
            on_progress=lambda done: progress(done, None),
        )
    )


# -- rows in and out -------------------------------------------------------------------------------


def import_cases(
    config: Config,
    file: Path,
    *,
    what: str = "cases",
    campaign: str | None,
    mapping: Mapping[str, str],
    country: str | None,
    currency: str,
    rejects: Path | None,
    progress: Progress,
) -> Json:
    """Import a CSV or XLSX file; counts as in `store.import_csv.ImportSummary`, for contracts, payments
    and contacts as in `store.import_rows.RowsSummary`. mapping: field to column. country None: as
    configured.
    """
    region = config.compliance.default_country if country is None else country

    async def work() -> import_csv.ImportSummary | import_rows.RowsSummary:
        async with opened(config) as store:
            if what != "cases":
                return await import_rows.import_rows(
                    store, Kind(what), file, mapping=mapping, region=region, currency=currency,
                    on_progress=progress, rejects=rejects,
                )  # fmt: skip
            return await import_csv.import_cases(
                store,
                file,
                campaign=CampaignName(campaign) if campaign else None,
                mapping=mapping,
                region=region,
                currency=currency,
                on_progress=progress,
                rejects=rejects,
            )

    found = asdict(asyncio.run(work()))
    return found | {"rejects": str(found["rejects"]) if found["rejects"] else None}


def mapping_of(file: Path | None, pairs: Sequence[str]) -> dict[str, str]:
    """A mapping from a YAML file and from FIELD=COLUMN, which win."""
    named = import_csv.load_mapping(file) if file else {}
    return named | import_csv.parse_mapping(pairs)


def export(
    config: Config,
    what: str,
    to: Path,
    *,
    campaign: str | None,
    since: str | None,
    until: str | None,
    form: str,
    progress: Progress,
    case: str | None = None,
    asked: Asked | None = None,
) -> Json:
    """Write cases or attempts to a file: {rows, file}. since, until: ISO times, for attempts only.
    asked: numbers and names in full, for who has the right; see `unmask.py`.
    """
    if what == "case":
        return _export_case(config, case, to, asked)
    reveal = asked is not None
    name = CampaignName(campaign) if campaign else None
    span = {"since": _time(since), "until": _time(until)}
    if what == "cases" and any(span.values()):
        raise BadValue("cases have no time of their own; --since and --until are for attempts")

    def tell(rows: int) -> None:
        progress(rows, None)

    async def work() -> int:
        async with opened(config) as store:
            if asked is not None:
                told = f"export {what} {campaign or ''}".strip()
                await unmask.note(store, config, asked, told)
            kind = Form(form)
            if what == "cases":
                return await export_cases(
                    store, to, campaign=name, form=kind, reveal=reveal, on_progress=tell
                )
            return await export_attempts(
                store, to, campaign=name, form=kind, reveal=reveal, on_progress=tell, **span
            )

    return {"rows": asyncio.run(work()), "file": str(to)}


def _export_case(config: Config, case: str | None, to: Path, asked: Asked | None) -> Json:
    if not case:
        raise BadValue("name the case with --case REFERENCE")

    async def work() -> Json:
        async with opened(config) as store:
            if asked is not None:
                await unmask.note(store, config, asked, "export case", case)
            return await store.case_file(case, datetime.now(UTC), reveal=asked is not None)

    found = asyncio.run(work())
    return {"rows": write_json(to, found), "file": str(to)}


def report(config: Config, campaign: str | None, since: str | None, until: str | None) -> Json:
    """The fields of `domain.reports.Report`, counted in the store."""

    async def work() -> Json:
        async with opened(config) as store:
            name = CampaignName(campaign) if campaign else None
            return asdict(await store.report(name, _time(since), _time(until)))

    return asyncio.run(work())


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# -- recordings ------------------------------------------------------------------------------------


def _folder(config: Config) -> Path:
    """The recording folder, chosen as `wiring.library` chooses it: all nodes write into one."""
    if config.pbx.nodes:
        return Path(config.pbx.nodes[0].recordings_dir_local)
    return config.daemon.state_dir / "recordings"


def verify_recordings(
    config: Config, since: date | None, until: date | None, progress: Callable[[int], None]
) -> Json:
    """{ok, verified, failed, problems [{kind, path, text}]}: the chain and every sealed file."""
    audit = files.verify_all(_folder(config), since=since, until=until, progress=progress)
    lost = len(audit.gone) + len(audit.changed)
    problems = [
        *(_problem("missing", path, "sealed, but not there") for path in audit.gone),
        *(_problem("mismatched", path, "not as sealed") for path in audit.changed),
        *(_problem("chain", f"{p.file}:{p.line}", p.what) for p in audit.chain.problems),
    ]
    return {
        "ok": audit.good,
        "verified": audit.checked - lost,
        "failed": lost,
        "problems": problems,
    }


def _problem(kind: str, path: str, text: str) -> Json:
    return {"kind": kind, "path": path, "text": text}


def list_recordings(config: Config, since: date | None, until: date | None) -> list[Json]:
    """Sealed recordings, oldest first: attempt, path, sha256, size_bytes, duration_ms, status, at."""
    return [
        {key: value for key, value in asdict(entry).items() if key not in ("seq", "prev", "hash")}
        for entry in files.list_recordings(_folder(config), since=since, until=until)
    ]


def export_recordings(
    config: Config,
    attempts: Sequence[str],
    since: date | None,
    until: date | None,
    to: Path,
    progress: Progress,
) -> Json:
    """Copy recordings to a new folder, or to a new zip when its name ends so: {ok, file, exported,
    unknown, gone, changed}. attempts empty: all of the days.
    """
    wanted = [AttemptId(attempt) for attempt in attempts] or [
        AttemptId(row["attempt"]) for row in list_recordings(config, since, until)
    ]
    found = files.export(
        _folder(config),
        wanted,
        to,
        "zip" if to.suffix.lower() == ".zip" else "dir",
        progress=lambda done: progress(done, len(wanted)),
    )
    told = {name: list(getattr(found, name)) for name in ("exported", "unknown", "gone", "changed")}
    ok = not (told["unknown"] or told["gone"] or told["changed"])
    return {"ok": ok, "file": str(found.target), **told}
