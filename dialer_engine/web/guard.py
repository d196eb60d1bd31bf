"""Who asks, and what they may.

Rules: over the network every request but /healthz needs a bearer token; on the Unix socket a request
without one may do all but see personal fields, and one with a token may do what the token may; a token is
compared by its SHA-256 with every configured one, in a time that says nothing; neither a token nor its
hash is ever logged or repeated. Tokens are 256 random bits (`dialer-engine token`), so that a plain hash is
enough: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request

log = structlog.get_logger(__name__)

READ = "exchange.read"
WRITE = "exchange.write"
UNMASK = "unmask"
RIGHTS = (READ, WRITE, UNMASK)
# A flood of wrong tokens is one line in the log.
_LOG_EVERY_S = 10.0
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class Token:
    """name: who has it. digest: SHA-256 of the token, 64 hexadecimal digits."""

    name: str
    digest: str = field(repr=False)
    rights: frozenset[str]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    name: str
    rights: frozenset[str]


class Guard:
    """tokens: as configured now. without: the caller of a request without a token; None: there is none."""

    def __init__(self, tokens: Callable[[], Sequence[Token]], without: Caller | None) -> None:
        self._tokens = tokens
        self._without = without
        self._refused = 0
        self._told_at = -_LOG_EVERY_S

    def caller(self, request: Request) -> Caller:
        """Who asks; 401 when that is nobody we know."""
        given = request.headers.get("authorization")
        if given is None and self._without is not None:
            return self._without
        scheme, _, token = (given or "").partition(" ")
        found = self._of(token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            self._note()
            raise HTTPException(
                401, "a bearer token is needed, and none that holds was given", _CHALLENGE
            )
        return found

    def _of(self, token: str) -> Caller | None:
        """Every token is compared, whichever matches."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        found = None
        for one in self._tokens():
            if hmac.compare_digest(one.digest.encode(), digest.encode()):
                found = Caller(one.name, one.rights)
        return found

    def _note(self) -> None:
        self._refused += 1
        now = time.monotonic()
        if now - self._told_at >= _LOG_EVERY_S:
            log.warning("requests without a valid token were refused", count=self._refused)
            self._told_at, self._refused = now, 0


# The socket's mode and group are its access control; personal fields need a token there too.
ON_THE_SOCKET = Caller("", frozenset({READ, WRITE}))


def allowed(request: Request, right: str) -> Caller:
    """The caller, when they have this right; else 401 or 403."""
    guard: Guard = request.app.state.guard
    caller = guard.caller(request)
    if right not in caller.rights:
        raise HTTPException(403, f"this needs the right {right}")
    return caller
