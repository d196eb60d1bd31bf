"""A PostgreSQL server of our own on a Unix socket, gone at the end.

Rules: nobody else's server is touched; it runs as `postgres` when we are root, because it refuses root;
it is durable as a site's would be (fsync on), and its memory is a third of the machine's: its manual advises
a quarter to begin with and 40 % at most.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BINARIES = Path("/usr/lib/postgresql")
_MIB = 1 << 20
# https://www.postgresql.org/docs/15/runtime-config-resource.html: shared_buffers
_SHARE = 3


class NoPostgres(RuntimeError):
    """Debian's `postgresql` is not installed: run `apt-get install postgresql`."""


@contextmanager
def private(home: Path) -> Iterator[str]:
    """The URL of a new server in `home`, which is removed afterwards."""
    found = sorted(_BINARIES.glob("*/bin/initdb"))
    if not found:
        raise NoPostgres(NoPostgres.__doc__)
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    home.mkdir(parents=True)
    shutil.chown(home, user)
    data, binaries = home / "data", found[-1].parent

    def run(*words: str) -> None:
        # No pipes: the server inherits them and would keep them open.
        with (home / "setup.log").open("ab") as log:
            subprocess.run(
                words, user=user if os.geteuid() == 0 else None, cwd=home, check=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    try:
        run(
            str(binaries / "initdb"),
            "-D",
            str(data),
            "-A",
            "trust",
            "-U",
            "postgres",
            "--locale=C.UTF-8",
        )
        options = f"-k {home} -c listen_addresses= " + " ".join(f"-c {one}" for one in _settings())
        run(str(binaries / "pg_ctl"), "-D", str(data), "-o", options, "-t", "600", "-w", "start")
        try:
            yield f"postgresql://postgres@/postgres?host={home}"
        finally:
            run(str(binaries / "pg_ctl"), "-D", str(data), "-m", "fast", "-t", "600", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _settings() -> list[str]:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MIB
    return [
        f"shared_buffers={memory // _SHARE}MB",
        f"effective_cache_size={memory // 2}MB",
        "maintenance_work_mem=512MB",
        "max_wal_size=8GB",
        "random_page_cost=1.1",
    ]
