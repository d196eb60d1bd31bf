"""The one way in which this room talks to Redis.

Rules: every question has a time limit, and it is ours: with its own (`socket_timeout`) redis-py 7.4
sends under `asyncio.wait_for`, which up to Python 3.11 can lose the cancellation of the task
(https://github.com/python/cpython/issues/86296; seen here: a reader that could not be stopped). The
library never asks twice by itself, for what was asked may have been done: the caller decides. One
client is one connection, which questions share one after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

TIMEOUT_S: Final = 5.0


def connect(url: str) -> Redis:
    """A client for `redis://`, `rediss://` or `unix://`. Connects at the first question, again
    after a failure; close it with `aclose`.
    """
    return Redis.from_url(
        url,
        socket_timeout=None,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        single_connection_client=True,
    )


async def ask(question: Awaitable[Any] | Any, timeout_s: float = TIMEOUT_S) -> Any:
    """The answer, or TimeoutError (an OSError): then it is not known whether it was done, and the
    connection is closed. redis-py's annotations cover its two flavours, hence the Any.
    """
    async with asyncio.timeout(timeout_s):
        return await cast(Awaitable[Any], question)
