"""The figures as a table for people."""

from __future__ import annotations

from typing import Any

_WIDTHS = (64, 22, 22, 8)


def show(found: dict[str, Any]) -> None:
    """Print it: ours, the bare loop's, the ratio."""
    machine = found["machine"]
    print(
        f"\n{machine['cpus']} CPUs, {machine['cpu']}, Python {machine['python']}; PBX {found['pbx']}; "
        f"load {found['load_before']} before, {found['load_after']} after; {found['date']}"
    )
    _row("", "engine", "bare loop", "ratio")
    _dialled(found)
    _alone(found)


def _dialled(found: dict[str, Any]) -> None:
    rates = found["ramp"]["originates_per_s"]
    _row("originates a second, sustained", rates["engine"], rates["bare"], rates["ratio"])
    cpu = found["ramp"]["cpu_ms_per_call"]
    _row(f"CPU ms a call at {cpu['at_calls_per_s']:g}/s", cpu["engine"], cpu["bare"], cpu["ratio"])
    _row("  Asterisk's", cpu["asterisk"], cpu["asterisk_under_bare"], cpu["engine_to_asterisk"])
    for beginning, words in (
        ("up", "answer (Newstate Up)"),
        ("told", "answer told (UserEvent)"),
        ("held", "leg may be bridged"),
    ):
        one = found["answer_to_bridge"][f"{beginning}_to_bridged_ms"]
        for which, which_words in (
            ("p50", "p50 of all"),
            ("p99", "p99 of all"),
            ("p99_rounds", "p99, median of rounds"),
        ):
            ours, bare = one["engine"][which], one["bare"][which]
            _row(f"{words} to both bridged, {which_words}, ms", ours, bare, one[f"ratio_{which}"])
    told = found["answer_to_bridge"]["told_to_bridged_ms"]
    cells = [f"{told[s]['p99_lowest']:g}-{told[s]['p99_highest']:g}" for s in ("engine", "bare")]
    _row("  p99 by round, answer told, lowest and highest", *cells, "")
    rounds = found["answer_to_bridge"]["rounds"]
    _row("  priority", *(rounds[side][0]["priority"] for side in ("engine", "bare")), "")
    for what, words in (
        ("calls_up", "calls up"),
        ("answered", "answered"),
        ("unbridged", "of them not bridged"),
        ("others_cores", "cores taken by other programs"),
        ("idle_cores", "cores idle"),
    ):
        cells = ["/".join(f"{r[what]:.3g}" for r in rounds[side]) for side in ("engine", "bare")]
        _row(f"  {words}, by round", *cells, "")
    memory = found["memory"]["rss_mib_after_ramp"]
    _row("memory after the ramp, MiB", max(memory["engine"]), max(memory["bare"]), "")


def _alone(found: dict[str, Any]) -> None:
    core, store = found["core"], found["store"]
    for name, rates in found["ami_events_per_s"].items():
        words = f"AMI events a second, {name.replace('_', ' ')}; stock panoramisk"
        _row(words, rates["link"], rates["panoramisk"], rates["link_to_panoramisk"])
    _row("events a second through inbox and switchboard", core["engine"]["events_per_s"], "", "")
    tick = core["tick"]
    words = f"tick with {tick['agents']} agents, {tick['calls']} calls, p50 / p99 ms"
    _row(words, tick["tick_ms"]["p50"], tick["tick_ms"]["p99"], "")
    _row("memory a call in the registry / in Asterisk, KiB", tick["registry_kib_per_call"],
         found["memory"]["asterisk_kib_per_call"], "")  # fmt: skip
    _row("attempts begun / ended a second in the store", store["attempts_begun_per_s"],
         store["attempts_ended_per_s"], "")  # fmt: skip


def _row(words: str, *cells: Any) -> None:
    shown = [f"{cell:,}" if isinstance(cell, int | float) else str(cell) for cell in cells]
    print(
        f"{words:{_WIDTHS[0]}}"
        + "".join(f"{c:>{w}}" for c, w in zip(shown, _WIDTHS[1:], strict=True))
    )
