"""What the reference says is complete: every command, route, table, metric, setting and context."""

from __future__ import annotations

import re

import pytest

from dialer_engine.app.config import load
from dialer_engine.cli.main import PROGRAM
from dialer_engine.store.schema import metadata
from dialer_engine.web.described import ROUTES
from dialer_engine.web.routes import _V1
from tests.docs.test_links import ROOT
from tools.docs import api, commands, configuration, metrics, store
from tools.docs.generate import REFERENCE, outdated, pages


def test_the_pages_are_as_the_code_gives_them() -> None:
    assert outdated(REFERENCE) == [], "run `make docs` and commit docs/reference"


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_page_says_that_it_is_generated(name: str) -> None:
    assert pages()[name].startswith("<!-- Written by `make docs`")


def test_every_command_has_its_section() -> None:
    text = commands.commands()
    for words in commands.leaves():
        assert f"## `{' '.join(words)}`" in text
        assert f"    {PROGRAM} {' '.join(words)}" in text


def test_every_route_has_its_section() -> None:
    text = api.api()
    assert {handler.__name__ for _, _, handler in _V1} == set(ROUTES)
    for method, path, _ in _V1:
        assert f"### `{method} {path}`" in text


def test_every_key_of_the_configuration_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIALER_CONFIG", raising=False)
    text = configuration.configuration()
    for row in load(ROOT / "config" / "dialer.yaml").effective():
        if row.key not in ("pbx.nodes", "trunks", "exchange.tokens"):
            assert f"| `{row.key}` |" in text


def test_every_table_and_column_is_listed() -> None:
    text = store.store()
    assert set(store.TABLES) == set(metadata.tables)
    known = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
    }
    assert set(store.NOTES) <= known, "a note on a column that is gone"
    for table in metadata.sorted_tables:
        assert f"## `{table.name}`" in text


def test_every_metric_is_listed_with_its_labels() -> None:
    text = metrics.metrics()
    assert "| `dialer_calls` | gauge | `phase` |" in text
    assert "| `dialer_link_total` | counter | `node`, `what` |" in text
    assert set(metrics.link_counters()) >= {"events_in", "events_shed_state", "half_open"}


def test_the_contract_names_every_context_of_the_dialplan_and_no_other() -> None:
    dialplan = (ROOT / "docker/asterisk/pbx/extensions.conf").read_text(encoding="utf-8")
    contexts = set(re.findall(r"^\[(dialer-[\w-]+)\]", dialplan, re.MULTILINE))
    contract = (REFERENCE / "dialplan.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(dialer-[\w-]+)`", contract, re.MULTILINE)) == contexts


def test_the_contract_names_every_variable_and_user_event_of_the_dialplan() -> None:
    dialplan = (ROOT / "docker/asterisk/pbx/extensions.conf").read_text(encoding="utf-8")
    code = "\n".join(line for line in dialplan.splitlines() if not line.startswith(";"))
    contract = (REFERENCE / "dialplan.md").read_text(encoding="utf-8")
    for name in set(re.findall(r"\bDE_[A-Z_]+\b", code)) | set(
        re.findall(r"UserEvent\((\w+)", code)
    ):
        assert f"`{name}`" in contract, name
