"""Serving inside the daemon's own loop, on a Unix socket.

Rules: the daemon owns the signals, not the server; whoever holds the lock beside the socket owns the
socket; a socket file that nobody answers on is a leftover and is removed, one that answers belongs
to another daemon and is left alone; stopping ends the event streams first and removes the file.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import grp
import os
import socket
import ssl
import stat
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette

from dialer_engine.domain.errors import ConfigError, Conflict

# The owner and the group of the daemon may talk to it; nobody else.
SOCKET_MODE = 0o660
# How long a request in flight may take when the daemon stops.
_STOP_S = 5
# The kernel's limit of a path in sockaddr_un is 108 bytes with its NUL (unix(7)).
_PATH_LIMIT = 107
# A local daemon accepts at once; one that does not within a second is hung, but alive.
_PROBE_S = 1.0
_BACKLOG = 128
# Longer than any poller pauses, so that none meets a connection that is just being closed.
_KEEP_ALIVE_S = 75
_OWN_GROUP = -1

log = structlog.get_logger(__name__)


async def serve(
    app: Starlette,
    socket_path: Path | str,
    *,
    mode: int = SOCKET_MODE,
    group: str = "",
    started: asyncio.Event | None = None,
) -> None:
    """Serve until cancelled. mode, group: of the socket file (group empty: the daemon's own).
    started: set when requests are taken. Conflict when another daemon answers there, ConfigError
    when the path or the group cannot be used.
    """
    async with serving(app, socket_path, mode=mode, group=group):
        if started is not None:
            started.set()
        await asyncio.Event().wait()


@asynccontextmanager
async def serving(
    app: Starlette, socket_path: Path | str, *, mode: int = SOCKET_MODE, group: str = ""
) -> AsyncIterator[None]:
    """Serve on a Unix socket as long as the block runs; arguments and errors as in `serve`."""
    path = Path(socket_path)
    with _claimed(path), _bound(path, mode, group) as sock:
        async with _running(app, sock):
            yield


@asynccontextmanager
async def serving_tcp(
    app: Starlette,
    host: str,
    port: int,
    *,
    certificate: Path | None = None,
    certificate_key: Path | None = None,
    most: int | None = None,
) -> AsyncIterator[int]:
    """Serve on a TCP port (the probes, the exchange); yields the port, which matters for port 0.
    certificate, certificate_key: PEM files for TLS. most: connections at once. Conflict when the port is
    taken, ConfigError when the certificate cannot be used.
    """
    tls = _tls(certificate, certificate_key) | {"limit_concurrency": most}
    try:
        sock = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise Conflict(f"cannot listen on {host}:{port}: {error.strerror}") from error
    with sock:
        async with _running(app, sock, tls):
            yield sock.getsockname()[1]


def _tls(certificate: Path | None, key: Path | None) -> dict[str, Any]:
    """Options of the server. Tried here: the server itself would end the process."""
    if certificate is None or key is None:
        return {}
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror or type(error).__name__
        raise ConfigError(
            f"the certificate {certificate} or its key cannot be used: {why}"
        ) from None
    return {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}


class _Server(uvicorn.Server):
    """uvicorn without its hands on the signals."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


@asynccontextmanager
async def _running(
    app: Starlette, sock: socket.socket, options: Mapping[str, Any] | None = None
) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app,
        **(options or {}),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_STOP_S,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    server = _Server(config)
    # The socket listens already: who connects before the task runs waits in its backlog.
    task = asyncio.get_running_loop().create_task(server.serve(sockets=[sock]), name="api server")
    task.add_done_callback(_report)
    try:
        yield
    finally:
        app.state.closing.set()
        server.should_exit = True
        with contextlib.suppress(Exception):
            await task


def _report(task: asyncio.Task[None]) -> None:
    """A server that died is heard of at once, not when the daemon stops."""
    if not task.cancelled() and task.exception() is not None:
        log.error("api server failed", exc_info=task.exception())


# -- the socket file -------------------------------------------------------------------------------


@contextmanager
def _claimed(path: Path) -> Iterator[None]:
    """Hold the lock beside the socket, so that two daemons starting together cannot both win."""
    if len(os.fsencode(path)) > _PATH_LIMIT:
        raise ConfigError(
            f"the socket path {path} is longer than {_PATH_LIMIT} bytes; use a shorter one"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        _lock(lock, path)
        yield
    finally:
        os.close(lock)


def _lock(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise _taken(path) from None


def _taken(path: Path) -> Conflict:
    return Conflict(
        f"another daemon answers on {path}; stop it first (`dialer-engine stop`), "
        "or give this one another socket"
    )


@contextmanager
def _bound(path: Path, mode: int, group: str) -> Iterator[socket.socket]:
    _clear(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            mine = _bind(sock, path, mode, _group_id(group))
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            yield sock
        finally:
            _remove(path, mine)


def _bind(sock: socket.socket, path: Path, mode: int, group: int) -> os.stat_result:
    """Bind closed to others from the first moment: before a chmod another user could connect."""
    before = os.umask(0o177)
    try:
        sock.bind(os.fspath(path))
    finally:
        os.umask(before)
    if group != _OWN_GROUP:
        os.chown(path, -1, group)
    path.chmod(mode)
    sock.listen(_BACKLOG)
    sock.setblocking(False)
    return path.stat()


def _group_id(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid if name else _OWN_GROUP
    except KeyError:
        raise ConfigError(
            f"there is no group {name!r} for the API socket; see api.socket_group"
        ) from None


def _remove(path: Path, mine: os.stat_result) -> None:
    """Remove the socket file, unless somebody put another one in its place."""
    with contextlib.suppress(OSError):
        if os.path.samestat(path.stat(), mine):
            path.unlink()


def _unusable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"cannot make the API socket {path}: {error.strerror}; "
        "choose a folder that the daemon's user may write to"
    )


def _clear(path: Path) -> None:
    """Remove a leftover; Conflict when it is no leftover, ConfigError when it is no socket."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise ConfigError(f"{path} exists and is not a socket; move it away or choose another path")
    if _answers(path):
        raise _taken(path)
    path.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    """Whether somebody accepts there. A full backlog or a timeout counts as somebody."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
        return True
