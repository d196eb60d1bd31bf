"""What a client gave, as values of the domain: campaigns and agents. BadValue says what is wrong with it,
and never repeats a PIN or a number.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from dialer_engine.app.pins import hash_pin
from dialer_engine.domain.agent import AgentMode
from dialer_engine.domain.campaign import Campaign, DialMode, Period
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import AgentId
from dialer_engine.engine.api import CAMPAIGN_FIELDS
from dialer_engine.ports.store import AgentRow
from dialer_engine.strategy.model import Dial

# Letters of any script, digits and a few signs: a name is part of addresses and commands.
_NAME = re.compile(r"\w(?:[\w .\-]{0,62}[\w.\-])?")
# What a key pad can type.
_TYPED = re.compile(r"[0-9]{1,20}")


def campaign_name(name: object) -> str:
    """`name` when it can be one."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadValue("a campaign's name is 1 to 64 letters, digits, spaces or . - _")
    return name


def changed(
    campaign: Campaign, changes: Mapping[str, Any], strategies: Collection[str]
) -> Campaign:
    """The campaign with these of CAMPAIGN_FIELDS."""
    given = {key: _of_type(key, value) for key, value in changes.items()}
    if "mode" in given:
        given["mode"] = _dial_mode(given["mode"])
    if "period" in given:
        given["period"] = _period(given["period"])
    after = replace(campaign, **given)
    if after.strategy not in strategies:
        raise BadValue(
            f"no strategy is called {after.strategy!r}; there are {', '.join(strategies)}"
        )
    return after


def dialled_as(campaign: Campaign, dial: Dial) -> Campaign:
    """The campaign dialled as its strategy says; what was asked for at its creation comes after."""
    return replace(
        campaign,
        mode=DialMode(dial.mode.value),
        ratio=dial.ratio,
        max_ringing_per_agent=dial.max_ratio,
        target=dial.max_abandon_pct / 100,
        ring_timeout_s=dial.ring_timeout_s,
        wait_limit_s=dial.wait_limit_s,
        amd=dial.amd,
    )


def agent_row(data: Mapping[str, Any], mode: AgentMode, nodes: Collection[str]) -> AgentRow:
    """A new agent from AGENT_FIELDS. mode: when none is given. Takes its time when there is a PIN."""
    agent, pin = str(data.get("id") or ""), str(data.get("pin") or "")
    if not _TYPED.fullmatch(agent):
        raise BadValue("an agent's id is a number of 1 to 20 digits: it is typed on a telephone")
    if pin and not _TYPED.fullmatch(pin):
        raise BadValue("a PIN is 1 to 20 digits: it is typed on a telephone")
    return AgentRow(
        AgentId(agent),
        name=str(data.get("name") or ""),
        phone=str(data.get("phone") or f"agent-{agent}"),
        skills=_skills(data.get("skills")),
        mode=_agent_mode(data.get("mode") or mode),
        node=_node(data.get("node"), nodes),
        pin_hash=hash_pin(pin),
    )


def _of_type(key: str, value: Any) -> Any:
    kind = CAMPAIGN_FIELDS.get(key)
    if kind is None:
        raise BadValue(f"a campaign has no {key!r}; it has {', '.join(CAMPAIGN_FIELDS)}")
    if kind is float and type(value) is int:
        return float(value)
    if kind is int and type(value) is float and value.is_integer():
        return int(value)
    if type(value) is not kind:
        raise BadValue(f"{key} must be a value of type {kind.__name__}")
    return value


def _dial_mode(word: str) -> DialMode:
    try:
        return DialMode(word)
    except ValueError:
        modes = ", ".join(mode.value for mode in DialMode)
        raise BadValue(f"no mode is called {word!r}; there are {modes}") from None


def _period(word: str) -> Period:
    try:
        return Period(word)
    except ValueError:
        periods = ", ".join(period.value for period in Period)
        raise BadValue(f"no accounting period is called {word!r}; there are {periods}") from None


def _agent_mode(word: object) -> AgentMode:
    try:
        return AgentMode(str(word))
    except ValueError:
        raise BadValue("an agent's mode is nailed or ring") from None


def _skills(given: Any) -> frozenset[str]:
    skills = given or []
    if not isinstance(skills, list) or not all(isinstance(one, str) and one for one in skills):
        raise BadValue("an agent's skills are a list of texts")
    return frozenset(skills)


def _node(name: object, nodes: Collection[str]) -> str:
    if name and name not in nodes:
        raise BadValue(f"no PBX is called {name!r}; there are {', '.join(nodes) or 'none'}")
    return str(name or "")
