"""Each finding of doctor: judged facts, this machine, a real PBX, and that PBX with something broken."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dialer_engine.ami.examine import (
    CONTEXTS,
    DOCTOR_CONTEXT,
    PHONES_CONTEXT,
    EndpointFacts,
    PbxFacts,
    Trial,
)
from dialer_engine.app import _doctor_host as host
from dialer_engine.app import config as cfg
from dialer_engine.app import data, doctor
from dialer_engine.app._doctor_folder import judge_folder, prepare
from dialer_engine.app._doctor_line import Wanted
from dialer_engine.app._doctor_pbx import NEEDED, WISHED, judge
from dialer_engine.domain.errors import LoginRefused, NotConnected, TlsRefused, WrongPeer
from dialer_engine.domain.findings import Finding, Level
from dialer_engine.recordings.disk import Watermarks
from tools.lab.errors import BackendMissing
from tools.lab.lab import Lab

ROOMY = Watermarks(slow_bytes=0, stop_bytes=0, slow_percent=0, stop_percent=0)
NODE = cfg.PbxNode(name="main", host="127.0.0.1", username="dialer", secret=cfg.Secret("s"))
WANTED = Wanted(NODE, channels=100, agents=20)
TRIAL = Trial(
    made=True, events=dict.fromkeys(
        ("Newstate", "OriginateResponse", "BridgeEnter", "BridgeLeave", "Hangup", "UserEvent"), 1
    ),
    user_events=frozenset({"DialerAnswered", "DialerAbandoned"}), ended=True, noted=True, seconds=5.0,
)  # fmt: skip
TRUNK = EndpointFacts("carrier-a", True, ("alaw", "ulaw"), False, ("Reachable",), None)
HEALTHY = PbxFacts(
    ami="11.0.0", version="22.10.1", max_calls=0, max_files=65536,
    rights={name: frozenset({right}) for name, right in {**NEEDED, **WISHED}.items()} | {"Ping": frozenset()},
    contexts=dict.fromkeys((*CONTEXTS, PHONES_CONTEXT, DOCTOR_CONTEXT), True),
    values={"DE_SAFE_HARBOUR": "sorry", "DE_RTP_PORTS": "10000-20000"},
    offset_s=0.01, round_trip_s=0.001, booted=True, endpoints=(TRUNK,),
    phones=(EndpointFacts("agent-1001", True, ("alaw",), False, None),), trial=TRIAL,
    prompts={"agent-user": True}, mark_seen=True,
)  # fmt: skip


def bad(findings: list[Finding]) -> list[tuple[str, str, str]]:
    """Check, level, text of what is not ok."""
    return [(f.check, f.level.value, f.text) for f in findings if f.level is not Level.OK]


def without(rights: str) -> dict[str, frozenset[str]]:
    assert HEALTHY.rights is not None
    return {name: right for name, right in HEALTHY.rights.items() if rights not in right}


def having(**extra: str) -> dict[str, frozenset[str]]:
    assert HEALTHY.rights is not None
    return {**HEALTHY.rights, **{name: frozenset(text.split(",")) for name, text in extra.items()}}


# -- what a PBX shows ------------------------------------------------------------------------------


def test_a_healthy_pbx() -> None:
    findings = judge(HEALTHY, WANTED)
    assert bad(findings) == []
    assert [f.check for f in findings] == [
        "main TLS", "main AMI", "main rights", "main events", "main dialplan", "main test call", "main prompts",
        "main trunk carrier-a", "main phones", "main clock", "main limits",
    ]  # fmt: skip


FAULTS: list[tuple[dict[str, Any], str, str, str]] = [
    # what is otherwise, check, level, words of the finding
    ({"version": "18.9.0"}, "AMI", "fail", "Asterisk 18"),
    ({"version": ""}, "AMI", "warn", "version is not told"),
    ({"booted": False}, "AMI", "fail", "FullyBooted"),
    ({"rights": None}, "rights", "warn", "ListCommands"),
    ({"rights": without("call")}, "rights", "fail", "Bridge, Redirect, Hangup, Setvar"),
    ({"rights": without("originate")}, "rights", "fail", "Originate"),
    ({"rights": without("reporting")}, "rights", "warn", "ShowDialPlan"),
    ({"rights": having(Command="command")}, "rights", "fail", "too many: command"),
    ({"rights": having(ModuleLoad="system")}, "rights", "fail", "too many: system"),
    ({"rights": having(UpdateConfig="config")}, "rights", "warn", "more than needed: config"),
    ({"others": {"VarSet": 9, "Newexten": 3}}, "events", "fail", "Newexten, VarSet"),
    ({"others": {"NewCallerid": 1}}, "events", "warn", "NewCallerid"),
    ({"trial": replace(TRIAL, events={"Hangup": 1})}, "events", "fail", "UserEvent"),
    ({"trial": Trial(refused="no")}, "events", "warn", "not tried"),
    ({"trial": Trial(refused="no")}, "test call", "warn", "not made: no"),
    ({"trial": replace(TRIAL, user_events=frozenset())}, "test call", "fail", "DialerAnswered, DialerAbandoned"),
    ({"trial": replace(TRIAL, refused="late")}, "test call", "fail", "late"),
    ({"trial": replace(TRIAL, noted=False)}, "test call", "fail", "not written down"),
    ({"trial": replace(TRIAL, noted=None)}, "test call", "warn", "could not be asked"),
    ({"contexts": {**HEALTHY.contexts, "dialer-ended": False}}, "dialplan", "fail", "dialer-ended"),
    ({"contexts": {**HEALTHY.contexts, "dialer-ended": None}}, "dialplan", "warn", "dialer-ended"),
    ({"contexts": {**HEALTHY.contexts, PHONES_CONTEXT: False}}, "dialplan", "warn", PHONES_CONTEXT),
    ({"contexts": {**HEALTHY.contexts, DOCTOR_CONTEXT: False}}, "dialplan", "warn", DOCTOR_CONTEXT),
    ({"values": {**HEALTHY.values, "DE_SAFE_HARBOUR": ""}}, "prompts", "fail", "in silence"),
    ({"prompts": {"agent-user": False}}, "prompts", "fail", "agent-user"),
    ({"prompts": {}}, "prompts", "warn", "not tried"),
    ({"endpoints": (EndpointFacts("carrier-a"),)}, "trunk carrier-a", "fail", "no such PJSIP endpoint"),
    (
        {"endpoints": (replace(TRUNK, dialable=False, contacts=None),)},
        "trunk carrier-a",
        "fail",
        "has no address that answers",
    ),
    ({"endpoints": (replace(TRUNK, contacts=("Unreachable",)),)}, "trunk carrier-a", "fail", "does not answer"),
    ({"endpoints": (replace(TRUNK, contacts=("NonQualified",)),)}, "trunk carrier-a", "warn", "not asked yet"),
    ({"endpoints": (replace(TRUNK, contacts=None),)}, "trunk carrier-a", "warn", "func_pjsip_contact"),
    ({"endpoints": (replace(TRUNK, codecs=None),)}, "trunk carrier-a", "warn", "func_pjsip_endpoint"),
    ({"endpoints": (replace(TRUNK, registration="Rejected"),)}, "trunk carrier-a", "fail", "Rejected"),
    ({"endpoints": (replace(TRUNK, direct_media=True),)}, "trunk carrier-a", "fail", "recordings are empty"),
    ({"phones": (EndpointFacts("agent-1", False),)}, "phones", "warn", "not registered: agent-1"),
    ({"phones": (EndpointFacts("agent-1", True, ("opus",)),)}, "phones", "warn", "agent-1"),
    ({"offset_s": None}, "clock", "warn", "does not tell"),
    ({"offset_s": -5.0}, "clock", "warn", "-5.000 s"),
    ({"offset_s": 3600.0}, "clock", "fail", "+3600"),
    ({"max_calls": 50}, "limits", "fail", "maxcalls 50 is below 120"),
    ({"max_calls": None}, "limits", "warn", "not told"),
    ({"max_files": 500}, "limits", "fail", "maxfiles 500"),
    ({"max_files": 0}, "limits", "warn", "maxfiles is not set"),
    ({"values": {**HEALTHY.values, "DE_RTP_PORTS": ""}}, "limits", "warn", "not told"),
    ({"values": {**HEALTHY.values, "DE_RTP_PORTS": "10000-10100"}}, "limits", "fail", "101 media ports"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "check", "level", "words"), FAULTS)
def test_a_fault_of_a_pbx(change: dict[str, Any], check: str, level: str, words: str) -> None:
    """Found under its name, with advice in both languages; and the check says nowhere that it is well."""
    findings = judge(replace(HEALTHY, **change), WANTED)
    found = [
        f for f in findings if f.check == f"main {check}" and f.level == level and words in f.text
    ]
    assert len(found) == 1, bad(findings)
    assert found[0].advice
    assert found[0].advice_zh
    assert found[0].text_zh
    if check not in ("AMI", "dialplan", "test call"):
        assert not [f for f in findings if f.check == f"main {check}" and f.level is Level.OK]


def test_a_clock_that_is_off_by_the_journey_only() -> None:
    assert bad(judge(replace(HEALTHY, offset_s=2.5, round_trip_s=2.0), WANTED)) == []


@pytest.mark.parametrize(
    ("error", "check"),
    [
        (LoginRefused("the PBX refused the login"), "login"),
        (TlsRefused("certificate"), "TLS"),
        (WrongPeer("greets as SSH"), "version"),
        (NotConnected("no"), "AMI"),
    ],
)
def test_a_pbx_that_cannot_be_entered(error: Exception, check: str) -> None:
    findings = judge(PbxFacts(error=error), WANTED)
    assert [(f.check, f.level) for f in findings[1:]] == [(f"main {check}", Level.FAIL)]


@pytest.mark.parametrize(
    ("node", "level"),
    [
        (NODE, Level.OK),
        (replace(NODE, host="192.0.2.1"), Level.FAIL),
        (replace(NODE, host="192.0.2.1", tls=cfg.Tls(enabled=True)), Level.OK),
        (replace(NODE, host="192.0.2.1", tls=cfg.Tls(enabled=True, verify=False)), Level.WARN),
    ],
)
def test_tls(node: cfg.PbxNode, level: Level) -> None:
    assert judge(HEALTHY, replace(WANTED, node=node))[0].level is level


def test_a_trunk_of_another_kind_is_not_said_to_be_well() -> None:
    wanted = replace(WANTED, other_dials=("SIP/{number}@old",))
    assert bad(judge(HEALTHY, wanted)) == [
        (
            "main trunk",
            "warn",
            "cannot be looked at: SIP/{number}@old is not of the form PJSIP/{number}@endpoint",
        )
    ]


# -- the recording folder --------------------------------------------------------------------------


def node_with(folder: Path) -> cfg.PbxNode:
    return replace(NODE, recordings_dir=str(folder), recordings_dir_local=folder)


def recorded(folder: Path, seconds: float, loud: bool = True) -> None:
    """What the PBX would have left."""
    steps = int(seconds * 8000)
    tone = (8000 * np.sin(np.arange(steps) / 5)).astype("<i2") if loud else np.zeros(steps, "<i2")
    np.column_stack([np.zeros(steps, "<i2"), tone]).astype("<i2").tofile(folder / "doctor-t.raw")


def test_a_folder_that_both_share(tmp_path: Path) -> None:
    folder = prepare(node_with(tmp_path), "t")
    assert (tmp_path / "doctor-t.mark").exists()
    assert folder.recording == f"{tmp_path}/doctor-t"
    recorded(tmp_path, 5.0)
    findings = judge_folder(folder, HEALTHY, ROOMY)
    assert [(f.check, f.level) for f in findings] == [
        ("main recordings", Level.OK), ("main recording disk", Level.OK),
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("seconds", "loud", "facts", "level", "words"),
    [
        (None, True, HEALTHY, "fail", "left no recording"),
        (2.0, True, HEALTHY, "fail", "recorded 2.0 s of a call of 5.0 s"),
        (5.0, False, HEALTHY, "fail", "would hear silence"),
        (5.0, True, replace(HEALTHY, mark_seen=False), "fail", "does not see"),
        (5.0, True, replace(HEALTHY, mark_seen=None), "warn", "could not be asked"),
        (None, True, replace(HEALTHY, trial=Trial()), "warn", "no recording was tried"),
    ],
)
def test_a_fault_of_the_folder(
    tmp_path: Path, seconds: float | None, loud: bool, facts: PbxFacts, level: str, words: str
) -> None:
    folder = prepare(node_with(tmp_path), "t")
    if seconds is not None:
        recorded(tmp_path, seconds, loud)
    found = bad(judge_folder(folder, facts, ROOMY))
    assert [one[:2] for one in found] == [("main recordings", level)]
    assert words in found[0][2]
    assert list(tmp_path.iterdir()) == []


def test_no_folder(tmp_path: Path) -> None:
    folder = prepare(node_with(tmp_path / "gone"), "t")
    found = bad(judge_folder(folder, HEALTHY, ROOMY))
    assert [one[:2] for one in found] == [
        ("main recordings", "fail"),
        ("main recording disk", "fail"),
    ]


def test_little_room(tmp_path: Path) -> None:
    folder = prepare(node_with(tmp_path), "t")
    recorded(tmp_path, 5.0)
    huge = 1 << 60
    slow = replace(ROOMY, slow_bytes=huge)
    found = bad(judge_folder(folder, HEALTHY, slow))[-1]
    assert found[:2] == ("main recording disk", "warn")
    assert "half speed" in found[2]
    folder = prepare(node_with(tmp_path), "t")
    full = replace(ROOMY, slow_bytes=huge, stop_bytes=huge)
    found = bad(judge_folder(folder, HEALTHY, full))[-1]
    assert found[:2] == ("main recording disk", "fail")
    assert "no dialling" in found[2]


# -- this machine ----------------------------------------------------------------------------------


def settings(tmp_path: Path, **changes: Any) -> cfg.Loaded:
    """A configuration whose store is up to date."""
    tree: dict[str, Any] = {
        "daemon": {"state_dir": str(tmp_path), "socket": str(tmp_path / "api.sock")},
        "store": {"url": f"sqlite:///{tmp_path}/dialer.db", "busy_timeout_s": 0.2},
        "compliance": {"default_zone": "Europe/London"},
    }  # fmt: skip
    tree |= changes
    file = tmp_path / "dialer.yaml"
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    file.chmod(0o600)
    return cfg.load(file, env={})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    data.upgrade(settings(tmp_path).config)
    return tmp_path


def here(loaded: cfg.Loaded, check: str, *, inside: bool = False) -> list[tuple[str, str]]:
    """Level and text of one check."""
    return [(f.level.value, f.text) for f in host.look(loaded, inside=inside) if f.check == check]


def test_a_well_machine(home: Path) -> None:
    found = {f.check: f.level for f in host.look(settings(home), inside=False)}
    assert {found[one] for one in ("state folder", "store disk", "zone data", "number data")} == {
        Level.OK
    }
    assert set(found) >= {"clock", "open files", "configuration"}
    assert sorted(one.name for one in home.iterdir()) == [
        "dialer.db",
        "dialer.db.key",
        "dialer.yaml",
    ]


def test_no_nodes_is_told(home: Path) -> None:
    assert here(settings(home), "configuration")[0][0] == "warn"


def test_a_secret_that_everybody_may_read(home: Path) -> None:
    nodes = {"nodes": [{"name": "main", "host": "h", "username": "u", "secret": "hunter2"}]}
    loaded = settings(home, pbx=nodes)
    assert not any("may read" in text for _, text in here(loaded, "configuration"))
    loaded.files[0].chmod(0o644)
    assert any("may read dialer.yaml" in text for _, text in here(loaded, "configuration"))


def test_the_store(home: Path) -> None:
    loaded = settings(home)
    level, text = here(loaded, "store")[0]
    assert (level, "journal mode is delete" in text) == ("warn", True)
    import sqlite3

    with sqlite3.connect(home / "dialer.db") as link:
        link.execute("PRAGMA journal_mode=WAL")
    assert here(loaded, "store")[0][0] == "ok"
    link.execute("BEGIN EXCLUSIVE")
    level, text = here(loaded, "store")[0]
    link.close()
    assert (level, "has locked it" in text) == ("fail", True)


def test_a_store_without_a_schema(tmp_path: Path) -> None:
    (tmp_path / "dialer.db").touch()
    level, _ = here(settings(tmp_path), "store")[0]
    assert level == "fail"


def test_a_store_that_is_away(tmp_path: Path) -> None:
    store = {"url": "postgresql://u:hunter2@127.0.0.1:1/d"}
    level, text = here(settings(tmp_path, store=store), "store")[0]
    assert (level, "hunter2" in text) == ("fail", False)


def test_the_state_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = settings(home, daemon={"state_dir": str(home / "new"), "socket": str(home / "s")})
    assert "will be made" in here(gone, "state folder")[0][1]
    (home / "file").touch()
    wrong = settings(home, daemon={"state_dir": str(home / "file"), "socket": str(home / "s")})
    assert here(wrong, "state folder")[0][0] == "fail"


def test_a_second_daemon(home: Path) -> None:
    loaded = settings(home)
    assert here(loaded, "daemon") == []
    lock = os.open(home / "daemon.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        assert here(loaded, "daemon")[0][0] == "warn"
        assert here(loaded, "daemon", inside=True) == []
    finally:
        os.close(lock)


def test_the_socket(home: Path) -> None:
    loaded = settings(home)
    assert here(loaded, "socket", inside=True)[0][0] == "fail"
    (home / "api.sock").touch(mode=0o660)
    (home / "api.sock").chmod(0o660)
    assert here(loaded, "socket", inside=True)[0][0] == "ok"
    (home / "api.sock").chmod(0o666)
    assert here(loaded, "socket", inside=True)[0][0] == "fail"


def test_zone_data(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = settings(home)
    for version, level in (("2001a", "warn"), ("", "warn"), ("nonsense", "warn")):
        monkeypatch.setattr(host, "zone_version", lambda version=version: version)
        assert here(loaded, "zone data")[0][0] == level
    assert host._released("2026b") == host._released("2026.2") == date(2026, 6, 1)


@pytest.mark.parametrize(("state", "level"), [(True, "ok"), (False, "warn"), (None, "warn")])
def test_the_clock(
    home: Path, monkeypatch: pytest.MonkeyPatch, state: bool | None, level: str
) -> None:
    monkeypatch.setattr(host, "clock_synchronised", lambda: state)
    assert here(settings(home), "clock")[0][0] == level


async def test_redis_that_is_away(home: Path) -> None:
    loaded = settings(home, redis={"url": "redis://:hunter2@127.0.0.1:1/0"})
    rows = await doctor.examine(loaded)
    row = next(row for row in rows if row["check"] == "redis")
    assert row["level"] == "fail"
    assert "hunter2" not in str(rows)


# -- a real PBX ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    try:
        with Lab(agents=2) as running:
            # A short message: each examination hears it to its end.
            own = running.site.etc("pbx") / "site.d" / "extensions.conf"
            own.write_text(own.read_text(encoding="utf-8") + "DE_SAFE_HARBOUR = goodbye\n")
            running.restart_pbx()
            yield running
    except BackendMissing as error:
        if os.environ.get("DIALER_REQUIRE_PBX"):
            raise
        pytest.skip(str(error))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real prompts take four seconds."""
    monkeypatch.setattr("dialer_engine.ami.examine.LOGIN_PROMPTS", ("beep",))


