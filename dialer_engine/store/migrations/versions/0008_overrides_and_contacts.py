"""Overrides for a number or a campaign; contacts of other channels, each once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Those that there are stay what they are: of a case."""
    op.add_column("rule_overrides", sa.Column("unit_key", _KEY))
    op.add_column("rule_overrides", sa.Column("shown", sa.String()))
    wide = sa.text("unit_key IS NOT NULL")
    op.create_index(
        "ix_rule_overrides_unit_key", "rule_overrides", ["unit_key"], sqlite_where=wide, postgresql_where=wide
    )  # fmt: skip
    told = sa.text("\"key\" != ''")
    op.create_index(
        "uq_interactions_key", "interactions", ["key"], unique=True, sqlite_where=told, postgresql_where=told
    )  # fmt: skip


def downgrade() -> None:
    """What was lifted for numbers and campaigns holds again."""
    op.drop_index("uq_interactions_key", "interactions")
    op.drop_index("ix_rule_overrides_unit_key", "rule_overrides")
    op.execute("DELETE FROM rule_overrides WHERE unit_key IS NOT NULL")
    op.drop_column("rule_overrides", "shown")
    op.drop_column("rule_overrides", "unit_key")
