"""What is wrong, and what to do: the examination of a daemon, its PBX, its store and its folders.

The same checks run inside the daemon (`examine` with its engine, through the API) and without one (`examine_alone`).
Each PBX is looked at over a link of its own, so the daemon's is not disturbed, and with three short test calls that
stay inside the PBX (see `ami/examine.py`).
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from dialer_engine.ami.examine import Plan
from dialer_engine.ami.examine import examine as look_at
from dialer_engine.app import _doctor_host as host
from dialer_engine.app import logs, wiring
from dialer_engine.app._config_pbx import PbxNode
from dialer_engine.app._doctor_folder import judge_folder, prepare
from dialer_engine.app._doctor_line import Wanted
from dialer_engine.app._doctor_pbx import judge
from dialer_engine.app.config import Config, Loaded
from dialer_engine.app.stored import opened
from dialer_engine.domain.errors import DialerError
from dialer_engine.domain.findings import Finding, fail, ok
from dialer_engine.engine.engine import Engine
from dialer_engine.ports.store import AgentRow

Json = dict[str, Any]
_ENDPOINT = re.compile(r"PJSIP/\{number\}@([A-Za-z0-9_.-]+)$")
# Of a large centre not every phone is asked: each costs a few questions.
_PHONES_ASKED = 40


async def examine(settings: Loaded, engine: Engine | None = None) -> list[Json]:
    """Each check as `domain.findings.Finding.row`: check, level (ok, warn, fail), text and advice, both also in
    Chinese (text_zh, advice_zh). engine: of the daemon that asks; None when there is none.
    """
    config = settings.config
    here = asyncio.to_thread(host.look, settings, inside=engine is not None)
    agents = await _agents(config, engine)
    parts = await asyncio.gather(
        here, _redis(config), *(_node(config, node, agents) for node in config.pbx.nodes)
    )
    findings = [*_engine(engine), *(finding for part in parts for finding in part)]
    return [finding.row() for finding in findings]


def examine_alone(settings: Loaded) -> list[Json]:
    """The same without a daemon. Call it from no loop. What the links log is said by the findings, better."""
    logs.configure(level="critical")
    return asyncio.run(examine(settings))


# -- one PBX ---------------------------------------------------------------------------------------


async def _node(config: Config, node: PbxNode, agents: Sequence[AgentRow]) -> list[Finding]:
    token = secrets.token_hex(8)
    wants = config.recordings.enabled
    folder = await asyncio.to_thread(prepare, node, token) if wants else None
    trunks = [trunk for trunk in config.trunks if trunk.node == node.name]
    found = {trunk.dial: _ENDPOINT.match(trunk.dial) for trunk in trunks}
    ours = [agent for agent in agents if agent.node in ("", node.name)]
    plan = Plan(
        token,
        endpoints=tuple(dict.fromkeys(match[1] for match in found.values() if match)),
        phones=tuple(_phones(config, ours)),
        recording=folder.recording if folder else "",
        mark=folder.there(folder.mark) if folder else "",
        command_s=node.command_timeout_s,
    )
    facts = await look_at(wiring.link_config(node), plan)
    wanted = Wanted(
        node,
        channels=sum(trunk.max_channels for trunk in trunks),
        agents=len(ours),
        other_dials=tuple(dial for dial, match in found.items() if match is None),
    )
    findings = judge(facts, wanted)
    if folder is not None:
        marks = wiring.watermarks(config)
        findings += await asyncio.to_thread(judge_folder, folder, facts, marks)
    return findings


def _phones(config: Config, agents: Sequence[AgentRow]) -> Iterator[str]:
    """Endpoints of agents' phones, where their dial string names one."""
    prefix = "PJSIP/{phone}"
    if config.agents.dial == prefix:
        yield from (agent.phone for agent in agents[:_PHONES_ASKED] if "/" not in agent.phone)


async def _agents(config: Config, engine: Engine | None) -> list[AgentRow]:
    """All that the store knows; none when it cannot be read, which is a finding of its own."""
    try:
        if engine is not None:
            return await engine.store.agents()
        async with opened(config) as store:
            return await store.agents()
    except DialerError:
        return []


# -- the rest --------------------------------------------------------------------------------------


def _engine(engine: Engine | None) -> Iterator[Finding]:
    if engine is None:
        return
    if not engine.ledger.ok:
        yield fail(
            "dialling",
            f"stopped: {engine.ledger.detail}",
            "已停止:数据库无法写入",
            "free disk space, or start the database, or mend its rights; it goes on by itself",
            "清理磁盘、启动数据库或修正权限;之后自动恢复",
        )
    down = [str(node.name) for node in engine.nodes.values() if not node.health().connected]
    if down:
        yield fail(
            "dialling",
            f"the daemon has no link to {', '.join(down)}",
            f"守护进程未连接 {', '.join(down)}",
            "see the findings on that PBX; after a corrected secret: dialer-engine reload",
            "参见该 PBX 的各项;修正密码后执行 dialer-engine reload",
        )
    if engine.ledger.ok and not down:
        yield ok(
            "dialling", "the store takes writes, every PBX is connected", "数据库可写,PBX 均已连接"
        )


async def _redis(config: Config) -> list[Finding]:
    if config.redis.url is None:
        return []
    try:
        from dialer_engine.live.client import connect
    except ModuleNotFoundError:
        return [
            fail(
                "redis",
                "redis.url is set, but the Python package redis is missing",
                "缺少 Python 包 redis",
                "pip install 'dialer-engine[redis]'",
                "pip install 'dialer-engine[redis]'",
            )
        ]
    client = connect(config.redis.url.reveal())
    try:
        info = await client.info("server")
    except Exception as error:  # redis-py raises its own, the system's, and ValueError for a URL
        return [
            fail(
                "redis",
                f"does not answer: {type(error).__name__}",
                f"无响应:{type(error).__name__}",
                "redis.url; is the server up, and the password right? Without it live views stand still",
                "检查 redis.url、服务器与密码;否则实时界面停止更新",
            )
        ]
    finally:
        await client.aclose()
    version = info.get("redis_version", "")
    return [ok("redis", f"answers, version {version}", f"正常,版本 {version}")]
