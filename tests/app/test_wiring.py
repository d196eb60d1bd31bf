"""What the configuration chooses among adapters."""

from __future__ import annotations

import asyncio
import sys
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from dialer_engine.app import config as cfg
from dialer_engine.app import wiring
from dialer_engine.domain.errors import ConfigError, DialerError
from dialer_engine.domain.units import E164, TrunkName
from dialer_engine.live.memory import MemoryFeed
from dialer_engine.live.redis import RedisFeed
from dialer_engine.store.upgrade import upgrade


def configured(folder: Path, *changes: str) -> cfg.Config:
    file = folder / "dialer.yaml"
    file.touch()
    return cfg.load(file, settings=changes, env={}).config


def test_without_redis_the_feed_is_in_process(tmp_path: Path) -> None:
    feed = wiring.make_feed(configured(tmp_path))
    assert isinstance(feed, MemoryFeed)
    assert wiring.feed_work(feed) is None


async def test_redis_url_chooses_the_feed_over_redis(tmp_path: Path) -> None:
    """Its keys begin with redis.prefix, and it has work that must run."""
    feed = wiring.make_feed(
        configured(tmp_path, "redis.url=redis://127.0.0.1:1/0", "redis.prefix=site-7:")
    )
    assert isinstance(feed, RedisFeed)
    assert feed._stream == "{site-7}:feed"
    work = wiring.feed_work(feed)
    assert work is not None
    task: asyncio.Task[Any] = asyncio.create_task(work)  # noqa: TID251
    await asyncio.sleep(0.05)
    # A server that is away costs nobody anything: it is tried again.
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_redis_without_its_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    monkeypatch.delitem(sys.modules, "dialer_engine.live.redis")
    monkeypatch.delitem(sys.modules, "dialer_engine.live.client", raising=False)
    with pytest.raises(ConfigError, match=r"dialer-engine\[redis\]"):
        wiring.make_feed(configured(tmp_path, "redis.url=redis://127.0.0.1/0"))


# -- the engine's part


SITE = """\
pbx: {nodes: [{name: pbx-1, host: 127.0.0.1, username: dialer, secret: hunter2},
              {name: pbx-2, host: 127.0.0.2, username: dialer, secret: hunter2, tls: {enabled: true}}]}
trunks:
  - {name: carrier-a, node: pbx-1, dial: "PJSIP/{number}@a", max_channels: 7, max_cps: 3, priority: 2,
     number_format: national, breaker: {window: 5, share: 0.4, pause_s: 9}}
  - {name: carrier-b, node: pbx-2, dial: "PJSIP/{number}@b", caller_id: "+442079460000"}
agents: {wrap_up_s: 12, callback_s: 2, ring_timeout_s: 15, dispositions: {"1": promise, "2": refused}}
compliance: {window_start: "09:00", window_end: "19:30", weekdays: [1, 2], daily_cap: 2, default_country: GB,
             default_zone: Asia/Shanghai}
pacing: {tick_s: 0.5, wait_limit_s: 1.5, max_ringing_per_agent: 3}
safe_harbour: {pbx_wait_s: 6}
recordings: {enabled: false, slow_free_mib: 300, stop_free_mib: 100}
"""


def site(folder: Path) -> cfg.Config:
    file = folder / "dialer.yaml"
    file.write_text(SITE, encoding="utf-8")
    return cfg.load(file, env={}).config


def test_the_configuration_in_the_engine_s_words(tmp_path: Path) -> None:
    settings = wiring.engine_settings(site(tmp_path))
    rules = settings.rules
    assert (rules.window_start, rules.window_end) == (time(9, 0), time(19, 30))
    assert (rules.weekdays, rules.daily_cap) == (frozenset({1, 2}), 2)
    assert rules.default_zone == "Asia/Shanghai"
    assert (settings.tick_s, settings.pbx_wait_s, settings.record) == (0.5, 6, False)
    assert settings.max_ringing_per_agent == 3
    assert settings.call.wait_limit_s == 1.5
    assert (settings.agent.wrap_up_s, settings.agent.callback_s) == (12, 2)
    assert settings.agent_ring_timeout_s == 15
    assert settings.dtmf == {"1": "promise", "2": "refused"}
    assert set(settings.dispositions) == {"promise", "refused"}
    assert "default" in settings.strategies


def test_the_name_of_a_daemon_stays_its_own(tmp_path: Path) -> None:
    """It gets its leases back after a crash, and another state directory is another daemon."""
    first = wiring.engine_settings(site(tmp_path)).instance
    assert wiring.engine_settings(site(tmp_path)).instance == first
    other = configured(tmp_path, f"daemon.state_dir={tmp_path / 'other'}")
    assert wiring.engine_settings(other).instance != first


def test_trunks_of_the_engine_and_of_their_nodes(tmp_path: Path) -> None:
    config = site(tmp_path)
    first, second = wiring.trunk_limits(config)
    assert (first.name, first.node, first.max_channels, first.max_cps) == (
        "carrier-a",
        "pbx-1",
        7,
        3,
    )
    assert (first.priority, first.breaker_window, first.breaker_pause_s) == (2, 5, 9)
    assert (second.name, second.node) == ("carrier-b", "pbx-2")
    dials = wiring.trunk_dials(config, "pbx-1")
    assert list(dials) == ["carrier-a"]
    assert dials[TrunkName("carrier-a")].channel(E164("+447700900123")) == "PJSIP/07700900123@a"
    assert wiring.trunk_dials(config, "pbx-2")[TrunkName("carrier-b")].caller_id == "+442079460000"


@pytest.mark.parametrize(
    ("form", "digits"),
    [("e164", "447700900123"), ("plus", "+447700900123"), ("national", "07700900123")],
)
def test_numbers_as_carriers_want_them(form: str, digits: str) -> None:
    assert wiring._FORMS[form](E164("+447700900123")) == digits


async def test_one_node_for_each_pbx_none_of_which_is_connected_yet(tmp_path: Path) -> None:
    nodes = wiring.make_nodes(site(tmp_path))
    assert [node.name for node in nodes] == ["pbx-1", "pbx-2"]
    assert not any(node.health().connected for node in nodes)
    link = wiring.link_config(site(tmp_path).pbx.nodes[1])
    assert link.tls is not None
    assert "hunter2" not in repr(link)


def test_watermarks_are_in_bytes(tmp_path: Path) -> None:
    marks = wiring.watermarks(site(tmp_path))
    assert (marks.slow_bytes, marks.stop_bytes) == (300 << 20, 100 << 20)


async def test_a_store_is_opened_and_closed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    file = tmp_path / "dialer.yaml"
    file.touch()
    loaded = cfg.load(file, settings=[f"store.url={url}"], env={})
    with pytest.raises(DialerError, match="db upgrade"):
        async with wiring.open_store(loaded):
            pass
    upgrade(url)
    async with wiring.open_store(loaded) as store:
        assert await store.campaigns() == []
