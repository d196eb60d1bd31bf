"""The little Markdown that the pages need."""

from __future__ import annotations

from collections.abc import Iterable

NOTE = (
    "<!-- Written by `make docs` from the code. Do not edit: edit {source} and run it again. -->\n"
)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Lines of a table; a `|` in a cell does not end it."""
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def code(text: object) -> str:
    """`text` as code; nothing for nothing."""
    return f"`{text}`" if text not in ("", None) else ""


def one_line(text: str | None) -> str:
    """A docstring without its line breaks."""
    return " ".join((text or "").split())


def page(source: str, lines: Iterable[str]) -> str:
    """A whole page, with the note that it is generated."""
    body = "\n".join(lines)
    return f"{NOTE.format(source=source)}\n{body}\n"
