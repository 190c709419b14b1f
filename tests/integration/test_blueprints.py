"""The blueprints of chargers: what the charger does with them."""

from collections.abc import Callable
from datetime import datetime, timedelta
import re

from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import parse_yaml
import pytest

from simulator import Vehicle
from tests.integration.automated_house import BLUEPRINTS, AutomatedHouse
from tests.integration.test_charging_costs import overlapping_pages
from tests.thoroughness import one_in

_PRICE = "sensor.price"
_PHONE = "notify.phone"

# --- Charge the car in the cheapest hours ---

_HOURLY = {13.0: 0.30, 14.0: 0.10, 15.0: 0.25, 16.0: 0.05, 17.0: 0.40}
_PLAN = {"from": "13:00:00", "ready_by": "18:00:00", "hours": 2}
_CHEAPEST = "charge_in_cheapest_hours"


def _slots(prices: dict[float, float], start: str, price: str, *, as_text: bool) -> list[dict[str, object]]:
    def moment(hour: float) -> datetime | str:
        begin = dt_util.start_of_local_day() + timedelta(hours=hour)
        return begin.isoformat() if as_text else begin

    return [{start: moment(hour), price: cost} for hour, cost in prices.items()]


def _as_nord_pool(prices: dict[float, float]) -> dict[str, object]:
    slots = _slots(prices, "start", "value", as_text=False)
    return {"today": list(prices.values()), "raw_today": slots[:3], "raw_tomorrow": slots[3:], "tomorrow_valid": True}


_FORMS: dict[str, Callable[[dict[float, float]], dict[str, object]]] = {
    "Nord Pool": _as_nord_pool,
    "ENTSO-e": lambda prices: {"prices_today": _slots(prices, "time", "price", as_text=True), "prices_tomorrow": []},
    "Tibber": lambda prices: {"today": _slots(prices, "startsAt", "total", as_text=True), "tomorrow": None},
    "EPEX Spot": lambda prices: {"data": _slots(prices, "start_time", "price_per_kwh", as_text=True)},
}


async def _automate(house: AutomatedHouse, prices: dict[float, float] | None, *, now: str = "0.3", **inputs: object) -> None:
    house.hass.states.async_set(_PRICE, now, _as_nord_pool(prices) if prices else {})
    await house.automate(_CHEAPEST, charger=house.device_id(), price=_PRICE, **{**_PLAN, **inputs})


@pytest.mark.parametrize("form", one_in(2, list(_FORMS.values())), ids=one_in(2, list(_FORMS)))
async def test_prices_come_in_many_forms(automated: AutomatedHouse, form: Callable[[dict[float, float]], dict[str, object]]) -> None:
    automated.hass.states.async_set(_PRICE, "0.3", form(_HOURLY))
    await automated.automate(_CHEAPEST, charger=automated.device_id(), price=_PRICE, **_PLAN)

    assert await automated.at(automated.charges, "13:50", "14:10", "15:10") == [False, True, False]


def _as_action(service: str, slots: list[dict[str, object]]) -> dict[str, object]:
    if service == "tibber.get_prices":
        return {"prices": {"Home": [{"start_time": slot["start"].isoformat(), "price": slot["price"]} for slot in slots]}}
    return {"SE3": [{"start": dt_util.as_utc(slot["start"]).isoformat(), "price": slot["price"] * 1000} for slot in slots]}


# A sensor in configuration.yaml is never unloaded.
@pytest.mark.parametrize("expected_lingering_timers", [True])
@pytest.mark.parametrize("service", ["nordpool.get_prices_for_date", "tibber.get_prices"])
async def test_prices_that_are_told_by_an_action_come_through_the_sensor_of_the_documentation(
    automated: AutomatedHouse, service: str
) -> None:
    page = (BLUEPRINTS.parent / "docs" / "blueprints.md").read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL) if service in block]
    slots = _slots({hour - 0.5: price for hour, price in _HOURLY.items()}, "start", "price", as_text=False)

    async def answer(call: ServiceCall) -> ServiceResponse:
        if str(call.data.get("date")) == str(dt_util.now().date() + timedelta(days=1)):
            raise ServiceValidationError
        return _as_action(service, slots)

    automated.hass.services.async_register(*service.split("."), answer, supports_response=SupportsResponse.ONLY)
    assert await async_setup_component(automated.hass, "template", parse_yaml(block))
    await automated.automate(
        _CHEAPEST, charger=automated.device_id(), price="sensor.electricity_price", **{**_PLAN, "ready_by": "17:30:00"}
    )

    assert await automated.at(automated.charges, "13:20", "13:50", "14:40") == [False, True, False]
    assert float(automated.hass.states.get("sensor.electricity_price").state) == pytest.approx(0.25)


