"""Column types that mean the same on both databases.

Rules: a time is aware UTC on our side and nothing else comes in; money is a whole number of
ten-thousandths, so that both databases add it up exactly.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from dialer_engine.domain.errors import BadValue

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Four decimals: the most that any currency of ISO 4217 has (CLF, UYW).
_AMOUNT_SCALE = 4
_BIGINT_MAX = 2**63 - 1

# Blind indexes, counters and the like: compared byte by byte and never sorted for people. PostgreSQL would
# ask the locale at each of the twenty comparisons of a look into an index.
Key = String().with_variant(String(collation="C"), "postgresql")


class UtcTime(TypeDecorator[datetime]):
    """PostgreSQL: timestamptz. SQLite, which has no type for it: microseconds since 1970 as an
    integer, a third of the bytes of ISO text in every index (read them with
    `datetime(x / 1e6, 'unixepoch')`).
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise BadValue("a time without a zone cannot be stored; times are aware UTC")
        return micros(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return EPOCH + timedelta(microseconds=value)
        found: datetime = value
        return found.astimezone(UTC)


class Amount(TypeDecorator[Decimal]):
    """A decimal with at most four places, stored as an integer of ten-thousandths."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else ten_thousandths(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else from_ten_thousandths(int(value))


def micros(at: datetime) -> int:
    """Microseconds since 1970, exact."""
    return (at - EPOCH) // _MICROSECOND


def ten_thousandths(value: Decimal) -> int:
    """`value` as a whole number; BadValue when it has more than four decimals or is too large."""
    scaled = value.scaleb(_AMOUNT_SCALE)
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or abs(scaled) > _BIGINT_MAX:
        raise BadValue("an amount has at most four decimals and 14 digits before them")
    return int(scaled)


def from_ten_thousandths(value: int) -> Decimal:
    """The decimal, with two places, or with as many as it needs."""
    whole = Decimal(value).scaleb(-_AMOUNT_SCALE)
    cents = whole.quantize(Decimal("0.01"))
    return cents if cents == whole else whole.normalize()
