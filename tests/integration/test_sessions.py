"""Sessions: as they happen, and when they are over."""

from dataclasses import replace
from datetime import datetime, timedelta

from homeassistant.core import Event, EventStateChangedData, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.event import async_track_state_change_event
import pytest

from simulator import Simulator
from simulator.offers import Vehicle
from simulator.report import Session
from tests.integration.conftest import House, HouseBuilder


def _follow(house: House) -> list[tuple[str, dict[str, object]]]:
    """Collect what the event entity tells: kind and figures."""
    told: list[tuple[str, dict[str, object]]] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        assert state is not None
        known = {"event_type", "event_types", "friendly_name", "device_class", "icon"}
        told.append((state.attributes["event_type"], {key: value for key, value in state.attributes.items() if key not in known}))

    async_track_state_change_event(house.hass, house.entity_id("event", "session"), note)
    return told


# --- The event entity ---


async def test_a_session_from_plug_to_plug(house: House) -> None:
    charger = house.sim.charger()
    charger.unplug()
    await house.live(61)
    told = _follow(house)

    charger.plug_in(Vehicle(max_amps=32, phases=1))
    await house.live(61)
    charger.start(16)
    await house.live(3600)
    charger.stop()
    await house.live(61)
    charger.unplug()
    await house.live(61)

    assert [kind for kind, _ in told] == ["plugged_in", "charging_started", "suspended", "charging_finished", "unplugged"]
    figures = dict(told)
    assert figures["plugged_in"] == {}
    assert figures["charging_started"] == {"level": 16}
    assert figures["suspended"]["reason"] == "suspended_evse"
    for kind in ("suspended", "charging_finished", "unplugged"):
        assert figures[kind]["energy"] == pytest.approx(3.68, abs=0.01)
        assert figures[kind]["duration"] == pytest.approx(60, abs=1)
        assert figures[kind]["range_added"] == pytest.approx(3.68 * 3.9, abs=0.1)
    assert figures["unplugged"]["cost"] == pytest.approx(3.68 * 0.26, abs=0.01)


async def test_a_full_car(build_house: HouseBuilder) -> None:
    house = await build_house()
    house.sim.charger().plug_in(Vehicle(battery_wh=60_000, state_of_charge=0.98, target=1.0, phases=1))
    house.sim.charger().start(32)
    await house.live(61)
    told = _follow(house)

    await house.live(3600)

    assert [kind for kind, _ in told] == ["charging_finished", "car_full"]
    assert told[1][1]["energy"] == told[0][1]["energy"]
    assert told[0][1]["energy"] == pytest.approx(0.02 * 60 / 0.92, abs=0.02)
    assert house.state("sensor", "status").state == "full"
    assert house.state("sensor", "charging_status_reason").state == "car_full"


async def test_a_car_that_takes_no_more_has_finished_and_does_not_pause(build_house: HouseBuilder) -> None:
    house = await build_house()
    house.sim.charger().plug_in(Vehicle(battery_wh=60_000, state_of_charge=0.4, target=0.41, phases=1))
    house.sim.charger().start(32)
    await house.live(61)
    told = _follow(house)

    await house.live(1800)
    assert house.state("sensor", "connector_status").state == "suspended_ev"
    assert [kind for kind, _ in told] == ["charging_finished", "car_full"]
    assert told[0][1]["reason"] == "suspended_ev", "which blueprints that people have imported go by"
    assert told[1][1]["energy"] == pytest.approx(0.01 * 60 / 0.92, abs=0.02)

    house.sim.charger().unplug()
    await house.live(61)
    assert [kind for kind, _ in told] == ["charging_finished", "car_full", "unplugged"]


