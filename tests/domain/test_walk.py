"""Calls and agents together, walked at random: see `model.World.check` for what must hold."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialer_engine.domain.agent import AgentMode
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.outcome import Outcome
from tests.domain.model import World

Act = tuple[int, int, int]
acts = st.lists(st.tuples(*[st.integers(0, 839)] * 3), max_size=120)


def world(calls: int = 4, depth_first: bool = False) -> World:
    """Nailed agents and agents who are rung, with and without wrap-up."""
    made = World(depth_first)
    for number, (mode, wrap_up_s) in enumerate(
        [(AgentMode.NAILED, 20.0), (AgentMode.RING, 20.0), (AgentMode.NAILED, 0.0)]
    ):
        made.add_agent(number, mode, wrap_up_s)
    for _ in range(calls):
        made.add_call()
    return made


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(walk=acts, depth_first=st.booleans())
def test_invariants_hold_whatever_comes(walk: list[Act], depth_first: bool) -> None:
    here = world(depth_first=depth_first)
    for what, which, detail in walk:
        here.act(what, which, detail)
    here.finish()


@pytest.mark.parametrize("depth_first", [False, True])
def test_long_walks_see_everything_and_keep_the_invariants(depth_first: bool) -> None:
    """Many days with new calls coming in; together they visit every phase and almost every
    outcome, so that the invariants above were not checked on an empty house.
    """
    phases: set[object] = set()
    outcomes: set[Outcome] = set()
    for seed in range(60):
        chance = Random(seed)
        here = world(calls=3, depth_first=depth_first)
        for turn in range(400):
            here.act(chance.randrange(840), chance.randrange(840), chance.randrange(840))
            if turn % 12 == 0:
                here.add_call()
        here.finish()
        phases |= {end for _, _, end in here.arrows}
        outcomes |= {found[0] for found in here.settled.values()}
    assert phases >= set(CallPhase) - {CallPhase.PLANNED}
    assert outcomes >= {
        Outcome.COMPLETED, Outcome.ABANDONED, Outcome.MACHINE, Outcome.HUNG_UP_EARLY, Outcome.NO_ANSWER,
        Outcome.CANCELLED, Outcome.FAILED, Outcome.LOST, Outcome.BUSY, Outcome.CONGESTION,
    }  # fmt: skip
