"""The people of the calls that are only up: a SIP and RTP peer that answers every call, speaks all the
time and does not listen. A process of its own.

The PBX does for each of these calls all that it does for any other (a channel, a thread, its RTP both
ways, its events); only the other end costs next to nothing. A second Asterisk in that place took as much
of the two cores that are measured as the one that is measured; at a real centre it is somebody else's
machine.

Rules: RTP of all calls leaves from one port, one packet of A-law a call every 20 ms, the calls spread
evenly over those; nothing that comes to it is read. SIP (RFC 3261) over UDP as far as one PBX on the
same machine needs it: INVITE, also once more, is answered with 200 and the same SDP, every other request
but ACK with 200. A request that cannot be read is left without an answer.

    python -m tools.bench.crowd ADDRESS SPEECH      prints its SIP port, ends when stdin does
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tools.lab.errors import LabError
from tools.lab.lab import Lab
from tools.lab.priority import like

# A-law, 8 kHz, 20 ms: payload type 8 of RFC 3551.
_PAYLOAD, _SAMPLES, _FRAME_S = 8, 160, 0.020
_SLOTS = 20
_SLOT_S = _FRAME_S / _SLOTS
# What is later than this is not made up for: the machine stood still.
_LATE_S = 0.2
_DATAGRAM = 65535
_START_S = 10.0
_RTP_VERSION = 0x80
_COPIED = ("via", "v", "from", "f", "call-id", "i", "cseq", "record-route")


@dataclass(frozen=True, slots=True)
class Request:
    """A SIP request: its method, its headers in order, its body."""

    method: str
    headers: tuple[tuple[str, str], ...]
    body: str

    def get(self, *names: str) -> str:
        """The first header of one of these names (lower case), empty if there is none."""
        return next((value for name, value in self.headers if name.lower() in names), "")


def read_request(data: bytes) -> Request | None:
    """None for what is no request: a response, a keep-alive, garbage."""
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    words = first.split()
    if len(words) != 3 or words[2] != "SIP/2.0":
        return None
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name.strip(), value.strip()) for name, colon, value in pairs if colon)
    return Request(words[0], headers, body)


def media_of(sdp: str) -> tuple[str, int] | None:
    """Where its audio is to be sent (RFC 4566: c= and m=audio); None when it does not say."""
    address, port = "", 0
    for line in sdp.splitlines():
        if line.startswith("c=IN IP4 ") and not address:
            address = line.split()[2].partition("/")[0]
        elif line.startswith("m=audio ") and not port:
            with contextlib.suppress(ValueError, IndexError):
                port = int(line.split()[1])
    return (address, port) if address and port else None


def response(request: Request, contact: str, sdp: str = "") -> bytes:
    """200 to this request."""
    lines = ["SIP/2.0 200 OK"]
    for name, value in request.headers:
        if name.lower() in _COPIED:
            lines.append(f"{name}: {value}")
        elif name.lower() in ("to", "t"):
            tag = "" if "tag=" in value else ";tag=crowd"
            lines.append(f"{name}: {value}{tag}")
    lines.append(f"Contact: <{contact}>")
    if sdp:
        lines.append("Content-Type: application/sdp")
    lines += [f"Content-Length: {len(sdp)}", "", sdp]
    return "\r\n".join(lines).encode()


class _Voice:
    """The RTP stream of one call (RFC 3550). where: the PBX's port."""

    def __init__(self, number: int, where: tuple[str, int]) -> None:
        self.where = where
        self._number, self._sequence = number, 0

    def packet(self, audio: bytes) -> bytes:
        """The next 20 ms."""
        self._sequence += 1
        stamp = self._sequence * _SAMPLES & 0xFFFFFFFF
        head = struct.pack(
            "!BBHII", _RTP_VERSION, _PAYLOAD, self._sequence & 0xFFFF, stamp, self._number
        )
        return head + audio


