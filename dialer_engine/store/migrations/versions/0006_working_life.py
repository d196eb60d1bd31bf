"""The working life of cases: numbers that are not called any more, the best hour, the work of a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer_engine.store._types import UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is known yet: what outcomes taught begins with the next call."""
    op.add_column("number_memory", sa.Column("best_workday", sa.SmallInteger()))
    op.add_column("number_memory", sa.Column("best_weekend", sa.SmallInteger()))
    op.create_table(
        "number_verdicts",
        sa.Column("case_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number_key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("attempt_id", sa.String()),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "number_key", name="pk_number_verdicts"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_number_verdicts_number_key", "number_verdicts", ["number_key"])
    op.create_table(
        "daily_runs",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", UtcTime(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("begun_at", UtcTime(), nullable=False),
        sa.Column("done_at", UtcTime()),
        sa.PrimaryKeyConstraint("day", "job", name="pk_daily_runs"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Numbers that were taken off the lists stay off them until the next import of their cases."""
    op.drop_table("daily_runs")
    op.drop_table("number_verdicts")
    op.drop_column("number_memory", "best_weekend")
    op.drop_column("number_memory", "best_workday")
