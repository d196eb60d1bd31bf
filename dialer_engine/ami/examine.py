"""Looks at a live Asterisk over a link of its own, and tells what is there.

Rules
- Nothing is judged here and nothing is changed on the PBX: facts only, None for what could not be seen.
- Only rights that the daemon needs anyway are used. What needs more is not asked.
- Three test calls run inside the PBX, from a Local channel to the context `dialer-doctor`: no trunk, no phone,
  no person. Their ids begin with `doctor-`, so the engine does not take them for its own.
- Answers can hold secrets (PJSIPShowRegistrationsOutbound sends AuthDetail events) and numbers: only the fields named
  here are read, and nothing is logged.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from dialer_engine.ami._config import WANTED, AmiConfig
from dialer_engine.ami.link import AmiLink
from dialer_engine.ami.translate import TEST_PREFIX
from dialer_engine.ami.wire import AmiMessage, FieldValue
from dialer_engine.domain.errors import PbxError

# Contexts of docker/asterisk/pbx/extensions.conf without which calls do not work.
CONTEXTS: Final = (
    "dialer-outbound", "dialer-record-on", "dialer-abandon", "dialer-ended", "dialer-agent", "dialer-agent-ring",
    "dialer-agent-login", "dialer-agent-denied", "dialer-listen", "dialer-robot",
)  # fmt: skip
DOCTOR_CONTEXT: Final = "dialer-doctor"
PHONES_CONTEXT: Final = "dialer-agent-phones"
# What dialer-agent-login says.
LOGIN_PROMPTS: Final = ("agent-user", "agent-pass")
# How often the clock is asked; the quickest answer tells most.
_CLOCK_ASKED: Final = 5
_TRIAL_WAIT_S: Final = 1
_PRIVILEGE: Final = re.compile(r"\(Priv: ([^)]*)\)\s*$")
_ENDED_SETTLE_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """What to look at. endpoints: PJSIP endpoints of the trunks; phones: of agents. recording: path without extension
    that the PBX can write (its own view), empty: none is made. mark: a file that the daemon has made, as the PBX sees
    it. trial_s: how long a test call may take; the safe-harbour message is played to its end.
    """

    token: str
    endpoints: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    recording: str = ""
    mark: str = ""
    command_s: float = 5.0
    connect_s: float = 12.0
    trial_s: float = 12.0


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """One PJSIP endpoint. dialable: it is there and has an address that is not known
    to be dead. codecs: in order; None: the PBX did not say, as is
    direct_media. contacts: state of each, `Reachable`, `Unreachable`, `NonQualified` …; None: not told. registration:
    state of the outbound registration of that name, None when it has none.
    """

    name: str
    dialable: bool = False
    codecs: tuple[str, ...] | None = None
    direct_media: bool | None = None
    contacts: tuple[str, ...] | None = None
    registration: str | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of the test call. refused: the PBX's words, or ours for what did not happen. seconds: from the
    answer to the end, as the PBX stamped them.
    """

    made: bool = False
    refused: str = ""
    events: Mapping[str, int] = field(default_factory=dict)
    user_events: frozenset[str] = frozenset()
    ended: bool = False
    noted: bool | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PbxFacts:
    """Everything that was seen. error: why there is no more; then the rest is empty.

    rights: each action that this user may use, with the rights that allow it; None when the PBX did not tell.
    contexts: None for one that could not be asked. offset_s: the PBX's clock minus ours, known to half of round_trip_s.
    others: events that came although nobody wants them. prompts: sound file to whether it was played; empty when it
    could not be tried. mark_seen: the PBX sees the daemon's file.
    """

    error: Exception | None = None
    ami: str = ""
    version: str = ""
    max_calls: int | None = None
    max_files: int | None = None
    rights: Mapping[str, frozenset[str]] | None = None
    contexts: Mapping[str, bool | None] = field(default_factory=dict)
    values: Mapping[str, str | None] = field(default_factory=dict)
    offset_s: float | None = None
    round_trip_s: float = 0.0
    booted: bool = False
    endpoints: tuple[EndpointFacts, ...] = ()
    phones: tuple[EndpointFacts, ...] = ()
    trial: Trial = field(default_factory=Trial)
    others: Mapping[str, int] = field(default_factory=dict)
    prompts: Mapping[str, bool] = field(default_factory=dict)
    mark_seen: bool | None = None


class _Ear:
    """Every event of the link, by name and by test call."""

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self.ours: list[AmiMessage] = []
        self.came = asyncio.Event()

    def hear(self, message: AmiMessage, _received: float) -> None:
        self.names[message.event] += 1
        if message.get("Uniqueid").startswith(TEST_PREFIX):
            self.ours.append(message)
        self.came.set()

    def of(self, channel: str) -> list[AmiMessage]:
        return [one for one in self.ours if one.get("Uniqueid") == channel]


async def examine(config: AmiConfig, plan: Plan) -> PbxFacts:
    """Look. Never raises for what the PBX does; takes a few seconds."""
    ear = _Ear()
    own = replace(config, wanted=None, node=f"{config.node} (doctor)")
    link = AmiLink(own, on_event=ear.hear)
    link.start()
    try:
        await link.wait_up(plan.connect_s)
        return await _Examiner(link, ear, plan).look()
    except PbxError as error:
        return PbxFacts(error=error)
    finally:
        await link.close()


