"""Recordings after the call, and the disk they lie on."""

from __future__ import annotations

from dialer_engine.domain.errors import StoreUnavailable
from dialer_engine.domain.units import AttemptId
from dialer_engine.ports.recordings import DiskState
from tests.engine.house import House, settings, virtual


async def talked(house: House) -> AttemptId:
    await house.login(*house.agents(1))
    attempt = await house.talking()
    await house.wait(3.0)
    house.pbx.end(attempt)
    await house.wait(3.0)
    return attempt


@virtual
async def test_each_answered_call_is_matched_once() -> None:
    house = House()
    await house.campaign(cases=1)
    async with house:
        attempt = await talked(house)
        assert house.store.recordings[attempt].status == "verified"
        assert (house.engine.keeper.verified, house.engine.keeper.failed) == (1, 0)
        asked = house.store.asked["save_recordings"]
        await house.wait(10.0)
        assert house.store.asked["save_recordings"] == asked


@virtual
async def test_what_does_not_match_is_an_alarm_and_a_row() -> None:
    house = House()
    await house.campaign(cases=1)
    async with house:
        await house.login(*house.agents(1))
        attempt = await house.talking()
        house.recordings.missing.add(attempt)
        house.pbx.end(attempt)
        await house.wait(3.0)
        assert house.store.recordings[attempt].status == "missing"
        told = [(kind, text) for kind, text, _, _ in house.store.alarms if kind == "recording"]
        assert told == [("recording", "missing: no file")]
        assert house.feed.of("alarms", event="recording", attempt=attempt)


@virtual
async def test_a_change_of_the_disk_is_told_once() -> None:
    house = House()
    async with house:
        for state in (DiskState.SLOW, DiskState.SLOW, DiskState.FULL, DiskState.OK):
            house.recordings.state = state
            await house.wait(3.0)
            assert house.engine.dialling.disk is state
        assert [message["disk"] for message in house.feed.of("alarms", event="disk")] == [
            "slow", "full", "ok",
        ]  # fmt: skip
        assert [kind for kind, *_ in house.store.alarms].count("disk") == 3


@virtual
async def test_a_disk_that_cannot_be_judged_counts_as_full() -> None:
    house = House()
    async with house:

        def broken() -> DiskState:
            raise OSError("stale handle")

        house.recordings.disk = broken  # type: ignore[method-assign]
        await house.wait(3.0)
        assert house.engine.dialling.disk is DiskState.FULL


@virtual
async def test_the_keeper_outlives_a_store_and_a_fault_of_its_own() -> None:
    house = House()
    await house.campaign(cases=2)
    async with house:
        real = house.recordings.verify
        faults: list[Exception] = [StoreUnavailable("locked"), KeyError("on purpose")]

        async def faulty(expected: object) -> object:
            if faults:
                raise faults.pop()
            return await real(expected)  # type: ignore[arg-type]

        house.recordings.verify = faulty  # type: ignore[method-assign,assignment]
        attempt = await talked(house)
        await house.wait(5.0)
        assert house.store.recordings[attempt].status == "verified"
        assert house.engine.tasks.failures == 0


@virtual
async def test_no_recording_means_no_keeper() -> None:
    house = House(settings(record=False))
    await house.campaign(cases=1)
    async with house:
        attempt = await talked(house)
        assert house.pbx.dialled[0].recording == ""
        assert attempt not in house.store.recordings
