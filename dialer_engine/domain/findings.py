"""What an examination found: one line a check, in English and Chinese.

Rules: a check that could not be made is a warning, never `ok`; advice says what to change and where; no number, name,
PIN or secret is ever in a text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """FAIL: calls will not work, or not safely. WARN: works, or could not be looked at."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. text: what was found; advice: what to change, empty when nothing is to be."""

    check: str
    level: Level
    text: str
    text_zh: str
    advice: str = ""
    advice_zh: str = ""

    def row(self) -> dict[str, str]:
        """Plain data, as the API gives it."""
        return {
            "check": self.check,
            "level": self.level.value,
            "text": self.text,
            "text_zh": self.text_zh,
            "advice": self.advice,
            "advice_zh": self.advice_zh,
        }


def ok(check: str, text: str, zh: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, text, zh)


def warn(check: str, text: str, zh: str, advice: str, advice_zh: str) -> Finding:
    """Unwise, or not to be looked at."""
    return Finding(check, Level.WARN, text, zh, advice, advice_zh)


def fail(check: str, text: str, zh: str, advice: str, advice_zh: str) -> Finding:
    """To be changed before dialling."""
    return Finding(check, Level.FAIL, text, zh, advice, advice_zh)
