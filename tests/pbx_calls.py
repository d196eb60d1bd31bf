"""What a test does with a real PBX, in the words of the dialplan contract; and ears for its recordings."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tools.lab.ami import Ami, Message
from tools.lab.lab import SAMPLE_RATE, Lab

DIAL_TIMEOUT_MS = 10_000
Stereo = npt.NDArray[np.float64]


class Calls:
    """One AMI link to a lab, and the few actions that tests need."""

    def __init__(self, lab: Lab, ami: Ami, folder: str) -> None:
        """`folder` keeps recordings of one test apart, below the lab's recordings."""
        self.lab = lab
        self.ami = ami
        self.folder = lab.recordings_dir / folder

    def dial(
        self,
        attempt: str,
        number: str,
        *,
        trunk: str = "carrier-a",
        wait: int = 5,
        timeout_ms: int = DIAL_TIMEOUT_MS,
        amd: bool = False,
    ) -> None:
        """Originate an attempt as the daemon does."""
        self.ami.ask(
            "Originate",
            {
                "DE_ATTEMPT": attempt,
                "DE_REC": str(self.folder / attempt),
                "DE_AMD": str(int(amd)),
                "DE_WAIT": str(wait),
                "CHANNEL(hangup_handler_push)": '"dialer-ended,s,1"',
            },
            Channel=f"PJSIP/{number}@{trunk}",
            ChannelId=attempt,
            Context="dialer-outbound",
            Exten="s",
            Priority=1,
            Timeout=timeout_ms,
            CallerID="+442079460000",
            Async="true",
        )

    def holding(self, leg: str, timeout: float = 10, since: int = 0) -> Message:
        """Wait until a leg waits in its holding bridge: only now may it be bridged."""
        return self.ami.wait(
            "BridgeEnter", timeout, since, Uniqueid=leg, BridgeTechnology="holding_bridge"
        )

    def answered(self, attempt: str, number: str, **how: object) -> None:
        """Dial and wait until the answered leg can be bridged."""
        self.dial(attempt, number, **how)  # type: ignore[arg-type]
        self.holding(attempt)

    def nail_up(self, leg: str, phone: int) -> None:
        """Call an agent's phone and wait until the leg holds."""
        self.ami.ask(
            "Originate",
            {"DE_AGENT": str(phone)},
            Channel=f"PJSIP/agent-{phone}",
            ChannelId=leg,
            Context="dialer-agent",
            Exten="s",
            Priority=1,
            Timeout=DIAL_TIMEOUT_MS,
            Async="true",
        )
        self.holding(leg)

    def bridge(self, attempt: str, agent_leg: str) -> None:
        """Bridge both; returns when the agent's leg has entered the talk."""
        since = len(self.ami.events)
        self.ami.ask("Bridge", Channel1=attempt, Channel2=agent_leg, Tone="Channel2")
        self.ami.wait("BridgeEnter", 5, since, Uniqueid=agent_leg, BridgeTechnology="simple_bridge")

    def hang_up(self, leg: str) -> Message:
        """Hang a leg up; returns its Hangup event."""
        self.ami.ask("Hangup", Channel=leg)
        return self.ami.wait("Hangup", 5, Uniqueid=leg)

    def outcome(self, attempt: str, timeout: float = 30) -> Message:
        """The attempt's Hangup event."""
        return self.ami.wait("Hangup", timeout, Uniqueid=attempt)

    def ended_row(self, attempt: str) -> list[str]:
        """What the PBX has written down of an ended attempt: end, state, cause, SIP answer, talked, answer."""
        for shift in (0, 600):
            bucket = time.strftime("%H%M", time.gmtime(time.time() - shift))[:3]
            listed = self.lab.command("pbx", f"database get dialer-ended/{bucket} {attempt}")
            if "Value:" in listed:
                return listed.partition("Value:")[2].strip().split("|")
        raise AssertionError(f"no row for {attempt}")

    def recording(self, attempt: str) -> Stereo:
        """The finished recording: columns debtor, agent; 8 kHz."""
        return hear(self.folder / f"{attempt}.raw")


def hear(path: Path) -> Stereo:
    """Read an interleaved two-channel recording once the file has stopped growing."""
    size = -1
    while size != (size := path.stat().st_size if path.exists() else 0) or size == 0:
        time.sleep(0.15)
    return np.fromfile(path, "<i2").reshape(-1, 2).astype(np.float64)


def amplitude(sound: npt.NDArray[np.float64], hertz: float) -> float:
    """Amplitude of one frequency in a piece of sound (single-bin DFT, as Goertzel's)."""
    turns = np.exp(-2j * np.pi * hertz * np.arange(len(sound)) / SAMPLE_RATE)
    return float(2 * abs(np.dot(sound, turns)) / max(1, len(sound)))


def piece(recording: Stereo, channel: int, start: float, seconds: float) -> npt.NDArray[np.float64]:
    """A piece of one channel (0 debtor, 1 agent), times in seconds."""
    first = int(start * SAMPLE_RATE)
    cut: npt.NDArray[np.float64] = recording[first : first + int(seconds * SAMPLE_RATE), channel]
    return cut
