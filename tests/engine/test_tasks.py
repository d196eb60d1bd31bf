"""No task is lost and none fails in silence."""

from __future__ import annotations

import asyncio

from dialer_engine.engine.tasks import Tasks


async def test_a_task_is_held_until_it_is_done() -> None:
    tasks, gate = Tasks(), asyncio.Event()
    task = tasks.start(gate.wait(), "waits")
    assert len(tasks) == 1
    gate.set()
    await task
    await asyncio.sleep(0)
    assert len(tasks) == 0


async def test_a_failure_is_counted() -> None:
    async def fail() -> None:
        raise RuntimeError("on purpose")

    tasks = Tasks()
    await asyncio.wait([tasks.start(fail(), "fails")])
    await asyncio.sleep(0)
    assert tasks.failures == 1


async def test_stop_ends_all_but_the_one_that_asks() -> None:
    tasks, ended = Tasks(), list[str]()

    async def wait(name: str) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(name)

    async def stop() -> None:
        await tasks.stop()
        ended.append("asker")

    tasks.start(wait("one"), "one")
    tasks.start(wait("two"), "two")
    await asyncio.sleep(0)
    await tasks.start(stop(), "asker")
    assert sorted(ended[:2]) == ["one", "two"]
    assert ended[2] == "asker"
    assert tasks.failures == 0
