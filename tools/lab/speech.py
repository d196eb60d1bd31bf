"""Voices for the world: tracks of real speech with pauses, made of Asterisk's own English prompts.

Rules:
- Tracks are A-law 8 kHz, the codec of the laboratory: nothing is transcoded while hundreds of calls speak.
- A track is the same in every run (seeded), about a minute long, speech and pauses as a person on the telephone has.
"""

from __future__ import annotations

import array
import math
import random
import sys
import wave
from functools import cache
from pathlib import Path

from tools.lab.errors import LabError

RATE = 8000
TRACKS = 12
GREETINGS = 4
TRACK_S = 60.0
HELLO = "hello"
HUSH_S = 0.1  # the grain of silences that are sent
HELLO_PAUSE_S = 1.5  # waits for who is calling; longer than AMD's after_greeting_silence
PAUSE_S = (0.3, 1.6)  # between utterances; the listener's turn
ALAW_SILENCE = b"\xd5"
# A whole number of periods in TONE_S, so that a repeated file goes on without a step.
DEBTOR_TONES = range(300, 800, 50)
AGENT_TONES = range(1000, 2000, 100)
TONE_S = 20.0
BEEP_HZ = 1000
BEEP_S = 0.4

# Prompts that sound like somebody talking, two to fifteen seconds each.
_UTTERANCES = (
    "demo-moreinfo",
    "demo-abouttotry",
    "demo-nogo",
    "demo-thanks",
    "demo-enterkeywords",
    "tt-allbusy",
    "tt-somethingwrong",
    "agent-alreadyon",
    "agent-incorrect",
    "auth-incorrect",
    "invalid",
    "pbx-invalid",
    "pls-hold-while-try",
    "privacy-unident",
    "queue-periodic-announce",
    "queue-thankyou",
    "queue-youarenext",
    "unidentified-no-callback",
    "vm-instructions",
    "vm-invalid-password",
    "vm-mailboxfull",
    "vm-mismatch",
    "vm-newuser",
    "vm-opts",
    "vm-review",
    "vm-tempgreeting",
)
_GREETINGS = ("vm-intro", "vm-isunavail", "vm-nobodyavail", "vm-rec-unv")


def make_speech(sounds: Path, target: Path) -> None:
    """Write every track the world plays into `target`; does nothing when they are there already."""
    if (target / ".complete").is_file():
        return
    target.mkdir(parents=True, exist_ok=True)
    for number in range(TRACKS):
        _write(target / f"person-{number}.alaw", _track(sounds, seed=number))
        _write(target / f"agent-{number}.alaw", _track(sounds, seed=1000 + number))
    for number, name in enumerate(_GREETINGS[:GREETINGS]):
        _write(
            target / f"greeting-{number}.alaw", _prompt(sounds, name) + _prompt(sounds, "vm-intro")
        )
    _write(target / "hush.alaw", _silence(HUSH_S))
    _write(target / "beep.alaw", alaw(_tone(BEEP_HZ, BEEP_S)))
    _write(target / "unallocated.alaw", _prompt(sounds, "ss-noservice"))
    _write(target / "suspended.alaw", _prompt(sounds, "feature-not-avail-line"))
    for hertz in (*DEBTOR_TONES, *AGENT_TONES):
        _write(target / f"tone-{hertz}.alaw", alaw(_tone(hertz, TONE_S)))
    (target / ".complete").touch()


def alaw(samples: array.array[int]) -> bytes:
    """Linear 16-bit samples as A-law bytes (ITU-T G.711)."""
    table = _alaw_table()
    return bytes(table[sample + 32768] for sample in samples)


@cache
def _alaw_table() -> bytes:
    return bytes(_alaw_byte(sample) for sample in range(-32768, 32768))


def _alaw_byte(sample: int) -> int:
    """One sample, as ITU-T G.711: sign, exponent of the 12-bit magnitude, four bits of mantissa, even bits inverted."""
    magnitude = (sample if sample >= 0 else ~sample) >> 4
    exponent = max(0, magnitude.bit_length() - 5)
    coded = (magnitude >> exponent) + (exponent << 4)
    return (coded | (0x80 if sample >= 0 else 0)) ^ 0x55


def _track(sounds: Path, seed: int) -> bytes:
    """A greeting as people answer a telephone, then about TRACK_S seconds of utterances with pauses."""
    dice = random.Random(seed)
    track = bytearray(_prompt(sounds, HELLO) + _silence(HELLO_PAUSE_S))
    while len(track) < TRACK_S * RATE:
        for name in dice.sample(_UTTERANCES, k=len(_UTTERANCES)):
            track += _prompt(sounds, name) + _silence(dice.uniform(*PAUSE_S))
            if len(track) >= TRACK_S * RATE:
                break
    return bytes(track)


def _prompt(sounds: Path, name: str) -> bytes:
    return _read_alaw(sounds / f"{name}.wav")


@cache
def _read_alaw(path: Path) -> bytes:
    """A wav file of one channel, 16 bit, 8 kHz, as A-law. Raises LabError when it is missing or other."""
    try:
        with wave.open(str(path)) as source:
            shape = (source.getnchannels(), source.getsampwidth(), source.getframerate())
            frames = source.readframes(source.getnframes())
    except (OSError, wave.Error) as error:
        raise LabError(
            f"{path}: not readable ({error}): install asterisk-core-sounds-en-wav"
        ) from error
    if shape != (1, 2, RATE):
        raise LabError(f"{path}: mono, 16 bit, 8 kHz is expected, found {shape}")
    samples = array.array("h", frames)
    if sys.byteorder == "big":
        samples.byteswap()
    return alaw(samples)


def _silence(seconds: float) -> bytes:
    return ALAW_SILENCE * int(seconds * RATE)


def _tone(hertz: int, seconds: float) -> array.array[int]:
    step = 2 * math.pi * hertz / RATE
    return array.array("h", (int(9000 * math.sin(step * i)) for i in range(int(seconds * RATE))))


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
