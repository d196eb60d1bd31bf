"""Alembic's entry: runs the revisions on the connection that `store.upgrade` hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from dialer_engine.store.schema import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    # SQLite cannot alter most things in place: Alembic copies the table.
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
