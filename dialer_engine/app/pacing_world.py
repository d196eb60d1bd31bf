"""The world that `pacing simulate` and `pacing replay` run on: what was given on the command line, over what
the campaign is set to and has learned, over the house's defaults.

Rules: a figure that was given wins over a learned one, a learned one over a default, and the answer says
where each came from; laws of duration are lognormal with the learned mean and variation; calls that nobody
answers end when the learned curve says so; nothing here reads or waits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from dialer_engine.domain.campaign import SHADOWS, Campaign, CampaignState, DialMode, Period
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import CampaignName
from dialer_engine.pacing.guard import Guarded
from dialer_engine.pacing.hazard import Array, exposed
from dialer_engine.pacing.pacer import pacer_for
from dialer_engine.pacing.predictive import Predictive
from dialer_engine.pacing.rings import BIN_S
from dialer_engine.pacing.snapshot import CallEnd
from dialer_engine.pacing.spells import Spells
from dialer_engine.sim.floor.scenario import HOUR_S, Day, Failure, Law, TalkKind

Json = dict[str, Any]
_NAME = CampaignName("simulated")
_FORMAT = 1
# Ends of calls that nobody answers are told by so many points of the learned curve.
_ATOMS = 24
# Variation of talks and wrap-ups where nothing was learned: the steady day of the benchmark.
_TALK_CV, _WRAP_CV = 0.9, 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """Options that were given; None: not. talk_s, wrap_up_s, ring_s: means in seconds. channels: calls at
    once. target: share of live answers.
    """

    agents: int | None = None
    answer_rate: float | None = None
    talk_s: float | None = None
    wrap_up_s: float | None = None
    ring_s: float | None = None
    hours: float = 8.0
    channels: int | None = None
    target: float | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class World:
    """day: what happens. campaign: how it is paced. memory: what a predictive policy begins with. origin:
    where each figure of the day came from: given, learned, campaign, default.
    """

    day: Day
    campaign: Campaign
    memory: Mapping[str, Any] | None
    origin: Mapping[str, str]

    def figures(self) -> Json:
        """What was simulated, for people."""
        day = self.day
        return {
            "agents": day.agents,
            "answer_rate": day.answer_rate,
            "talk_s": round(sum(kind.share * kind.law.mean for kind in day.talks), 2),
            "wrap_up_s": round(day.wrap.mean, 2),
            "ring_s": round(day.ring.mean, 2),
            "ring_timeout_s": day.ring_timeout_s,
            "wait_limit_s": day.wait_limit_s,
            "max_ringing_per_agent": day.max_ringing_per_agent,
            "min_ring_s": day.min_ring_s,
            "target": self.campaign.target,
            "hours": day.length_s / HOUR_S,
            "channels": day.trunks if day.trunks < Day().trunks else None,
            "from": dict(self.origin),
        }


def campaign_from(row: Mapping[str, Any] | None, asked: Asked) -> Campaign:
    """The campaign as the daemon shows it, with what was given; a plain one for None. BadValue."""
    known = {one.name for one in fields(Campaign)}
    given = {key: value for key, value in (row or {}).items() if key in known}
    kinds = {"mode": DialMode, "period": Period, "state": CampaignState}
    given |= {key: kind(given[key]) for key, kind in kinds.items() if key in given}
    base = Campaign(**given) if given else Campaign(_NAME, mode=DialMode.PREDICTIVE)
    changes = {key: getattr(asked, key) for key in ("target", "ratio", "wrap_up_s")}
    return replace(base, **{key: value for key, value in changes.items() if value is not None})


def memory_from(learned: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What one node has learned, of an export (`pacing export`); BadValue when it is none."""
    if learned is None:
        return None
    nodes = learned.get("nodes")
    if learned.get("format") != _FORMAT or not isinstance(nodes, Mapping) or not nodes:
        raise BadValue("this is not what `dialer-engine pacing export` writes")
    first: Mapping[str, Any] = next(iter(nodes.values()))
    return first


def world(
    asked: Asked,
    row: Mapping[str, Any] | None = None,
    learned: Mapping[str, Any] | None = None,
    agents: int | None = None,
) -> World:
    """See the module. row: the campaign; learned: its export; agents: how many are at work now."""
    campaign = campaign_from(row, asked)
    memory = memory_from(learned)
    day, origin = _base(campaign, row is not None)
    if memory is not None and learned is not None:
        day, told = _learned(day, campaign, memory, learned)
        origin |= told
    if agents and asked.agents is None:
        day, origin["agents"] = replace(day, agents=agents), "campaign"
    day, told = _given(day, asked)
    return World(day, campaign, memory, origin | told)


def _base(campaign: Campaign, known: bool) -> tuple[Day, dict[str, str]]:
    names = ("agents", "answer_rate", "talk_s", "wrap_up_s", "ring_s")
    origin = dict.fromkeys(names, "default")
    if known:
        origin["wrap_up_s"] = "campaign"
    day = Day(
        wrap=Law(campaign.wrap_up_s, _WRAP_CV),
        ring_timeout_s=campaign.ring_timeout_s,
        wait_limit_s=campaign.wait_limit_s,
        min_ring_s=min(campaign.min_ring_s, campaign.ring_timeout_s),
        max_ringing_per_agent=campaign.max_ringing_per_agent,
    )
    # A call that nobody answers rings until its time-out, whatever that is here.
    ends = tuple(
        replace(one, ring=Law(day.ring_timeout_s, kind="constant"))
        if one.end is CallEnd.NO_ANSWER
        else one
        for one in day.failures
    )
    return replace(day, failures=ends), origin


