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
def progress(session: Session, what: str, size: bool = False) -> Iterator[Progress]:
    """Yields a function to call with what is done and, where it is known, the total. size: both are
    bytes. The bar goes away at the end, so that the result stands alone.
    """
    if session.json or not sys.stderr.isatty():
        yield _silent
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn() if size else bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(session.label(what), total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