async def test_car_charges_in_the_cheapest_hours(automated: AutomatedHouse) -> None:
    await _automate(automated, _HOURLY)

    seen = await automated.at(automated.charges, "13:50", "14:10", "14:55", "15:10", "16:10", "16:58", "17:10")

    assert seen == [False, True, True, False, True, True, False]
    assert automated.sim.charger().session_wh == pytest.approx(2 * 7360, rel=0.05)
    assert automated.sim.count("control") == 4


async def test_quarters_of_an_hour_add_up(automated: AutomatedHouse) -> None:
    quarters = {13 + number / 4: price for number, price in enumerate((0.3, 0.3, 0.1, 0.2, 0.1, 0.1, 0.3, 0.3))}
    await _automate(automated, quarters, ready_by="15:00:00", hours=0.75)

    seen = await automated.at(automated.charges, "13:25", "13:35", "13:50", "14:05", "14:20", "14:35", "14:50")

    assert seen == [False, True, False, True, True, False, False]


async def test_over_night_with_the_defaults(automated: AutomatedHouse) -> None:
    night = {float(hour): 0.3 for hour in range(13, 31)} | {13.0: 0.01, 20.0: 0.1, 24.0: 0.1, 27.0: 0.05, 29.0: 0.1, 30.0: 0.2}
    automated.hass.states.async_set(_PRICE, "0.3", _as_nord_pool(night))
    await automated.automate(_CHEAPEST, charger=automated.device_id(), price=_PRICE)

    # In the hours in between nothing begins or ends.
    seen = await automated.at(automated.charges, "13:30")
    automated.skip(hours=6)
    seen += await automated.at(automated.charges, "19:50", "20:30", "21:10")
    automated.skip(hours=2.5)
    seen += await automated.at(automated.charges, "23:50", "00:30", "01:10")
    automated.skip(hours=1.5)
    seen += await automated.at(automated.charges, "03:30", "04:10", "05:30", "06:30", "07:10")

    assert seen == [False, False, True, False, False, True, False, True, False, True, False, False]


async def test_car_that_comes_late_charges_in_what_is_left_of_the_cheapest_hours(automated: AutomatedHouse) -> None:
    automated.sim.charger().unplug()
    await automated.pass_time(minutes=2)
    await _automate(automated, _HOURLY)
    await automated.pass_until("14:20")
    automated.sim.charger().plug_in(Vehicle())

    assert await automated.at(automated.charges, "14:30", "15:10", "16:10", "17:10") == [True, False, True, False]


@pytest.mark.parametrize("prices", [None, {13.0: 0.05, 14.0: 0.3, 15.0: 0.3}], ids=["no prices", "not all prices"])
async def test_car_is_ready_in_time_where_prices_are_not_known(automated: AutomatedHouse, prices: dict[float, float] | None) -> None:
    await _automate(automated, prices, ready_by="16:30:00")

    assert await automated.at(automated.charges, "13:50", "14:25", "14:40", "16:25", "16:40") == [False, False, True, True, False]


async def test_a_fixed_tariff_needs_no_price(automated: AutomatedHouse) -> None:
    """Power is cheap from 14:00 to 16:30, say, and the sensor is left out of the form."""
    times = {"from": "14:00:00", "ready_by": "16:30:00"}
    await automated.automate(_CHEAPEST, charger=automated.device_id(), **{**_PLAN, **times})

    assert await automated.at(automated.charges, "13:50", "14:25", "14:40", "16:25", "16:40") == [False, False, True, True, False]


async def test_a_fixed_tariff_can_be_used_for_all_of_its_cheap_hours(automated: AutomatedHouse) -> None:
    times = {"from": "14:00:00", "ready_by": "16:30:00", "hours": 10}
    await automated.automate(_CHEAPEST, charger=automated.device_id(), price="", **{**_PLAN, **times})

    assert await automated.at(automated.charges, "13:50", "14:10", "16:25", "16:40") == [False, True, True, False]


async def test_car_is_ready_in_time_where_the_price_is_unavailable(automated: AutomatedHouse) -> None:
    await _automate(automated, None, now="unavailable", ready_by="16:30:00")

    assert await automated.at(automated.charges, "13:50", "14:40", "16:40") == [False, True, False]


