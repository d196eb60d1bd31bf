"""The page that Prometheus reads."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from dialer_engine.app.metrics import renderer
from tests.engine.house import House, virtual

Page = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(page: bytes) -> Page:
    """Every sample of the page by its name and labels; the parser refuses a malformed one."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


@virtual
async def test_an_idle_engine_has_a_page() -> None:
    house = House()
    async with house:
        page = read(renderer(house.engine)())
        assert page["dialer_node_up", (("node", "pbx-1"),)] == 1
        assert page["dialer_store_up", ()] == 1
        assert page["dialer_disk_state", ()] == 0
        assert page["dialer_trunk_closed", (("trunk", "carrier-a"),)] == 1
        assert any(name.startswith("process_") for name, _ in page)


@virtual
async def test_the_figures_are_those_of_the_engine() -> None:
    house = House()
    await house.campaign(cases=3)
    async with house:
        render = renderer(house.engine)
        await house.login(*house.agents(2))
        first, second = await house.dialled(2)
        house.pbx.answer(first)
        await house.wait(30.0)
        page = read(render())
        assert page["dialer_calls", (("phase", "talking"),)] == 1
        assert page["dialer_agents", (("line", "in_call"),)] == 1
        assert page["dialer_trunk_channels", (("trunk", "carrier-a"),)] == len(house.flying)
        house.pbx.end(first)
        house.pbx.end(second, 17, 486)
        house.engine.dialling.draining = True
        await house.wait(1.0)
        page = read(render())
        loans = ("campaign", "loans")
        assert page["dialer_outcomes_total", (loans, ("outcome", "completed"))] == 1
        assert page["dialer_talk_seconds_total", (loans,)] > 29
        assert page["dialer_originates_total", ()] == len(house.pbx.dialled)


@virtual
async def test_trouble_shows() -> None:
    house = House()
    await house.campaign(cases=3)
    house.case(zone="Mars/Olympus", priority=9)
    async with house:
        await house.login(*house.agents(1))
        await house.wait(2.0)
        house.pbx.lose_link()
        house.store.down = "locked"
        house.engine.desk.pause("1001", "lunch")
        await house.wait(2.0)
        page = read(renderer(house.engine)())
        assert page["dialer_node_up", (("node", "pbx-1"),)] == 0
        assert page["dialer_store_up", ()] == 0
        assert page["dialer_store_pending", ()] >= 1
        assert page["dialer_denied_total", (("reason", "zone_unknown"),)] == 1
