"""When the team of the demonstration takes its breaks."""

from __future__ import annotations

from typing import Any, cast

from tools.demo.breaks import BREAK_S, Team
from tools.rig.site import Site

AGENTS = [{"id": "1001"}, {"id": "1002"}]


class Asked:
    """A site whose API notes what was posted."""

    def __init__(self) -> None:
        self.posted: list[str] = []

    @property
    def api(self) -> Asked:
        return self

    def post(self, path: str, body: object = None) -> None:
        self.posted.append(path)


def status(answered: int, abandoned: int = 0) -> dict[str, Any]:
    return {"calls": {"answered": answered}, "campaigns": [{"today": {"abandoned": abandoned}}]}


def team() -> tuple[Team, Asked]:
    site = Asked()
    return Team(cast(Site, site)), site


def test_a_break_begins_only_while_somebody_has_answered() -> None:
    them, site = team()
    them.look(status(1), AGENTS, 1.0)
    them.look(status(0), AGENTS, 60.0)
    assert site.posted == []
    them.look(status(1), AGENTS, 61.0)
    assert site.posted == ["/agents/1001/pause", "/agents/1002/pause"]


def test_a_break_ends_and_comes_again_until_somebody_was_abandoned() -> None:
    them, site = team()
    them.look(status(1), AGENTS, 60.0)
    them.look(status(1), AGENTS, 60.0 + BREAK_S)
    assert site.posted[2:] == ["/agents/1001/resume", "/agents/1002/resume"]
    them.look(status(1), AGENTS, 61.0 + BREAK_S)
    assert them.breaks == 1
    them.look(status(1), AGENTS, 100.0)
    assert them.breaks == 2
    them.look(status(1, 1), AGENTS, 107.0)
    them.look(status(1, 1), AGENTS, 200.0)
    assert them.breaks == 2
    assert len(site.posted) == 8
