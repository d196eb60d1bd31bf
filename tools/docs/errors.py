"""`docs/reference/exit-codes.md`: what can go wrong, as the shell, HTTP and the operator see it."""

from __future__ import annotations

from collections.abc import Iterator

from dialer_engine.cli.failures import EXIT_CODES
from dialer_engine.domain.errors import DialerError
from dialer_engine.engine.api import error_code, error_hint
from dialer_engine.web.errors import STATUS
from tools.docs.markdown import code, page, table

SOURCE = "dialer_engine/domain/errors.py"


def exit_codes() -> str:
    """The page."""
    lines = [
        "# Exit codes and errors",
        "",
        "What a command returns to the shell, and what each error means. The text is what the command prints under"
        " the error, and the `hint` of the API.",
        "",
        "## Exit codes",
        "",
        *table(
            ("code", "meaning", "中文"),
            [(str(number), en, zh) for number, (en, zh) in EXIT_CODES.items()],
        ),
        "",
        "A command that acts on several agents or calls does all it can and returns the code of the first failure.",
        "",
        "## Errors",
        "",
        *table(
            ("code", "exit", "HTTP", "what the operator reads"),
            [
                (code(error_code(kind)), str(kind.exit_code), str(_status(kind)), error_hint(kind))
                for kind in _tree(DialerError)
            ],
        ),
    ]
    return page(SOURCE, lines)


def _tree(kind: type[DialerError]) -> Iterator[type[DialerError]]:
    yield kind
    # The tree is one file; adapters refine it, and their errors take the code of their parent.
    for child in kind.__subclasses__():
        if child.__module__ == DialerError.__module__:
            yield from _tree(child)


def _status(kind: type[DialerError]) -> int:
    return next(STATUS[one] for one in kind.__mro__ if one in STATUS)
