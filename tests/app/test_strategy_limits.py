"""Presets as limits of steps: the gate's own calendars."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from dialer_engine.app.config import Config
from dialer_engine.app.strategy import ask, load
from dialer_engine.app.strategy_simulate import invented_book as book
from dialer_engine.app.strategy_simulate import model_for, run
from dialer_engine.strategy.model import Channel


def test_a_holiday_is_shorter_and_a_make_up_sunday_is_a_working_day() -> None:
    cn, it = ask("cn"), ask("eu_it")
    assert cn is not None
    assert it is not None
    usual, holiday = (cn.hours_on(Channel.CALL, date(2026, 10, day)) for day in (14, 1))
    assert usual is not None
    assert holiday is not None
    assert holiday[1] - holiday[0] < usual[1] - usual[0]
    # 2026-10-10 is a Saturday that is worked in China.
    assert cn.hours_on(Channel.CALL, date(2026, 10, 10)) == usual
    assert it.hours_on(Channel.CALL, date(2026, 12, 25)) is None
    assert it.hours_on(Channel.CALL, date(2026, 12, 24)) is not None


def test_a_year_that_nobody_knows_is_closed_until_a_file_says_it(tmp_path: Path) -> None:
    own = tmp_path / "cn.yaml"
    own.write_text("years: [2031]\nholidays: [2031-05-01]\n")
    config = Config()
    day = date(2031, 3, 4)
    assert ask("cn", config).hours_on(Channel.CALL, day) is None  # type: ignore[union-attr]
    told = run(
        load("early"), book(3, 1), model=model_for(config, None, assume=True), seed=1,
        start=date(2031, 3, 1), days=3, config=config,
    )  # fmt: skip
    assert told["closed_years"] == ["cn 2031"]
    assert told["total"]["attempts"] == 0
    config = replace(config, compliance=replace(config.compliance, calendars=(f"CN={own}",)))
    assert ask("cn", config).hours_on(Channel.CALL, day) is not None  # type: ignore[union-attr]
