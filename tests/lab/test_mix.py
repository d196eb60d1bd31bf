"""The mix: weights become slots, distributions become tables, errors name their key."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.lab.errors import MixError
from tools.lab.lab import DEFAULT_MIX
from tools.lab.mix import (
    CODES,
    KIND_SLOTS,
    QUANTILES,
    Lognormal,
    Mix,
    load_mix,
    load_number,
    number_for,
)


@pytest.fixture(scope="module")
def mix() -> Mix:
    return load_mix(DEFAULT_MIX)


def slots(mix: Mix) -> Counter[str]:
    kinds = mix.kinds()
    return Counter(kinds[i : i + 2] for i in range(0, len(kinds), 2))


def test_each_behaviour_gets_its_share_of_slots(mix: Mix) -> None:
    counted, total = slots(mix), sum(mix.weights.values())
    assert counted.total() == KIND_SLOTS
    for name, weight in mix.weights.items():
        assert abs(counted[CODES[name]] - weight / total * KIND_SLOTS) < 1


@given(st.lists(st.floats(0, 100), min_size=3, max_size=3).filter(lambda w: sum(w) > 0))
def test_slots_are_always_full(weights: list[float]) -> None:
    names = dict(zip(("talk", "busy", "tone"), weights, strict=True))
    assert slots(load_mix(DEFAULT_MIX, {"weights": names})).total() == KIND_SLOTS


def test_quantile_table_rises_and_has_its_median_in_the_middle() -> None:
    table = Lognormal(median=8, sigma=0.5, min=0.6, max=40).table(1)
    points = [float(table[i : i + 7]) for i in range(0, len(table), 7)]
    assert len(points) == QUANTILES
    assert points == sorted(points)
    assert points[49] < 8 < points[50]


def test_time_scale_divides_rings_and_talks_but_not_the_dial_timeout() -> None:
    slow, fast = (load_mix(DEFAULT_MIX, {"time_scale": s}).globals() for s in (1, 10))
    assert float(slow["TALK_Q"][350:357]) == pytest.approx(
        10 * float(fast["TALK_Q"][350:357]), rel=0.01
    )
    assert slow["CANCEL_CROSS"] == fast["CANCEL_CROSS"]


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_quantiles_are_monotonous_and_cut(p: float, q: float) -> None:
    lognormal = Lognormal(median=75, sigma=0.8, min=4, max=900)
    low, high = lognormal.quantile(min(p, q)), lognormal.quantile(max(p, q))
    assert 4 <= low <= high <= 900


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"seeds": 1}, "seeds: unknown"),
        ({"seed": "x"}, "seed: a number"),
        ({"time_scale": 0}, "time_scale"),
        ({"weights": {"tlak": 1}}, "tlak: unknown"),
        ({"weights": {"talk": -1}}, "talk: below 0"),
        ({"weights": {"talk": 0}}, "all are 0"),
        ({"ring": {"median": 1}}, "ring: exactly"),
        ({"talk": 5}, "talk: a mapping"),
        ({"machine": {"pause": True, "listens": 1}}, "pause: a number"),
    ],
)
def test_errors_name_the_key(overrides: dict[str, object], named: str) -> None:
    with pytest.raises(MixError, match=named):
        load_mix(DEFAULT_MIX, overrides)


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MixError, match=r"nowhere\.yaml"):
        load_mix(tmp_path / "nowhere.yaml")


def test_every_behaviour_of_the_dialplan_has_a_code_and_the_other_way_round() -> None:
    dialplan = (DEFAULT_MIX.parent / "extensions.conf").read_text(encoding="utf-8")
    contexts = {line[6:8] for line in dialplan.splitlines() if line.startswith("[kind-")}
    assert contexts == set(CODES.values())


def test_draws_follow_the_weights_and_never_change(mix: Mix) -> None:
    numbers = [f"+4477009{i:05d}" for i in range(5000)]
    drawn = Counter(mix.draw(number) for number in numbers)
    total = sum(mix.weights.values())
    for name, weight in mix.weights.items():
        expected = weight / total * len(numbers)
        assert abs(drawn[name] - expected) < 5 * expected**0.5
    assert [mix.draw(n) for n in numbers[:50]] == [mix.draw(n) for n in numbers[:50]]
    assert any(mix.draw(n, 1) != mix.draw(n, 2) for n in numbers[:50])


def test_forcing_numbers() -> None:
    assert number_for("busy", 7) == "+441632960037"
    assert load_number("long_talk", 12) == "+9992120000012"
