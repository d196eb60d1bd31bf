"""Voices: A-law as ITU-T G.711 has it, tracks that are speech and pauses."""

from __future__ import annotations

import array
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.lab.errors import LabError
from tools.lab.speech import RATE, alaw, make_speech


def decode(byte: int) -> int:
    """A-law to linear, written from the decision table of G.711, the other way than the encoder."""
    code = byte ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = (mantissa * 2 + 33) << (exponent - 1) if exponent else mantissa * 2 + 1
    return (magnitude if code & 0x80 else -magnitude) * 8


@given(st.integers(-32768, 32767))
def test_alaw_is_within_half_a_step(sample: int) -> None:
    decoded = decode(alaw(array.array("h", [sample]))[0])
    assert abs(decoded - sample) <= max(8, abs(sample) / 16)


@pytest.mark.parametrize(("sample", "byte"), [(0, 0xD5), (-1, 0x55), (32767, 0xAA), (-32768, 0x2A)])
def test_alaw_known_values(sample: int, byte: int) -> None:
    assert alaw(array.array("h", [sample])) == bytes([byte])


def test_missing_sounds_say_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="asterisk-core-sounds-en-wav"):
        make_speech(tmp_path / "none", tmp_path / "out")


def test_wrong_rate_is_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "hello.wav"), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(2 * RATE)
        sound.writeframes(b"\0" * 8)
    with pytest.raises(LabError, match="8 kHz"):
        make_speech(tmp_path, tmp_path / "out")
