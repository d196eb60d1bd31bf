"""Converting and measuring in a process of its own, behind everything that carries calls.

Rules: the process does what `audio` does and nothing else, one recording at a time, at the lowest
ordinary priority: an hour of talk takes 0.7 s of one core, which must be taken neither
from the loop that bridges calls (they share an interpreter lock) nor from a PBX on the same machine,
however high the daemon's own priority is. It is started when it is first needed; when it dies, what
it was doing fails as a disk error would, comes again, and finds a new one. It ends with the daemon,
also with one that was killed, because its input ends.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Final, Literal

from dialer_engine.domain.errors import RecordingError
from dialer_engine.recordings import audio
from dialer_engine.recordings.audio import Measured

# The last ordinary priority (setpriority(2)).
_NICE: Final = 19
_PACKAGE_ROOT: Final = Path(__file__).resolve().parents[2]
Work = Literal["convert", "measure_wav"]


class Worker:
    """Does `audio.convert` and `audio.measure_wav` there; raises what they raise. Any thread; one at
    a time. `close()` it at the end.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def convert(self, raw: Path, wav: Path) -> Measured:
        """See `audio.convert`. OSError (EPIPE) when the process died over it."""
        return self._ask("convert", raw, wav)

    def measure_wav(self, path: Path) -> Measured:
        """See `audio.measure_wav`. OSError (EPIPE) when the process died over it."""
        return self._ask("measure_wav", path)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    @property
    def pid(self) -> int | None:
        """Of the process while it runs."""
        return None if self._process is None else self._process.pid

    def _ask(self, work: Work, *paths: Path) -> Measured:
        with self._turn:
            process = self._process = self._process or _start()
            try:
                answer = _exchange(process, (work, paths))
            except (OSError, EOFError, pickle.UnpicklingError) as error:
                self.close()
                raise OSError(errno.EPIPE, "the process that converts recordings ended") from error
        if isinstance(answer, Exception):
            raise answer
        return answer


def _start() -> subprocess.Popen[bytes]:
    path = os.pathsep.join(filter(None, (str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )


def _exchange(process: subprocess.Popen[bytes], asked: object) -> Measured | Exception:
    assert process.stdin is not None
    assert process.stdout is not None
    pickle.dump(asked, process.stdin)
    process.stdin.flush()
    answer: Measured | Exception = pickle.load(process.stdout)
    return answer


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            # What was still to be written to it has nobody to read it.
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()


# -- in the process --------------------------------------------------------------------------------


def stand_back() -> None:
    """Give up what priority the daemon has. What is refused (seccomp) is left: it is slower for
    others, not wrong.
    """
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)


def serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until the input ends."""
    while True:
        try:
            work, paths = pickle.load(asked)
        except EOFError:
            return
        pickle.dump(_done(work, paths), answers)
        answers.flush()


def _done(work: Work, paths: tuple[Path, ...]) -> Measured | Exception:
    try:
        return audio.convert(*paths) if work == "convert" else audio.measure_wav(*paths)
    except (OSError, RecordingError) as error:
        return error


def main() -> None:
    """The process. Ctrl-C on a terminal is for the daemon, which ends this one when it is done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stand_back()
    with contextlib.suppress(BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
