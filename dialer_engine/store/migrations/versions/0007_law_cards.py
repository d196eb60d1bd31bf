"""Law cards: what the gate asks of a number, kept beside it; keys compared byte by byte."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer_engine.store import schema_cards

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
# Columns that became keys: table, columns.
_KEYS = (
    ("cases", ("id_key",)),
    ("case_numbers", ("number_key",)),
    ("attempts", ("number_key",)),
    ("number_days", ("number_key", "local_day")),
    ("number_memory", ("number_key",)),
    ("number_verdicts", ("number_key",)),
    ("contact_points", ("value_key",)),
    ("unit_events", ("unit_key", "contact")),
    ("suppressions", ("unit_key",)),
)


def upgrade() -> None:
    """Cards are made when a case is imported or first drawn. On PostgreSQL the indexes of the keys are made
    anew: some minutes at ten million cases.
    """
    if op.get_bind().dialect.name == "postgresql":
        _collate('"C"')
    op.add_column("case_numbers", sa.Column("card_of", sa.SmallInteger()))
    op.add_column("case_numbers", sa.Column("person", _KEY))
    op.add_column("case_numbers", sa.Column("card", sa.Text()))
    op.add_column("case_numbers", sa.Column("called", sa.Boolean()))
    for statement in schema_cards.statements(op.get_bind().dialect.name):
        op.execute(sa.text(statement))


def downgrade() -> None:
    """Cards are made from what stays."""
    postgres = op.get_bind().dialect.name == "postgresql"
    for statement in schema_cards.statements("sqlite"):
        name, table = statement.split()[2], statement.split(" ON ")[1].split()[0]
        op.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if postgres else ""))
    if postgres:
        for statement in schema_cards.statements("postgresql"):
            if statement.startswith("CREATE FUNCTION"):
                op.execute(f"DROP FUNCTION {statement.split()[2]}")
        _collate('"default"')
    for column in ("called", "card", "person", "card_of"):
        op.drop_column("case_numbers", column)


def _collate(name: str) -> None:
    for table, columns in _KEYS:
        changes = ", ".join(f"ALTER COLUMN {c} TYPE varchar COLLATE {name}" for c in columns)
        op.execute(f"ALTER TABLE {table} {changes}")
        # What was known of how the values are spread goes with the type, and with it good plans.
        op.execute(f"ANALYZE {table}")