async def test_at_a_low_price_the_car_charges_at_any_time(automated: AutomatedHouse) -> None:
    await _automate(automated, None, always_below=0.15, hours=0)
    assert await automated.at(automated.charges, "13:40") == [False]

    automated.hass.states.async_set(_PRICE, "0.15")
    assert await automated.at(automated.charges, "13:50") == [True]
    automated.hass.states.async_set(_PRICE, "0.16")
    assert await automated.at(automated.charges, "14:00") == [False]


async def test_what_a_person_starts_goes_on(automated: AutomatedHouse) -> None:
    await _automate(automated, _HOURLY, hours=1)
    await automated.lived_through(automated.call("switch", "turn_on", entity_id=automated.entity_id("switch", "charging")))

    assert await automated.at(automated.charges, "13:30", "14:30", "15:30") == [True, True, True]


async def test_no_car_is_asked_to_charge_that_is_not_there(automated: AutomatedHouse) -> None:
    automated.sim.charger().unplug()
    await automated.pass_time(minutes=2)
    await _automate(automated, _HOURLY)

    await automated.pass_until("15:00")

    assert automated.sim.count("control") == 0


async def test_an_outage_of_the_cloud_does_not_let_the_car_charge_on(automated: AutomatedHouse) -> None:
    await _automate(automated, _HOURLY)
    assert await automated.at(automated.charges, "14:40") == [True]

    automated.sim.faults.add(path="", status=503, times=None)
    assert await automated.at(automated.charges, "15:10") == [True]
    automated.sim.faults.clear()

    assert await automated.at(automated.charges, "15:30", "16:10") == [False, True]


async def test_start_that_fails_is_tried_again(automated: AutomatedHouse) -> None:
    await _automate(automated, _HOURLY)
    automated.sim.faults.add(path="start_charging", status=503, times=1)

    assert await automated.at(automated.charges, "14:03", "14:08") == [False, True]


async def test_car_stops_where_home_assistant_was_off_when_the_cheap_hour_ended(automated: AutomatedHouse) -> None:
    automated.sim.charger().start(32)
    await automated.pass_time(minutes=5)
    automated.hass.states.async_set(_PRICE, "0.3", _as_nord_pool(_HOURLY))

    await automated.automate_and_start(_CHEAPEST, charger=automated.device_id(), price=_PRICE, **_PLAN)

    assert await automated.at(automated.charges, "13:20", "14:10") == [False, True]


async def test_a_cheap_hour_is_taken_up_after_a_restart(automated: AutomatedHouse) -> None:
    await automated.pass_until("14:10")
    automated.sim.charger().start(32)
    await automated.pass_time(minutes=5)
    automated.hass.states.async_set(_PRICE, "0.3", _as_nord_pool(_HOURLY))

    await automated.automate_and_start(_CHEAPEST, charger=automated.device_id(), price=_PRICE, **_PLAN)

    assert await automated.at(automated.charges, "14:30", "15:10") == [True, False]
    assert automated.sim.count("control", "start_charging") == 0


# --- Stop charging at a monthly cost ---

_MONTHLY = "stop_charging_at_monthly_cost"


def _set_meter(house: AutomatedHouse, value: str, unit: str = "kWh") -> None:
    house.hass.states.async_set("sensor.this_month", value, {"unit_of_measurement": unit})


async def _start_with_a_limit(house: AutomatedHouse, **inputs: object) -> None:
    house.sim.charger().start(32)
    await house.pass_time(minutes=2)
    charging = house.entity_id("binary_sensor", "charging")
    await house.automate(_MONTHLY, charging=[charging], meter="sensor.this_month", **inputs)


@pytest.mark.parametrize(
    ("unit", "below", "above"), [("kWh", "166", "167"), ("Wh", "166000", "167000"), ("MWh", "0.166", "0.167"), ("EUR", "49.99", "50.01")]
)
async def test_car_stops_at_the_cost(automated: AutomatedHouse, unit: str, below: str, above: str) -> None:
    await _start_with_a_limit(automated)
    _set_meter(automated, below, unit)
    await automated.pass_time(minutes=2)
    assert automated.charges()

    _set_meter(automated, above, unit)
    await automated.pass_time(minutes=2)

    assert not automated.charges()
    assert automated.told == []


async def test_car_that_begins_again_in_this_month_is_stopped_again_and_in_the_next_one_not(automated: AutomatedHouse) -> None:
    await _start_with_a_limit(automated, tell=[_PHONE])
    _set_meter(automated, "170")
    await automated.pass_time(minutes=2)
    automated.sim.charger().start(16)
    await automated.pass_time(minutes=3)

    assert not automated.charges()
    assert [call.data["message"] for call in automated.told] == ["Charging has stopped: it has cost 51.0 this month."] * 2
    assert automated.told[0].data["entity_id"] == [_PHONE]
    _set_meter(automated, "0")
    automated.sim.charger().start(16)
    await automated.pass_time(minutes=3)
    assert automated.charges()


