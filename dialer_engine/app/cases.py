"""What commands do to one case. Each function blocks and is called from no loop; arguments and answers are
plain; what goes wrong is a DialerError.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from dialer_engine.app.config import Config
from dialer_engine.app.stored import in_store
from dialer_engine.domain.errors import BadValue
from dialer_engine.store.sql import SqlStore

Json = dict[str, Any]


def promise(
    config: Config,
    reference: str = "",
    *,
    due: str,
    amount: str = "",
    currency: str = "",
    attempt: str = "",
    by: str = "",
) -> Json:
    """Note what a debtor promised; see `store.promises.take`. One of reference and attempt is given. A
    daemon that runs need not know: it reads the store.
    """
    if not (reference or attempt):
        raise BadValue("name the case, or the attempt in which it was promised")
    owed, due_on = _amount(amount), day_of(due)

    def work(store: SqlStore) -> Awaitable[Json]:
        return store.take_promise(
            reference=reference, attempt=attempt, amount=owed, currency=currency,
            due_on=due_on, by=by, now=datetime.now(UTC),
        )  # fmt: skip

    return in_store(config, work)


def _amount(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not (found.is_finite() and found > 0):
        raise BadValue("an amount is a number above 0, such as 1200.50")
    return found


def day_of(text: str) -> date:
    """A day as people write it; BadValue."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadValue("a day is written as 2026-12-01") from None
