"""Leases on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from dialer_engine.domain.errors import BadValue, RedisUnavailable
from dialer_engine.live.client import connect
from dialer_engine.live.leases import Lease, RedisLeases
from tests.live.conftest import Server


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def client(redis_server: Server) -> AsyncIterator[Redis]:
    client = connect(redis_server.url)
    yield client
    await client.aclose()


@pytest.fixture
def leases(client: Redis) -> RedisLeases:
    return RedisLeases(client, monotonic=Clock())


async def take(leases: RedisLeases, holder: str, name: str = "campaign/demo") -> Lease:
    lease = await leases.take(name, holder, 10.0)
    assert lease is not None
    return lease


async def expire(client: Redis) -> None:
    """Let its time be over."""
    await client.delete("{dialer:campaign/demo}:lease")


async def test_one_has_it_and_nobody_else(leases: RedisLeases) -> None:
    lease = await take(leases, "one")
    assert await leases.take("campaign/demo", "two", 10.0) is None
    assert await leases.take("campaign/demo", "one", 10.0) is None
    assert await leases.holder("campaign/demo") == ("one", lease.token)
    assert await leases.holder("campaign/other") is None
    await take(leases, "two", "campaign/other")


async def test_the_deadline_is_counted_from_before_the_question_and_shortened(
    leases: RedisLeases,
) -> None:
    lease = await take(leases, "one")
    assert lease.deadline == pytest.approx(109.9)
    assert lease.valid(109.8)
    assert not lease.valid(109.9)


async def test_extending(leases: RedisLeases, client: Redis) -> None:
    lease = await take(leases, "one")
    longer = await leases.extend(lease, 60.0)
    assert longer is not None
    assert longer.token == lease.token
    assert longer.deadline > lease.deadline
    assert 50_000 < await client.pttl("{dialer:campaign/demo}:lease") <= 60_000


async def test_it_ends_by_itself(leases: RedisLeases) -> None:
    assert await leases.take("short", "one", 0.02) is not None
    async with asyncio.timeout(10):
        while await leases.take("short", "two", 10.0) is None:
            await asyncio.sleep(0.01)


async def test_one_who_slept_cannot_extend_or_give_back_anothers(
    leases: RedisLeases, client: Redis
) -> None:
    old = await take(leases, "one")
    await expire(client)
    new = await take(leases, "two")
    assert await leases.extend(old, 10.0) is None
    assert not await leases.release(old)
    assert await leases.holder("campaign/demo") == ("two", new.token)


async def test_not_even_under_the_same_name(leases: RedisLeases, client: Redis) -> None:
    old = await take(leases, "one")
    await expire(client)
    new = await take(leases, "one")
    assert new.token > old.token
    assert await leases.extend(old, 10.0) is None
    assert not await leases.release(old)
    assert await leases.extend(new, 10.0) is not None


async def test_given_back_it_is_free(leases: RedisLeases) -> None:
    lease = await take(leases, "one")
    assert await leases.release(lease)
    assert not await leases.release(lease)
    assert await leases.extend(lease, 10.0) is None
    await take(leases, "two")


async def test_tokens_grow_also_after_redis_lost_everything(
    leases: RedisLeases, client: Redis
) -> None:
    tokens = []
    for number in range(20):
        lease = await take(leases, f"holder-{number}")
        tokens.append(lease.token)
        await (client.flushall() if number % 2 else leases.release(lease))
    assert tokens == sorted(set(tokens))


async def test_tokens_grow_also_when_the_clock_stepped_back(
    leases: RedisLeases, client: Redis
) -> None:
    ahead = 4_000_000_000_000_000
    await client.set("{dialer:campaign/demo}:lease:token", ahead)
    assert (await take(leases, "one")).token == ahead + 1


async def test_of_many_at_once_one_gets_it(leases: RedisLeases) -> None:
    got = await asyncio.gather(*(leases.take("race", f"h{n}", 10.0) for n in range(30)))
    assert len([lease for lease in got if lease is not None]) == 1


async def test_a_dead_redis_is_said(tmp_path: Path) -> None:
    client = connect(f"unix://{tmp_path}/nobody.sock")
    leases = RedisLeases(client)
    lease = Lease("x", "one", 1, 0.0)
    for call in (
        leases.take("x", "one", 1.0),
        leases.extend(lease, 1.0),
        leases.release(lease),
        leases.holder("x"),
    ):
        with pytest.raises(RedisUnavailable):
            await call
    await client.aclose()


async def test_a_frozen_redis_is_said_and_forgotten(redis_server: Server) -> None:
    client = connect(redis_server.url)
    leases = RedisLeases(client, timeout_s=0.2)
    lease = await take(leases, "one")
    redis_server.freeze()
    with pytest.raises(RedisUnavailable, match="TimeoutError"):
        await leases.extend(lease, 10.0)
    redis_server.thaw()
    # The late answer is not taken for that to the next question.
    assert await leases.holder("campaign/demo") == ("one", lease.token)
    await client.aclose()


async def test_a_lease_of_no_time(leases: RedisLeases) -> None:
    with pytest.raises(BadValue):
        await leases.take("x", "one", 0.0)
