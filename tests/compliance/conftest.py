"""Stores on both databases, as in tests/store."""

from __future__ import annotations

import pytest

from dialer_engine.store.keys import ENV_FILE
from tests.store.conftest import (  # noqa: F401
    master_key,
    other,
    postgres_server,
    postgres_template,
    postgres_url,
    sqlite_template,
    sqlite_url,
    store,
    url,
)


@pytest.fixture(autouse=True)
def _master_key_is_found(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where a store is: the key takes a moment to make."""
    if {"sqlite_template", "postgres_template", "url"} & set(request.fixturenames):
        monkeypatch.setenv(ENV_FILE, str(request.getfixturevalue("master_key")))
