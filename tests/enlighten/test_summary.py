"""What a charger is (docs/cloud-api/chargers.md §2)."""

from datetime import UTC, datetime

from hypothesis import given, strategies as st
import pytest

from custom_components.enphase_ev.enlighten import ChargerSummary, Json, LevelLimits, PhaseMode, RequestRejected
from custom_components.enphase_ev.enlighten.models.summary import read_summaries

from .cloud import Cloud, sample
from .conftest import OpenCloud

SERIAL = "EV000000000001"
ALIAS = r"evse_controller/\d+/ev_chargers/summary$"
V2 = r"/api/v2/\d+/ev_chargers/summary$"


def read(**fields: Json) -> ChargerSummary:
    """A summary of one charger."""
    summary = ChargerSummary.read({"serialNumber": SERIAL, **fields})
    assert summary is not None
    return summary


def test_the_sample() -> None:
    (summary,) = read_summaries(sample("summary"))
    assert (summary.serial, summary.name, summary.model) == (SERIAL, "IQ EV Charger_ABCD", "IQ-EVSE-EU-3032")
    assert (summary.sku, summary.part_number, summary.firmware) == ("IQ-EVSE-EU-3032-0105-1300", "865-02030", "25.37.1.14")
    assert summary.limits == LevelLimits(min=6, max=32, step=1)
    assert summary.default_level is None
    assert (summary.max_current, summary.breaker_rating, summary.rated_current, summary.operating_voltage) == (32, 32, 32, 230)
    assert (summary.phase_mode, summary.phase_count) == (PhaseMode.THREE, 3)
    assert (summary.lifetime_energy, summary.reporting_interval) == (150657.53, 300)
    assert (summary.is_load_balancing_enabled, summary.supports_battery_use) == (True, True)
    assert (summary.is_connected, summary.is_retired, summary.connection) == (True, False, "ethernet")
    assert summary.ip_address == "192.0.2.10"
    assert summary.last_reported == datetime(2026, 3, 28, 4, 54, 34, 360000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("details", "limits"),
    [
        ({"min": "6", "max": "32", "granularity": "1"}, LevelLimits(min=6, max=32, step=1)),
        ({"min": 16, "max": 80, "granularity": 16}, LevelLimits(min=16, max=80, step=16)),
        ({"min": "6", "max": "32"}, LevelLimits(min=6, max=32, step=1)),
        ({"min": "6", "max": "32", "granularity": "0"}, LevelLimits(min=6, max=32, step=1)),
        ({"min": "32", "max": "6"}, None),
        ({"min": "0", "max": "32"}, None),
        ({"max": "32"}, None),
        ({"min": None, "max": "lots"}, None),
        ({}, None),
        (None, None),
        ("disabled", None),
    ],
)
def test_limits_come_as_text_and_can_be_missing(details: Json, limits: LevelLimits | None) -> None:
    assert read(chargeLevelDetails=details).limits == limits


@pytest.mark.parametrize(("text", "level"), [("disabled", None), ("16", 16), (16, 16), (None, None)])
def test_the_default_level(text: Json, level: float | None) -> None:
    assert read(chargeLevelDetails={"defaultChargeLevel": text}).default_level == level


@given(st.integers(1, 40), st.integers(0, 60), st.integers(1, 16), st.floats(-200, 200))
def test_the_nearest_level_below_is_the_highest_that_is_allowed(lowest: int, span: int, step: int, wanted: float) -> None:
    limits = LevelLimits(min=lowest, max=lowest + span, step=step)
    level = limits.nearest_below(wanted)
    assert limits.allows(level)
    assert level <= max(wanted, lowest)
    higher = level + step
    assert not (limits.allows(higher) and higher <= wanted)


@pytest.mark.parametrize(("level", "allowed"), [(16, True), (32, True), (80, True), (20, False), (0, False), (96, False), (32.5, False)])
def test_levels_lie_on_steps(level: float, allowed: bool) -> None:
    assert LevelLimits(min=16, max=80, step=16).allows(level) is allowed


