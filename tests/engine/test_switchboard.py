"""From answer to bridge and back, as transcripts."""

from __future__ import annotations

from dialer_engine.domain import events as ev
from dialer_engine.domain.agent import AgentMode, Line
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.outcome import Ending
from dialer_engine.domain.units import AttemptId, CampaignName, LegId
from tests.engine.house import LOANS
from tests.engine.transcript import Play

HUMAN = ev.Verdict.HUMAN
CARDS = CampaignName("cards")


def test_an_answer_is_shown_and_bridged_in_the_same_turn() -> None:
    play = Play()
    play.agent("1001")
    a = play.call("1")
    play >> ev.CallAnswered(a)
    play.quiet()
    play >> ev.CallClassified(a, HUMAN)
    play << "show 1001 a-1" << "bridge a-1 g-1001"
    play >> ev.CallBridged(a, LegId("g-1001"))
    play.quiet()
    assert play.phase(a) is CallPhase.TALKING


def test_the_longest_idle_agent_is_chosen() -> None:
    play = Play()
    play.agent("1001")
    play.agent("1002")
    play >> ev.CallClassified(play.call("1"), HUMAN)
    play << "show 1001 a-1" << "bridge a-1 g-1001"
    play >> ev.CallClassified(play.call("2"), HUMAN)
    play << "show 1002 a-2" << "bridge a-2 g-1002"


def test_a_wished_skill_goes_before_the_longest_idle() -> None:
    play = Play()
    play.agent("1001")
    play.agent("1002", skills=("cantonese",))
    play >> ev.CallClassified(play.call("1", skill="cantonese"), HUMAN)
    play << "show 1002 a-1" << "bridge a-1 g-1002"
    play >> ev.CallClassified(play.call("2", skill="cantonese"), HUMAN)
    play << "show 1001 a-2" << "bridge a-2 g-1001"


def test_a_required_skill_is_a_must() -> None:
    play = Play()
    play.campaigns[CARDS] = Campaign(CARDS, skill="cards")
    play.agent("1001")
    able = play.agent("1002", skills=("cards",))
    play.on_break(able)
    play >> ev.CallClassified(play.call("1", campaign=CARDS), HUMAN)
    play.quiet()
    play >> ev.BreakEnded(able)
    play << "show 1002 a-1" << "bridge a-1 g-1002"


def test_an_agent_of_another_node_or_on_a_break_is_not_chosen() -> None:
    play = Play()
    away = play.agent("1001")
    play.registry.agents[away].node = type(play.registry.agents[away].node)("pbx-2")
    play.on_break(play.agent("1002"))
    play >> ev.CallClassified(play.call("1"), HUMAN)
    play.quiet()


def test_the_next_agent_when_the_chosen_one_vanishes() -> None:
    play = Play()
    play.agent("1001")
    play.agent("1002")
    a = play.call("1")
    play >> ev.CallClassified(a, HUMAN)
    play << "show 1001 a-1" << "bridge a-1 g-1001"
    play >> ev.LegEnded(LegId("g-1001"), Ending())
    play << "show 1002 a-1" << "bridge a-1 g-1002"
    # What the first bridge still says is of yesterday.
    play >> ev.BridgeRefused(a, "no such channel", LegId("g-1001"))
    play.quiet()
    assert play.phase(a) is CallPhase.CONNECTING


def test_a_refused_bridge_goes_to_the_next_agent_and_never_back() -> None:
    play = Play()
    play.agent("1001")
    play.agent("1002")
    a = play.call("1")
    play >> ev.CallClassified(a, HUMAN)
    play << "show 1001 a-1" << "bridge a-1 g-1001"
    play >> ev.BridgeRefused(a, "refused", LegId("g-1001"))
    play << "show 1002 a-1" << "bridge a-1 g-1002"
    play >> ev.BridgeRefused(a, "refused", LegId("g-1002"))
    play.quiet()
    assert play.phase(a) is CallPhase.WAITING
    assert all(play.registry.agents[x].state.is_available for x in play.registry.agents)
    play.after(2.1) << "harbour a-1"
    # Another call may have them.
    play >> ev.CallClassified(play.call("2"), HUMAN)
    play << "show 1001 a-2" << "bridge a-2 g-1001"