class _Examiner:
    def __init__(self, link: AmiLink, ear: _Ear, plan: Plan) -> None:
        self._link = link
        self._ear = ear
        self._plan = plan

    async def look(self) -> PbxFacts:
        """All facts, one question after the other; the test calls run meanwhile."""
        plan = self._plan
        rights = await self._rights()
        contexts = {
            name: await self._context(name) for name in (*CONTEXTS, PHONES_CONTEXT, DOCTOR_CONTEXT)
        }
        tries = asyncio.gather(self._trial(contexts), self._prompts(contexts))
        try:
            settings = await self._ask({"Action": "CoreSettings"})
            offset, round_trip = await self._clock()
            registrations = await self._registrations()
            endpoints = [await self._endpoint(name, registrations) for name in plan.endpoints]
            phones = [await self._endpoint(name, {}) for name in plan.phones]
            values = {name: await self._value(name) for name in ("DE_SAFE_HARBOUR", "DE_RTP_PORTS")}
            trial, (prompts, mark) = await tries
        finally:
            tries.cancel()
        return PbxFacts(
            ami=settings.get("AMIversion"), version=settings.get("AsteriskVersion"),
            max_calls=_whole(settings.get("CoreMaxCalls")), max_files=_whole(settings.get("CoreMaxFilehandles")),
            rights=rights, contexts=contexts, values=values, offset_s=offset, round_trip_s=round_trip,
            booted=self._ear.names["FullyBooted"] > 0, endpoints=tuple(endpoints), phones=tuple(phones), trial=trial,
            others={name: count for name, count in self._ear.names.items() if name not in WANTED},
            prompts=prompts, mark_seen=mark,
        )  # fmt: skip

    # -- questions

    async def _ask(self, action: Mapping[str, FieldValue]) -> AmiMessage:
        return await self._link.send(action, self._plan.command_s)

    async def _value(self, name: str) -> str | None:
        """A global variable or a function's value; None when it was refused."""
        answer = await self._ask({"Action": "Getvar", "Variable": name})
        return answer.get("Value") if answer.is_success else None

    async def _rights(self) -> dict[str, frozenset[str]] | None:
        """ListCommands tells only of what this user may do."""
        answer = await self._ask({"Action": "ListCommands"})
        if not answer.is_success:
            return None
        found = {}
        for name, text in answer.headers:
            match = _PRIVILEGE.search(text)
            if match:
                found[name] = frozenset(match[1].split(",")) - {"all", "<none>"}
        return found

    async def _context(self, name: str) -> bool | None:
        answer = await self._link.send_list(
            {"Action": "ShowDialPlan", "Context": name}, self._plan.command_s
        )
        if answer.response.is_success:
            return bool(answer.items)
        return None if "ermission" in answer.response.get("Message") else False

    async def _clock(self) -> tuple[float | None, float]:
        """The offset measured by the quickest of some Pings."""
        best: tuple[float | None, float] = (None, float("inf"))
        loop = asyncio.get_running_loop()
        for _ in range(_CLOCK_ASKED):
            asked, at = datetime.now(UTC), loop.time()
            answer = await self._ask({"Action": "Ping"})
            took = loop.time() - at
            stamp = _decimal(answer.get("Timestamp"))
            if stamp is not None and took < best[1]:
                best = (stamp - asked.timestamp() - took / 2, took)
        return best if best[0] is not None else (None, 0.0)

    async def _registrations(self) -> dict[str, str]:
        """Endpoint or object name to state. The AuthDetail events beside them are passed over: they hold secrets."""
        answer = await self._link.send_list(
            {"Action": "PJSIPShowRegistrationsOutbound"}, self._plan.command_s
        )
        found: dict[str, str] = {}
        for item in answer.items:
            if item.event == "OutboundRegistrationDetail":
                for key in (item.get("ObjectName"), item.get("Endpoint")):
                    if key:
                        found[key] = item.get("Status")
        return found

    async def _endpoint(self, name: str, registrations: Mapping[str, str]) -> EndpointFacts:
        """A function that is not loaded gives an empty value, as a thing that is not there does; PJSIP_DIAL_CONTACTS
        is part of chan_pjsip and tells the two apart, but for addresses that do not answer.
        """
        dialable = bool(await self._value(f"PJSIP_DIAL_CONTACTS({name})"))
        codecs = await self._value(f"PJSIP_ENDPOINT({name},allow)") or ""
        direct = await self._value(f"PJSIP_ENDPOINT({name},direct_media)")
        aors = await self._value(f"PJSIP_ENDPOINT({name},aors)") or ""
        return EndpointFacts(
            name, dialable, tuple(codecs.strip("()").split("|")) if codecs else None,
            direct == "true" if direct else None, await self._contacts(aors.split(",")), registrations.get(name),
        )  # fmt: skip

    async def _contacts(self, aors: Sequence[str]) -> tuple[str, ...] | None:
        states: list[str] = []
        for aor in filter(None, aors):
            for contact in filter(
                None, (await self._value(f"PJSIP_AOR({aor},contact)") or "").split(",")
            ):
                states.append(await self._value(f"PJSIP_CONTACT({contact},status)") or "")
        return tuple(states) if states and all(states) else None

    # -- test calls

    async def _trial(self, contexts: Mapping[str, bool | None]) -> Trial:
        """A call to nobody through dialer-outbound: it is answered at once, gets no agent, and hears the safe-harbour
        message, as a person would whose daemon has died.
        """
        missing = [
            name
            for name in (DOCTOR_CONTEXT, "dialer-outbound", "dialer-abandon")
            if contexts[name] is False
        ]
        if missing:
            return Trial(refused=f"context {', '.join(missing)} is missing")
        channel = f"{TEST_PREFIX}{self._plan.token}-1"
        variables = {
            "DE_ATTEMPT": channel, "DE_REC": self._plan.recording, "DE_AMD": "0", "DE_WAIT": str(_TRIAL_WAIT_S),
            "CHANNEL(hangup_handler_push)": "dialer-ended,s,1",
        }  # fmt: skip
        refused = await self._originate(channel, "dialer-outbound", "s", variables)
        if refused:
            return Trial(refused=refused)
        ended = await self._until(channel, "Hangup")
        heard = self._ear.of(channel)
        refused = "" if ended else await self._give_up(channel)
        return Trial(
            made=True, refused=refused, ended=ended, events=Counter(one.event for one in heard),
            user_events=frozenset(one.get("UserEvent") for one in heard if one.event == "UserEvent"),
            noted=await self._noted(channel) if ended else None, seconds=_span(heard),
        )  # fmt: skip

    async def _prompts(
        self, contexts: Mapping[str, bool | None]
    ) -> tuple[dict[str, bool], bool | None]:
        """Each prompt in a call of its own, all at once; and whether the PBX sees our file."""
        if contexts[DOCTOR_CONTEXT] is not True:
            return {}, None
        looks = await asyncio.gather(
            *(self._look(n, name) for n, name in enumerate(LOGIN_PROMPTS, start=2))
        )
        seen = {told.get("Seen") for told in looks if told is not None}
        played = {
            name: told.get("Result") == "SUCCESS"
            for name, told in zip(LOGIN_PROMPTS, looks, strict=True) if told is not None
        }  # fmt: skip
        return played, {"1": True, "0": False}.get(seen.pop()) if len(seen) == 1 else None

    async def _look(self, number: int, prompt: str) -> AmiMessage | None:
        channel = f"{TEST_PREFIX}{self._plan.token}-{number}"
        variables = {"DE_PROMPT": prompt, "DE_MARK": self._plan.mark}
        if await self._originate(channel, DOCTOR_CONTEXT, "look", variables):
            return None
        if not await self._until(channel, "Hangup"):
            await self._give_up(channel)
        return next(
            (one for one in self._ear.of(channel) if one.get("UserEvent") == "DialerDoctor"), None
        )

    async def _originate(
        self, channel: str, context: str, exten: str, variables: dict[str, str]
    ) -> str:
        """Why it was refused; empty when it was taken."""
        answer = await self._ask({
            "Action": "Originate", "Channel": f"Local/s@{DOCTOR_CONTEXT}/n", "ChannelId": channel,
            "OtherChannelId": f"{channel}b", "Context": context, "Exten": exten, "Priority": "1", "Async": "true",
            "Timeout": "5000", "Variable": variables,
        })  # fmt: skip
        return "" if answer.is_success else answer.get("Message") or "refused"

    async def _until(self, channel: str, event: str) -> bool:
        """Wait for an event of a test call; whether it came in time."""
        try:
            async with asyncio.timeout(self._plan.trial_s):
                while not any(one.event == event for one in self._ear.of(channel)):
                    self._ear.came.clear()
                    await self._ear.came.wait()
        except TimeoutError:
            return False
        return True

    async def _give_up(self, channel: str) -> str:
        await self._ask({"Action": "Hangup", "Channel": channel})
        return "the test call did not end in time, or its events do not come"

    async def _noted(self, channel: str) -> bool | None:
        """Whether the dialplan wrote down how the call ended; None when it may not be asked."""
        await asyncio.sleep(_ENDED_SETTLE_S)
        now = datetime.now(UTC)
        for at in (now, now - timedelta(minutes=10)):
            key = f"{at:%H%M}"[:3] + f"/{channel}"
            answer = await self._link.send_list(
                {"Action": "DBGet", "Family": "dialer-ended", "Key": key}, self._plan.command_s
            )
            if answer.items:
                return True
            if "ermission" in answer.response.get("Message"):
                return None
        return False


def _span(heard: Sequence[AmiMessage]) -> float:
    """From the call's DialerAnswered to its Hangup, by the PBX's own stamps; 0 when either is missing."""
    stamps = {one.get("UserEvent") or one.event: _decimal(one.get("Timestamp")) for one in heard}
    begun, ended = stamps.get("DialerAnswered"), stamps.get("Hangup")
    return ended - begun if begun is not None and ended is not None else 0.0


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


def _decimal(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
