from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from dialer_engine.domain.errors import ConfigError, Conflict
from dialer_engine.web.app import build_app, build_probe_app
from dialer_engine.web.server import serve, serving, serving_tcp
from tests.web.fake_api import FakeEngineApi


@pytest.fixture
def path() -> Iterator[Path]:
    """Short: a socket path has 107 bytes, and pytest's own folders use many of them."""
    with TemporaryDirectory(prefix="de-") as folder:
        yield Path(folder) / "api.sock"


async def ask(path: Path, where: str = "/healthz") -> int:
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    async with httpx.AsyncClient(transport=transport, base_url="http://daemon") as client:
        return (await client.get(where)).status_code


async def test_serves_as_long_as_the_block_runs(path: Path, fake: FakeEngineApi) -> None:
    async with serving(build_app(fake), path):
        assert await ask(path, "/api/v1/status") == 200
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()
    async with serving(build_app(fake), path):
        assert await ask(path) == 200


async def test_mode_and_group_as_configured(path: Path, fake: FakeEngineApi) -> None:
    async with serving(build_app(fake), path, mode=0o600, group="root"):
        found = path.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o600, 0)


async def test_unknown_group(path: Path, fake: FakeEngineApi) -> None:
    with pytest.raises(ConfigError, match="no group 'nobody-has-this'"):
        async with serving(build_app(fake), path, group="nobody-has-this"):
            pass


async def test_the_daemon_keeps_its_signal_handlers(path: Path, fake: FakeEngineApi) -> None:
    import signal

    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with serving(build_app(fake), path):
        await ask(path)
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_serve_runs_until_cancelled(path: Path, fake: FakeEngineApi) -> None:
    started = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(serve(build_app(fake), path, started=started))
        await started.wait()
        assert await ask(path) == 200
        task.cancel()
    assert not path.exists()


async def test_leftover_of_a_killed_daemon_is_removed(path: Path, fake: FakeEngineApi) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    assert path.exists()
    async with serving(build_app(fake), path):
        assert await ask(path) == 200


async def test_second_daemon_is_refused_and_the_first_goes_on(
    path: Path, fake: FakeEngineApi
) -> None:
    async with serving(build_app(fake), path):
        with pytest.raises(Conflict, match="another daemon answers on"):
            async with serving(build_app(fake), path):
                pass
        assert await ask(path) == 200


async def test_socket_of_somebody_else_is_left_alone(path: Path, fake: FakeEngineApi) -> None:
    """It answers, but has no lock of ours: another program, or a daemon of another version."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(Conflict, match="another daemon answers on"):
            async with serving(build_app(fake), path):
                pass
        assert path.exists()


async def test_two_starting_together_have_one_winner(path: Path, fake: FakeEngineApi) -> None:
    won: list[int] = []

    async def one(number: int) -> None:
        try:
            async with serving(build_app(fake), path):
                won.append(number)
                await asyncio.sleep(0.3)
        except Conflict:
            pass

    await asyncio.gather(*(one(number) for number in range(5)))
    assert len(won) == 1


async def test_a_file_that_is_no_socket_is_left_alone(path: Path, fake: FakeEngineApi) -> None:
    path.write_text("precious")
    with pytest.raises(ConfigError, match="is not a socket"):
        async with serving(build_app(fake), path):
            pass
    assert path.read_text() == "precious"


async def test_path_that_the_kernel_cannot_hold(path: Path, fake: FakeEngineApi) -> None:
    with pytest.raises(ConfigError, match="longer than 107 bytes"):
        async with serving(build_app(fake), path.with_name("x" * 120)):
            pass


async def test_folder_that_cannot_be_made(path: Path, fake: FakeEngineApi) -> None:
    path.write_text("")
    with pytest.raises(ConfigError, match="cannot make the API socket"):
        async with serving(build_app(fake), path / "below" / "api.sock"):
            pass


async def test_another_socket_in_its_place_is_not_removed(path: Path, fake: FakeEngineApi) -> None:
    async with serving(build_app(fake), path):
        path.unlink()
        path.write_text("somebody else's")
    assert path.read_text() == "somebody else's"


async def test_an_error_of_the_block_comes_out_as_it_is(path: Path, fake: FakeEngineApi) -> None:
    with pytest.raises(ZeroDivisionError):
        async with serving(build_app(fake), path):
            raise ZeroDivisionError
    assert not path.exists()


async def test_stop_ends_event_streams(path: Path, fake: FakeEngineApi) -> None:
    ended = asyncio.Event()

    async def follow() -> None:
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with (
            httpx.AsyncClient(transport=transport, timeout=None) as client,
            client.stream("GET", "http://daemon/api/v1/events") as answer,
        ):
            following.set()
            async for _ in answer.aiter_bytes():
                pass
        ended.set()

    following = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        async with serving(build_app(fake), path):
            group.create_task(follow())
            await following.wait()
        await ended.wait()
    assert fake.unsubscribed == 1


async def test_probes_on_a_port(fake: FakeEngineApi) -> None:
    async with serving_tcp(build_probe_app(fake), "127.0.0.1", 0) as port:
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
        with pytest.raises(Conflict, match=f"cannot listen on 127.0.0.1:{port}"):
            async with serving_tcp(build_probe_app(fake), "127.0.0.1", port):
                pass


@pytest.mark.skipif(os.geteuid() != 0, reason="root decides who owns a file")
async def test_lock_file_is_private(path: Path, fake: FakeEngineApi) -> None:
    async with serving(build_app(fake), path):
        assert stat.S_IMODE(Path(f"{path}.lock").stat().st_mode) == 0o600