class Peer:
    """Both sockets and every call. address: where it lives; speech: A-law samples that all speak, each
    from another place.
    """

    def __init__(self, address: str, speech: bytes) -> None:
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.bind((address, 0))
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp.bind((address, 0))
        # A full buffer of the PBX costs a packet, as on any network, and never holds up the others.
        self._rtp.setblocking(False)
        self.port: int = self._sip.getsockname()[1]
        self._contact = f"sip:crowd@{address}:{self.port}"
        self._sdp = (
            f"v=0\r\no=crowd 1 1 IN IP4 {address}\r\ns=crowd\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
            f"m=audio {self._rtp.getsockname()[1]} RTP/AVP {_PAYLOAD}\r\na=rtpmap:{_PAYLOAD} PCMA/8000\r\n"
        )
        whole = range(0, len(speech) - _SAMPLES + 1, _SAMPLES)
        self._frames = [speech[at : at + _SAMPLES] for at in whole]
        self._voices: dict[str, _Voice] = {}
        self._slots: list[list[_Voice]] = [[] for _ in range(_SLOTS)]
        self._turn = 0

    def close(self) -> None:
        """Let go of both ports."""
        self._sip.close()
        self._rtp.close()

    def run(self, until: int) -> None:
        """Until something can be read from this file handle, or its other end is closed."""
        due = time.monotonic()
        while True:
            now = time.monotonic()
            if now - due > _LATE_S:
                due = now
            while due <= now:
                self._speak()
                due += _SLOT_S
            ready = select.select([self._sip.fileno(), until], [], [], max(0.0, due - now))[0]
            if until in ready:
                return
            if ready:
                self._hear()

    def _speak(self) -> None:
        slot, frame = self._turn % _SLOTS, self._turn // _SLOTS
        self._turn += 1
        for i, voice in enumerate(self._slots[slot]):
            audio = self._frames[(frame + i * _SLOTS + slot) % len(self._frames)]
            with contextlib.suppress(OSError):
                self._rtp.sendto(voice.packet(audio), voice.where)

    def _hear(self) -> None:
        data, sender = self._sip.recvfrom(_DATAGRAM)
        request = read_request(data)
        if request is None or request.method == "ACK":
            return
        call = request.get("call-id", "i")
        if request.method == "INVITE":
            where = media_of(request.body)
            if where is None:
                return
            self._begin(call, where)
        elif request.method == "BYE":
            self._end(call)
        sdp = self._sdp if request.method == "INVITE" else ""
        self._sip.sendto(response(request, self._contact, sdp), sender)

    def _begin(self, call: str, where: tuple[str, int]) -> None:
        if call in self._voices:
            self._voices[call].where = where
            return
        voice = self._voices[call] = _Voice(len(self._voices), where)
        min(self._slots, key=len).append(voice)

    def _end(self, call: str) -> None:
        voice = self._voices.pop(call, None)
        if voice is not None:
            for slot in self._slots:
                if voice in slot:
                    slot.remove(voice)


class Crowd:
    """The process, at the priority of the world's switch. Use as a context manager."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def pid(self) -> int:
        if self._process is None:
            raise LabError("the crowd is not there")
        return self._process.pid

    def __enter__(self) -> Crowd:
        lab = self._lab
        speech = lab.site.speech / "person-0.alaw"
        with like(lab.pid("world")):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tools.bench.crowd", lab.world_ami_host, str(speech)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line.isdecimal():
            self.__exit__(None, None, None)
            raise LabError("the people of the calls that are up did not start")
        self.port = int(line)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.communicate(timeout=_START_S)
            self._process = None

    def number(self, index: int) -> str:
        """What the PBX dials over one of its trunks to have this one of them."""
        return f"sip:{index:04d}@{self._lab.world_ami_host}:{self.port}"


def main() -> int:
    """See the module."""
    address, speech = sys.argv[1:]
    peer = Peer(address, Path(speech).read_bytes())
    print(peer.port, flush=True)
    peer.run(sys.stdin.fileno())
    peer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
