"""`docs/reference/strategy-format.md`: strategy and script files, key by key, from the same description
that reads them.
"""

from __future__ import annotations

from collections.abc import Iterator

from dialer_engine.domain.collections.facts import FACTS
from dialer_engine.strategy.format import STRATEGY
from dialer_engine.strategy.model import EVENT_CONDITIONS
from dialer_engine.strategy.scripts import SCRIPTS
from dialer_engine.strategy.spec import (
    Exact,
    Flag,
    Named,
    Number,
    Seq,
    Spec,
    Struct,
    Text,
    When,
)
from dialer_engine.strategy.variables import VARIABLES
from tools.docs.markdown import code, page, table

SOURCE = "dialer_engine/strategy/"


def strategy_format() -> str:
    """The page."""
    lines = [
        "# Strategy and script files",
        "",
        "Format 1. `dialer-engine strategy check FILE` checks a file, `dialer-engine strategy schema` gives the JSON"
        " Schema for editors. How to write one: [howto/strategies](../howto/strategies.md).",
        "",
        "## Strategy",
        *structs(STRATEGY, "the file"),
        "",
        "## Events",
        "",
        *table(("event", "holds when"), [(code(e.value), code(c.root.text)) for e, c in EVENT_CONDITIONS.items()]),
        "",
        "## Scripts",
        *structs(SCRIPTS, "a file in `scripts/`"),
        "",
        "## Variables of scripts",
        "",
        "Written `$name` or `${name}`; a dollar sign is `$$`. What tells of a debt stays out of"
        " `opening`, `third_party` and `voicemail`.",
        "",
        *table(("name", "type", "meaning", "中文", "tells of a debt"), _variables()),
        "",
        "## Facts of conditions",
        "",
        "What may be unknown must say what that means before it is ordered: `(age ?? 0) > 60`. Operators:"
        " `and or not in == != < <= > >= + - * ??`, `.is_empty` and `.length` of sets, `attributes&[\"name\"]`.",
        "",
        *table(("fact", "type", "meaning", "中文", "may be unknown", "values"), _facts()),
    ]  # fmt: skip
    return page(SOURCE, lines)


def _facts() -> Iterator[tuple[str, ...]]:
    for name, fact in FACTS.items():
        values = ", ".join(code(member.value) for member in fact.choices) if fact.choices else ""
        unknown = "yes" if fact.optional else ""
        yield code(name), fact.kind, fact.english, fact.chinese, unknown, values


def _variables() -> Iterator[tuple[str, ...]]:
    for name, variable in VARIABLES.items():
        debt = "yes" if variable.is_debt else ""
        yield code(name), variable.kind, variable.english, variable.chinese, debt


def structs(spec: Struct, where: str) -> Iterator[str]:
    """A table for this and each table below it, the outer first."""
    yield from ("", f"### {spec.title}", "", f"In {where}.", "")
    rows = [
        (code(f.name), _kind(f.of), "needed" if f.needed else _default(f.default), f.english, f.chinese)
        for f in spec.fields
    ]  # fmt: skip
    yield from table(("key", "value", "", "meaning", "中文"), rows)
    for field in spec.fields:
        inner = _inner(field.of)
        if inner is not None and inner.title != "title":
            yield from structs(inner, f"`{field.name}` of a {spec.title}")


def _default(value: object) -> str:
    if value is None:
        return ""
    return code(str(value).lower() if isinstance(value, bool) else str(value))


def _inner(spec: Spec) -> Struct | None:
    if isinstance(spec, Seq | Named):
        return _inner(spec.of)
    return spec if isinstance(spec, Struct) else None


def _kind(spec: Spec) -> str:
    if isinstance(spec, Struct):
        return f"a {spec.title}"
    if isinstance(spec, Seq):
        return f"a list: {_kind(spec.of)}"
    if isinstance(spec, Named):
        keys = ", ".join(map(code, spec.keys)) if spec.keys else "a name"
        return f"a table: {keys}: {_kind(spec.of)}"
    if isinstance(spec, Number):
        return f"{'whole ' if spec.whole else ''}number, {spec.low:g} to {spec.high:g}"
    if isinstance(spec, Exact):
        return f"number, {spec.low} to {spec.high:f}"
    if isinstance(spec, Flag):
        return "`true` or `false`"
    if isinstance(spec, When):
        return "a condition"
    return _text(spec)


def _text(spec: Text) -> str:
    return ", ".join(map(code, spec.choices)) if spec.choices else spec.shape
