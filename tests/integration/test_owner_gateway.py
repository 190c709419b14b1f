"""What a gateway in the house tells its owner, over TLS: power, the meter of the charger, who may read what (docs/cloud-api/local.md)."""

from collections.abc import Callable
from datetime import timedelta

from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.util import dt as dt_util
import jwt
import pytest

from custom_components.enphase_ev import diagnostics
from custom_components.enphase_ev.battery.witness import GatewayView
from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_FOLLOWS_ACCOUNT, DOMAIN
from custom_components.enphase_ev.site.owner_gateway import OwnerGateway
from simulator import Simulator
from simulator.gateway_inside import Role
from simulator.gateway_owner import OWNER_PATHS
from simulator.gateway_readings import EvseMeter
from tests.integration.house import House, HouseBuilder

_SLOW = ("production.json", "inventory.json", "home.json")


def _asked(house: House, path: str) -> int:
    return len([request for request in house.sim.gateway.requests if request.path.endswith(path)])


def _issue(house: House, key: str) -> ir.IssueEntry | None:
    return ir.async_get(house.hass).async_get_issue(DOMAIN, f"{key}_{house.entry.entry_id}")


def _watts(house: House, key: str) -> float:
    return float(house.site_state("sensor", key).state)


def _gateway(house: House) -> OwnerGateway:
    gateway = house.entry.runtime_data.gateway
    assert isinstance(gateway, OwnerGateway)
    return gateway


async def test_live_power_comes_from_the_gateway_without_the_cloud(build_house: HouseBuilder) -> None:
    house = await build_house("battery_site", gateway=Role.OWNER, options={"live_power": "always"})
    await house.live(61)

    power = house.sim.site.house.now()
    assert _watts(house, "solar_power") == pytest.approx(power.solar, rel=0.02, abs=15)
    assert _watts(house, "battery_power") == pytest.approx(power.battery, rel=0.02, abs=15)
    assert house.site_state("binary_sensor", "on_grid").state == "on"
    assert house.site_state("sensor", "grid_relay").state == "on_grid"
    assert house.sim.count(path="livestream") == 0
    # Every ten seconds, and the relay once a minute.
    assert 6 <= _asked(house, "/ivp/livedata/status") <= 8
    assert _asked(house, "/ivp/livedata/stream") == 1
    assert _asked(house, "/ivp/ensemble/relay") <= 2
    assert [path for path in _SLOW if _asked(house, path)] == []
    # Nothing but that the live data are wanted was sent.
    assert {(request.method, request.path) for request in house.sim.gateway.requests if request.method != "GET"} == {
        ("POST", "/ivp/livedata/stream")
    }


async def test_the_grid_is_lost(build_house: HouseBuilder) -> None:
    house = await build_house("battery_site", gateway=Role.OWNER, options={"live_power": "always"})
    house.sim.site.house.grid_lost = True
    await house.live(25)
    assert house.site_state("binary_sensor", "on_grid").state == "off"
    assert house.site_state("sensor", "grid_relay").state == "off_grid"
    house.sim.site.house.grid_lost = False
    await house.live(25)
    assert house.site_state("binary_sensor", "on_grid").state == "on"


