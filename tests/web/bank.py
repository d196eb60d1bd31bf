"""A daemon as a bank's systems see it: the real applications over a real SQLite store, without a PBX."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette

from dialer_engine.app import config as cfg
from dialer_engine.app import wiring
from dialer_engine.app.exchange import Exchange
from dialer_engine.app.service import Service
from dialer_engine.engine.engine import Engine
from dialer_engine.store import SqlStore
from dialer_engine.store.keys import write_key
from dialer_engine.store.upgrade import upgrade
from dialer_engine.web.app import build_app, build_exchange_app
from dialer_engine.web.guard import Token
from dialer_engine.web.server import serving_tcp

READER, CORE, AUDIT = "reader-token", "core-token", "audit-token"
RIGHTS = {
    READER: "exchange.read",
    CORE: "exchange.read, exchange.write",
    AUDIT: "exchange.read, unmask",
}
NUMBER = "+447700900001"


def _token(token: str, rights: str) -> str:
    digest = hashlib.sha256(token.encode()).hexdigest()
    return f"{{name: {token.removesuffix('-token')}, sha256: {digest}, rights: [{rights}]}}"


def _tokens() -> str:
    return ", ".join(_token(token, rights) for token, rights in RIGHTS.items())


@dataclass(slots=True)
class House:
    """Everything of one daemon. socket: the application of the Unix socket; network: of the port."""

    store: SqlStore
    engine: Engine
    service: Service
    exchange: Exchange
    socket: Starlette
    network: Starlette


def make_store(folder: Path) -> None:
    """An empty store and its key."""
    write_key(folder / "master.key")
    upgrade(f"sqlite:///{folder}/dialer.db", folder / "master.key")


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    """A daemon in this folder, its engine started."""
    key, url = folder / "master.key", f"sqlite:///{folder}/dialer.db"
    if not key.exists():
        await asyncio.to_thread(make_store, folder)
    file = folder / "dialer.yaml"
    file.write_text(
        f"store: {{url: '{url}', key_file: {key}}}\n"
        f"daemon: {{state_dir: {folder}, socket: {folder}/api.sock}}\n"
        "compliance: {default_zone: Europe/London, default_country: GB}\n"
        f"exchange: {{currency: GBP, tokens: [{_tokens()}]}}\n",
        encoding="utf-8",
    )

    def read() -> cfg.Loaded:
        return cfg.load(file, env={})

    settings = read()
    async with wiring.open_store(settings) as store:
        assert isinstance(store, SqlStore)
        engine = wiring.make_engine(settings, store, wiring.library(settings))
        service = Service(engine, settings, read, lambda *_: None)
        exchange = wiring.make_exchange(lambda: service.config, engine)
        assert exchange is not None
        await engine.start()

        def tokens() -> list[Token]:
            return wiring.tokens(service.config)

        socket = build_app(service, metrics=lambda: b"up 1\n", exchange=exchange, tokens=tokens)
        network = build_exchange_app(service, exchange, tokens)
        try:
            yield House(store, engine, service, exchange, socket, network)
        finally:
            await engine.stop()


@contextmanager
def served(folder: Path, *, whole: bool) -> Iterator[str]:
    """The URL of a daemon that runs in a thread of its own. whole: with all that the socket has."""
    ready, stop, where = threading.Event(), threading.Event(), []

    async def main() -> None:
        async with house(folder) as one:
            app = one.socket if whole else one.network
            async with serving_tcp(app, "127.0.0.1", 0) as port:
                where.append(port)
                ready.set()
                await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    try:
        assert ready.wait(30), "the daemon did not start"
        yield f"http://127.0.0.1:{where[0]}"
    finally:
        stop.set()
        thread.join(30)
