"""States in one place, and indexes that cannot disagree with them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.domain.agent import AgentPolicy, AgentState, Line
from dialer_engine.domain.attempt import Candidate
from dialer_engine.domain.call import CallPhase, CallState
from dialer_engine.domain.events import Presence
from dialer_engine.domain.units import AgentId, AttemptId, CaseId, LegId
from dialer_engine.engine.registry import Call, Registry, fresh_agent
from dialer_engine.ports.store import AgentRow
from dialer_engine.sim.clock import VirtualClock
from tests.engine.house import CARRIER, LOANS, PBX, number

NAMES = [AgentId(str(1001 + i)) for i in range(3)]
LEGS = [LegId(f"g-{i}") for i in range(4)]


def made() -> Registry:
    registry = Registry()
    for name in NAMES:
        row = AgentRow(name)
        registry.agents[name] = fresh_agent(row, PBX, AgentPolicy())
    return registry


def a_call(index: int) -> Call:
    candidate = Candidate(LOANS, CaseId(index), "", number(index), None, 0, 0, 1, "", 0, 0, "")
    state = CallState(AttemptId(f"a-{index}"), PBX)
    return Call(state, LOANS, candidate, CARRIER, VirtualClock().now())


steps = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.integers(0, 4), st.sampled_from(CallPhase)),
        st.tuples(
            st.just("agent"),
            st.integers(0, 2),
            st.tuples(
                st.sampled_from(Line), st.sampled_from(Presence), st.sampled_from([None, *LEGS])
            ),
        ),
        st.tuples(st.just("bind"), st.integers(0, 2), st.sampled_from(LEGS)),
    ),
    max_size=60,
)


@given(steps)
def test_counters_and_indexes_equal_the_states(walk: list[tuple[str, int, object]]) -> None:
    registry = made()
    calls = [a_call(i) for i in range(5)]
    for kind, which, what in walk:
        if kind == "call":
            assert isinstance(what, CallPhase)
            registry.put_call(calls[which], replace(calls[which].state, phase=what))
        elif kind == "bind":
            if any(agent.state.leg == what for agent in registry.agents.values()):
                continue  # the PBX never gives one id to two legs
            registry.bind_leg(what, NAMES[which])  # type: ignore[arg-type]
        else:
            assert isinstance(what, tuple)
            line, presence, leg = what
            taken = {a.state.leg for n, a in registry.agents.items() if n != NAMES[which]}
            agent = registry.agents[NAMES[which]]
            state = replace(
                agent.state, line=line, presence=presence, leg=None if leg in taken else leg
            )
            registry.put_agent(agent, state)
        _check(registry, calls)


def _check(registry: Registry, calls: list[Call]) -> None:
    known = {c.state.attempt for c in registry.calls.values()}
    assert known == set(registry.calls)
    assert not any(c.state.is_over for c in registry.calls.values())
    phases = [c.state.phase for c in registry.calls.values()]
    assert all(registry.phases()[phase] == phases.count(phase) for phase in CallPhase)
    waiting = {
        c.state.attempt for c in registry.calls.values() if c.state.phase is CallPhase.WAITING
    }
    assert set(registry.waiting) == waiting
    agents: list[AgentState] = [a.state for a in registry.agents.values()]
    assert set(registry.available) == {s.agent for s in agents if s.is_available}
    working = [s.line for s in agents if s.is_working]
    assert all(registry.lines()[line] == working.count(line) for line in Line)
    for state in agents:
        assert registry.presences()[state.presence] >= 1
        if state.leg is not None:
            assert registry.legs[state.leg] == state.agent
            assert state.leg in registry.legs_of(state.agent)


def test_binding_a_new_leg_forgets_those_that_never_came_up() -> None:
    registry = made()
    registry.bind_leg(LEGS[0], NAMES[0])
    registry.bind_leg(LEGS[1], NAMES[0])
    assert registry.legs == {LEGS[1]: NAMES[0]}
    agent = registry.agents[NAMES[0]]
    registry.put_agent(agent, replace(agent.state, leg=LEGS[1]))
    registry.bind_leg(LEGS[2], NAMES[0])
    assert registry.legs == {LEGS[1]: NAMES[0], LEGS[2]: NAMES[0]}
    assert registry.forget_legs(NAMES[0]) == [LEGS[2]]
    assert registry.legs == {LEGS[1]: NAMES[0]}
