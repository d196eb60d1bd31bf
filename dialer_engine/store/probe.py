"""Does the store take writes? For doctor: everything is taken back.

Rules: blocking, with a connection of its own; it holds a lock for no longer than it takes to give it back.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import create_engine, pool, text

from dialer_engine.store._errors import translating
from dialer_engine.store.engine import store_url

# A database that is away is told within this time.
_CONNECT_S = 5
# Takes the lock of a write and changes no row.
_WRITE = "UPDATE campaigns SET name = name WHERE name = ''"


def write_test(url: str, busy_timeout_s: float) -> str:
    """Write, and take it back. Returns SQLite's journal mode, or `postgresql`. StoreError: it does not take it."""
    target = store_url(url)
    sqlite = target.get_backend_name() == "sqlite"
    waits: dict[str, Any] = (
        {"timeout": busy_timeout_s}
        if sqlite
        else {
            "connect_timeout": _CONNECT_S,
            "options": f"-c lock_timeout={int(busy_timeout_s * 1000)}",
        }
    )
    engine = create_engine(
        target,
        poolclass=pool.NullPool,
        hide_parameters=True,
        connect_args=waits,
    )
    with translating(), engine.connect() as connection:
        mode = "postgresql"
        if sqlite:
            mode = str(connection.execute(text("PRAGMA journal_mode")).scalar())
        connection.execute(text(_WRITE))
        connection.rollback()
    return mode
