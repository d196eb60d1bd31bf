"""What each route of `EngineApi` takes: the one table from which requests are checked and the reference and
`/openapi.json` are written. `records.py` is the same for what a bank sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from dialer_engine.domain.errors import BadValue
from dialer_engine.engine.api import (
    AGENT_FIELDS,
    AGENT_MODES,
    CAMPAIGN_FIELDS,
    DIAL_MODES,
    LISTEN_MODES,
    PERIODS,
)
from dialer_engine.engine.api_pacing import SHADOW_POLICIES
from dialer_engine.web.bodies import BODY_LIMIT, json_body, query

CALL_FILTERS = ("campaign", "phase", "agent", "node", "trunk")


@dataclass(frozen=True, slots=True)
class Described:
    """asks: the method of `EngineApi`. body: field to type; those that must be there are in `must`, those
    with few values in `choices`. query: names. status: of success.
    """

    asks: str
    body: Mapping[str, type] = field(default_factory=dict)
    must: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    status: int = 200
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_CAMPAIGN = {"mode": DIAL_MODES, "period": PERIODS}
# Every route of web/routes.py and web/pacing.py by its handler; a test sees to it that none is missing.
ROUTES: Mapping[str, Described] = {
    "status": Described("status"),
    "doctor": Described("doctor"),
    "reload": Described("reload"),
    "shutdown": Described("shutdown", {"graceful": bool, "limit_s": float}, status=202),
    "report": Described("report", query=("campaign", "since", "until")),
    "events": Described("subscribe", query=("topics",)),
    "campaigns": Described("campaigns"),
    "create_campaign": Described(
        "create_campaign", {"name": str, **CAMPAIGN_FIELDS}, ("name",), (), 201, _CAMPAIGN
    ),
    "campaign": Described("campaign"),
    "change_campaign": Described("change_campaign", CAMPAIGN_FIELDS, choices=_CAMPAIGN),
    "start_campaign": Described("start_campaign"),
    "pause_campaign": Described("pause_campaign"),
    "stop_campaign": Described("stop_campaign"),
    "agents": Described("agents"),
    "add_agent": Described("add_agent", AGENT_FIELDS, ("id",), (), 201, {"mode": AGENT_MODES}),
    "login_agent": Described("login_agent"),
    "logout_agent": Described("logout_agent"),
    "pause_agent": Described("pause_agent", {"reason": str}),
    "resume_agent": Described("resume_agent"),
    "end_wrap_up": Described("end_wrap_up"),
    "dispose": Described("dispose", {"code": str, "note": str, "attempt": str}, ("code",)),
    "listen": Described(
        "listen", {"phone": str, "mode": str}, ("phone",), (), 202, {"mode": LISTEN_MODES}
    ),
    "calls": Described("calls", query=CALL_FILTERS),
    "call": Described("call"),
    "hangup_call": Described("hangup_call"),
    "history": Described("call_history", query=("campaign", "limit", "before")),
    "changes": Described("campaign_changes", query=("limit",)),
    "pacing": Described("pacing"),
    "explain": Described("explain", query=("at",)),
    "shadow": Described("shadow"),
    "set_shadow": Described(
        "shadow", {"policy": str}, ("policy",), choices={"policy": SHADOW_POLICIES}
    ),
    "export_learned": Described("export_learned"),
    "import_learned": Described("import_learned", {"learned": dict}, ("learned",)),
    "accept_case": Described("accept_case", status=202),
    "skip_case": Described("skip_case", {"reason": str}),
    "dial_case": Described(
        "dial_case", {"campaign": str, "reference": str}, ("campaign", "reference"), status=202
    ),
}


async def body_of(request: Request, handler: str, limit: int = BODY_LIMIT) -> dict[str, Any]:
    """The body, as the table describes it."""
    route = ROUTES[handler]
    body = await json_body(request, route.body, route.must, limit)
    for name, allowed in route.choices.items():
        if name in body and body[name] not in allowed:
            raise BadValue(f"{name} must be one of {', '.join(allowed)}")
    return body


def query_of(request: Request, handler: str) -> dict[str, str]:
    """The query parameters, as the table describes them."""
    return query(request, ROUTES[handler].query)
