"""What a gateway tells an owner: meters, scheduler, storage and the relay (docs/cloud-api/local.md §2)."""

import pytest

from custom_components.enphase_ev.enlighten import ChargerMeter, GatewayScheduler, GatewayStorage, Json, MeterPhase
from custom_components.enphase_ev.enlighten.models.gateway_readings import charger_meters, read_mains, read_meters

METERS: Json = [
    {"eid": 704643328, "state": "enabled", "measurementType": "production"},
    {"eid": 704643584, "state": "enabled", "measurementType": "evse", "phaseCount": 3},
    {"eid": 704643840, "state": "disabled", "measurementType": "evse"},
]
READINGS: Json = [
    {"eid": 704643328, "activePower": 6300.5},
    {
        "eid": 704643584,
        "activePower": 7020.5,
        "current": 30.6,
        "voltage": 690.3,
        "actEnergyDlvd": 150657.5,
        "actEnergyRcvd": 12.0,
        "channels": [
            {"eid": 1, "activePower": 2340.0, "current": 10.2, "voltage": 230.1},
            {"eid": 2, "activePower": 2340.0, "current": 10.2, "voltage": "unknown"},
            {"eid": 3, "activePower": 2340.5, "current": 10.2},
        ],
    },
]


def test_only_a_meter_that_counts_on_a_chargers_circuit_is_one() -> None:
    assert charger_meters(METERS) == ["704643584"]
    assert charger_meters([]) == charger_meters({}) == charger_meters("unknown") == []


def test_its_readings_are_read_by_phase() -> None:
    assert read_meters(READINGS)["704643584"] == ChargerMeter(
        power=7020.5,
        current=30.6,
        voltage=230.1,
        energy=150657.5,
        phases=(
            MeterPhase(power=2340.0, current=10.2, voltage=230.1),
            MeterPhase(power=2340.0, current=10.2),
            MeterPhase(power=2340.5, current=10.2),
        ),
    )


def test_unknown_as_a_number_is_unknown() -> None:
    (meter,) = read_meters([{"eid": 1, "activePower": "unknown", "current": None, "channels": "unknown"}]).values()
    assert meter == ChargerMeter()
    storage = GatewayStorage.from_dict({"VLS_Limit": "unknown", "configured_backup_soc": 20, "agg_soc": "64"})
    assert storage == GatewayStorage(reserve=20, state_of_charge=64)


@pytest.mark.parametrize(("said", "expected"), [(True, True), ("true", True), (0, False), ("unknown", None), (None, None)])
def test_what_the_scheduler_goes_by_is_read(said: Json, expected: bool | None) -> None:
    assert GatewayScheduler.from_dict({"Charge From Grid Allowed": said}).charge_from_grid is expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("closed", True),
        ("Closed multimode-ongrid", True),
        ("open", False),
        ("open (closed is wanted)", False),
        ("unknown", None),
        (None, None),
        (5, None),
    ],
)
def test_of_several_words_about_the_relay_the_first_counts(said: Json, expected: bool | None) -> None:
    assert read_mains({"mains_admin_state": "closed", "mains_oper_state": said}) is expected
    assert read_mains({"relay": {"mains_oper_state": said}}) is expected