async def test_a_fault(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    told = _follow(house)

    house.sim.charger().fault()
    await house.live(31)
    house.sim.charger().clear_fault()
    await house.live(61)

    assert told[0] == ("faulted", {"reason": "faulted"})


async def test_what_happened_before_a_restart_is_not_told_again(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    house.sim.charger().stop()
    await house.live(31)
    told = _follow(house)
    last = house.state("event", "session").state

    await house.restart()
    await house.live(300)

    assert house.state("event", "session").state == last
    assert {kind for kind, _ in told if kind} <= {"suspended"}


async def test_a_charger_that_is_gone_does_not_keep_others_from_their_updates(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers")
    gone, left = house.sim.site.chargers.values()

    del house.sim.site.chargers[gone.serial]
    await house.live(2 * 3600)
    left.unplug()
    await house.live(61)

    assert house.state("binary_sensor", "plugged_in", left).state == "off"
    assert house.state("event", "session", left).attributes["event_type"] == "unplugged"


# --- The last session ---


async def test_the_last_session_comes_some_minutes_after_the_start(house: House) -> None:
    last = house.sim.charger().history[-1]
    assert house.sim.count("history") == 0

    await house.live(300)

    state = house.state("sensor", "last_session")
    assert float(state.state) == pytest.approx(last.energy_wh / 1000, abs=0.01)
    assert state.attributes["unit_of_measurement"] == "kWh"
    assert state.attributes["active_time"] == int(last.active_s)
    assert state.attributes["duration"] == round(int(last.active_s) / 60)
    assert state.attributes["cost"] == last.cost
    assert state.attributes["range_added"] == pytest.approx(last.miles, abs=0.1)
    assert last.started_at is not None
    assert state.attributes["start"].timestamp() == pytest.approx(last.started_at, abs=0.001)
    assert last.plugged_out_at is not None
    assert state.attributes["end"].timestamp() == pytest.approx(last.plugged_out_at, abs=0.001)
    assert house.sim.count("history") > 0


async def test_the_last_session_is_renewed_after_the_plug_is_pulled(build_house: HouseBuilder) -> None:
    house = await build_house("single_phase")
    await house.live(600)

    # Charging ends long before the session does.
    house.sim.charger().stop()
    await house.live(1800)
    energy = house.sim.charger().session_wh
    assert float(house.state("sensor", "last_session").state) != pytest.approx(energy / 1000, abs=0.01)
    house.sim.charger().unplug()
    await house.live(300)

    assert float(house.state("sensor", "last_session").state) == pytest.approx(energy / 1000, abs=0.01)


async def test_no_session_no_sensor(build_house: HouseBuilder) -> None:
    house = await build_house(prepare=lambda sim: sim.charger().history.clear())

    await house.live(300)

    with pytest.raises(AssertionError, match="last_session does not exist"):
        house.state("sensor", "last_session")


# --- get_charging_sessions ---


async def _sessions(house: House, **dates: str) -> list[dict[str, object]]:
    answer = await house.ask("get_charging_sessions", device_id=house.device_id(), **dates)
    [charger] = answer["chargers"]
    assert charger["device_id"] == house.device_id()
    sessions = charger["sessions"]
    assert isinstance(sessions, list)
    return sessions


def _later(session: Session, seconds: float) -> Session:
    """Another session like this one."""
    started_at, plugged_out_at = session.started_at, session.plugged_out_at
    assert started_at is not None
    assert plugged_out_at is not None
    return replace(
        session,
        id=session.id + round(seconds),
        plugged_in_at=session.plugged_in_at + seconds,
        started_at=started_at + seconds,
        plugged_out_at=plugged_out_at + seconds,
    )


async def test_all_pages_are_read(house: House) -> None:
    today = datetime.now(house.sim.site.zone).date()
    history = house.sim.charger().history
    history += [_later(session, seconds) for session in history for seconds in (600.0, 1200.0)]
    history.sort(key=lambda session: session.plugged_in_at)
    assert len(history) > 40

    found = await _sessions(house, **{"from": (today - timedelta(days=90)).isoformat(), "to": today.isoformat()})

    assert [session["energy"] for session in found] == [round(one.energy_wh / 1000, 2) for one in reversed(history)]
    assert house.sim.count("history") == len(history) // 20 + 1
    newest = history[-1]
    assert newest.started_at is not None
    assert datetime.fromisoformat(str(found[0]["start"])).timestamp() == pytest.approx(newest.started_at, abs=0.001)
    assert set(found[0]) == {"start", "end", "energy", "duration", "active_time", "range_added", "cost"}
    assert all(session["range_added"] == round(float(str(session["range_added"])), 1) for session in found)
    assert found[0]["duration"] == round(int(newest.active_s) / 60)


async def test_days_are_those_of_the_site(house: House) -> None:
    started_at = house.sim.charger().history[-1].started_at
    assert started_at is not None
    day = datetime.fromtimestamp(started_at, house.sim.site.zone).date().isoformat()

    found = await _sessions(house, **{"from": day, "to": day})

    assert len(found) == 1
    [request] = [one for one in house.sim.requests if one.path.endswith("/history")]
    assert isinstance(request.body, dict)
    params = request.body["params"]
    assert isinstance(params, dict)
    assert params["timezone"] == "Australia/Melbourne"


async def test_until_today_where_no_end_is_given(house: House) -> None:
    today = datetime.now(house.sim.site.zone).date()

    found = await _sessions(house, **{"from": (today - timedelta(days=90)).isoformat()})

    assert len(found) == len(house.sim.charger().history)


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ({"from": "2026-05-02", "to": "2026-05-01"}, "dates_in_wrong_order"),
        ({"from": "2026-05-22"}, "first_day_in_future"),
    ],
)
async def test_days_that_cannot_be_are_refused_for_what_they_are(house: House, days: dict[str, str], told: str) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await _sessions(house, **days)
    assert caught.value.translation_key == told
    assert house.sim.count("history") == 0


async def test_days_to_come_that_are_both_named_have_no_session(house: House) -> None:
    """As in release 0.2.0."""
    assert await _sessions(house, **{"from": "2026-05-22", "to": "2026-05-30"}) == []


async def test_a_history_that_cannot_be_had_is_an_error(house: House) -> None:
    house.sim.faults.add(path="/history", status=503, times=None)

    with pytest.raises(HomeAssistantError):
        await _sessions(house, **{"from": "2026-05-01"})


async def test_a_cloud_that_always_has_more_ends_somewhere(build_house: HouseBuilder) -> None:
    def one_page_for_ever(sim: Simulator) -> None:
        page = {"data": {"result": [{"startTime": "2026-05-01T10:00:00Z", "aggEnergyValue": 1.0}], "hasMore": True}}
        sim.faults.add(path="/history", status=200, body=page, times=None)

    house = await build_house(prepare=one_page_for_ever)

    found = await _sessions(house, **{"from": "2026-05-01"})

    assert len(found) == house.sim.count("history") < 1000


# --- The running session ---


@pytest.mark.parametrize("scenario", ["single_phase", "legacy_status"])
async def test_the_energy_of_the_session_is_in_kilowatt_hours_whatever_the_shape(build_house: HouseBuilder, scenario: str) -> None:
    house = await build_house(scenario)
    # Short of 200 Wh, where the number alone cannot tell.
    house.sim.charger().unplug()
    house.sim.charger().plug_in(Vehicle(phases=1))
    house.sim.charger().start(16)

    await house.live(90)
    house.sim.charger().report()
    await house.live(31)

    state = house.state("sensor", "session_energy")
    assert float(state.state) == pytest.approx(16 * 0.23 * 90 / 3600, abs=0.006)
    assert state.attributes["unit_of_measurement"] == "kWh"