@pytest.mark.parametrize(
    ("fields", "mode"),
    [
        ({"phaseMode": 1}, PhaseMode.SINGLE),
        ({"phaseMode": "1"}, PhaseMode.SINGLE),
        ({"phaseMode": "single"}, PhaseMode.SINGLE),
        ({"phaseMode": 3}, PhaseMode.THREE),
        ({"phaseMode": "Three_Phase"}, PhaseMode.THREE),
        ({"phaseMode": "split"}, PhaseMode.SPLIT),
        ({"phaseMode": "SPLIT_PHASE", "phaseCount": 2}, PhaseMode.SPLIT),
        ({"phaseCount": 3}, PhaseMode.THREE),
        ({"phaseCount": "1"}, PhaseMode.SINGLE),
        ({"phaseMode": None, "phaseCount": 3}, PhaseMode.THREE),
        ({"phaseMode": "delta", "phaseCount": 3}, PhaseMode.THREE),
        ({"phaseMode": "3-phase"}, PhaseMode.THREE),
        ({"phaseMode": "1-phase", "phaseCount": 3}, PhaseMode.SINGLE),
        ({"phaseMode": "120/240", "phaseCount": 2}, None),
        ({"phaseMode": "delta"}, None),
        ({"phaseCount": 2}, None),
        ({}, None),
    ],
)
def test_the_topology(fields: dict[str, Json], mode: PhaseMode | None) -> None:
    assert read(**fields).phase_mode is mode


@pytest.mark.parametrize(
    ("config", "address"),
    [
        ("[]", None),
        ("", None),
        (None, None),
        (["a list"], None),
        ("no assignments at all", None),
        ('[\n"connectionStatus=0,ipaddr=192.0.2.1,mac_addr=aa"\n]', None),
        ('["connectionStatus=1,ipaddr=192.0.2.1","connectionStatus=0,ipaddr=192.0.2.2"]', "192.0.2.1"),
        ("['connectionStatus=0,ipaddr=', 'connectionStatus=1,ipaddr=192.0.2.2']", "192.0.2.2"),
        ("connectionStatus=1,ipaddr=,mac_addr=\nconnectionStatus=1, ipaddr=192.0.2.2 ", "192.0.2.2"),
    ],
)
def test_the_network_is_text_that_holds_a_list(config: Json, address: str | None) -> None:
    assert read(networkConfig=config).ip_address == address


def test_everything_but_the_serial_number_can_be_missing() -> None:
    summary = read()
    assert (summary.name, summary.limits, summary.lifetime_energy, summary.is_retired) == (None, None, None, False)
    assert ChargerSummary.read({"displayName": "nameless"}) is None


# Over HTTP


async def test_list_alias_and_single_say_the_same(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    serial = cloud.sim.charger().serial
    (listed,) = await chargers.summaries()
    assert listed == await chargers.summary(serial)
    assert cloud.sent[-2].url.query_string == "filter_retired=true"
    cloud.sim.faults.add(path=V2, status=404, times=None)
    assert await chargers.summaries() == [listed]
    cloud.forget()
    assert await cloud.restarted_chargers(chargers).summaries() == [listed]
    assert (cloud.count(ALIAS), cloud.count(V2)) == (1, 0)


async def test_the_alias_lists_retired_chargers_and_we_do_not(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("two_chargers")
    chargers = await cloud.chargers()
    gone = cloud.sim.charger()
    gone.quirks.retired = True
    cloud.sim.faults.add(path=V2, status=405, times=None)
    assert [summary.serial for summary in await chargers.summaries()] == ["EV000000000002"]
    single = await chargers.summary(gone.serial)
    assert single is not None
    assert single.is_retired


async def test_limits_that_are_missing_come_back(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud(missing_level_details=1)
    chargers = await cloud.chargers()
    assert [summary.limits for summary in await chargers.summaries()] == [None]
    assert [summary.limits for summary in await chargers.summaries()] == [LevelLimits(min=6, max=32, step=1)]


async def test_eighty_amps_in_steps_of_sixteen(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("eighty_amps")
    (summary,) = await (await cloud.chargers()).summaries()
    assert summary.limits == LevelLimits(min=16, max=80, step=16)
    assert (summary.phase_mode, summary.operating_voltage) == (PhaseMode.SPLIT, 240)


async def test_fifty_chargers_are_fifty_summaries(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("fifty_chargers")
    chargers = await cloud.chargers()
    assert len({summary.serial for summary in await chargers.summaries()}) == 50
    assert len((await chargers.status()).chargers) == 50


async def test_a_charger_that_the_cloud_says_nothing_about_has_no_summary(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path=f"{SERIAL}/summary$", body={"data": {"serialNumber": "EV000000000099"}})
    assert await chargers.summary(SERIAL) is None
    with pytest.raises(RequestRejected) as error:
        await chargers.summary("EV000000000404")
    assert error.value.status == 404
