"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer_engine.store._types import Amount, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = (
    "agent_events",
    "agents",
    "alarms",
    "attempts",
    "campaign_cases",
    "campaigns",
    "case_numbers",
    "cases",
    "dispositions",
    "leases",
    "number_days",
    "presences",
    "recordings",
)


def upgrade() -> None:
    """Everything is new."""
    op.create_table(
        "agent_events",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("attempt_id", sa.String()),
        sa.PrimaryKeyConstraint("id", name="pk_agent_events"),
    )
    op.create_index("ix_agent_events_agent_at", "agent_events", ["agent_id", "at"])
    op.create_table(
        "agents",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("pin_hash", sa.Text(), nullable=False),
        sa.Column("skills", sa.JSON(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
    )
    op.create_table(
        "alarms",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("attempt_id", sa.String()),
        sa.PrimaryKeyConstraint("id", name="pk_alarms"),
    )
    op.create_index("ix_alarms_at", "alarms", ["at"])
    op.create_table(
        "attempts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("trunk", sa.String(), nullable=False),
        sa.Column("try_no", sa.SmallInteger(), nullable=False),
        sa.Column("planned_at", UtcTime(), nullable=False),
        sa.Column("local_day", sa.String(), nullable=False),
        sa.Column("permit", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String()),
        sa.Column("detail", sa.Text()),
        sa.Column("cause", sa.SmallInteger()),
        sa.Column("sip", sa.SmallInteger()),
        sa.Column("agent_id", sa.String()),
        sa.Column("verdict", sa.String()),
        sa.Column("originated_at", UtcTime()),
        sa.Column("ringing_at", UtcTime()),
        sa.Column("answered_at", UtcTime()),
        sa.Column("bridged_at", UtcTime()),
        sa.Column("ended_at", UtcTime()),
        sa.Column("answered_s", sa.Float()),
        sa.Column("answer_to_bridge_s", sa.Float()),
        sa.Column("waited_s", sa.Float()),
        sa.Column("talk_s", sa.Float()),
        sa.Column("recovered", sa.Boolean(), nullable=False),
        sa.Column("recording_due", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_attempts_campaign_planned", "attempts", ["campaign_id", "planned_at"])
    op.create_index(
        "ix_attempts_recording_due",
        "attempts",
        ["id"],
        sqlite_where=sa.text("recording_due"),
        postgresql_where=sa.text("recording_due"),
    )
    op.create_index(
        "uq_attempts_open_case",
        "attempts",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_index(
        "uq_attempts_open_number",
        "attempts",
        ["number"],
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "campaign_cases",
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcTime()),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("number_rank", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "case_id", name="pk_campaign_cases"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_campaign_cases_due",
        "campaign_cases",
        ["campaign_id", sa.literal_column("priority DESC"), "due_at", "case_id"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
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
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
        sa.UniqueConstraint("name", name="uq_campaigns_name"),
    )
    op.create_table(
        "case_numbers",
        sa.Column("case_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rank", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("zone", sa.String()),
        sa.PrimaryKeyConstraint("case_id", "rank", name="pk_case_numbers"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cases",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("balance", Amount()),
        sa.Column("currency", sa.String()),
        sa.Column("days_past_due", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("skill", sa.String(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("number_count", sa.SmallInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("reference", name="uq_cases_reference"),
    )
    op.create_table(
        "dispositions",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("attempt_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("via", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dispositions"),
    )
    op.create_index("ix_dispositions_attempt_id", "dispositions", ["attempt_id"])
    op.create_table(
        "leases",
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("until", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", name="pk_leases"),
    )
    op.create_table(
        "number_days",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("local_day", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", "local_day", name="pk_number_days"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "presences",
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("presence", sa.String(), nullable=False),
        sa.Column("break_reason", sa.String(), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", name="pk_presences"),
    )
    op.create_table(
        "recordings",
        sa.Column("attempt_id", sa.String(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("duration_s", sa.Float()),
        sa.Column("talk_s", sa.Float()),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("sha256", sa.String()),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("checked_at", UtcTime()),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_recordings"),
    )


def downgrade() -> None:
    """Drop everything, with all that is in it."""
    for name in _TABLES:
        op.drop_table(name)
