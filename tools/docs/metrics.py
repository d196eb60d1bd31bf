"""`docs/reference/metrics.md`: what /metrics shows, from the collector itself."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path
from typing import Any, cast

from prometheus_client.core import Metric

from dialer_engine.ami import _stats
from dialer_engine.app.clock import SystemClock
from dialer_engine.app.metrics import EngineCollector
from dialer_engine.compliance.gate import RuleSet
from dialer_engine.engine.engine import Engine
from dialer_engine.engine.settings import EngineSettings
from tools.docs.markdown import code, page, table

SOURCE = "dialer_engine/app/metrics.py and dialer_engine/ami/_stats.py"
_HEAD = """\
# Metrics

`/metrics` in Prometheus' text format: on the API's Unix socket always, and on `metrics.host`:`metrics.port`
(127.0.0.1:9464) when `metrics.enabled` is set. Besides these there are `process_*` (CPU, memory, file handles)
and `python_info`.
Counters begin at 0 with the daemon; those with a `campaign` label begin when this daemon starts to run the campaign.

```yaml
scrape_configs:
  - job_name: dialer
    static_configs: [{targets: ["127.0.0.1:9464"]}]
```
""".splitlines()
_ALERTS = """\
## Worth an alert

| condition | what it says |
| --- | --- |
| `dialer_store_up == 0` | nothing is dialled: see [the alarm `store`](../howto/operate.md#alarms) |
| `dialer_node_up == 0` | nothing is dialled on that PBX |
| `dialer_disk_state > 0` | dialling is slowed (1) or stopped (2) |
| `dialer_trunk_closed == 0` | the breaker of a trunk is open |
| `rate(dialer_illegal_transitions_total[5m]) > 0` | impossible events; in the log `an impossible event was ignored` |
| `rate(dialer_link_total{what="events_shed_state"}[5m]) > 0` | events were lost in a flood; the PBX was asked again |
| `rate(dialer_link_total{what="events_filtered"}[5m]) > 0` | the AMI user has no event filter |
| `dialer_store_pending > 1000` | outcomes wait for a slow store |
""".splitlines()


def metrics() -> str:
    """The page."""
    families = sorted(asyncio.run(_families()), key=lambda one: one.name)
    rows = [(code(_name(one)), one.type, _labels(one), one.documentation) for one in families]
    lines = [*_HEAD, "", *table(("metric", "type", "labels", "meaning"), rows)]
    lines += ["", "## `what` of `dialer_link_total`", ""]
    lines += table(("what", "meaning"), [(code(k), v) for k, v in link_counters().items()])
    return page(SOURCE, [*lines, "", *_ALERTS])


async def _families() -> list[Metric]:
    """Those of an engine with nothing in it: every family is there, without samples."""
    nothing = cast(Any, None)
    settings = EngineSettings("docs", RuleSet(), (), {})
    engine = Engine(
        settings, store=nothing, nodes=(), feed=nothing, recordings=nothing, clock=SystemClock(), check_pin=nothing,
    )  # fmt: skip
    return list(EngineCollector(engine).collect())


def _name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels(family: Metric) -> str:
    return ", ".join(code(name) for name in getattr(family, "_labelnames", ()))


def link_counters() -> dict[str, str]:
    """The whole-number counters of a link, each with the text under it, which Python does not keep."""
    tree = ast.parse(Path(_stats.__file__).read_text(encoding="utf-8"))
    (body,) = [node.body for node in tree.body if isinstance(node, ast.ClassDef)]
    found: dict[str, str] = {}
    last = ""
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            last = node.target.id
            if ast.unparse(node.annotation) == "int":
                found[last] = ""
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and last in found:
            found[last] = " ".join(str(node.value.value).split())
    return found
