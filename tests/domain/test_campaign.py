"""The settings of a campaign check themselves."""

from __future__ import annotations

from typing import Any

import pytest

from dialer_engine.domain.campaign import Campaign, CampaignState
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import CampaignName

NAME = CampaignName("spring")


@pytest.mark.parametrize(
    ("setting", "low", "high"),
    [("ratio", 1.0, 10.0), ("ring_timeout_s", 1.0, 120.0), ("wait_limit_s", 0.1, 30.0), ("wrap_up_s", 0.0, 3600.0)],
)  # fmt: skip
def test_each_limit_is_kept_to_the_hair(setting: str, low: float, high: float) -> None:
    def made(value: float) -> Campaign:
        values: dict[str, Any] = {setting: value}
        return Campaign(NAME, **values)

    assert getattr(made(low), setting) == low
    assert getattr(made(high), setting) == high
    for bad in (low - 0.01, high + 0.01, float("nan"), float("inf"), -float("inf")):
        with pytest.raises(BadValue, match=setting):
            made(bad)


def test_a_campaign_begins_stopped_and_changes_nothing_but_its_state() -> None:
    campaign = Campaign(NAME)
    assert campaign.state is CampaignState.STOPPED
    started = campaign.with_state(CampaignState.STARTED)
    assert started.state is CampaignState.STARTED
    assert started.with_state(CampaignState.STOPPED) == campaign
