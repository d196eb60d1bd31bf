"""`config/dialer.yaml`, made from the schema: every key, its default, its meaning in English and Chinese.

Rules: what is written is what a daemon without this file would use; entries that have no default (a PBX, a trunk) are
shown as an example behind `#`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, get_type_hints

from dialer_engine.app._config_build import is_secret, member_type
from dialer_engine.app._config_fields import about
from dialer_engine.app._config_schema import Config
from dialer_engine.app._config_values import written

HEAD = """\
# The configuration of dialer-engine, with every key at its default. 每个键均为默认值。
#
# Over this file: conf.d/*.yaml beside it, then the environment (DIALER_STORE__URL=…; a list by its numbers, as in
# DIALER_TRUNKS__0__MAX_CPS=3, or whole: DIALER_TRUNKS='[{name: …}]'), then the command line (--set store.url=…).
# `dialer-engine config show` prints the result and where each value came from.
# A key marked [live] changes with `dialer-engine reload` (or SIGHUP), the others at the next start. [live] 可热加载。
# A secret can stand in a file of its own: `secret_file: /path` in place of `secret:`, `url_file` in place of `url:`.
# Unknown keys are errors. Durations are in seconds.
#
# Made from dialer_engine/app/_config_schema.py: `python -m dialer_engine.app.config > config/dialer.yaml`.
"""


def reference() -> str:
    """The text of config/dialer.yaml."""
    return HEAD + "".join(f"{line}\n" for line in _section(Config, 0))


def _section(kind: type[Any], depth: int) -> Iterator[str]:
    hints = get_type_hints(kind)
    pad = "  " * depth
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        note = about(field)
        if depth == 0:
            yield ""
        yield f"{pad}# {note.en} {note.zh}{' [live]' if note.live else ''}"
        member = member_type(hint)
        if member is not None:
            yield f"{pad}{field.name}: []"
            yield from _example(member, depth + 1)
        elif dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield f"{pad}{field.name}:"
            yield from _section(hint, depth + 1)
        else:
            yield f"{pad}{field.name}: {_value(field, hint)}".rstrip()


def _value(field: dataclasses.Field[Any], hint: Any) -> str:
    note = about(field)
    if field.default_factory is not dataclasses.MISSING:
        return written(field.default_factory())
    if field.default is dataclasses.MISSING:
        return note.example
    # A secret's default holds none: it may be shown in full.
    return written(field.default.reveal() if is_secret(hint) and field.default else field.default)


def _example(kind: type[Any], depth: int) -> Iterator[str]:
    """One entry of a list, behind '#': take `[]` and the '#' away to use it."""
    pad = "  " * depth
    yield f"{pad}# For example (remove the [] above and the first # of each line):"
    lines = list(_section(kind, 1))
    first = next(i for i, line in enumerate(lines) if not line.lstrip().startswith("#"))
    for number, line in enumerate(lines):
        yield f"{pad}#{'- ' if number == first else '  '}{line[2:]}"
