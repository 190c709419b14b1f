"""A power sensor of a person's own for a charger: it is shown, and checked for plausibility."""

from datetime import timedelta

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT
import pytest

from tests.integration.house import House, HouseBuilder
from tests.integration.test_options import STORED, filled_in

_CLAMP = "sensor.clamp"


def _show(house: House, state: str, unit: str | None = "W") -> None:
    house.hass.states.async_set(_CLAMP, state, {ATTR_UNIT_OF_MEASUREMENT: unit} if unit else {})


async def _with_clamp(build_house: HouseBuilder) -> House:
    house = await build_house(options={"power_sensors": {"EV000000000001": _CLAMP}})
    await house.live(10)
    return house


def _power(house: House) -> tuple[str, str]:
    state = house.state("sensor", "power")
    return state.state, state.attributes["source"]


async def test_it_is_shown_as_soon_as_it_changes(build_house: HouseBuilder) -> None:
    house = await _with_clamp(build_house)
    assert _power(house) == ("0", "energy")
    house.sim.charger().start(16)
    await house.live(61)
    _show(house, "3.61", "kW")
    await house.live(1)
    assert _power(house) == ("3610", "power_sensor")
    assert house.state("sensor", "power").attributes["estimated"] is False
    # One that changes often is followed every few seconds.
    _show(house, "3000")
    await house.live(1)
    assert _power(house)[0] == "3610"
    await house.live(6)
    _show(house, "2900")
    await house.live(1)
    assert _power(house)[0] == "2900"


@pytest.mark.parametrize(
    ("state", "unit"), [("unavailable", "W"), ("nonsense", "W"), ("-300", "W"), ("45", "kW"), ("5", "kWh"), ("5", None)]
)
async def test_what_cannot_be_the_power_of_a_charger_is_not_shown(build_house: HouseBuilder, state: str, unit: str | None) -> None:
    house = await _with_clamp(build_house)
    house.sim.charger().start(16)
    await house.live(61)
    _show(house, state, unit)
    await house.live(61)
    assert _power(house)[1] in {"energy", "level"}


async def test_a_sensor_of_something_else_is_found_out(build_house: HouseBuilder, caplog: pytest.LogCaptureFixture) -> None:
    house = await _with_clamp(build_house)
    _show(house, "1500")
    await house.live(120)
    # The cloud may be late to say that it charges.
    assert _power(house) == ("1500", "power_sensor")
    await house.live(400)
    assert _power(house) == ("0", "energy")
    assert len([record for record in caplog.records if "shows power while its charger does not charge" in record.getMessage()]) == 1
    # While the car charges it is not believed either.
    house.sim.charger().start(16)
    await house.live(61)
    assert _power(house)[1] != "power_sensor"
    # It is again once it has shown nothing while nothing was drawn.
    house.sim.charger().stop()
    _show(house, "4")
    await house.live(121)
    assert _power(house) == ("4", "power_sensor")


async def test_it_is_chosen_by_the_name_of_the_charger(build_house: HouseBuilder) -> None:
    house = await build_house()
    form = await house.hass.config_entries.options.async_init(house.entry.entry_id)
    name = house.entry.runtime_data.chargers.data["EV000000000001"].name
    result = await house.hass.config_entries.options.async_configure(
        form["flow_id"], filled_in({**STORED, "live_power": "when_active", "power_sensors": {name: _CLAMP}})
    )
    assert result["type"] == "create_entry"
    await house.hass.async_block_till_done()
    assert house.entry.options == {**STORED, "power_sensors": {"EV000000000001": _CLAMP}}
    house.freezer.tick(timedelta(seconds=10))
    _show(house, "12")
    await house.live(61)
    assert _power(house) == ("12", "power_sensor")
