"""What `top` draws, from its state and the size of the terminal."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from dialer_engine.cli import columns
from dialer_engine.cli.events import describe
from dialer_engine.cli.session import Session
from dialer_engine.cli.show import Column, Row, clean, duration, number, table
from dialer_engine.cli.status import counted
from dialer_engine.cli.top_state import TopState

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.layout import Layout
    from rich.text import Text

KEYS = "p pause/start   + - ratio   n next campaign   q quit"
# Head line and rule of a table.
_TABLE_EXTRA = 3
# Smaller than this, blocks vanish from the bottom upwards; the keys stay.
_EVENT_ROWS = 6
_MIN_AGENT_ROWS = 5
# All columns of the campaigns need this much.
_WIDE = 120

_AGENTS = (
    Column("Agent", "id"),
    Column("Presence", "presence", word=True),
    Column("Line", "line", word=True),
    Column("Time", lambda row: _age(row.get("since")), duration, right=True),
    Column("Campaign", "campaign"),
    Column("Talks", lambda row: (row.get("today") or {}).get("talks"), number, right=True),
    Column("Talk", lambda row: (row.get("today") or {}).get("talk_s"), duration, right=True),
)


def _age(since: Any) -> float | None:
    if not since:
        return None
    when = datetime.fromisoformat(since)
    return max(0.0, (datetime.now(when.tzinfo) - when).total_seconds())


def screen(session: Session, state: TopState, width: int, height: int) -> Layout:
    """The whole screen: each block has its place, so that nothing jumps."""
    from rich.layout import Layout

    campaigns = len(state.campaigns()) + _TABLE_EXTRA
    trunks = len((state.status or {}).get("trunks", ())) + _TABLE_EXTRA
    blocks = [
        Layout(_head(session, state), size=2),
        Layout(_campaign_table(session, state, True, width < _WIDE), size=campaigns),
        Layout(_trunk_table(session, state, framed=True), size=trunks),
        Layout(_agent_table(session, state, framed=True), ratio=1, minimum_size=_MIN_AGENT_ROWS),
        Layout(_events(session, state, _EVENT_ROWS), size=_EVENT_ROWS + 1),
    ]
    room = height - 1
    while len(blocks) > 1 and _least(blocks) > room:
        blocks.pop()
    whole = Layout()
    whole.split_column(*blocks, Layout(_foot(session, state), size=1))
    return whole


def _least(blocks: list[Layout]) -> int:
    return sum(block.size or block.minimum_size for block in blocks)


def snapshot(session: Session, state: TopState, framed: bool) -> RenderableType:
    """The same for a pipe or a file: everything, without limits."""
    from rich.console import Group
    from rich.text import Text

    gap = Text("")
    return Group(
        _head(session, state), gap,
        _campaign_table(session, state, framed), gap,
        _trunk_table(session, state, framed), gap,
        _agent_table(session, state, framed),
    )  # fmt: skip


# -- blocks ----------------------------------------------------------------------------------------


def _head(session: Session, state: TopState) -> Text:
    from rich.text import Text

    status = state.status
    if status is None:
        return Text("dialer-engine")
    node = ", ".join(f"{n['name']} {'✓' if n['connected'] else '✗'}" for n in status["nodes"])
    first = (
        f"dialer-engine {status['version']}  {session.word(status['state'])}  "
        f"{session.label('Uptime')} {duration(status['uptime_s'])}  PBX {node}  "
        f"{session.label('Disk')} {session.word(status['disk'])}"
    )
    text = Text(clean(first), style="bold", no_wrap=True, overflow="ellipsis")
    text.append("\n")
    text.append(f"{session.label('Calls')}: {counted(session, status['calls'])}   ", style="cyan")
    text.append(f"{session.label('Agents')}: {counted(session, status['agents']['line'])}", "green")
    if not status["store"]["ok"]:
        text.append(f"   {session.label('Store')}: {clean(status['store']['detail'])}", "bold red")
    return text


def _campaign_table(
    session: Session, state: TopState, framed: bool, narrow: bool = False
) -> RenderableType:
    """Campaigns, the chosen one marked."""
    shown = list(columns.CAMPAIGNS_NARROW if narrow else columns.CAMPAIGNS)
    if framed:
        shown[0] = Column("Campaign", lambda row: _marked(row, state.chosen))
    return table(session, "", shown, state.campaigns(), framed)


def _marked(row: Row, chosen: str | None) -> str:
    return f"{'▶' if row['name'] == chosen else ' '} {row['name']}"


def _trunk_table(session: Session, state: TopState, framed: bool) -> RenderableType:
    rows = (state.status or {}).get("trunks", [])
    return table(session, "", columns.TRUNKS, rows, framed)


def _agent_table(session: Session, state: TopState, framed: bool) -> RenderableType:
    """Who works first: when the screen is too small, those who are logged out are cut off."""
    rows = sorted(state.agents, key=lambda row: (row["presence"] == "logged_out", row["id"]))
    return table(session, "", _AGENTS, rows, framed)


def _events(session: Session, state: TopState, rows: int) -> Text:
    from rich.text import Text

    text = Text(session.label("last events"), style="bold", no_wrap=True, overflow="ellipsis")
    for message in list(state.events)[-rows:]:
        text.append("\n" + clean(describe(session, message)), style="not bold dim")
    return text


def _foot(session: Session, state: TopState) -> Text:
    from rich.text import Text

    text = Text(no_wrap=True, overflow="ellipsis")
    if not state.reached:
        text.append(f" {session.label('no daemon answers; trying again')} ", "bold white on red")
        text.append("  ")
    text.append(session.label(KEYS), "reverse")
    if state.message:
        text.append(f"  {clean(state.message)}", "yellow")
    return text
