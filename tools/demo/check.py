"""What the demonstration promises, held against its report."""

from __future__ import annotations

from typing import Any

from tools.demo.plan import WANTED

_LEAST = 300


def objections(report: dict[str, Any]) -> list[str]:
    """What did not come true; empty when all did."""
    found: list[str] = []
    if report["attempts"] < _LEAST:
        found.append(f"{report['attempts']} attempts, at least {_LEAST} were promised")
    if report["attempts_without_outcome"]:
        found.append(f"{report['attempts_without_outcome']} attempts have no outcome")
    missing = [name for name in WANTED if not report["outcomes"].get(name)]
    if missing:
        found.append(f"not seen: {', '.join(missing)}")
    verified, expected = report["recordings_verified"], report["recordings_expected"]
    if not expected or verified != expected:
        found.append(f"{verified} of {expected} recordings are verified")
    if not {row["strategy"] for row in report["segments"]} >= {"early", "mid"}:
        found.append("not every campaign was dialled by its strategy")
    if {row["source"] for row in report["denials"]} < {"law", "strategy"}:
        found.append("nobody was left alone by the law, or by the strategy")
    if not report["promises"]["made"] or not report["promises"]["kept"]:
        found.append("nobody promised to pay, or nobody kept it")
    return found
