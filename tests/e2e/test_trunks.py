"""What a trunk can bear, as the world sees it: calls at once, calls a second; and the breaker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.e2e.feed import Feed
from tests.e2e.floor import Floor, open_floor
from tools.lab.mix import number_for as number_that
from tools.rig.people import numbers as drama_numbers
from tools.rig.world import Arrival

pytestmark = pytest.mark.pbx
AGENTS = 10
CHANNELS, CPS = 6, 4.0
WINDOW, PAUSE_S = 6, 2.0
# The wire and the PBX between the daemon's clock and the world's.
JITTER_S = 0.25
WEIGHTS = {"talk": 40, "busy": 30, "declined": 30}
CHANGES = {"trunks.0.breaker": {"window": WINDOW, "share": 0.5, "pause_s": PAUSE_S}}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    folder = tmp_path_factory.mktemp("e2e")
    with open_floor(
        folder, agents=AGENTS, world={"weights": WEIGHTS}, changes=CHANGES,
        cps=CPS, channels=CHANNELS, trunks=("carrier-a",),
    ) as opened:  # fmt: skip
        opened.site.add_agents(AGENTS)
        opened.site.wait_idle(AGENTS)
        yield opened


@pytest.fixture
def floor(shared: Floor) -> Iterator[Floor]:
    """Each test begins with no call up, a carrier that takes calls, and agents who are free."""
    yield shared
    shared.clear()
    shared.all_idle(AGENTS)


def _most_at_once(calls: Sequence[Arrival]) -> int:
    changes = [(one.came, 1) for one in calls] + [(one.went, -1) for one in calls if one.went]
    up = most = 0
    for _, change in sorted(changes):
        up += change
        most = max(most, up)
    return most


def _check_rate(calls: Sequence[Arrival]) -> None:
    """In no window of w seconds more than cps * w + max(1, cps) calls: domain/trunk.py."""
    times = sorted(one.came for one in calls)
    for i, start in enumerate(times):
        for j in range(i + 1, len(times)):
            width = times[j] - start + JITTER_S
            assert j - i + 1 <= CPS * width + max(1.0, CPS)


def test_channels_and_calls_a_second(floor: Floor) -> None:
    numbers = [number for number, _ in zip(drama_numbers(), range(40), strict=False)]
    name = floor.campaign("limits", numbers, mode="ratio", ratio=4.0)
    floor.start(name)
    floor.until(lambda: len(floor.attempts(name)) >= len(numbers), "all dialled", 60.0)
    floor.quiet()
    floor.until(lambda: len(floor.world.calls()) == len(numbers), "seen by the world")
    floor.until(lambda: not floor.world.up(), "free of calls in the world")
    calls = floor.world.calls()
    assert _most_at_once(calls) == CHANNELS
    _check_rate(calls)
    # And the limit was used, not only kept.
    took = max(one.came for one in calls) - min(one.came for one in calls)
    assert len(calls) / took > 0.3 * CPS


def test_the_breaker_opens_tries_and_closes_and_tells(floor: Floor) -> None:
    numbers = [number for number, _ in zip(drama_numbers(), range(140), strict=False)][100:]
    alarms = Feed(floor.site, "alarms")
    floor.world.forget()
    floor.lab.congest("carrier-a")
    name = floor.campaign("breaker", numbers)
    floor.start(name)
    floor.until(lambda: _breaker(floor) == "open", "open")
    floor.dialled()
    opened = len(floor.world.calls())
    assert opened <= WINDOW + CHANNELS
    # One call tries while it is open, and fails; then the carrier is well again.
    floor.until(lambda: len(floor.world.calls()) > opened, "a trial")
    assert _breaker(floor) in ("open", "trying")
    floor.lab.congest("carrier-a", False)
    floor.until(lambda: _breaker(floor) == "closed", "closed")
    count = len(floor.attempts(name))
    floor.until(lambda: len(floor.attempts(name)) > count + 2, "dialling again")
    floor.site.api.post(f"/campaigns/{name}/stop")
    floor.quiet()
    floor.until(lambda: "closed" in [one["breaker"] for one in alarms.named("breaker")], "told")
    told = [one["breaker"] for one in alarms.named("breaker")]
    alarms.close()
    assert told[0] == "open"
    assert told[-1] == "closed"
    assert set(told) == {"open", "closed"}
    trunk = floor.site.api.get("/status")["trunks"][0]
    assert trunk["in_use"] == 0


def _breaker(floor: Floor) -> str:
    return str(floor.site.api.get("/status")["trunks"][0]["breaker"])


def test_a_number_that_no_trunk_takes_is_not_dialled_for_ever(floor: Floor) -> None:
    number = number_that("congestion", 1)
    rows = floor.run("hopeless", [number])[number]
    assert [one.outcome for one in rows] == ["congestion"]
    assert len(floor.world.calls([number])) == 1
