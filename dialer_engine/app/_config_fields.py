"""What a field of the configuration says about itself: default, meaning, bounds, and whether it can change live.

Rules: a field's comment is written once, here beside its default; config/dialer.yaml, `config show` and the errors are
made from it. Secrets are a type, so that no log or listing shows one by accident.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Check = Callable[[Any], str | None]
META = "dialer"
REQUIRED: Any = dataclasses.MISSING


class Secret:
    """A text that shows itself only when asked: `reveal()`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._text

    @property
    def masked(self) -> str:
        """What may be shown."""
        return "********" if self._text else ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masked!r})"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class SecretUrl(Secret):
    """A URL that may hold a password; shown without it."""

    __slots__ = ()

    @property
    def masked(self) -> str:
        try:
            password = urlsplit(self._text).password
        except ValueError:
            return "********"
        return self._text.replace(f":{password}@", ":********@") if password else self._text


@dataclass(frozen=True, slots=True)
class About:
    """What a field says of itself. en, zh: its meaning. live: a reload applies it. check: None, or what is wrong."""

    en: str
    zh: str
    live: bool = False
    check: Check | None = None
    example: str = ""


def opt(
    default: Any,
    en: str,
    zh: str,
    *,
    live: bool = False,
    check: Check | None = None,
    example: str = "",
) -> Any:
    """A field of a section. `REQUIRED` as default: it must be given; `example` then stands in the reference."""
    about = About(en, zh, live, check, example)
    if isinstance(default, dict | list):
        return dataclasses.field(default_factory=lambda: default.copy(), metadata={META: about})
    if default is REQUIRED:
        return dataclasses.field(metadata={META: about})
    return dataclasses.field(default=default, metadata={META: about})


def section(make: Callable[[], Any], en: str, zh: str, *, live: bool = False) -> Any:
    """A section, or a list of sections (`live`: members may come and go without a restart)."""
    return dataclasses.field(default_factory=make, metadata={META: About(en, zh, live)})


def about(field: dataclasses.Field[Any]) -> About:
    """What a field says of itself."""
    found: About = field.metadata[META]
    return found


# -- bounds ----------------------------------------------------------------------------------------


def between(low: float, high: float) -> Check:
    """A number from low to high, both included."""

    def check(value: float) -> str | None:
        return (
            None if low <= value <= high else f"must be between {low:g} and {high:g}, not {value:g}"
        )

    return check


def at_least(low: float) -> Check:
    """A number not below low."""

    def check(value: float) -> str | None:
        return None if value >= low else f"must be at least {low:g}, not {value:g}"

    return check


def matches(pattern: str, what: str) -> Check:
    """A text of a certain form; `what` describes the form."""
    compiled = re.compile(pattern)

    def check(value: str) -> str | None:
        return None if compiled.fullmatch(value) else f"must be {what}, not {value!r}"

    return check


PORT = between(1, 65535)
NAME = matches(r"[a-z0-9][a-z0-9_-]{0,31}", "a name of a-z, 0-9, - and _, at most 32 characters")
