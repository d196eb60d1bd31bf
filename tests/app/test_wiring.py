"""What the configuration chooses among adapters."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from dialer_engine.app import config as cfg
from dialer_engine.app import wiring
from dialer_engine.domain.errors import ConfigError
from dialer_engine.live.memory import MemoryFeed
from dialer_engine.live.redis import RedisFeed


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
