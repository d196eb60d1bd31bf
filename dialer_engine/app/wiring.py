"""The one place that builds adapters and hands them to the engine.

Rules: configuration words end here; an adapter is chosen here and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

from dialer_engine.ami._config import AmiConfig
from dialer_engine.ami._tls import AmiTls
from dialer_engine.ami.node import AsteriskNode, TrunkDial
from dialer_engine.app import strategies
from dialer_engine.app._config_pbx import PbxNode
from dialer_engine.app.clock import SystemClock
from dialer_engine.app.compliance import load_book, tzdata_version
from dialer_engine.app.config import Config, Loaded
from dialer_engine.app.config import load as load_config
from dialer_engine.app.exchange import Exchange
from dialer_engine.app.pins import check_pin
from dialer_engine.app.stored import opened
from dialer_engine.compliance.gate import RuleSet
from dialer_engine.compliance.ruleset import RuleBook
from dialer_engine.domain.agent import AgentPolicy
from dialer_engine.domain.call import CallPolicy
from dialer_engine.domain.campaign import Campaign
from dialer_engine.domain.errors import BadValue, ConfigError
from dialer_engine.domain.trunk import TrunkLimits
from dialer_engine.domain.units import E164, CampaignName, NodeName, TrunkName
from dialer_engine.engine.account import Account
from dialer_engine.engine.daily import Daily
from dialer_engine.engine.engine import Engine
from dialer_engine.engine.pace import CampaignPace
from dialer_engine.engine.settings import EngineSettings, LineLaw
from dialer_engine.live.memory import MemoryFeed
from dialer_engine.ports.live import Feed
from dialer_engine.ports.store import Store
from dialer_engine.recordings.disk import Watermarks
from dialer_engine.recordings.library import LibraryConfig, RecordingLibrary
from dialer_engine.recordings.verify import Rules
from dialer_engine.store.law import SqlLaw
from dialer_engine.store.rows import Rules as ReadingRules
from dialer_engine.store.sql import SqlStore
from dialer_engine.web.guard import Token

_MIB = 1024 * 1024
Settings = Loaded


def load(path: Path | None, overrides: Sequence[str] = ()) -> Settings:
    """The configuration, checked; ConfigError with every problem."""
    return load_config(path, settings=overrides)


# -- stores and folders ----------------------------------------------------------------------------


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """The store, open; SchemaOutdated when `db upgrade` must run first."""
    async with opened(settings.config) as store:
        yield store


def library(settings: Settings) -> RecordingLibrary:
    """The recording folder. Every node writes into the same one (a shared mount when a PBX is
    remote).
    """
    config = settings.config
    first = config.pbx.nodes[0] if config.pbx.nodes else None
    root = first.recordings_dir_local if first else config.daemon.state_dir / "recordings"
    options = config.recordings
    return RecordingLibrary(
        LibraryConfig(
            root=Path(root),
            pbx_root=first.recordings_dir if first else "",
            rules=Rules(tolerance_s=options.verify_tolerance_s),
            marks=watermarks(config),
        )
    )


def watermarks(config: Config) -> Watermarks:
    """When the disk is nearly full and when it is full."""
    options = config.recordings
    return Watermarks(
        slow_bytes=options.slow_free_mib * _MIB,
        stop_bytes=options.stop_free_mib * _MIB,
        slow_percent=0,
        stop_percent=0,
    )


# -- the engine ------------------------------------------------------------------------------------


def _hash_of(prompt: Path | None) -> str:
    """Empty for none. ConfigError when it cannot be read."""
    if prompt is None:
        return ""
    try:
        return hashlib.sha256(prompt.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f"safe_harbour.file: {prompt}: {error.strerror}") from None


def engine_settings(config: Config) -> EngineSettings:
    """The engine's part of the configuration, in its own words."""
    agents, pacing, law = config.agents, config.pacing, config.compliance
    books = strategies.read_books(config.strategies.folder)
    lines = {TrunkName(t.name): LineLaw(t.carrier, t.caller_id) for t in config.trunks}
    return EngineSettings(
        instance=f"{socket.gethostname()}:{config.daemon.state_dir}",
        rules=house_rules(config),
        trunks=trunk_limits(config),
        strategies=books.tables,
        call=CallPolicy(wait_limit_s=pacing.wait_limit_s, ring_timeout_s=pacing.ring_timeout_s),
        agent=AgentPolicy(agents.wrap_up_s, agents.callback_s, agents.callback_max_s),
        tick_s=pacing.tick_s,
        pbx_wait_s=config.safe_harbour.pbx_wait_s,
        safe_harbour=config.safe_harbour.sound,
        safe_harbour_sha256=_hash_of(config.safe_harbour.file),
        max_ringing_per_agent=pacing.max_ringing_per_agent,
        agent_ring_timeout_s=agents.ring_timeout_s,
        record=config.recordings.enabled,
        dispositions={code: code for code in agents.dispositions.values()},
        dtmf=dict(agents.dispositions),
        break_reasons=tuple(agents.break_reasons),
        priors=priors(pacing.priors),
        book=rule_book(config),
        tzdata=tzdata_version(),
        disclosures=frozenset(law.disclosures),
        lines=lines,
        courses=books.courses,
        library=books.library,
        words=dict(config.strategies.words),
    )


def house_rules(config: Config) -> RuleSet:
    """The configured window and cap, which hold beside every preset."""
    law = config.compliance
    return RuleSet(
        window_start=_clock_time(law.window_start),
        window_end=_clock_time(law.window_end),
        weekdays=frozenset(law.weekdays),
        daily_cap=law.daily_cap,
        guard_s=law.guard_s,
        default_zone=law.default_zone,
        permit_ttl_s=law.permit_ttl_s,
    )