def _learned(
    day: Day, campaign: Campaign, memory: Mapping[str, Any], learned: Mapping[str, Any]
) -> tuple[Day, dict[str, str]]:
    """The day as a predictive policy knows it."""
    policy = policy_of(campaign, memory)
    lists = [str(name) for name in learned.get("lists", ())]
    mark = lists.index(campaign.name) if campaign.name in lists else 0
    ring, ends = _rings(policy, mark)
    talk, wrap = _law(policy.talk), _law(policy.wrap)
    names = ("answer_rate", "talk_s", "wrap_up_s", "ring_s")
    learned_day = replace(
        day,
        answer_rate=policy.rings.answer_rate(mark),
        talks=(TalkKind(1.0, talk),),
        wrap=wrap,
        ring=ring,
        failures=ends,
    )
    return learned_day, dict.fromkeys(names, "learned")


def policy_of(campaign: Campaign, memory: Mapping[str, Any] | None) -> Predictive:
    """The predictive policy that remembers this; BadValue when it cannot be read."""
    guarded = pacer_for(campaign, memory, DialMode.PREDICTIVE)
    assert isinstance(guarded, Guarded)
    assert isinstance(guarded.pacer, Predictive)
    return guarded.pacer


def _law(spells: Spells) -> Law:
    """Mean and variation of a learned duration; the level of all groups is the mean of theirs."""
    levels = [level.factor for level in spells.groups.values()]
    rates = spells.rates * (sum(levels) / len(levels) if levels else 1.0)
    spent = exposed(spells.edges, rates, 1.0)
    mean = float(spent.sum())
    middle = 0.5 * (spells.edges[:-1] + np.append(spells.edges[1:-1], spells.edges[-2] * 1.1))
    # E T² = 2 ∫ t S(t) dt, and the seconds spent in a bin are the integral of S over it.
    second = float((2.0 * middle * spent).sum())
    return Law(mean, math.sqrt(max(0.01, second / mean**2 - 1.0)))


def _rings(policy: Predictive, mark: int) -> tuple[Law, tuple[Failure, ...]]:
    """How long until a person answers, and when the other calls end."""
    still, answered = policy.rings.survive(mark)
    at = np.asarray((np.arange(len(answered) - 1) + 0.5) * BIN_S, dtype=np.float64)
    live = np.diff(answered)
    mean = float((live * at).sum() / live.sum())
    second = float((live * at**2).sum() / live.sum())
    law = Law(mean, math.sqrt(max(0.01, second / mean**2 - 1.0)))
    other = np.maximum(0.0, -np.diff(still) - live)
    return law, _atoms(other, at, float(still[-1]), policy.rings.timeout_s)


def _atoms(other: Array, at: Array, rest: float, timeout_s: float) -> tuple[Failure, ...]:
    """Calls that nobody answers end at these points, and the rest at the time-out."""
    found = []
    for part in np.array_split(np.arange(len(other)), min(_ATOMS, len(other))):
        share = float(other[part].sum())
        if share > 0.0:
            when = float((other[part] * at[part]).sum() / share)
            found.append(Failure(share, CallEnd.NO_ANSWER, Law(when, kind="constant")))
    found.append(Failure(max(rest, 1e-6), CallEnd.NO_ANSWER, Law(timeout_s, kind="constant")))
    return tuple(found)


def _given(day: Day, asked: Asked) -> tuple[Day, dict[str, str]]:
    changes: dict[str, Any] = {"length_s": asked.hours * HOUR_S}
    told: dict[str, str] = {}
    kind = day.talks[0]
    laws: dict[str, tuple[str, Any]] = {
        "agents": ("agents", asked.agents),
        "answer_rate": ("answer_rate", asked.answer_rate),
        "talk_s": (
            "talks",
            asked.talk_s and (replace(kind, law=Law(asked.talk_s, kind.law.cv or _TALK_CV)),),
        ),
        "wrap_up_s": ("wrap", _wrap(day, asked.wrap_up_s)),
        "ring_s": ("ring", asked.ring_s and replace(day.ring, mean=asked.ring_s)),
        "channels": ("trunks", asked.channels),
    }
    for name, (place, value) in laws.items():
        if value is not None:
            changes[place], told[name] = value, "given"
    return replace(day, **changes), told


def _wrap(day: Day, seconds: float | None) -> Law | None:
    return None if seconds is None else Law(seconds, day.wrap.cv or _WRAP_CV)


def policies(named: tuple[str, ...], campaign: Campaign) -> tuple[DialMode, ...]:
    """The policies that were asked for; the campaign's own when none was. BadValue for one that has no
    lines for agents.
    """
    if not named:
        own = campaign.mode
        return (own if own in SHADOWS else DialMode.PREDICTIVE,)
    for name in named:
        if name not in SHADOWS:
            raise BadValue(f"a policy is one of {', '.join(SHADOWS)}, not {name!r}")
    return tuple(dict.fromkeys(DialMode(name) for name in named))
