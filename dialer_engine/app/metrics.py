"""Prometheus: the engine's plain numbers, read when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from dialer_engine.engine.engine import Engine
from dialer_engine.ports.recordings import DiskState

_DISK = {DiskState.OK: 0, DiskState.SLOW: 1, DiskState.FULL: 2}


class EngineCollector:
    """Reads one engine. Names follow Prometheus' conventions: base units, `_total` for what only
    grows.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """All families."""
        yield from self._calls()
        yield from self._campaigns()
        yield from self._trunks()
        yield from self._nodes()
        yield from self._inside()

    def _calls(self) -> Iterator[Metric]:
        calls = GaugeMetricFamily("dialer_calls", "Live calls by phase", labels=["phase"])
        for phase, count in self._engine.registry.phases().items():
            calls.add_metric([phase.value], count)
        yield calls
        agents = GaugeMetricFamily("dialer_agents", "Agents at work by line state", labels=["line"])
        for line, count in self._engine.registry.lines().items():
            agents.add_metric([line.value], count)
        yield agents

    def _campaigns(self) -> Iterator[Metric]:
        outcomes = CounterMetricFamily(
            "dialer_outcomes", "Attempts by outcome", labels=["campaign", "outcome"]
        )
        talk = CounterMetricFamily("dialer_talk_seconds", "Seconds of talk", labels=["campaign"])
        for name, running in self._engine.dialling.running.items():
            talk.add_metric([name], running.figures.talk_s)
            for outcome, count in running.figures.outcomes.items():
                outcomes.add_metric([name, outcome], count)
        yield outcomes
        yield talk

    def _trunks(self) -> Iterator[Metric]:
        used = GaugeMetricFamily("dialer_trunk_channels", "Channels in use", labels=["trunk"])
        closed = GaugeMetricFamily(
            "dialer_trunk_closed", "1 while the breaker lets calls through", labels=["trunk"]
        )
        for trunk in self._engine.trunks:
            used.add_metric([trunk.limits.name], trunk.in_use)
            closed.add_metric([trunk.limits.name], trunk.breaker.value == "closed")
        yield used
        yield closed

    def _nodes(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("dialer_node_up", "1 while the link works", labels=["node"])
        counters = CounterMetricFamily(
            "dialer_link", "Counters of the PBX link", labels=["node", "what"]
        )
        for node in self._engine.nodes.values():
            health = node.health()
            up.add_metric([health.node], health.connected)
            for what, count in health.counters.items():
                counters.add_metric([health.node, what], count)
        yield up
        yield counters

    def _inside(self) -> Iterator[Metric]:
        engine = self._engine
        yield GaugeMetricFamily(
            "dialer_store_up", "1 while the store takes writes", float(engine.ledger.ok)
        )
        yield GaugeMetricFamily(
            "dialer_store_pending", "Rows that wait for the store", engine.ledger.pending
        )
        yield GaugeMetricFamily(
            "dialer_disk_state", "0 ok, 1 slow, 2 full", _DISK[engine.dialling.disk]
        )
        yield GaugeMetricFamily("dialer_inbox_depth", "Events that wait", engine.inbox.depth)
        yield GaugeMetricFamily("dialer_tasks", "Tasks that run", len(engine.tasks))
        yield CounterMetricFamily("dialer_events", "Events handled", engine.inbox.handled)
        yield CounterMetricFamily("dialer_originates", "Originates sent", engine.stats.originates)
        illegal = sum(engine.stats.illegal.values())
        yield CounterMetricFamily("dialer_illegal_transitions", "Impossible events", illegal)
        denied = CounterMetricFamily("dialer_denied", "Attempts not permitted", labels=["reason"])
        for reason, count in engine.stats.denied.items():
            denied.add_metric([reason], count)
        yield denied


def renderer(engine: Engine) -> Callable[[], bytes]:
    """A function that gives the page."""
    registry = CollectorRegistry()
    registry.register(EngineCollector(engine))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return lambda: generate_latest(registry)