def test_safe_harbour_after_the_limit_and_not_before() -> None:
    play = Play()
    a = play.call("1")
    play >> ev.CallClassified(a, HUMAN)
    play.after(1.9).quiet()
    play.after(0.2) << "harbour a-1"
    play >> ev.CallEnded(a, Ending(16))
    play << "settled a-1 abandoned"
    assert len(play.timers) == 0


def test_the_limit_counts_from_the_answer_when_nobody_listened_for_a_machine() -> None:
    play = Play()
    a = play.call("1")
    play >> ev.CallAnswered(a)
    play.after(1.5)
    play >> ev.CallClassified(a, ev.Verdict.NOT_ASKED)
    play.after(0.6) << "harbour a-1"


def test_an_agent_who_gets_free_takes_who_waits_longest() -> None:
    play = Play()
    busy = play.agent("1001")
    talk = play.talk("1", busy)
    first, second = play.call("2"), play.call("3")
    play >> ev.CallClassified(first, HUMAN)
    play.after(0.5)
    play >> ev.CallClassified(second, HUMAN)
    play >> ev.CallEnded(talk, Ending(16))
    play << "settled a-1 completed"
    play >> ev.WrapUpDone(busy)
    play << "show 1001 a-2" << "bridge a-2 g-1001"


def test_who_was_given_back_keeps_the_place_in_the_queue() -> None:
    play = Play()
    play.agent("1001")
    other = play.agent("1002")
    play.on_break(other)
    first = play.call("1")
    play >> ev.CallClassified(first, HUMAN)
    play << "show 1001 a-1" << "bridge a-1 g-1001"
    play.after(0.5)
    play >> ev.CallClassified(play.call("2"), HUMAN)
    play >> ev.LegEnded(LegId("g-1001"), Ending())
    play >> ev.BreakEnded(other)
    play << "show 1002 a-1" << "bridge a-1 g-1002"


def test_the_debtor_waits_again_when_the_agent_s_leg_drops_in_the_talk() -> None:
    play = Play()
    agent = play.agent("1001")
    a = play.talk("1", agent)
    play.agent("1002")
    play >> ev.LegEnded(LegId("g-1001"), Ending())
    play << "show 1002 a-1" << "bridge a-1 g-1002"
    play >> ev.CallUnbridged(a)
    play.quiet()
    assert play.agent_state(agent).line is Line.OFF
    play.after(1.1) << "call 1001"


def test_a_dropped_leg_frees_the_agent_at_once() -> None:
    play = Play()
    agent = play.agent("1001")
    a = play.talk("1", agent)
    play >> ev.LegEnded(LegId("g-1001"), Ending())
    assert play.agent_state(agent).attempt is None
    assert play.phase(a) is CallPhase.WAITING
    assert LegId("g-1001") not in play.registry.legs


def test_wrap_up_lasts_as_the_campaign_says() -> None:
    play = Play()
    play.campaigns[LOANS] = Campaign(LOANS, wrap_up_s=7.0)
    agent = play.agent("1001")
    a = play.talk("1", agent)
    play >> ev.CallEnded(a, Ending(16))
    play << "settled a-1 completed"
    play.after(6.9)
    assert play.agent_state(agent).line is Line.WRAP_UP
    play.after(0.2)
    assert play.agent_state(agent).line is Line.IDLE
    assert play.registry.agents[agent].last_attempt == a


