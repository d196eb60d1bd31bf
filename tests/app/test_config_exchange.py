"""What the configuration refuses of the exchange: whatever would leave data open."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialer_engine.app import config as cfg
from dialer_engine.domain.errors import ConfigError

DIGEST = "0" * 64
TOKEN = f"{{name: core, sha256: {DIGEST}}}"


def load(folder: Path, text: str) -> cfg.Exchange:
    file = folder / "dialer.yaml"
    file.write_text(f"exchange: {{{text}}}\n", encoding="utf-8")
    return cfg.load(file, env={}).config.exchange


def test_it_is_off_by_default(tmp_path: Path) -> None:
    found = load(tmp_path, "")
    assert (found.enabled, found.host, found.tokens) == (False, "127.0.0.1", ())


@pytest.mark.parametrize(
    "more",
    ["", "host: '::1'", "host: 0.0.0.0, behind_proxy: true",
     "host: 0.0.0.0, certificate: a.pem, certificate_key: b.pem"],
)  # fmt: skip
def test_it_listens_where_nothing_is_in_the_clear(tmp_path: Path, more: str) -> None:
    found = load(tmp_path, f"enabled: true, tokens: [{TOKEN}], {more}")
    assert found.enabled
    assert found.tokens[0].rights == ("exchange.read",)


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        ("enabled: true", "exchange.tokens", "nobody could ask"),
        (f"enabled: true, host: 0.0.0.0, tokens: [{TOKEN}]", "exchange.host", "in the clear"),
        ("certificate: a.pem", "exchange.certificate_key", "belong together"),
        (f"tokens: [{TOKEN}, {TOKEN}]", "exchange.tokens[core]", "already taken"),
        (
            "tokens: [{name: core, sha256: secret}]",
            "exchange.tokens[core].sha256",
            "64 hexadecimal",
        ),
        (f"tokens: [{{name: core, sha256: {DIGEST}, rights: [all]}}]", "rights", "exchange.write"),
        (f"tokens: [{{name: core, sha256: {DIGEST}, rights: []}}]", "rights", "must be some of"),
        ("currency: yuan", "exchange.currency", "three capital letters"),
    ],
)
def test_what_would_leave_it_open_is_refused(tmp_path: Path, text: str, key: str, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    assert key in str(refused.value)
    assert why in str(refused.value)