def beside(lab: Lab, home: Path, **node: Any) -> cfg.Loaded:
    """The configuration of a daemon beside this lab."""
    main = {
        "name": "main", "host": lab.ami_host, "port": lab.ami_port, "username": lab.ami_user,
        "secret": lab.ami_secret, "recordings_dir": str(lab.recordings_dir),
        "recordings_dir_local": str(lab.recordings_dir),
    } | node  # fmt: skip
    trunks = [
        {"name": name, "node": "main", "dial": f"PJSIP/{{number}}@{name}"} for name in lab.trunks
    ]
    recordings = {"slow_free_mib": 0, "stop_free_mib": 0}
    return settings(home, pbx={"nodes": [main]}, trunks=trunks, recordings=recordings)


def told(loaded: cfg.Loaded) -> dict[str, list[tuple[str, str]]]:
    """Level and text of what was found on the PBX, by check."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in asyncio.run(doctor.examine(loaded)):
        node, _, check = row["check"].partition(" ")
        if node == "main":
            found.setdefault(check, []).append((row["level"], row["text"]))
    return found


@contextmanager
def changed(lab: Lab, file: str, pattern: str, by: str) -> Iterator[None]:
    """The PBX with another configuration, and as it was after it."""
    path = lab.site.etc("pbx") / file
    text = path.read_text(encoding="utf-8")
    other, count = re.subn(pattern, by, text)
    assert count, f"{file} has no {pattern}"
    path.write_text(other, encoding="utf-8")
    lab.restart_pbx()
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")
        lab.restart_pbx()


@pytest.mark.pbx
def test_the_lab_is_well(lab: Lab, home: Path) -> None:
    loaded = beside(lab, home)
    # The PBX has just started: it registers and asks its carriers within a few seconds.
    deadline = time.monotonic() + 30
    while (found := told(loaded)) and time.monotonic() < deadline:
        if all(found[f"trunk {name}"][0][0] == "ok" for name in lab.trunks):
            break
        time.sleep(1)
    checks = (
        "AMI", "TLS", "rights", "events", "dialplan", "test call", "prompts", "trunk carrier-a", "trunk carrier-b",
        "clock", "limits", "recordings", "recording disk",
    )  # fmt: skip
    assert {name: found[name] for name in checks if [one[0] for one in found[name]] != ["ok"]} == {}
    assert list(lab.recordings_dir.glob("*doctor*")) == []


@pytest.mark.pbx
@pytest.mark.usefixtures("quick")
def test_a_missing_context(lab: Lab, home: Path) -> None:
    with changed(lab, "extensions.conf", r"\[dialer-abandon\]", "[renamed]"):
        found = told(beside(lab, home))
    assert found["dialplan"][0] == ("fail", "missing contexts: dialer-abandon")
    assert found["test call"][0][0] == "warn"
    assert found["recordings"][0][0] == "warn"


@pytest.mark.pbx
@pytest.mark.usefixtures("quick")
def test_too_many_rights(lab: Lab, home: Path) -> None:
    with changed(lab, "manager.conf", "(?m)^write = .*", "write = all"):
        found = told(beside(lab, home))
    assert [level for level, _ in found["rights"]] == ["fail"]
    assert "command, system" in found["rights"][0][1]


@pytest.mark.pbx
@pytest.mark.usefixtures("quick")
def test_too_few_rights(lab: Lab, home: Path) -> None:
    with changed(lab, "manager.conf", "(?m)^write = .*", "write = reporting"):
        found = told(beside(lab, home))
    assert found["rights"][0] == ("fail", "missing: Originate, Bridge, Redirect, Hangup, Setvar")
    assert found["test call"][0] == ("warn", "not made: Permission denied")


@pytest.mark.pbx
@pytest.mark.usefixtures("quick")
def test_no_event_filter(lab: Lab, home: Path) -> None:
    """VarSet and Newexten come with the read right `all`."""
    with (
        changed(lab, "manager.conf", r"(?m)^eventfilter\(.*", "; gone"),
        changed(lab, "manager.conf", "(?m)^read = .*", "read = all"),
    ):
        found = told(beside(lab, home))
    assert found["events"][0][0] == "fail"
    assert "Newexten, " in found["events"][0][1]
    assert "VarSet" in found["events"][0][1]


@pytest.mark.pbx
@pytest.mark.usefixtures("quick")
def test_an_event_that_is_kept_back(lab: Lab, home: Path) -> None:
    with changed(lab, "manager.conf", r"(?m)^eventfilter.*name\(BridgeEnter\).*", "; gone"):
        found = told(beside(lab, home))
    assert found["events"][0] == ("fail", "did not come: BridgeEnter")


@pytest.mark.pbx
@pytest.mark.usefixtures("quick")
def test_a_recording_folder_of_its_own(lab: Lab, home: Path) -> None:
    """The daemon looks elsewhere than the PBX writes."""
    elsewhere = home / "rec"
    elsewhere.mkdir()
    found = told(beside(lab, home, recordings_dir_local=str(elsewhere)))
    texts = [text for level, text in found["recordings"] if level == "fail"]
    assert "does not see" in texts[0]
    assert "left no recording" in texts[1]
    for left in lab.recordings_dir.glob("doctor-*"):
        left.unlink()


@pytest.mark.pbx
@pytest.mark.usefixtures("quick")
def test_no_recording_folder(lab: Lab, home: Path) -> None:
    found = told(beside(lab, home, recordings_dir_local=str(home / "gone")))
    assert found["recordings"][0][0] == "fail"
    for left in lab.recordings_dir.glob("doctor-*"):
        left.unlink()


@pytest.mark.pbx
@pytest.mark.usefixtures("quick")
def test_recordings_that_are_not_wanted(lab: Lab, home: Path) -> None:
    loaded = beside(lab, home)
    config = replace(loaded.config, recordings=replace(loaded.config.recordings, enabled=False))
    found = told(replace(loaded, config=config))
    assert "recordings" not in found
    assert found["test call"][0][0] == "ok"
    assert list(lab.recordings_dir.rglob("*")) == []


@pytest.mark.pbx
@pytest.mark.usefixtures("quick")
def test_no_sounds_for_the_message(lab: Lab, home: Path) -> None:
    with changed(
        lab, "site.d/extensions.conf", "(?m)^DE_SAFE_HARBOUR = .*", "DE_SAFE_HARBOUR = not-there"
    ):
        found = told(beside(lab, home))
    assert found["recordings"][0][0] == "fail"
    assert "silence" in found["recordings"][0][1]


@pytest.mark.pbx
@pytest.mark.usefixtures("quick")
def test_a_dead_carrier(lab: Lab, home: Path) -> None:
    where = rf"(\[carrier-a\]\(trunk-aor\)\ncontact = sip:{re.escape(lab.world_ami_host)}):\d+"
    with changed(
        lab, "site.d/pjsip.conf", where, r"\1:9\nqualify_frequency = 1\nqualify_timeout = 0.5"
    ):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = told(beside(lab, home))["trunk carrier-a"]
            if found[0][0] == "fail":
                break
            time.sleep(1)
    assert found[0] == ("fail", "the carrier does not answer (contact Unreachable)")


@pytest.mark.pbx
@pytest.mark.usefixtures("quick")
def test_a_wrong_secret_on_a_real_pbx(lab: Lab, home: Path) -> None:
    found = told(beside(lab, home, secret="wrong"))
    assert found["login"][0][0] == "fail"
