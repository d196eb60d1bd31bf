"""Cases: the collections model, and personal fields closed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from dialer_engine.store import vault as vaults
from dialer_engine.store._types import Amount, UtcTime
from dialer_engine.store.keys import Master
from dialer_engine.store.numbers import masked
from dialer_engine.store.vault import Vault

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PART = 5_000
Row = dict[str, Any]


def upgrade() -> None:
    """New tables; names, numbers and attributes of the old ones are closed."""
    _create_new()
    vault = _vault()
    _rebuild("cases", _cases_columns, _CASE_INDEXES, ["id"], lambda row: _case(row, vault))
    _rebuild(
        "case_numbers", _case_numbers_columns, _NUMBER_INDEXES, ["case_id", "rank"],
        lambda row: _number(row, vault),
    )  # fmt: skip
    _rebuild(
        "attempts", _attempts_columns, _ATTEMPT_INDEXES, ["id"], lambda row: _attempt(row, vault)
    )
    _rebuild(
        "number_days",
        _number_days_columns,
        (),
        ["number", "local_day"],
        lambda row: _day(row, vault),
    )


def downgrade() -> None:
    """What is closed does not become open again."""
    raise NotImplementedError("schema 0003 closes personal data; restore a backup to go back")


def _vault() -> Vault:
    masters: Callable[[], Sequence[Master]] = op.get_context().config.attributes["masters"]  # type: ignore[union-attr]
    keys, connection = masters(), op.get_bind()
    if not vaults.has_keys(connection):
        vaults.create(connection, keys[0])
    return vaults.load(connection, keys)


# -- rows ------------------------------------------------------------------------------------------


def _case(row: Row, vault: Vault) -> Row:
    attributes = row.pop("attributes")
    attributes = json.loads(attributes) if isinstance(attributes, str) else attributes
    held = {"name": row.pop("name"), "attributes": attributes}
    row["personal"] = vault.close_map(f"cases.personal/{row['reference']}", held)
    # Not that of an import of this version: the next one writes the case anew.
    return row | {"id_key": None, "fingerprint": ""}


def _number(row: Row, vault: Vault) -> Row:
    place = f"case_numbers.number/{row['case_id']}/{row['rank']}"
    number = row["number"]
    return row | {"number": vault.close(place, number), "number_key": vault.number(number)}


def _attempt(row: Row, vault: Vault) -> Row:
    number = row.pop("number")
    return row | {"number_key": vault.number(number), "number_shown": masked(number)}


def _day(row: Row, vault: Vault) -> Row:
    return row | {"number_key": vault.number(row.pop("number"))}


# -- tables ----------------------------------------------------------------------------------------


def _rebuild(
    name: str,
    columns: Callable[[], Sequence[Any]],
    indexes: Sequence[tuple[str, Sequence[Any], dict[str, Any]]],
    key: Sequence[str],
    change: Callable[[Row], Row],
) -> None:
    """Make the table anew and copy its rows, changed, in parts."""
    connection, before = op.get_bind(), f"{name}_before"
    op.rename_table(name, before)
    if connection.dialect.name == "postgresql":
        _free_names(connection, before)
    else:
        _drop_indexes(connection, before)
    made = op.create_table(name, *columns(), **_OPTIONS.get(name, {}))
    for rows in _parts(connection, before, key):
        connection.execute(_plain_insert(made), [change(row) for row in rows])
    op.drop_table(before)
    for index, on, options in indexes:
        op.create_index(index, name, list(on), **options)
    if name == "cases" and connection.dialect.name == "postgresql":
        top = "SELECT setval(pg_get_serial_sequence('cases', 'id'), max(id)) FROM cases"
        connection.execute(sa.text(f"{top} HAVING max(id) IS NOT NULL"))


def _plain_insert(made: sa.Table) -> Any:
    """Values go as they came from the old table: no type of ours comes between."""
    types = {c.name: sa.types.NullType() for c in made.c if not isinstance(c.type, sa.JSON)}
    kept = {c.name: c.type for c in made.c if isinstance(c.type, sa.JSON)}
    bare = sa.table(made.name, *(sa.column(c.name, (types | kept)[c.name]) for c in made.c))
    return sa.insert(bare)


def _parts(connection: sa.Connection, name: str, key: Sequence[str]) -> Iterator[list[Row]]:
    order = ", ".join(key)
    last: Row = {}
    marks = ", ".join(f":k{i}" for i in range(len(key)))
    while True:
        where = f"WHERE ({order}) > ({marks})" if last else ""
        values = {f"k{i}": last[k] for i, k in enumerate(key) if last}
        query = sa.text(f"SELECT * FROM {name} {where} ORDER BY {order} LIMIT {_PART}")
        rows = [_decoded(dict(row)) for row in connection.execute(query, values).mappings()]
        if not rows:
            return
        last = {k: rows[-1][k] for k in key}
        yield rows


def _decoded(row: Row) -> Row:
    if isinstance(row.get("permit"), str):
        row["permit"] = json.loads(row["permit"])
    return row


def _free_names(connection: sa.Connection, table: str) -> None:
    """PostgreSQL keeps the names of keys and indexes when a table gets another one."""
    query = sa.text("SELECT indexname FROM pg_indexes WHERE tablename = :t")
    for name in connection.scalars(query, {"t": table}).all():
        connection.execute(sa.text(f'ALTER INDEX "{name}" RENAME TO "{name}_before"'))


def _drop_indexes(connection: sa.Connection, table: str) -> None:
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = :t"
    )
    for name in connection.scalars(sa.text(query), {"t": table}).all():
        connection.execute(sa.text(f'DROP INDEX "{name}"'))


def _partial(condition: str, **more: Any) -> dict[str, Any]:
    where = sa.text(condition)
    return {"sqlite_where": where, "postgresql_where": where, **more}


_OPTIONS: dict[str, dict[str, Any]] = {
    "case_numbers": {"sqlite_with_rowid": False},
    "attempts": {"sqlite_with_rowid": False},
    "number_days": {"sqlite_with_rowid": False},
}


def _cases_columns() -> Sequence[Any]:
    return (
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("personal", sa.LargeBinary()),
        sa.Column("id_key", sa.String()),
        sa.Column("balance", Amount()),
        sa.Column("currency", sa.String()),
        sa.Column("days_past_due", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("skill", sa.String(), nullable=False),
        sa.Column("number_count", sa.SmallInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("reference", name="uq_cases_reference"),
    )


_CASE_INDEXES = (("ix_cases_id_key", ["id_key"], _partial("id_key IS NOT NULL")),)


def _case_numbers_columns() -> Sequence[Any]:
    return (
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=False),
        sa.Column("number_key", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("zone", sa.String()),
        sa.PrimaryKeyConstraint("case_id", "rank", name="pk_case_numbers"),
    )


_NUMBER_INDEXES: tuple[tuple[str, Sequence[Any], dict[str, Any]], ...] = (
    ("ix_case_numbers_number_key", ["number_key"], {}),
)


def _attempts_columns() -> Sequence[Any]:
    return (
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("number_key", sa.String(), nullable=False),
        sa.Column("number_shown", sa.String(), nullable=False),
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
    )


_ATTEMPT_INDEXES: tuple[tuple[str, Sequence[Any], dict[str, Any]], ...] = (
    ("ix_attempts_campaign_planned", ["campaign_id", "planned_at"], {}),
    ("ix_attempts_case_planned", ["case_id", "planned_at"], {}),
    ("ix_attempts_recording_due", ["id"], _partial("recording_due")),
    ("uq_attempts_open_case", ["case_id"], _partial("outcome IS NULL", unique=True)),
    ("uq_attempts_open_number", ["number_key"], _partial("outcome IS NULL", unique=True)),
)


def _number_days_columns() -> Sequence[Any]:
    return (
        sa.Column("number_key", sa.String(), nullable=False),
        sa.Column("local_day", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number_key", "local_day", name="pk_number_days"),
    )


def _create_new() -> None:
    _create_data_keys()
    _create_key_progress()
    _create_creditors()
    _create_products()
    _create_case_facts()
    _create_contracts()
    _create_contract_aliases()
    _create_payments()
    _create_charges()
    _create_promises()
    _create_holds()
    _create_related_parties()
    _create_contact_points()
    _create_complaints()
    _create_interactions()
    _create_case_events()
    _create_number_memory()


def _create_data_keys() -> None:
    op.create_table(
        "data_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("master_id", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_data_keys"),
    )


def _create_key_progress() -> None:
    op.create_table(
        "key_progress",
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("table_name", name="pk_key_progress"),
    )


def _create_creditors() -> None:
    op.create_table(
        "creditors",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("jurisdiction", sa.String(), nullable=False),
        sa.Column("party_type", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_creditors"),
    )


def _create_products() -> None:
    op.create_table(
        "products",
        sa.Column("creditor", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("debt_type", sa.String(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("creditor", "code", name="pk_products"),
    )


def _create_case_facts() -> None:
    op.create_table(
        "case_facts",
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String()),
        sa.Column("creditor", sa.String()),
        sa.Column("product", sa.String()),
        sa.Column("debt_type", sa.String()),
        sa.Column("party_type", sa.String()),
        sa.Column("jurisdiction", sa.String()),
        sa.Column("currency", sa.String()),
        sa.Column("principal", Amount()),
        sa.Column("interest", Amount()),
        sa.Column("penalty", Amount()),
        sa.Column("fees", Amount()),
        sa.Column("oldest_due", sa.Date()),
        sa.Column("reason_overdue", sa.String()),
        sa.Column("ability", sa.String()),
        sa.Column("willingness", sa.String()),
        sa.Column("behaviour", sa.String()),
        sa.Column("occupation", sa.String()),
        sa.Column("region", sa.String()),
        sa.Column("income_band", sa.String()),
        sa.Column("score", sa.Float()),
        sa.Column("team", sa.String()),
        sa.Column("owner", sa.String()),
        sa.Column("agency", sa.String()),
        sa.Column("held_since", sa.Date()),
        sa.Column("recall_on", sa.Date()),
        sa.Column("promises_open", sa.SmallInteger()),
        sa.Column("promises_broken", sa.SmallInteger()),
        sa.Column("next_promise", sa.Date()),
        sa.Column("payment_on", sa.Date()),
        sa.Column("contact_on", sa.Date()),
        sa.Column("tags", sa.JSON()),
        sa.PrimaryKeyConstraint("case_id", name="pk_case_facts"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_case_facts_owner", "case_facts", ["owner"], **_partial("owner IS NOT NULL"))
    op.create_index(
        "ix_case_facts_recall_on", "case_facts", ["recall_on"], **_partial("recall_on IS NOT NULL")
    )


def _create_contracts() -> None:
    op.create_table(
        "contracts",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", Amount(), nullable=False),
        sa.Column("term_months", sa.SmallInteger()),
        sa.Column("annual_rate", sa.String()),
        sa.Column("opened_on", sa.Date()),
        sa.Column("schedule", sa.JSON(), nullable=False),
        sa.Column("as_of", sa.Date()),
        sa.Column("principal", Amount()),
        sa.Column("interest", Amount()),
        sa.Column("penalty", Amount()),
        sa.Column("fees", Amount()),
        sa.Column("oldest_due", sa.Date()),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contracts"),
        sa.UniqueConstraint("reference", name="uq_contracts_reference"),
    )
    op.create_index("ix_contracts_case_id", "contracts", ["case_id"])


def _create_contract_aliases() -> None:
    op.create_table(
        "contract_aliases",
        sa.Column("alias_key", sa.String(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("alias_key", "contract_id", name="pk_contract_aliases"),
        sqlite_with_rowid=False,
    )


def _create_payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("case_id", sa.BigInteger()),
        sa.Column("contract_id", sa.BigInteger()),
        sa.Column("stated_contract", sa.String(), nullable=False),
        sa.Column("amount", Amount(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("booked_at", UtcTime(), nullable=False),
        sa.Column("reverses", sa.String(), nullable=False),
        sa.Column("matched_by", sa.String(), nullable=False),
        sa.Column("fault", sa.String()),
        sa.Column("memo", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.UniqueConstraint("reference", name="uq_payments_reference"),
    )
    op.create_index("ix_payments_case_id", "payments", ["case_id"])
    op.create_index("ix_payments_fault", "payments", ["fault"], **_partial("fault IS NOT NULL"))


def _create_charges() -> None:
    op.create_table(
        "charges",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("charged_on", sa.Date(), nullable=False),
        sa.Column("component", sa.String(), nullable=False),
        sa.Column("amount", Amount(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_charges"),
    )
    op.create_index("ix_charges_contract_id", "charges", ["contract_id"])


def _create_promises() -> None:
    op.create_table(
        "promises",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("amount", Amount(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("grace_days", sa.SmallInteger(), nullable=False),
        sa.Column("tolerance", Amount(), nullable=False),
        sa.Column("paid", Amount(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("successor", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("attempt_id", sa.String()),
        sa.PrimaryKeyConstraint("id", name="pk_promises"),
        sa.UniqueConstraint("case_id", "key", name="uq_promises_case_id_key"),
    )
    op.create_index("ix_promises_due_on", "promises", ["due_on"], **_partial("phase = 'pending'"))


def _create_holds() -> None:
    op.create_table(
        "holds",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("until", UtcTime()),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_holds"),
    )
    op.create_index("ix_holds_case_id", "holds", ["case_id"])


def _create_related_parties() -> None:
    op.create_table(
        "related_parties",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.Column("personal", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_related_parties"),
        sa.UniqueConstraint("case_id", "key", name="uq_related_parties_case_id_key"),
    )


def _create_contact_points() -> None:
    op.create_table(
        "contact_points",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("party_id", sa.BigInteger()),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("value_key", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("consent", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date()),
        sa.Column("valid_until", sa.Date()),
        sa.Column("zone", sa.String()),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contact_points"),
        sa.UniqueConstraint("case_id", "value_key", name="uq_contact_points_case_id_value_key"),
    )
    op.create_index("ix_contact_points_value_key", "contact_points", ["value_key"])


def _create_complaints() -> None:
    op.create_table(
        "complaints",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("closed_at", UtcTime()),
        sa.Column("text", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_complaints"),
        sa.UniqueConstraint("case_id", "key", name="uq_complaints_case_id_key"),
    )


def _create_interactions() -> None:
    op.create_table(
        "interactions",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("outbound", sa.Boolean(), nullable=False),
        sa.Column("connected", sa.Boolean(), nullable=False),
        sa.Column("conversation", sa.Boolean(), nullable=False),
        sa.Column("right_party", sa.Boolean()),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("text", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_interactions"),
    )
    op.create_index("ix_interactions_case_at", "interactions", ["case_id", "at"])


def _create_case_events() -> None:
    op.create_table(
        "case_events",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_case_events"),
    )
    op.create_index("ix_case_events_case_id", "case_events", ["case_id"])


def _create_number_memory() -> None:
    op.create_table(
        "number_memory",
        sa.Column("number_key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("streak", sa.SmallInteger(), nullable=False),
        sa.Column("last", sa.String()),
        sa.Column("wrong", sa.Boolean(), nullable=False),
        sa.Column("tried", sa.JSON(), nullable=False),
        sa.Column("taken", sa.JSON(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("number_key", name="pk_number_memory"),
        sqlite_with_rowid=False,
    )
