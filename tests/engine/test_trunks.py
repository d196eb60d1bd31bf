"""Which trunk a call takes, and what its end says of it."""

from __future__ import annotations

from dialer_engine.domain.trunk import Breaker, TrunkLimits
from dialer_engine.domain.units import NodeName, TrunkName
from dialer_engine.engine.trunks import Trunks
from tests.engine.house import CARRIER, OTHER_CARRIER, PBX


def limits(name: TrunkName, **changes: object) -> TrunkLimits:
    given: dict[str, object] = {"max_channels": 4, "max_cps": 10.0} | changes
    return TrunkLimits(name, PBX, **given)  # type: ignore[arg-type]


def test_the_better_priority_first_then_the_lesser_load() -> None:
    trunks = Trunks([limits(CARRIER, priority=1), limits(OTHER_CARRIER, priority=0)])
    chosen = trunks.choose(PBX, 0.0)
    assert chosen is not None
    assert chosen.limits.name == OTHER_CARRIER
    even = Trunks([limits(CARRIER, max_channels=10), limits(OTHER_CARRIER, max_channels=4)])
    for _ in range(2):
        for trunk in even:
            trunk.take(0.0)
    least = even.choose(PBX, 0.0)
    assert least is not None
    assert least.limits.name == CARRIER


def test_a_trunk_of_another_node_or_without_room_is_not_chosen() -> None:
    trunks = Trunks([limits(CARRIER, max_channels=1)])
    assert trunks.choose(NodeName("elsewhere"), 0.0) is None
    first = trunks.choose(PBX, 0.0)
    assert first is not None
    first.take(0.0)
    assert trunks.choose(PBX, 0.0) is None
    assert trunks.room(PBX, 0.0) == 0
    trunks.ended(CARRIER, None, 0.0)
    assert trunks.choose(PBX, 0.0) is first


def test_a_trying_trunk_is_tried_again_when_its_call_said_nothing() -> None:
    trunks = Trunks([limits(CARRIER, breaker_window=1, breaker_pause_s=5.0)])
    trunk = next(iter(trunks))
    trunk.take(0.0)
    assert trunks.ended(CARRIER, True, 0.0) is Breaker.OPEN
    assert trunks.choose(PBX, 1.0) is None
    assert trunks.choose(PBX, 6.0) is trunk
    trunk.take(6.0)
    assert trunks.choose(PBX, 7.0) is None
    trunks.ended(CARRIER, None, 7.0)
    assert trunks.choose(PBX, 8.0) is trunk


def test_others_are_those_that_have_not_been_tried_and_work() -> None:
    trunks = Trunks([limits(CARRIER), limits(OTHER_CARRIER, breaker_window=1)])
    assert trunks.others(PBX, frozenset({CARRIER}))
    other = trunks.get(OTHER_CARRIER)
    assert other is not None
    other.take(0.0)
    trunks.ended(OTHER_CARRIER, True, 0.0)
    assert not trunks.others(PBX, frozenset({CARRIER}))


def test_new_limits_keep_the_load() -> None:
    trunks = Trunks([limits(CARRIER)])
    next(iter(trunks)).take(0.0)
    trunks.replace([limits(CARRIER, max_channels=1)])
    assert trunks.choose(PBX, 1.0) is None


def test_a_trunk_that_goes_and_comes_back_still_counts_its_calls() -> None:
    trunks = Trunks([limits(CARRIER, max_channels=2)])
    trunk = next(iter(trunks))
    trunk.take(0.0)
    trunk.take(0.0)
    trunks.replace([])
    assert list(trunks) == []
    assert trunks.choose(PBX, 1.0) is None
    trunks.ended(CARRIER, None, 1.0)
    trunks.replace([limits(CARRIER, max_channels=2)])
    back = trunks.get(CARRIER)
    assert back is not None
    assert back.in_use == 1
