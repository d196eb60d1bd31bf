"""What the world saw and heard: every call that reached it, and the sound at its end of the line.

The dialer's own books are never asked here, so that they can be held against this.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tools.lab.ami import Message
from tools.lab.errors import AmiError
from tools.lab.lab import Lab

# How late it may notice, and begin to record, a call.
_SLICE_S = 0.02
# How long who asks may wait for the thread, on a machine that is very busy.
_CATCH_UP_S = 30.0
_CARRIERS = ("carrier-a", "carrier-b")
_PHONES = "phones"


@dataclass
class Arrival:
    """One call that reached the world. number: what was dialled. came, went: seconds since 1970 on
    the world's clock, went None while it is up. where: `carrier-a`, `carrier-b` or `phones`.
    """

    number: str
    where: str
    channel: str
    uniqueid: str
    came: float
    went: float | None = None


class World:
    """A link of its own to the world, read in a thread. Use as a context manager.

    Whoever asks what it saw gets everything that the world had told by then, however busy the machine
    is. What is still on its way to the world cannot be known here: that must be waited for.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._lock = threading.Lock()
        self._arrivals: dict[str, Arrival] = {}
        self._ears: dict[str, Path] = {}
        self._ended = threading.Event()
        self._read = threading.Condition()
        self._wanted = self._reached = 0
        self._link = lab.world_ami()
        self._thread = threading.Thread(target=self._listen, name="world", daemon=True)

    def __enter__(self) -> World:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._link.close()

    # -- what it saw

    def calls(self, numbers: Iterable[str] | None = None) -> list[Arrival]:
        """Calls that came over carriers, oldest first; numbers: to these only."""
        wanted = None if numbers is None else set(numbers)
        return [
            one
            for one in self._all()
            if one.where in _CARRIERS and (wanted is None or one.number in wanted)
        ]

    def phone_calls(self, phone: int) -> list[Arrival]:
        """Calls to one agent's phone, oldest first."""
        return [one for one in self._all() if one.where == _PHONES and one.number == str(phone)]

    def up(self) -> set[str]:
        """Ids of calls over carriers that have not ended."""
        return {one.uniqueid for one in self.calls() if one.went is None}

    def forget(self) -> None:
        """Begin anew; calls that are up stay known."""
        self._catch_up()
        with self._lock:
            self._arrivals = {k: one for k, one in self._arrivals.items() if one.went is None}

    def _all(self) -> list[Arrival]:
        self._catch_up()
        with self._lock:
            return sorted(self._arrivals.values(), key=lambda one: one.came)

    def _catch_up(self) -> None:
        """Until the thread has read what the world has told so far. AmiError when it reads no more: then
        nobody may conclude anything from what it did not see.
        """
        with self._read:
            self._wanted += 1
            mine = self._wanted
            done = self._read.wait_for(
                lambda: self._reached >= mine or not self._thread.is_alive(), _CATCH_UP_S
            )
            if not done or self._reached < mine:
                raise AmiError("the link to the world is not read any more")

    # -- what it hears

    def overhear(self, number: str, name: str) -> Path:
        """Record the next calls to this number at the world's end; the file has two channels:
        left what is heard there, right what is said there.
        """
        path = self._lab.run_dir / "heard" / f"{name}.raw"
        path.parent.mkdir(exist_ok=True)
        with self._lock:
            self._ears[number] = path
        return path

    def hang_up(self, arrival: Arrival) -> None:
        """The person at that end hangs up."""
        self._ask("Hangup", Channel=arrival.channel, Cause="16")

    def press(self, arrival: Arrival, digit: str) -> None:
        """The person at that end presses a key."""
        self._ask("PlayDTMF", Channel=arrival.channel, Digit=digit, Duration="100")

    def _ask(self, action: str, **headers: str) -> None:
        with self._lab.world_ami() as link:
            link.ask(action, None, **headers)

    # -- the thread

    def _listen(self) -> None:
        try:
            while not self._ended.is_set():
                self._slice()
        except (AmiError, OSError):
            return
        finally:
            with self._read:
                self._read.notify_all()

    def _slice(self) -> None:
        with self._read:
            asked = self._wanted
        try:
            if asked > self._reached:
                # Asterisk writes the events that wait when it takes the next action, so the answer to the
                # second comes after every event that was there at the first.
                self._link.ask("Ping")
                self._link.ask("Ping")
            else:
                self._link.drain(_SLICE_S)
        except TimeoutError:
            # Too slow, not gone: it is asked again.
            return
        finally:
            for message in self._link.events:
                self._note(message)
            del self._link.events[:]
        with self._read:
            self._reached = asked
            self._read.notify_all()

    def _note(self, message: Message) -> None:
        event, uniqueid = message.get("Event"), message.get("Uniqueid", "")
        where = message.get("Context", "")
        if event == "Newchannel" and where in (*_CARRIERS, _PHONES):
            self._came(message, where, uniqueid)
        elif event == "Hangup":
            with self._lock:
                if uniqueid in self._arrivals:
                    self._arrivals[uniqueid].went = float(message["Timestamp"])

    def _came(self, message: Message, where: str, uniqueid: str) -> None:
        number = message["Exten"]
        came = Arrival(number, where, message["Channel"], uniqueid, float(message["Timestamp"]))
        with self._lock:
            self._arrivals[uniqueid] = came
            ear = self._ears.get(number)
        if ear is not None:
            self._link.send("MixMonitor", Channel=came.channel, File=str(ear), Options="D")