@pytest.mark.parametrize("value", ["unavailable", "unknown"])
async def test_cost_that_is_not_known_stops_nothing(automated: AutomatedHouse, value: str) -> None:
    await _start_with_a_limit(automated, limit=0)
    _set_meter(automated, value)
    await automated.pass_time(minutes=3)
    assert automated.charges()


# Home Assistant's utility meter waits for the next month.
@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_a_utility_meter_of_the_lifetime_energy_is_such_a_meter(automated: AutomatedHouse) -> None:
    source = automated.entity_id("sensor", "lifetime_energy")
    assert await async_setup_component(
        automated.hass, "utility_meter", {"utility_meter": {"this_month": {"source": source, "cycle": "monthly"}}}
    )
    await _start_with_a_limit(automated, limit=3)

    await automated.pass_time(minutes=60)
    assert automated.charges()
    await automated.pass_time(minutes=60)

    assert not automated.charges()
    assert automated.sim.charger().session_wh == pytest.approx(10_000, abs=1000)


async def test_sessions_of_pages_that_overlap_stop_no_car_too_early(automated: AutomatedHouse) -> None:
    """The sensor as the blueprint asks for it: thirty sessions have cost 30, and five of them came twice."""
    overlapping_pages(automated.sim, has_id=True)
    await automated.reload()
    await automated.pass_time(minutes=5)
    meter = automated.entity_id("sensor", "cost_this_month")
    automated.sim.charger().start(32)
    await automated.pass_time(minutes=2)
    await automated.automate(_MONTHLY, charging=[automated.entity_id("binary_sensor", "charging")], meter=meter, limit=32)
    await automated.pass_time(minutes=30)
    assert automated.charges()
    assert 30 <= float(automated.state("sensor", "cost_this_month").state) < 32

    await automated.pass_time(minutes=90)
    assert not automated.charges()


# --- Tell me when the car is full or the charger faults ---


def _messages(house: AutomatedHouse) -> list[str]:
    return [call.data["message"] for call in house.told]


async def _tell(house: AutomatedHouse, **inputs: object) -> None:
    await house.automate("tell_when_full_or_faulty", session=[house.entity_id("event", "session")], tell=[_PHONE], **inputs)


@pytest.mark.parametrize("target", [0.41, 1.0], ids=["as full as the driver wants it", "full to the brim"])
async def test_full_car_is_told_once(automated: AutomatedHouse, target: float) -> None:
    automated.sim.charger().plug_in(Vehicle(battery_wh=50_000, state_of_charge=target - 0.01, target=target))
    await automated.pass_time(minutes=2)
    await _tell(automated)
    automated.sim.charger().start(32)

    await automated.pass_time(minutes=30)
    assert _messages(automated) == ["The car is full. 0.5 kWh"]
    assert automated.told[0].data["entity_id"] == [_PHONE]

    await automated.reload()
    automated.sim.charger().unplug()
    await automated.pass_time(minutes=5)
    assert len(automated.told) == 1


async def test_car_that_a_person_stops_is_not_full(automated: AutomatedHouse) -> None:
    await _tell(automated)
    automated.sim.charger().start(32)
    await automated.pass_time(minutes=10)
    automated.sim.charger().stop()
    await automated.pass_time(minutes=5)
    automated.sim.charger().unplug()
    await automated.pass_time(minutes=5)
    assert _messages(automated) == []


async def test_fault_is_told_in_the_persons_own_words(automated: AutomatedHouse) -> None:
    await _tell(automated, fault="Wallbox kaputt:")

    automated.sim.charger().fault()
    await automated.pass_time(minutes=3)
    await automated.reload()
    await automated.pass_time(minutes=3)

    assert _messages(automated) == ["Wallbox kaputt: faulted"]


async def test_what_happened_during_an_outage_is_told_afterwards(automated: AutomatedHouse) -> None:
    await _tell(automated)
    automated.sim.faults.add(path="", status=503, times=None)
    await automated.pass_time(minutes=20)
    assert automated.state("event", "session").state == "unavailable"
    automated.sim.charger().fault()
    automated.sim.faults.clear()
    await automated.pass_time(minutes=20)
    assert _messages(automated) == ["The charger reports a fault. faulted"]
