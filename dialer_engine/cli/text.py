"""The words of the command line, in English and Chinese.

Rules: the English text is the key and is always there; a text without Chinese is shown in English;
`both` shows the two side by side. Names of outcomes come from the domain, which has them already.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum

from dialer_engine.cli.words import ZH
from dialer_engine.domain.outcome import Outcome


class Lang(StrEnum):
    """Language of what people read; programs get the same JSON in any."""

    EN = "en"
    ZH = "zh"
    BOTH = "both"


def default_lang(env: Mapping[str, str] | None = None) -> Lang:
    """What the locale asks for, in the order of POSIX: LC_ALL, LC_MESSAGES, LANG."""
    env = os.environ if env is None else env
    locale = env.get("LC_ALL") or env.get("LC_MESSAGES") or env.get("LANG") or ""
    return Lang.ZH if locale.lower().startswith("zh") else Lang.EN


def label(text: str, lang: Lang) -> str:
    """`text` in the language."""
    chinese = ZH.get(text)
    if lang is Lang.EN or chinese is None:
        return text
    return chinese if lang is Lang.ZH else f"{text} {chinese}"


def word(value: str, lang: Lang) -> str:
    """A value of an enumeration (a phase, a presence, an outcome) in the language."""
    try:
        chinese = Outcome(value).chinese
    except ValueError:
        return label(value, lang)
    if lang is Lang.EN:
        return value
    return chinese if lang is Lang.ZH else f"{value} {chinese}"