def rule_book(config: Config) -> RuleBook:
    """The law: presets and files of the configuration; ConfigError names file, line and key."""
    law = config.compliance
    calendars: dict[str, Path] = {}
    for one in law.calendars:
        place, sign, file = one.partition("=")
        if not (place and sign and file):
            raise ConfigError(f"compliance.calendars: {one!r} is not PLACE=FILE")
        calendars[place] = Path(file)
    return load_book(law.presets, [Path(file) for file in law.files], calendars)


def priors(file: str) -> dict[str, Any] | None:
    """What was learned elsewhere; ConfigError when the file is not that."""
    if not file:
        return None
    try:
        found = json.loads(Path(file).read_text(encoding="utf-8"))
        # No campaign of that name exists; it is read as each of them will.
        account = Account()
        CampaignPace(Campaign(CampaignName("priors")), account).take_memory(found)
    except (OSError, ValueError, AttributeError, BadValue) as error:
        raise ConfigError(f"pacing.priors: {file}: {error}") from error
    return dict(found)


def trunk_limits(config: Config) -> tuple[TrunkLimits, ...]:
    """What each trunk can bear."""
    return tuple(
        TrunkLimits(
            TrunkName(t.name), NodeName(t.node), t.max_channels, t.max_cps, t.priority,
            t.breaker.window, t.breaker.share, t.breaker.pause_s,
        )
        for t in config.trunks
    )  # fmt: skip


def trunk_dials(config: Config, node: str) -> dict[TrunkName, TrunkDial]:
    """How numbers are dialled over this node's trunks."""
    return {
        TrunkName(t.name): TrunkDial(
            TrunkName(t.name), t.dial, _FORMS[t.number_format], t.caller_id
        )
        for t in config.trunks
        if t.node == node
    }


def make_nodes(config: Config) -> list[AsteriskNode]:
    """One link for each configured PBX."""
    return [_node(config, one) for one in config.pbx.nodes]


def link_config(one: PbxNode) -> AmiConfig:
    """How a PBX is reached."""
    tls = (
        AmiTls(ca_file=one.tls.ca, verify=one.tls.verify, server_name=one.tls.server_name)
        if one.tls.enabled
        else None
    )
    return AmiConfig(
        host=one.host, port=one.port, username=one.username, secret=one.secret.reveal(), node=one.name, tls=tls,
        connect_timeout=one.connect_timeout_s, ping_interval=one.ping_interval_s, ping_deadline=one.ping_deadline_s,
    )  # fmt: skip


def _node(config: Config, one: PbxNode) -> AsteriskNode:
    return AsteriskNode(
        link_config(one), trunk_dials(config, one.name), agent_dial=config.agents.dial,
        command_timeout_s=one.command_timeout_s, unsure_is_machine=config.amd.unsure_is_machine,
    )  # fmt: skip


def make_engine(given: Settings, store: Store, recordings: RecordingLibrary) -> Engine:
    """Everything, put together. Call it where a loop runs."""
    config = given.config
    settings = engine_settings(config)
    return Engine(
        settings, store=store, nodes=make_nodes(config), feed=make_feed(config), recordings=recordings,
        clock=SystemClock(), check_pin=check_pin,
        law=SqlLaw(store, settings.book) if isinstance(store, SqlStore) else None,
    )  # fmt: skip


def daily_work(config: Config, store: Store) -> Daily | None:
    """The work of a day on the cases; days are those of compliance.default_zone, else of this machine. None:
    the store is a twin that has no books.
    """
    if not isinstance(store, SqlStore):
        return None
    name = config.compliance.default_zone
    zone = ZoneInfo(name) if name else datetime.now().astimezone().tzinfo
    holder = f"{socket.gethostname()}:{config.daemon.state_dir}"
    return Daily(store, SystemClock(), holder, zone or UTC)


def make_feed(config: Config) -> Feed:
    """The live feed: over Redis when redis.url is set, else in process. ConfigError: Redis is wanted and its package
    is not installed.
    """
    if config.redis.url is None:
        return MemoryFeed(ring=config.api.feed_queue)
    try:
        from dialer_engine.live.redis import RedisFeed
    except ModuleNotFoundError:
        raise ConfigError(
            "redis.url is set, but the Python package redis is missing: pip install 'dialer-engine[redis]'"
        ) from None
    # The key adds the colon itself.
    prefix = config.redis.prefix.removesuffix(":")
    return RedisFeed(config.redis.url.reveal(), prefix=prefix, ring=config.api.feed_queue)


def feed_work(feed: Feed) -> Coroutine[Any, Any, None] | None:
    """What must run as long as the daemon for the feed to flow; None when nothing need."""
    run = getattr(feed, "run", None)
    return None if run is None else run()


def make_exchange(config: Callable[[], Config], engine: Engine) -> Exchange | None:
    """The exchange with a bank's systems; None over a store that is no database. config: as it is now."""

    def rules() -> ReadingRules:
        return ReadingRules(config().compliance.default_country, config().exchange.currency)

    store, holds = engine.store, engine.holds
    if not isinstance(store, SqlStore):
        return None
    return Exchange(store, rules, holds.payment_arrived, holds.held)


def tokens(config: Config) -> list[Token]:
    """Who may ask over the network, and what."""
    return [Token(one.name, one.sha256, frozenset(one.rights)) for one in config.exchange.tokens]


def _clock_time(value: time | str) -> time:
    return value if isinstance(value, time) else time.fromisoformat(value)


def _national(number: E164) -> str:
    parsed = phonenumbers.parse(number)
    text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(character for character in text if character.isdigit())


_FORMS: Mapping[str, Callable[[E164], str]] = {
    "e164": lambda number: number.removeprefix("+"),
    "plus": lambda number: number,
    "national": _national,
}