def test_a_machine_is_hung_up_and_costs_no_agent() -> None:
    play = Play()
    play.agent("1001")
    a = play.call("1")
    play >> ev.CallClassified(a, ev.Verdict.MACHINE)
    play << "hang up a-1"
    play >> ev.CallEnded(a, Ending(16))
    play << "settled a-1 machine"


# -- agents who are rung for each call


def test_ring_mode_rings_first_and_bridges_when_the_phone_is_taken() -> None:
    play = Play()
    play.agent("1001", mode=AgentMode.RING)
    a = play.call("1")
    play >> ev.CallClassified(a, HUMAN)
    play << "show 1001 a-1" << "ring 1001"
    leg = play.hands.called[0].leg
    play >> ev.LegConnected(leg)
    play << f"bridge a-1 {leg}"
    play >> ev.CallBridged(a, leg)
    play >> ev.CallEnded(a, Ending(16))
    play << f"hang up {leg}" << "settled a-1 completed"
    play >> ev.LegEnded(leg, Ending(16))
    assert leg not in play.registry.legs


def test_ring_mode_stops_the_phone_when_the_call_goes_away() -> None:
    play = Play()
    agent = play.agent("1001", mode=AgentMode.RING)
    a = play.call("1")
    play >> ev.CallClassified(a, HUMAN)
    play << "show 1001 a-1" << "ring 1001"
    leg = play.hands.called[0].leg
    play >> ev.CallEnded(a, Ending(16))
    play << f"hang up {leg}" << "settled a-1 hung_up_early"
    assert play.agent_state(agent).is_available
    play >> ev.LegEnded(leg, Ending())
    play.quiet()


def test_ring_mode_goes_on_to_the_next_when_nobody_takes_the_phone() -> None:
    play = Play()
    play.agent("1001", mode=AgentMode.RING)
    play.agent("1002")
    a = play.call("1")
    play >> ev.CallClassified(a, HUMAN)
    play << "show 1001 a-1" << "ring 1001"
    play >> ev.LegEnded(play.hands.called[0].leg, Ending(19))
    play << "show 1002 a-1" << "bridge a-1 g-1002"


# -- what should not come


def test_strangers_and_impossible_events_are_counted_and_change_nothing() -> None:
    play = Play()
    agent = play.agent("1001")
    play >> ev.CallEnded(AttemptId("a-unknown"), Ending())
    play >> ev.LegEnded(LegId("g-unknown"), Ending())
    play >> ev.DtmfPressed(LegId("g-unknown"), "1")
    play >> ev.WrapUpDone(type(agent)("9999"))
    assert play.stats.stray == 4
    before = play.agent_state(agent)
    play >> ev.Reserved(agent, AttemptId("a-1"))
    play >> ev.Reserved(agent, AttemptId("a-2"))
    assert play.stats.illegal["agent:Reserved"] == 1
    assert play.agent_state(agent).attempt == "a-1"
    assert before.attempt is None


def test_a_key_goes_to_whose_leg_it_is() -> None:
    play = Play()
    play.agent("1001")
    pressed: list[tuple[str, str]] = []
    play.switchboard.on_key = lambda agent, digit, now: pressed.append((agent.state.agent, digit))
    play >> ev.DtmfPressed(LegId("g-1001"), "1")
    assert pressed == [("1001", "1")]


def test_no_alarm_is_left_of_a_call_that_is_over() -> None:
    for cut in range(5):
        play = Play()
        agent = play.agent("1001")
        a = play.call("1")
        story: list[ev.CallEvent] = [
            ev.CallAnswered(a), ev.CallClassified(a, HUMAN), ev.CallBridged(a, LegId("g-1001")),
            ev.CallUnbridged(a),
        ]  # fmt: skip
        for event in story[:cut]:
            play.switchboard.handle(event, play.now)
        play.switchboard.handle(ev.CallEnded(a, Ending(16)), play.now)
        play.switchboard.handle(ev.WrapUpDone(agent), play.now)
        assert len(play.timers) == 0, f"after {cut} events"
