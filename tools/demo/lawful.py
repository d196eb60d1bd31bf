"""Under which law, and by which strategies, the demonstration dials at any hour of any day.

Rules: the preset of China is used as it ships. Its hours are Beijing's, so that at night in Beijing nobody
could be shown anything: the invented debtors have therefore agreed to be called at any hour, which the rule
allows for and which is on record for each of them (`rule_overrides`). The strategies are those that ship; on a
Sunday at the debtors, on which they rest, the demonstration dials by a copy without `weekdays`, and says so.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer_engine.app.config import load
from dialer_engine.app.stored import make_store
from dialer_engine.app.strategies import shipped
from dialer_engine.compliance.rules import Hours, Override
from dialer_engine.domain.units import CaseId
from dialer_engine.store import compliance
from dialer_engine.store.schema import cases
from tools.demo.debtors import CREDITOR
from tools.rig.people import noon_zone

PRESET = "cn"
_SUNDAY = 6
_WHOLE_DAY = Hours(0, 86_400)
# Rules of the preset that a debtor can agree to have otherwise, and that hold hours.
_HOURS_RULES = ("cn_window", "cn_holiday_window")
_FOR = timedelta(days=2)


def changes(folder: Path) -> dict[str, Any]:
    """Keys of the site's configuration."""
    found: dict[str, Any] = {
        "compliance.presets": [PRESET],
        # What strategies/scripts/common.yaml has people say, and the recording of every call.
        "compliance.disclosures": ["identify_institution_first", "verify_identity", "record_call"],
        "strategies.words": {
            "institution": CREDITOR,
            "callback": "+442079460000",
            "complaint_line": "+442079460001",
            "pay_how": "样例银行手机银行 the bank's app",
        },
    }
    if rests_today():
        found["strategies.folder"] = str(without_weekdays(folder / "strategies"))
    return found


def rests_today() -> bool:
    """It is Sunday where the debtors are."""
    return datetime.now(ZoneInfo(noon_zone())).weekday() == _SUNDAY


def without_weekdays(folder: Path) -> Path:
    """A copy of what ships, dialling on every day."""
    shutil.copytree(shipped(), folder, ignore=shutil.ignore_patterns("compliance"))
    for file in folder.glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r", weekdays: \[[^\]]*\]", "", text), encoding="utf-8")
    return folder


def agree(config: Path) -> int:
    """Every debtor agrees to be called at any hour; how many."""

    async def work() -> int:
        store = make_store(load(config).config)
        await store.open()
        try:
            return await store.database.write(_agree, datetime.now(UTC))
        finally:
            await store.close()

    return asyncio.run(work())


async def _agree(connection: AsyncConnection, now: datetime) -> int:
    ids = [CaseId(one) for one in await connection.scalars(select(cases.c.id))]
    for case in ids:
        for rule in _HOURS_RULES:
            why = "demonstration: an invented debtor, called at any hour"
            one = Override(rule, "debtor_agreement", "demo", why, now + _FOR, _WHOLE_DAY)
            await compliance.give_override(connection, case, one, now)
    return len(ids)
