"""Leases over Redis: who may do what alone, for a limited time.

Rules: taking, extending and giving back are each one script, so nobody comes between look and act;
only the holder of the very lease (name and token) can extend or give it back, so a daemon that
slept past its time does not steal it from the next; the token grows with every lease taken, also
after Redis lost its data (it is never lower than Redis's clock in microseconds), and whoever acts
under a lease hands it to the store, which refuses older ones: that, and not the lease, is what
keeps two apart when a daemon sleeps between check and act.

Limits: Redis replicates after it has answered, so a failover can lose a lease that was just taken;
the token is what makes that harmless. The deadline is counted from before the question, on this
machine's clock that never steps, and is shortened by `DRIFT` for clocks that run unevenly.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from dialer_engine.domain.errors import BadValue, RedisUnavailable
from dialer_engine.live.client import TIMEOUT_S, ask

# Share of the time by which two clocks may differ; far above what crystals do (0.0001).
DRIFT: Final = 0.01

# KEYS: lease, token counter. ARGV: holder, milliseconds.
_TAKE: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local now = redis.call('TIME')
local token = now[1] * 1000000 + now[2]
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
if token <= last then token = last + 1 end
token = string.format('%.0f', token)
redis.call('SET', KEYS[2], token)
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', token)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return token
"""

# KEYS: lease. ARGV: holder, token, milliseconds; 0 gives it back.
_EXTEND: Final = """
local lease = redis.call('HMGET', KEYS[1], 'holder', 'token')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then return 0 end
if ARGV[3] == '0' then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """What one holder has. token: to be handed to the store with every act. deadline: on the clock
    that never steps, in seconds; from then on it may be another's.
    """

    name: str
    holder: str
    token: int
    deadline: float

    def valid(self, mono: float) -> bool:
        """Whether it holds at this moment of the clock that never steps."""
        return mono < self.deadline


class RedisLeases:
    """Leases under `prefix`, over a client of `client.connect`.

    Holder names are unique to a process (host, pid, start), not to a machine: two daemons with one
    name would not be told apart by a person reading them. timeout_s: for each question; well below
    the shortest lease, or it ends while one waits to extend it.
    """

    def __init__(
        self,
        client: Redis,
        *,
        prefix: str = "dialer",
        timeout_s: float = TIMEOUT_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._prefix = client, prefix
        self._timeout_s, self._monotonic = timeout_s, monotonic

    async def take(self, name: str, holder: str, ttl_s: float) -> Lease | None:
        """Take a free lease for `ttl_s` seconds; None while anybody has it, also under the same
        name. RedisUnavailable: not known, treat as not taken.
        """
        began, milliseconds = self._monotonic(), _milliseconds(ttl_s)
        keys = (self._key(name), self._key(name) + ":token")
        token = await self._do(_TAKE, keys, (holder, milliseconds))
        if token is None:
            return None
        return Lease(name, holder, int(token), began + ttl_s * (1 - DRIFT))

    async def extend(self, lease: Lease, ttl_s: float) -> Lease | None:
        """The same lease for `ttl_s` seconds from now; None when it is no longer ours: stop at
        once. RedisUnavailable: the old deadline stands.
        """
        began, milliseconds = self._monotonic(), _milliseconds(ttl_s)
        arguments = (lease.holder, lease.token, milliseconds)
        if not await self._do(_EXTEND, (self._key(lease.name),), arguments):
            return None
        return Lease(lease.name, lease.holder, lease.token, began + ttl_s * (1 - DRIFT))

    async def release(self, lease: Lease) -> bool:
        """Give it back; False when it was no longer ours."""
        arguments = (lease.holder, lease.token, 0)
        return bool(await self._do(_EXTEND, (self._key(lease.name),), arguments))

    async def holder(self, name: str) -> tuple[str, int] | None:
        """Who has it, and the token; None when it is free."""
        try:
            holder, token = await ask(
                self._client.hmget(self._key(name), ["holder", "token"]), self._timeout_s
            )
        except (RedisError, OSError) as error:
            raise RedisUnavailable(f"redis: {type(error).__name__}") from error
        return (holder.decode(), int(token)) if holder and token else None

    def _key(self, name: str) -> str:
        # One hash tag, so that lease and counter are in one slot of a cluster.
        return f"{{{self._prefix}:{name}}}:lease"

    async def _do(self, script: str, keys: tuple[str, ...], arguments: tuple[Any, ...]) -> Any:
        try:
            return await ask(
                self._client.eval(script, len(keys), *keys, *arguments), self._timeout_s
            )
        except (RedisError, OSError) as error:
            raise RedisUnavailable(f"redis: {type(error).__name__}") from error


def _milliseconds(ttl_s: float) -> int:
    if ttl_s < 0.001:
        raise BadValue("a lease lasts at least a millisecond")
    return round(ttl_s * 1000)
