"""Errors of this room that the one tree (`domain/errors.py`) has no class for yet."""

from __future__ import annotations

from dialer_engine.domain.errors import DialerError


class RedisUnavailable(DialerError):
    """Redis does not answer, or refuses. Check redis.url, the server and its log. Screens stand
    still meanwhile, calls go on; a lease that cannot be extended is lost when its time is over.
    """
