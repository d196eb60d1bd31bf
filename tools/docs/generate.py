"""Write the reference pages that the code's own tables give, or with --check say which are old.

    python -m tools.docs.generate [--check]

Rules: a page is a pure function of the tables; what a table does not hold (what a phase means to a
person) is here, and must be complete; `--check` changes nothing and ends with 1 when a page on disk
is not what would be written.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from dialer_engine.domain import agent, call
from dialer_engine.domain.agent import Line
from dialer_engine.domain.call import CallPhase
from dialer_engine.domain.machine import Table, mermaid
from dialer_engine.domain.outcome import BY_CAUSE, BY_SIP, Outcome, Rule
from tools.docs.api import api
from tools.docs.commands import commands
from tools.docs.configuration import configuration
from tools.docs.errors import exit_codes
from tools.docs.importing import importing
from tools.docs.markdown import NOTE
from tools.docs.markdown import table as _rows
from tools.docs.metrics import metrics
from tools.docs.openapi import openapi
from tools.docs.product_format import product_format
from tools.docs.store import store
from tools.docs.strategies import strategies
from tools.docs.strategy_format import strategy_format

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
OUTCOMES = {
    Outcome.COMPLETED: "An agent and the debtor heard each other.",
    Outcome.ABANDONED: "Somebody answered and no agent came within the limit; the message was played,"
    " or the answer crossed our hang-up.",
    Outcome.MESSAGE: "Somebody answered a call without an agent and heard the message to its end.",
    Outcome.MACHINE: "The detector heard an answering machine or a voice mailbox.",
    Outcome.HUNG_UP_EARLY: "The far end answered and hung up within the limit, before an agent was on"
    " the line. It does not count as abandoned.",
    Outcome.BUSY: "The line was busy.",
    Outcome.NO_ANSWER: "It rang until the time-out.",
    Outcome.REJECTED: "The call was declined at the phone.",
    Outcome.INVALID_NUMBER: "The number is not allocated, has changed, or is incomplete.",
    Outcome.OUT_OF_SERVICE: "The subscription is suspended or gone.",
    Outcome.SWITCHED_OFF: "The phone is switched off or not registered.",
    Outcome.UNREACHABLE: "The network could not reach the phone in time.",
    Outcome.CONGESTION: "The carrier had no line. The call may go out on the next trunk.",
    Outcome.INCOMPATIBLE: "No common codec or service.",
    Outcome.BARRED: "The carrier or the line does not allow this call.",
    Outcome.FAILED: "Anything else, faults of the trunk among it. What no row knows is here.",
    Outcome.CANCELLED: "We gave it up before an answer: a person, pacing, or a stopping daemon.",
    Outcome.LOST: "Nobody saw the end: the channel was gone when the daemon looked again.",
}
PHASES = {
    CallPhase.PLANNED: "Committed to the store; nothing was sent yet.",
    CallPhase.DIALING: "The command to dial has left.",
    CallPhase.RINGING: "The far end is being alerted.",
    CallPhase.ANSWERED: "Somebody or something took the call; it is not known yet what.",
    CallPhase.WAITING: "A person waits for an agent, within the abandonment limit.",
    CallPhase.CONNECTING: "An agent is chosen; their phone rings or the bridge is being made.",
    CallPhase.TALKING: "Debtor and agent hear each other.",
    CallPhase.MESSAGE: "A call without an agent: the PBX plays the campaign's message and hangs up.",
    CallPhase.SAFE_HARBOUR: "The message for abandoned calls plays; then the call is hung up.",
    CallPhase.HANGING_UP: "We asked for the end of the channel and wait for it.",
    CallPhase.ENDED: "The channel is gone; the attempt has its one outcome.",
}
LINES = {
    Line.OFF: "No leg, and none on its way: logged out, or a pause before the next call-back.",
    Line.CALLING: "The phone is being called (nailed-up mode).",
    Line.IDLE: "Can take a call, if the person is ready.",
    Line.RESERVED: "Chosen for a call; they do not hear each other yet.",
    Line.IN_CALL: "Debtor and agent hear each other.",
    Line.WRAP_UP: "The talk is over; the agent writes down what became of it.",
}


def outcomes() -> str:
    """The page on outcomes: what they mean, and which SIP status and cause give which."""
    kinds = [
        (f"`{o.value}`", o.chinese, "yes" if o.is_answer else "", OUTCOMES[o]) for o in Outcome
    ]
    return "\n".join(
        [
            "# Outcomes",
            "",
            "Every attempt gets exactly one. What was seen on our side (bridged, abandoned, machine) wins"
            " over what the network says; a SIP status wins over a hang-up cause; an end that nobody saw"
            " is `lost`; what no row knows is `failed`.",
            "",
            "每次呼叫有且只有一个结果。",
            "",
            *_rows(("outcome", "中文", "answered", "meaning"), kinds),
            "",
            "## By SIP status",
            "",
            *_rules("SIP", BY_SIP),
            "",
            "## By hang-up cause (Q.850)",
            "",
            "Used when the PBX told no SIP status, or one without a row above.",
            "",
            *_rules("cause", BY_CAUSE),
        ]
    )


def _rules(name: str, rules: Mapping[int, Rule]) -> list[str]:
    rows = [
        (
            str(k),
            f"`{r.outcome.value}`",
            r.outcome.chinese,
            "yes" if r.trunk_fault else "",
            r.source,
        )
        for k, r in sorted(rules.items())
    ]
    return _rows((name, "outcome", "中文", "the trunk's fault", "source"), rows)


def states(
    title: str, intro: str, table: Table[Any, Any], start: Enum, meanings: Mapping[Any, str]
) -> str:
    """The page on one machine: diagram, phases, and where each event leads from each phase."""
    phases = [(f"`{p.value}`", meanings[p]) for p in table.phases]
    events = [(f"`{e.__name__}`", _first_sentence(e)) for e in table.events]
    arrows = [
        (f"`{phase.value}`", f"`{kind.__name__}`", _names(p for p in table.phases if p in row.to))
        for (phase, kind), row in sorted(
            table.rows.items(),
            key=lambda item: (table.phases.index(item[0][0]), table.events.index(item[0][1])),
        )
    ]
    rest = [(f"`{phase.value}`", *_nowhere(table, phase)) for phase in table.phases]
    return "\n".join(
        [
            f"# {title}",
            "",
            intro,
            "",
            "```mermaid",
            mermaid(table, start).rstrip(),
            "```",
            "",
            "## Phases",
            "",
            *_rows(("phase", "meaning"), phases),
            "",
            "## Events",
            "",
            *_rows(("event", "meaning"), events),
            "",
            "## Where each event leads",
            "",
            *_rows(("in", "event", "leads to"), arrows),
            "",
            "## What leads nowhere",
            "",
            "Ignored: late, a duplicate, or overtaken by something that says more. Impossible: it is"
            " counted and logged, and changes nothing.",
            "",
            *_rows(("in", "ignored", "impossible"), rest),
        ]
    )


def _first_sentence(kind: type) -> str:
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())


def _nowhere(table: Table[Any, Any], phase: Enum) -> tuple[str, str]:
    ignored = [e for e in table.events if (phase, e) in table.ignored]
    impossible = [e for e in table.events if not table.is_legal(phase, e)]
    return _types(ignored), _types(impossible)


def _types(events: Iterable[type]) -> str:
    return ", ".join(f"`{event.__name__}`" for event in events)


def _names(phases: Iterable[Enum]) -> str:
    return ", ".join(f"`{phase.value}`" for phase in phases)


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    call_page = states(
        "States of a call",
        "One attempt from the moment it is committed to its one outcome. An event that is neither a row"
        " nor ignored is impossible: it raises, and changes nothing.",
        call.TABLE,
        CallPhase.PLANNED,
        PHASES,
    )
    agent_page = states(
        "States of an agent",
        "What the switch sees of an agent. What the person chose (`ready`, `break`, `logged_out`) is a"
        " second axis: it changes at any time and never interrupts a talk. An agent takes a call only"
        " when the person is `ready` and the line `idle`.",
        agent.TABLE,
        Line.OFF,
        LINES,
    )
    sources = {
        "outcomes.md": ("dialer_engine/domain/outcome.py", outcomes()),
        "call-states.md": ("dialer_engine/domain/call.py", call_page),
        "agent-states.md": ("dialer_engine/domain/agent.py", agent_page),
    }
    drawn = {
        name: f"{NOTE.format(source=source)}\n{text}\n" for name, (source, text) in sources.items()
    }
    return drawn | {
        "commands.md": commands(),
        "configuration.md": configuration(),
        "api.md": api(),
        "metrics.md": metrics(),
        "store.md": store(),
        "exit-codes.md": exit_codes(),
        "strategies.md": strategies(),
        "strategy-format.md": strategy_format(),
        "product-format.md": product_format(),
        "import.md": importing(),
    }


def files() -> dict[str, str]:
    """The pages, and what is for programs."""
    return pages() | {"openapi.json": openapi()}


def outdated(folder: Path) -> list[str]:
    """The files of the folder that are missing or not what would be written."""
    return [name for name, text in files().items() if _read(folder / name) != text]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def write(folder: Path) -> list[str]:
    """Write what is out of date; its names."""
    folder.mkdir(parents=True, exist_ok=True)
    old = outdated(folder)
    for name in old:
        (folder / name).write_text(files()[name], encoding="utf-8")
    return old


def main(arguments: list[str]) -> int:
    """The command; 1 when --check found something."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 when a page is old")
    parser.add_argument("--folder", type=Path, default=REFERENCE, help="where the pages are")
    options = parser.parse_args(arguments)
    found = outdated(options.folder) if options.check else write(options.folder)
    for name in found:
        print(f"{name} is out of date: run `make docs`" if options.check else f"wrote {name}")
    return 1 if options.check and found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
