"""`docs/reference/api.md`: the HTTP API, from its routes and from the docstrings of `EngineApi`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from dialer_engine.engine.api import (
    AGENT_MODES,
    DIAL_MODES,
    LISTEN_MODES,
    TOPICS,
    EngineApi,
)
from dialer_engine.web import probes
from dialer_engine.web.described import ROUTES, Described
from dialer_engine.web.exchange import EXCHANGE, PROBLEMS_MOST, QUERIES, WRITTEN
from dialer_engine.web.exchange_api import ExchangeApi
from dialer_engine.web.guard import READ, WRITE
from dialer_engine.web.records import KINDS, NATURAL_KEYS, Field
from dialer_engine.web.records_in import JSON_LIMIT, JSON_MOST, LINE_LIMIT, NDJSON
from dialer_engine.web.routes import _HISTORY_LIMIT, _V1
from tools.docs.markdown import code, one_line, page, table

SOURCE = "dialer_engine/web/routes.py and dialer_engine/engine/api.py"
_TYPES: Mapping[type, str] = {
    str: "text",
    float: "number",
    bool: "true or false",
    list: "list of texts",
    int: "whole number",
    dict: "object",
}


_HEAD = f"""\
# HTTP API

On the Unix socket `daemon.socket`, below `/api/v1`. Whoever may open the socket commands the daemon: its mode and
group (`api.socket_mode`, `api.socket_group`) are the access control, there is no other. JSON in, JSON out; a body
needs `Content-Type: application/json` and is at most 64 KiB (of the [exchange](#the-exchange) more); unknown names
are an error that names the nearest known one. The same as OpenAPI 3.1, for programs: [openapi.json](openapi.json),
and `/openapi.json` of a running daemon.

```sh
curl --unix-socket /run/dialer/api.sock http://dialer/api/v1/status
curl --unix-socket /run/dialer/api.sock -X PATCH -H 'Content-Type: application/json' \\
     -d '{{"ratio": 1.5}}' http://dialer/api/v1/campaigns/evening
```

Ids are texts. Times are ISO 8601 in UTC with an offset. Durations are seconds, `_ms` where the name says so. Telephone
numbers come masked, except on an agent's own topic `agent/<id>` of the feed. An error is
`{{"error": …, "code": …, "hint": …}}` with the status of [the error table](exit-codes.md).

Names: mode of a campaign {", ".join(DIAL_MODES)}; mode of an agent {", ".join(AGENT_MODES)}; mode of listening
{", ".join(LISTEN_MODES)}. At most {_HISTORY_LIMIT} rows of history at once.
""".splitlines()
_FEED = f"""\
## The feed

`GET /api/v1/events` is a stream of server-sent events. Topics: {", ".join(f"`{t}`" for t in TOPICS)},
and `agent/<id>` for the screen of one agent, which must be named.
Each message has `topic`, `seq` and `event`. A listener that is too slow loses the oldest messages (`api.feed_queue`
are kept for it) and gets an event `lost` with how many. Nothing is kept for a listener that was away: ask `/status`,
`/agents` and `/calls` after connecting.

| topic | `event` | further fields |
| --- | --- | --- |
| `calls` | a phase of [the call](call-states.md) | `attempt`, `campaign`, `agent`, `node`, `trunk` |
| `calls` | `outcome` | `attempt`, `campaign`, `outcome`, `agent`, `talk_s`, `answer_to_bridge_s` |
| `agents` | `changed` | `agent`, `line`, `presence`, `break_reason`, `attempt` |
| `agents` | `disposition` | `agent`, `attempt`, `code` |
| `agents` | `case_skipped`, `case_refused`, `case_withdrawn` | `agent`, `why`: the case that they held |
| `campaigns` | `started`, `paused`, `stopped`, `changed` | `campaign` |
| `alarms` | `node_down`, `node_up` | `node` |
| `alarms` | `breaker` | `trunk`, `breaker` |
| `alarms` | `store` | `ok`, `detail` |
| `alarms` | `disk` | `disk` |
| `alarms` | `recording` | `attempt`, `status` |
| `agent/<id>` | `call` | the case: personal data, sent when the agent is chosen, before the first word |
| `agent/<id>` | `preview` | the case that the agent may accept or skip: personal data |
""".splitlines()
_PROBES = """\
## Probes

On the same socket, and on `metrics.host`:`metrics.port` when `metrics.enabled` is set; there nothing else is served.
""".splitlines()


def api() -> str:
    """The page."""
    lines = [*_HEAD, "", "## Routes"]
    for method, path, handler in _V1:
        lines += ["", *_route(method, path, ROUTES[handler.__name__])]
    lines += ["", *_exchange(), "", *_FEED, "", *_PROBES, ""]
    rows = [
        (code(name), one_line(inspect.getdoc(probe)))
        for name, probe in (
            ("/healthz", probes.healthz),
            ("/readyz", probes.readyz),
            ("/metrics", probes.metrics),
        )
    ]
    return page(SOURCE, [*lines, *table(("path", "answers"), rows)])


_EXCHANGE = f"""\
## The exchange

For a bank's systems: the same socket, and `exchange.host`:`exchange.port` with a bearer token when `exchange.enabled`
is set; there nothing else is served but `/openapi.json` and `/healthz`. How to set it up and use it:
[exchange](../howto/exchange.md).

A body is one record, a list of at most {JSON_MOST} (`application/json`, at most {JSON_LIMIT:,} bytes), or any number
of records, one a line of at most {LINE_LIMIT:,} bytes (`{NDJSON}`). A record is known by its key: the same again
changes nothing and gives the same body; the header `{WRITTEN}` says how many records changed something. The second
record of a key in one request is refused. The answer is `{{"received", "accepted", "rejected", "complete",
"problems": [{{"line", "reference", "field", "reason", "accepted"}}]}}`, and received = accepted + rejected. To NDJSON
the answer is NDJSON: the problems, then the count. `complete` is false when there were more than {PROBLEMS_MOST:,}
problems: what comes after `read_until` was not read. One record alone that is refused is a 400 with the same fields
and `error`, `code`, `hint`.
""".splitlines()


def _exchange() -> list[str]:
    lines = list(_EXCHANGE)
    for method, path, handler in EXCHANGE:
        name = handler.__name__
        kind = name.removeprefix("post_")
        lines += ["", f"### `{method} {path.replace(':path', '')}`", ""]
        if QUERIES[name]:
            lines += ["Query: " + ", ".join(code(one) for one in QUERIES[name]) + ".", ""]
        if kind == name:
            lines.append(
                f"Right: {code(READ)}. {one_line(inspect.getdoc(getattr(ExchangeApi, name)))}"
            )
            continue
        lines += [f"Right: {code(WRITE)}. Key: {' + '.join(map(code, NATURAL_KEYS[kind]))}.", ""]
        rows = [
            (code(n), f.form.value, "yes" if f.must else "", _about(f))
            for n, f in KINDS[kind].items()
        ]
        lines += table(("field", "form", "needed", "meaning"), rows)
    return lines


def _about(field: Field) -> str:
    return f"{field.about}: {', '.join(field.choices)}" if field.choices else field.about


def _route(method: str, path: str, route: Described) -> list[str]:
    lines = [f"### `{method} {path}`", "", one_line(inspect.getdoc(getattr(EngineApi, route.asks)))]
    if route.query:
        lines += ["", "Query: " + ", ".join(code(name) for name in route.query) + "."]
    if route.body:
        fields = (
            f"{code(name)} ({_TYPES[kind]}{', required' if name in route.must else ''})"
            for name, kind in route.body.items()
        )
        lines += ["", "Body: " + ", ".join(fields) + "."]
    return lines
