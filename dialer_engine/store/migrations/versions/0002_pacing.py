"""Pacing: targets and limits of campaigns, decisions, what was learned, who changed what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

from dialer_engine.store._types import UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OLD = (
    "id", "name", "mode", "ratio", "ring_timeout_s", "wait_limit_s", "wrap_up_s", "amd", "skill", "strategy", "state",
)  # fmt: skip
# Campaigns that are there already get the defaults of `domain.campaign.Campaign` as they were when
# this revision was made.
_NEW: tuple[tuple[str, Callable[[], sa.types.TypeEngine[Any]], str], ...] = (
    ("target", sa.Float, "0.03"),
    ("max_ringing_per_agent", sa.Float, "12"),
    ("min_ring_s", sa.Float, "15"),
    ("period", sa.String, "'day'"),
    ("preview_timeout_s", sa.Float, "60"),
    ("preview_dials", sa.Boolean, "false"),
    ("robot_channels", sa.Integer, "10"),
    ("robot_cps", sa.Float, "1"),
    ("robot_message", sa.String, "''"),
)


def upgrade() -> None:
    """Campaigns keep everything; the tables are new."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_campaigns()
    else:
        _widen_campaigns()
    op.create_table(
        "pacing_decisions",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("originate", sa.Integer(), nullable=False),
        sa.Column("started", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pacing_decisions"),
    )
    op.create_index("ix_pacing_decisions_campaign_at", "pacing_decisions", ["campaign_id", "at"])
    op.create_table(
        "pacing_memory",
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("memory", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "policy", name="pk_pacing_memory"),
    )
    op.create_table(
        "campaign_changes",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("setting", sa.String(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_campaign_changes"),
    )
    op.create_index("ix_campaign_changes_campaign_at", "campaign_changes", ["campaign_id", "at"])


def _widen_campaigns() -> None:
    for name, kind, value in _NEW:
        column = sa.Column(name, kind(), nullable=False, server_default=sa.text(value))
        op.add_column("campaigns", column)
        op.alter_column("campaigns", name, server_default=None)


def _rebuild_campaigns() -> None:
    """SQLite cannot drop a default again, and keeps the words of ALTER in its schema."""
    op.execute("CREATE TEMP TABLE campaigns_before AS SELECT * FROM campaigns")
    op.drop_table("campaigns")
    _create_campaigns()
    old = ", ".join(_OLD)
    new = ", ".join(name for name, _kind, _value in _NEW)
    values = ", ".join(value for _name, _kind, value in _NEW)
    op.execute(f"INSERT INTO campaigns ({old}, {new}) SELECT {old}, {values} FROM campaigns_before")
    op.execute("DROP TABLE campaigns_before")


def _create_campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("ratio", sa.Float(), nullable=False),
        sa.Column("ring_timeout_s", sa.Float(), nullable=False),
        sa.Column("wait_limit_s", sa.Float(), nullable=False),
        sa.Column("wrap_up_s", sa.Float(), nullable=False),
        sa.Column("amd", sa.Boolean(), nullable=False),
        sa.Column("skill", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        *(sa.Column(name, kind(), nullable=False) for name, kind, _value in _NEW),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
        sa.UniqueConstraint("name", name="uq_campaigns_name"),
    )


def downgrade() -> None:
    """Forget the decisions, what was learned and the targets."""
    for table in ("campaign_changes", "pacing_memory", "pacing_decisions"):
        op.drop_table(table)
    with op.batch_alter_table("campaigns") as campaigns:
        for name, _kind, _value in _NEW:
            campaigns.drop_column(name)
