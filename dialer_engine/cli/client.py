"""Talking to the daemon: HTTP over its Unix socket.

Rules: an answer with `{error, code, hint}` becomes the same exception that the engine raised;
nobody there becomes DaemonUnreachable; no httpx error leaves this file.
"""

from __future__ import annotations

import json
import os
import pwd
import socket
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from dialer_engine.domain.errors import DaemonUnreachable, DialerError
from dialer_engine.engine.api import error_class

BASE = "http://daemon/api/v1"
# doctor asks every PBX node for a dozen things; everything else answers in milliseconds.
_CONNECT_S = 3.0
TIMEOUT = httpx.Timeout(30.0, connect=_CONNECT_S)
# The daemon sends something every 15 s.
_STREAM_TIMEOUT = httpx.Timeout(60.0, connect=_CONNECT_S)


class Client:
    """The API, one method an HTTP method. Answers are plain data. DaemonUnreachable when nobody
    answers.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.knock()
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(uds=os.fspath(path)), timeout=TIMEOUT, headers=_who()
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def knock(self) -> None:
        """DaemonUnreachable when nobody answers, with the kernel's reason."""
        _reach(self.path)

    def get(self, where: str, **query: str | None) -> Any:
        """GET; None among the query is left out."""
        return self._ask("GET", where, params=_given(query))

    def post(self, where: str, body: Mapping[str, Any] | None = None) -> Any:
        """POST with a JSON body."""
        return self._ask("POST", where, json=dict(body or {}))

    def patch(self, where: str, body: Mapping[str, Any]) -> Any:
        """PATCH with a JSON body."""
        return self._ask("PATCH", where, json=dict(body))

    def put(self, where: str, body: Mapping[str, Any]) -> Any:
        """PUT with a JSON body."""
        return self._ask("PUT", where, json=dict(body))

    def events(self, topics: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Messages of the live feed, for ever."""
        with (
            _translated(self.path),
            self._http.stream(
                "GET", f"{BASE}/events", params=_topics(topics), timeout=_STREAM_TIMEOUT
            ) as answer,
        ):
            if answer.is_error:
                answer.read()
            _check(answer)
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def _ask(self, method: str, where: str, **what: Any) -> Any:
        with _translated(self.path):
            answer = self._http.request(method, BASE + where, **what)
        _check(answer)
        return answer.json()


class AsyncClient:
    """The same for `top`, which listens and asks at the same time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=os.fspath(path)), timeout=TIMEOUT, headers=_who()
        )

    async def get(self, where: str) -> Any:
        """GET."""
        return await self._ask("GET", where)

    async def send(self, method: str, where: str, body: Mapping[str, Any]) -> Any:
        """POST or PATCH with a JSON body."""
        return await self._ask(method, where, json=dict(body))

    async def events(self, topics: Iterable[str]) -> AsyncIterator[dict[str, Any]]:
        """Messages of the live feed until the daemon ends it."""
        with _translated(self.path):
            async with self._http.stream(
                "GET", f"{BASE}/events", params=_topics(topics), timeout=_STREAM_TIMEOUT
            ) as answer:
                if answer.is_error:
                    await answer.aread()
                _check(answer)
                async for line in answer.aiter_lines():
                    if line.startswith("data: "):
                        yield json.loads(line.removeprefix("data: "))

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def _ask(self, method: str, where: str, **what: Any) -> Any:
        with _translated(self.path):
            answer = await self._http.request(method, BASE + where, **what)
        _check(answer)
        return answer.json()


def _who() -> dict[str, str]:
    """Who changes something: the user of this shell, as they were before sudo."""
    try:
        user = os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return {"X-Dialer-User": user.encode("ascii", "replace").decode()}


def _given(query: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in query.items() if value is not None}


def _topics(topics: Iterable[str]) -> dict[str, str]:
    return {"topics": ",".join(topics)}


def _reach(path: Path) -> None:
    """Knock once: the kernel says more precisely than httpx why nobody opens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        knock.settimeout(_CONNECT_S)
        try:
            knock.connect(os.fspath(path))
        except PermissionError:
            raise DaemonUnreachable(
                f"you may not open {path}; become a member of its group, or use sudo"
            ) from None
        except OSError:
            raise DaemonUnreachable(f"no daemon answers on {path}") from None


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise DaemonUnreachable(f"no daemon answers on {path}") from None
    except httpx.TimeoutException:
        raise DaemonUnreachable(f"the daemon on {path} does not answer in time") from None
    except httpx.TransportError:
        raise DaemonUnreachable(f"the daemon on {path} went away before it answered") from None


def _check(answer: httpx.Response) -> None:
    """Raise what the engine raised."""
    if not answer.is_error:
        return
    try:
        body = answer.json()
        text, code, hint = body["error"], body["code"], body["hint"]
    except (ValueError, KeyError, TypeError):
        raise DialerError(f"the daemon answered with HTTP {answer.status_code}") from None
    error = error_class(code)(text)
    error.add_note(hint)
    raise error
