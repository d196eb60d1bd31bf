"""Who hears what: tones at both ends, found in the right channel of the recording and at the other
end of the line, from the first second.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.feed import Feed
from tests.e2e.floor import Attempt, Floor, open_floor
from tests.pbx_calls import Stereo, amplitude, piece
from tools.lab.mix import number_for as number_that

pytestmark = pytest.mark.pbx
PHONE = 2003
DEBTOR_HZ, AGENT_HZ = 300 + 50 * 4, 1300
DEBTOR = number_that("tone", 4)
AGENT = str(PHONE)
# The tones are made with an amplitude of 9,000 (tools/lab/speech.py); A-law takes a little off.
LOUD, SILENT = 5000.0, 150.0
TALK_S = 4.0
STEP_S = 0.25
# docker/asterisk/pbx/sounds/dialer-tone.wav lasts 0.12 s; while it plays, the debtor hears nobody.
TONE_S = 0.2


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    with open_floor(tmp_path_factory.mktemp("e2e"), agents=1, extra_phones=(PHONE,)) as opened:
        yield opened


@pytest.fixture(scope="module")
def heard_by_agent(floor: Floor) -> Path:
    return floor.world.overhear(str(PHONE), "agent")


@pytest.fixture(scope="module")
def heard_by_debtor(floor: Floor) -> Path:
    return floor.world.overhear(DEBTOR, "debtor")


@pytest.fixture(scope="module")
def feed(floor: Floor) -> Iterator[Feed]:
    listening = Feed(floor.site, f"agent/{AGENT}", "calls")
    yield listening
    listening.close()


@pytest.fixture(scope="module")
def talk(floor: Floor, heard_by_agent: Path, heard_by_debtor: Path, feed: Feed) -> Attempt:
    """One talk between two tones, of some seconds."""
    api = floor.site.api
    api.post("/agents", {"id": AGENT, "phone": f"agent-{PHONE}", "mode": "nailed"})
    api.post(f"/agents/{AGENT}/login")
    floor.site.wait_idle(1)
    name = floor.campaign("tones", [DEBTOR])
    floor.start(name)
    floor.until(lambda: floor.calls(phase="talking"), "talking")
    call = floor.calls(phase="talking")[0]
    floor.until(lambda: floor.calls()[0]["since_s"] >= TALK_S, "talk")
    api.post(f"/calls/{call['attempt']}/hangup")
    floor.settled(name, {DEBTOR})
    floor.matched()
    api.post(f"/agents/{AGENT}/logout")
    floor.until(lambda: floor.world.phone_calls(PHONE)[0].went, "phone down")
    floor.until(lambda: feed.named("call") and feed.named("talking"), "told")
    return floor.attempts(name)[0]


@pytest.fixture(scope="module")
def recording(floor: Floor, talk: Attempt) -> Stereo:
    (path,) = floor.rows("select path from recordings where attempt_id = ?", talk.id)[0]
    with wave.open(str(floor.lab.recordings_dir / path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        data = file.readframes(file.getnframes())
    return np.frombuffer(data, "<i2").reshape(-1, 2).astype(np.float64)


def _steps(sound: Stereo, channel: int, hertz: float, start: float, end: float) -> list[float]:
    """Amplitude of one frequency in each quarter of a second."""
    count = int((end - start) / STEP_S)
    return [
        amplitude(piece(sound, channel, start + i * STEP_S, STEP_S), hertz) for i in range(count)
    ]


def _bridged_s(talk: Attempt) -> float:
    """From the answer to the bridge, which takes as long as this machine needs."""
    assert talk.answer_to_bridge_s is not None
    return talk.answer_to_bridge_s


def test_the_recording_has_each_voice_in_its_channel(talk: Attempt, recording: Stereo) -> None:
    assert talk.outcome == "completed"
    end = len(recording) / 8000 - STEP_S
    # The debtor from the first moment; the agent as soon as the tone in their ear is over.
    assert min(_steps(recording, 0, DEBTOR_HZ, 0.1, end)) > LOUD
    assert min(_steps(recording, 1, AGENT_HZ, _bridged_s(talk) + TONE_S, end)) > LOUD
    assert max(_steps(recording, 0, AGENT_HZ, 0.0, end)) < SILENT
    assert max(_steps(recording, 1, DEBTOR_HZ, 0.0, end)) < SILENT


def test_the_recording_is_as_long_as_the_call(talk: Attempt, recording: Stereo) -> None:
    """Within a second, as `recordings verify` asks: a machine that cannot keep up sends less sound."""
    assert talk.answered_at is not None
    assert talk.ended_at is not None
    assert len(recording) / 8000 == pytest.approx(talk.ended_at - talk.answered_at, abs=1.0)


def test_the_debtor_hears_the_agent_and_no_ring_back(
    floor: Floor, talk: Attempt, heard_by_debtor: Path
) -> None:
    heard = floor.heard(heard_by_debtor)
    end = len(heard) / 8000 - 2 * STEP_S
    # Enough to judge by; how much of it arrives depends on how busy this machine is.
    assert end > TALK_S / 2
    assert min(_steps(heard, 0, AGENT_HZ, _bridged_s(talk) + 2 * TONE_S, end)) > LOUD
    # Ring-back tones: 425 Hz (China), 400 + 450 (UK), 440 + 480 (US).
    for hertz in (400, 425, 440, 450, 480):
        assert max(_steps(heard, 0, hertz, 0.0, end)) < SILENT


def test_the_agent_hears_the_tone_first_and_then_the_debtor(
    floor: Floor, talk: Attempt, heard_by_agent: Path
) -> None:
    heard = floor.heard(heard_by_agent)[:, :1]
    loud = [i for i in range(len(heard) // 160) if abs(piece(heard, 0, i * 0.02, 0.02)).max() > 300]
    first = loud[0] * 0.02
    # What comes first is the tone, and no voice is in it.
    assert amplitude(piece(heard, 0, first, 0.08), DEBTOR_HZ) < LOUD / 2
    assert abs(piece(heard, 0, first, 0.1)).max() > 1000
    # It is our short one, not Asterisk's beep of 0.4 s, which would cost the first words.
    voice = _steps(heard, 0, DEBTOR_HZ, first + TONE_S, first + TALK_S - 1)
    assert min(voice) > LOUD
    # Before the talk, and after it, nothing: no music, no voice of somebody else.
    assert len(heard) / 8000 > first + TALK_S


def test_the_case_is_on_the_screen_before_the_first_word(talk: Attempt, feed: Feed) -> None:
    events = [one for one in feed.messages if one.get("attempt") == talk.id]
    screen = next(i for i, one in enumerate(events) if one.get("event") == "call")
    bridged = next(i for i, one in enumerate(events) if one.get("event") == "talking")
    assert screen < bridged
    assert events[screen]["agent"] == AGENT
    assert events[screen]["number"] == DEBTOR
    assert events[screen]["name"] == "Kit Maple"
    assert "number" not in events[bridged]


def test_answer_to_bridge_is_a_matter_of_milliseconds(talk: Attempt) -> None:
    assert talk.answer_to_bridge_s is not None
    assert 0 < talk.answer_to_bridge_s < 1.0
