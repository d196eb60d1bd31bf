"""`docs/reference/configuration.md`: every key, taken from the schema."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, get_type_hints

from dialer_engine.app._config_build import is_secret, member_type
from dialer_engine.app._config_fields import about
from dialer_engine.app._config_schema import Config
from dialer_engine.app._config_values import written
from tools.docs.markdown import code, page, table

SOURCE = "dialer_engine/app/_config_schema.py"
_HEAD = """\
# Configuration

`config/dialer.yaml` is this page as a file, with every key at its default.

Where a value comes from, the later over the earlier:

1. the default below
2. the main file: `--config`, else `$DIALER_CONFIG`, else `./config/dialer.yaml`, else `/etc/dialer/dialer.yaml`
3. `conf.d/*.yaml` beside the main file, by name; a list (`pbx.nodes`, `trunks`) is replaced as a whole
4. the environment: `DIALER_<SECTION>__<KEY>`, as in `DIALER_STORE__URL`, `DIALER_TRUNKS__0__MAX_CPS`
5. the command line: `--set pacing.ratio=1.5`, `--set 'trunks[carrier-a].max_cps=3'`

`dialer-engine config show` prints every value in force and where it came from, secrets masked;
`dialer-engine config check` only says whether all is right. An unknown key is an error that names the
nearest known one. All problems are listed at once, with file, line and key; a wrong configuration is refused as a
whole.

A secret can stand in a file of its own: `secret_file:` in place of `secret:`, `url_file:` in place of `url:`.
Durations are in seconds. *live*: `dialer-engine reload` or SIGHUP applies a change; everything else takes effect at
the next start, and the reload says so. Which live keys do not yet act at once is in [limits](../limits.md).

配置参考。`live` 为 yes 的键可热加载,其余在下次启动时生效。
""".splitlines()


def configuration() -> str:
    """The page."""
    lines = list(_HEAD)
    for field in dataclasses.fields(Config):
        note = about(field)
        hint = get_type_hints(Config)[field.name]
        member = member_type(hint)
        lines += ["", f"## `{field.name}`", "", f"{note.en} {note.zh}", ""]
        rows = _rows(member, f"{field.name}[]") if member else _rows(hint, field.name)
        lines += table(("key", "default", "live", "meaning", "中文"), rows)
    return page(SOURCE, lines)


def _rows(kind: type[Any], prefix: str) -> Iterator[tuple[str, ...]]:
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        hint, key = hints[field.name], f"{prefix}.{field.name}"
        member = member_type(hint)
        if member is not None:
            yield from _rows(member, f"{key}[]")
        elif dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield from _rows(hint, key)
        else:
            note = about(field)
            live = "yes" if note.live else ""
            yield code(key), _default(field, hint), live, note.en, note.zh


def _default(field: dataclasses.Field[Any], hint: Any) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return code(written(field.default_factory()))
    if field.default is dataclasses.MISSING:
        return "*required*"
    # A secret's default holds none.
    value = field.default.reveal() if is_secret(hint) and field.default else field.default
    text = written(value)
    return code(text) if text.strip('"') else "*empty*"
