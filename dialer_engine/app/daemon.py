"""The process: one event loop, started and stopped in order, with signals and systemd.

Rules: one daemon for each state directory (a lock says so); SIGTERM drains, a second one stops at
once; SIGHUP reloads; the watchdog is fed by the loop that must not hang.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager

import structlog

from dialer_engine.app import logs, metrics, wiring
from dialer_engine.app.config import Loaded
from dialer_engine.app.exchange import Exchange
from dialer_engine.app.notify import Notifier
from dialer_engine.app.service import Service
from dialer_engine.domain.errors import ConfigError, Conflict, DialerError
from dialer_engine.engine.engine import Engine
from dialer_engine.web.app import build_app, build_exchange_app, build_probe_app
from dialer_engine.web.server import serving, serving_tcp

log = structlog.get_logger(__name__)
_CANCEL_S = 1.0
# After so long another thread lets the loop have the interpreter, which the loop gives away at each read and
# write of a socket. With Python's 5 ms an answered call waits behind the store's threads, several times
# over (docs/limits.md, "Seen in the bench").
_SWITCH_S = 50e-6


class Stop:
    """How the daemon is to end. A second wish is always the faster one."""

    def __init__(self, limit_s: float) -> None:
        self.asked = asyncio.Event()
        self.now = asyncio.Event()
        self.graceful = True
        self.limit_s = limit_s
        self.configured: Callable[[], float] = lambda: limit_s

    def ask(self, graceful: bool, limit_s: float) -> None:
        """The API's way."""
        if self.asked.is_set() or not graceful:
            self.now.set()
        self.graceful, self.limit_s = graceful, limit_s
        self.asked.set()

    def signal(self) -> None:
        """SIGTERM, SIGINT: gracefully the first time, at once the second time."""
        self.ask(not self.asked.is_set(), self.configured())


def run(settings: Loaded, reread: Callable[[], Loaded] | None = None) -> int:
    """Run until stopped; the exit code. DialerError: it could not start, and says why."""
    config = settings.config
    logs.configure(config.daemon.log_format, config.daemon.log_level)
    for warning in settings.warnings:
        log.warning("configuration", warning=warning)
    sys.setswitchinterval(_SWITCH_S)
    with _only_daemon(settings):
        asyncio.run(_main(settings, reread or (lambda: settings)))
    return 0


@contextmanager
def _only_daemon(settings: Loaded) -> Iterator[None]:
    """Hold the lock of the state directory."""
    folder = settings.config.daemon.state_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "daemon.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"daemon.state_dir {folder} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict(
            f"another daemon runs in {folder}; stop it first, or give this one a daemon.state_dir"
        ) from None
    try:
        yield
    finally:
        os.close(lock)


async def _main(settings: Loaded, reread: Callable[[], Loaded]) -> None:
    stop = Stop(settings.config.daemon.drain_limit_s)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.signal)
    recordings = wiring.library(settings)
    async with wiring.open_store(settings) as store:
        engine = wiring.make_engine(settings, store, recordings)
        service = Service(engine, settings, reread, stop.ask)
        stop.configured = lambda: service.drain_limit_s
        notifier = Notifier()
        loop.add_signal_handler(
            signal.SIGHUP, lambda: engine.tasks.start(_reload(service, notifier), "reload")
        )
        await _serve(settings, engine, service, stop, notifier)


async def _serve(
    settings: Loaded, engine: Engine, service: Service, stop: Stop, notifier: Notifier
) -> None:
    config = settings.config
    render = metrics.renderer(engine)
    exchange = wiring.make_exchange(lambda: service.config, engine)
    app = build_app(
        service, metrics=render, exchange=exchange, tokens=lambda: wiring.tokens(service.config)
    )
    config.daemon.socket.parent.mkdir(parents=True, exist_ok=True)
    mode = int(config.api.socket_mode, 8)
    async with serving(app, config.daemon.socket, mode=mode, group=config.api.socket_group):
        await engine.start()
        _set_memory_aside()
        carrying = wiring.feed_work(engine.feed)
        if carrying is not None:
            engine.tasks.start(carrying, "feed")
        engine.tasks.start(_feed_watchdog(notifier, engine), "watchdog")
        daily = wiring.daily_work(config, engine.store)
        if daily is not None:
            engine.tasks.start(daily.run(), "work of the day")
        notifier.ready("running")
        async with AsyncExitStack() as doors:
            if config.metrics.enabled:
                probes = build_probe_app(service, metrics=render)
                where = config.metrics.host, config.metrics.port
                await doors.enter_async_context(serving_tcp(probes, *where))
            if config.exchange.enabled and exchange is not None:
                await doors.enter_async_context(_network(service, exchange))
            await _until_stopped(engine, service, stop, notifier)


def _network(service: Service, exchange: Exchange) -> AbstractAsyncContextManager[int]:
    """The exchange on its port."""
    options = service.config.exchange
    app = build_exchange_app(service, exchange, lambda: wiring.tokens(service.config))
    return serving_tcp(
        app, options.host, options.port, certificate=options.certificate,
        certificate_key=options.certificate_key, most=options.max_connections,
    )  # fmt: skip


def _set_memory_aside() -> None:
    """What was built at the start lives as long as the process: the garbage collector need not walk
    it again and again. A full walk held up every call for 40 ms (70 ms on a busy machine).
    """
    gc.collect()
    gc.freeze()


async def _until_stopped(engine: Engine, service: Service, stop: Stop, notifier: Notifier) -> None:
    await stop.asked.wait()
    notifier.stopping("draining")
    if stop.graceful:
        service.state = "draining"
        notifier.extend(stop.limit_s + 30.0)
        log.info(
            "stopping: no new calls, waiting for talks",
            calls=len(engine.registry.calls),
            limit_s=stop.limit_s,
        )
        await _first(engine.drain(stop.limit_s), stop.now.wait())
    else:
        # Nobody would be there for those who ring: they are hung up, and that is given a moment.
        await engine.drain(_CANCEL_S)
    service.state = "stopping"
    await engine.stop()


async def _first(*works: object) -> None:
    """Until the first is done; the others are cancelled."""
    tasks = [asyncio.ensure_future(work) for work in works]  # type: ignore[call-overload]  # noqa: TID251
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def _reload(service: Service, notifier: Notifier) -> None:
    notifier.reloading()
    try:
        told = await service.reload()
        if told["needs_restart"]:
            log.warning("some changes take effect at the next start", keys=told["needs_restart"])
    except DialerError as error:
        log.error("the configuration was not reloaded", error=str(error))
    finally:
        notifier.ready("running")


async def _feed_watchdog(notifier: Notifier, engine: Engine) -> None:
    every = (notifier.watchdog_s or 10.0) / 2
    while True:
        notifier.alive()
        notifier.status(
            f"{len(engine.registry.calls)} calls, store {'ok' if engine.ledger.ok else 'failing'}"
        )
        await asyncio.sleep(every)