async def test_the_meter_on_the_chargers_circuit(build_house: HouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        # One with three phases, which charges, and no other.
        del sim.site.chargers["EV000000000002"]

    house = await build_house("three_phase", gateway=Role.OWNER, prepare=prepare)
    await house.live(11)

    watts = house.sim.site.house.now().evse
    power = house.state("sensor", "power")
    assert float(power.state) == pytest.approx(watts, rel=0.02)
    assert (power.attributes["source"], power.attributes["estimated"]) == ("gateway_meter", False)
    assert float(house.state("sensor", "meter_power").state) == pytest.approx(watts, rel=0.02)
    assert float(house.state("sensor", "meter_energy").state) == pytest.approx(house.sim.charger().lifetime_wh / 1000, rel=0.01)
    assert float(house.state("sensor", "meter_current").state) > 10
    assert float(house.state("sensor", "meter_voltage").state) == pytest.approx(230, abs=10)
    phase = er.async_get(house.hass).async_get(house.entity_id("sensor", "meter_current_l3"))
    assert phase is not None
    assert phase.original_name == "Metered current L3"
    assert phase.disabled_by is er.RegistryEntryDisabler.INTEGRATION

    house.sim.charger().stop()
    await house.live(11)
    assert float(house.state("sensor", "power").state) == 0


@pytest.mark.parametrize("meter", [EvseMeter.DISABLED, EvseMeter.ABSENT])
async def test_without_such_a_meter_there_are_no_entities(build_house: HouseBuilder, meter: EvseMeter) -> None:
    def prepare(sim: Simulator) -> None:
        sim.gateway.switches.owner.evse_meter = meter

    house = await build_house(gateway=Role.OWNER, prepare=prepare)
    await house.live(31)
    with pytest.raises(AssertionError, match="does not exist"):
        house.state("sensor", "meter_power")
    assert house.state("sensor", "power").attributes["source"] == "energy"
    assert _asked(house, "/ivp/meters") == 1
    assert _asked(house, "/ivp/meters/readings") == 0


async def test_with_several_chargers_nothing_tells_whose_the_meter_is(build_house: HouseBuilder) -> None:
    house = await build_house("two_chargers", gateway=Role.OWNER, **{CONF_CHARGERS: ["EV000000000001"], CONF_FOLLOWS_ACCOUNT: False})
    await house.live(31)
    assert house.state("sensor", "power").attributes["source"] != "gateway_meter"
    with pytest.raises(AssertionError, match="does not exist"):
        house.state("sensor", "meter_power")


async def test_each_path_is_judged_by_itself(build_house: HouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.gateway.switches.owner.installer_only = {"/ivp/meters", "/ivp/ensemble/relay"}

    house = await build_house("battery_site", gateway=Role.OWNER, prepare=prepare, options={"live_power": "always"})
    await house.live(3600)
    assert _watts(house, "house_power") > 0
    # What is closed is left alone; a charger tells of the grid.
    assert _asked(house, "/ivp/meters") <= 2
    assert _asked(house, "/ivp/ensemble/relay") <= 2
    assert house.site_state("binary_sensor", "on_grid").state == "on"
    assert _issue(house, "gateway_token_refused") is None


async def test_a_token_of_another_gateway_is_said(build_house: HouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.gateway.switches.owner.installer_only = set(OWNER_PATHS)

    house = await build_house("battery_site", gateway=Role.OWNER, prepare=prepare, options={"live_power": "off"})
    await house.live(31)
    issue = _issue(house, "gateway_token_refused")
    assert issue is not None
    assert issue.translation_placeholders == {"site": house.sim.site.name}

    house.sim.gateway.switches.owner.installer_only = set()
    house.freezer.tick(timedelta(days=1, minutes=1))
    await house.live(31)
    assert _issue(house, "gateway_token_refused") is None


def _about_the_gateway(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name.endswith("enphase_ev") and "ateway" in one.getMessage()]


def _invented(_house: House) -> str:
    return "nobody.has.signed-this"


def _of_a_neighbor(house: House) -> str:
    """A good token, of the gateway next door."""
    serial = house.sim.site.gateway_serial
    claims = {"aud": str(int(serial) + 7), "iss": "Entrez", "enphaseUser": "owner", "exp": int(house.sim.clock.wall_time()) + 86400}
    return jwt.encode(claims, "the key of the token service, which nobody knows", algorithm="HS256")


def _run_out(house: House) -> str:
    return house.sim.gateway.issue_token(lifetime_s=-60)


@pytest.mark.parametrize(
    ("token_of", "issue"), [(_invented, "gateway_token_refused"), (_of_a_neighbor, "gateway_token_refused"), (_run_out, "gateway_token")]
)
async def test_with_a_token_that_is_no_good_the_rest_works_and_a_person_is_told(
    build_house: HouseBuilder, caplog: pytest.LogCaptureFixture, token_of: Callable[[House], str], issue: str
) -> None:
    """401 to everything: one line about it, one repair issue, and both are over with a good token."""
    caplog.set_level("INFO")
    house = await build_house("battery_site", gateway=Role.OWNER, options={"live_power": "always"})
    options = dict(house.entry.options)
    house.hass.config_entries.async_update_entry(house.entry, options={**options, "gateway_token": token_of(house)})
    caplog.clear()
    await house.reload()
    await house.live(620)
    assert house.state("sensor", "status").state != "unavailable"
    assert house.site_state("sensor", "state_of_charge").state != "unavailable"
    assert house.site_state("binary_sensor", "on_grid").state == "on"
    found = {key for key in ("gateway_token", "gateway_token_refused") if _issue(house, key) is not None}
    assert found == {issue}
    assert _about_the_gateway(caplog).count("The gateway refuses the token") == 1

    house.hass.config_entries.async_update_entry(house.entry, options=options)
    await house.reload()
    await house.live(31)
    assert _watts(house, "house_power") > 0
    assert {key for key in ("gateway_token", "gateway_token_refused") if _issue(house, key) is not None} == set()


async def test_a_token_that_runs_out_while_it_is_used_is_told_once(build_house: HouseBuilder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    house = await build_house("battery_site", gateway=Role.OWNER, options={"live_power": "always"})
    token = house.sim.gateway.issue_token(lifetime_s=600)
    house.hass.config_entries.async_update_entry(house.entry, options={**house.entry.options, "gateway_token": token})
    await house.reload()
    await house.live(31)
    assert _watts(house, "house_power") > 0
    assert _issue(house, "gateway_token") is None

    await house.live(3600)
    assert house.site_state("sensor", "house_power").state == "unavailable"
    assert house.site_state("sensor", "state_of_charge").state != "unavailable"
    assert _issue(house, "gateway_token") is not None
    assert _issue(house, "gateway_token_refused") is None
    assert _about_the_gateway(caplog).count("The gateway refuses the token") == 1


async def test_diagnostics_say_how_each_path_stands(build_house: HouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.gateway.switches.owner.installer_only = {"/ivp/meters"}

    house = await build_house("battery_site", gateway=Role.OWNER, prepare=prepare, options={"live_power": "always"})
    await house.live(31)
    found = await diagnostics.async_get_config_entry_diagnostics(house.hass, house.entry)
    paths = found["gateway"]["owner_paths"]
    assert {name: one["is_refused"] for name, one in paths.items()} == {
        "live": False,
        "meters": True,
        "relay": False,
        "scheduler": None,
        "storage": None,
    }
    assert paths["meters"]["put_off_until"] > dt_util.utcnow() + timedelta(hours=23)
    assert paths["live"] == {"is_refused": False, "failures": 0, "put_off_until": None}


@pytest.mark.parametrize("answer", ["<html><body>Welcome to your printer</body></html>", "", "[]", "null", '{"meters": 7}'])
async def test_an_address_that_is_no_gateway(build_house: HouseBuilder, caplog: pytest.LogCaptureFixture, answer: str) -> None:
    """Something with TLS that answers everything with 200: the rest works, and nobody is troubled."""

    def prepare(sim: Simulator) -> None:
        sim.gateway.faults.add(path="", status=200, body=answer, times=None)

    house = await build_house("battery_site", gateway=Role.OWNER, prepare=prepare, options={"live_power": "always"})
    await house.live(600)
    assert house.state("sensor", "status").state != "unavailable"
    assert house.site_state("sensor", "state_of_charge").state != "unavailable"
    assert house.site_state("binary_sensor", "on_grid").state == "on"
    with pytest.raises(AssertionError, match="does not exist"):
        house.site_state("sensor", "house_power")
    # It is left alone more and more.
    assert _asked(house, "/ivp/livedata/status") <= 12
    said = [
        record.getMessage() for record in caplog.records if record.levelname in {"WARNING", "ERROR"} and "ateway" in record.getMessage()
    ]
    assert said == []
    assert _issue(house, "gateway_token_refused") is None


async def test_without_the_gateway_nothing_is_said_about_its_token(build_house: HouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.gateway.switches.owner.installer_only = set(OWNER_PATHS)

    house = await build_house("one_charger", gateway=Role.OWNER, prepare=prepare)
    await house.live(31)
    assert _issue(house, "gateway_token_refused") is not None

    house.hass.config_entries.async_update_entry(house.entry, options={})
    await house.reload()
    await house.live(31)
    assert _issue(house, "gateway_token_refused") is None


async def test_a_gateway_that_goes_away_is_no_error(build_house: HouseBuilder, caplog: pytest.LogCaptureFixture) -> None:
    house = await build_house("battery_site", gateway=Role.OWNER, options={"live_power": "always"})
    await house.live(11)
    caplog.clear()
    await house.sim.gateway.pull_out()
    await house.live(120)
    assert house.site_state("sensor", "house_power").state == "unavailable"
    # It is for the cloud now, which has no stream here.
    assert house.sim.count(path="show_livestream") == 1
    await house.sim.gateway.plug_in()
    await house.live(310)
    assert _watts(house, "house_power") > 0
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("The gateway ")]
    assert said.count("The gateway cannot be reached") == said.count("The gateway answers again") == 1
    assert [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"} and "ateway" in record.getMessage()] == []


async def test_unknown_as_a_number(build_house: HouseBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.gateway.switches.owner.unknown_numbers = True

    house = await build_house("battery_site", gateway=Role.OWNER, prepare=prepare, options={"live_power": "always"})
    await house.live(61)
    with pytest.raises(AssertionError, match="does not exist"):
        house.site_state("sensor", "house_power")
    house.sim.gateway.switches.owner.unknown_numbers = False
    await house.live(310)
    assert _watts(house, "house_power") > 0


async def test_what_the_gateway_says_about_the_battery(build_house: HouseBuilder) -> None:
    house = await build_house("battery_site", gateway=Role.OWNER)
    gateway = _gateway(house)
    settings = house.sim.battery.settings
    expected = GatewayView(charge_from_grid=settings.charge_from_grid, shutdown_level=settings.very_low_soc, reserve=settings.reserve)
    assert await gateway.view() == expected
    house.sim.gateway.switches.owner.installer_only = {"/ivp/sc/sched"}
    view = await gateway.view()
    assert view is not None
    assert view.charge_from_grid is None
    assert view.reserve == settings.reserve
