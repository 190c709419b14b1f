"""The options of a site, and what each of them does."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise

from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest

from custom_components.enphase_ev.const import DOMAIN
from simulator import Simulator
from tests.integration.conftest import HouseBuilder
from tests.integration.house import House

DEFAULTS = {
    "slow_interval": 60,
    "fast_interval": 30,
    "fast_while_streaming": True,
    "request_timeout": 15,
    "nominal_voltage": 230,
    "session_history": True,
    "live_power": "when_active",
    "live_interval": 10,
    "site_energy": True,
}
_RARE = ("fast_while_streaming", "live_interval", "request_timeout", "nominal_voltage")
# What nobody has chosen goes on to depend on what the site has.
STORED = {key: value for key, value in DEFAULTS.items() if key != "live_power"}


def filled_in(values: dict[str, object], **gateway: object) -> dict[str, object]:
    """Return the form with these values: what few people change stands in a section of its own."""
    advanced = {key: value for key, value in values.items() if key in _RARE}
    plain = {key: value for key, value in values.items() if key not in _RARE}
    return {**plain, "advanced": advanced, "gateway": {"use_gateway": False, **gateway}}


async def _form(house: House) -> dict[str, object]:
    """Open the form and return its defaults."""
    form = await house.hass.config_entries.options.async_init(house.entry.entry_id)
    assert form["type"] is FlowResultType.FORM
    house.hass.config_entries.options.async_abort(form["flow_id"])
    schema = form["data_schema"]
    assert schema is not None
    plain = {str(field): field.default() for field in schema.schema if str(field) not in {"advanced", "gateway", "power_sensors", "prices"}}
    advanced = schema.schema["advanced"]
    assert advanced.options["collapsed"]
    return plain | {str(field): field.default() for field in advanced.schema.schema}


async def _choose(house: House, **chosen: object) -> None:
    """Fill in the form and send it."""
    form = await house.hass.config_entries.options.async_init(house.entry.entry_id)
    end = await house.hass.config_entries.options.async_configure(form["flow_id"], filled_in({**DEFAULTS, **chosen}))
    assert end["type"] is FlowResultType.CREATE_ENTRY
    await house.hass.async_block_till_done()


def _polls(house: House, since: datetime) -> list[float]:
    times = [request.at for request in house.sim.requests if request.path.endswith("/ev_chargers/status") and request.at > since]
    return [round((later - earlier).total_seconds()) for earlier, later in pairwise(times)]


async def test_the_form_shows_what_is_in_force(house: House) -> None:
    assert await _form(house) == DEFAULTS

    await _choose(house, slow_interval=120, session_history=False)

    assert await _form(house) == {**DEFAULTS, "slow_interval": 120, "session_history": False}


async def test_the_voltage_is_that_of_the_country(house: House) -> None:
    house.hass.config.country = "US"

    assert (await _form(house))["nominal_voltage"] == 240


@pytest.mark.parametrize(
    "wrong",
    [
        {"slow_interval": 59},
        {"slow_interval": 3601},
        {"fast_interval": 29},
        {"fast_interval": 3601},
        {"request_timeout": 4},
        {"request_timeout": 121},
        {"nominal_voltage": 99},
    ],
)
async def test_what_is_out_of_range_is_refused(house: House, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidData):
        await _choose(house, **wrong)


async def test_the_slow_interval(house: House) -> None:
    await _choose(house, slow_interval=300)
    since = house.sim.clock.now()

    await house.live(3600)

    assert set(_polls(house, since)) == {300}


async def test_the_fast_interval(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    await _choose(house, fast_interval=45)
    since = house.sim.clock.now()

    await house.live(900)

    assert set(_polls(house, since)) == {45}


@pytest.mark.parametrize(("chosen", "expected"), [(True, 30), (False, 60)])
async def test_fast_while_streaming(house: House, chosen: bool, expected: int) -> None:
    await _choose(house, fast_while_streaming=chosen)
    await house.call(DOMAIN, "start_live_stream", site_id=house.sim.site.id)
    await house.live(31)
    since = house.sim.clock.now()

    await house.live(600)
    assert set(_polls(house, since)) == {expected}
    # The cloud grants a quarter of an hour; then it ends by itself.
    await house.live(360)
    since = house.sim.clock.now()
    await house.live(600)

    assert set(_polls(house, since)) == {60}


async def test_the_request_timeout(house: House) -> None:
    await _choose(house, request_timeout=5)
    hang = house.sim.faults.add(path="ev_chargers/status", delay=10.0)

    async def let_pass(seconds: float) -> None:
        house.freezer.tick(timedelta(seconds=seconds))
        for _ in range(50):
            await asyncio.sleep(0)

    poll = house.hass.async_create_task(house.entry.runtime_data.chargers.async_refresh())
    while not hang.used:
        await asyncio.sleep(0)
    await let_pass(4.5)
    assert not poll.done()
    await let_pass(1.5)
    await poll

    assert house.site_state("binary_sensor", "cloud_reachable").state == "off"
    await let_pass(10)


async def test_the_nominal_voltage_where_the_charger_tells_none(build_house: HouseBuilder) -> None:
    def no_summaries(sim: Simulator) -> None:
        sim.faults.add(path="summary", status=500, times=None)
        sim.charger().start(10)

    house = await build_house(prepare=no_summaries)
    assert house.state("sensor", "power").state == "2300"

    await _choose(house, nominal_voltage=120)

    assert house.state("sensor", "power").state == "1200"


async def test_the_nominal_voltage_gives_way_to_the_charger(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")

    await _choose(house, nominal_voltage=120)

    assert house.state("sensor", "power").state == str(32 * 230)


async def test_without_session_history_nothing_is_asked_for(house: House) -> None:
    await _choose(house, session_history=False)

    await house.live(7 * 3600)

    assert house.sim.count("history") == 0
    with pytest.raises(AssertionError, match="last_session does not exist"):
        house.state("sensor", "last_session")
    # Whoever asks is answered all the same.
    answer = await house.ask("get_charging_sessions", device_id=house.device_id(), **{"from": "2026-01-01"})
    assert answer["chargers"][0]["sessions"]


async def test_switching_the_history_off_takes_its_sensor_away(house: House) -> None:
    await house.live(300)
    assert house.state("sensor", "last_session").state != "unavailable"

    await _choose(house, session_history=False)

    with pytest.raises(AssertionError, match="last_session does not exist"):
        house.state("sensor", "last_session")
