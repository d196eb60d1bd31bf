"""A progress bar on stderr for what takes longer than a moment; silent when nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dialer_engine.cli.session import Session

Progress = Callable[[int, int | None], None]


def _silent(done: int, total: int | None) -> None:
    pass


@contextmanager
def progress(session: Session, what: str) -> Iterator[Progress]:
    """Yields a function to call with what is done and, where it is known, the total. The bar goes
    away at the end, so that the result stands alone.
    """
    if session.json or not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as p:
        task = p.add_task(session.label(what), total=None)
        yield lambda done, total: p.update(task, completed=done, total=total)
