"""Services that a site does not have, and services that are down."""

import logging

import pytest

from tests.integration.house import House, HouseBuilder

_OURS = "custom_components.enphase_ev"


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith(_OURS) and record.levelno >= logging.WARNING]


@pytest.mark.parametrize("status", [401, 403, 404, 405])
async def test_what_a_site_does_not_have_is_no_news(build_house: HouseBuilder, caplog: pytest.LogCaptureFixture, status: int) -> None:
    house = await build_house(
        prepare=lambda sim: sim.faults.add(path="(schedules|settings|daily_energy|config|flags)", status=status, times=None)
    )

    assert house.state("sensor", "status").state == "plugged_in"
    assert _warnings(caplog) == []
    assert house.sim.sign_ins == 1


async def test_an_outage_of_a_service_is_told_once_and_so_is_its_end(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    house.sim.faults.add(path="schedules$", status=503, times=None)
    await house.live(3 * 3600)

    assert [text for text in _warnings(caplog) if "charging schedule" in text] == [
        "The charging schedule service does not answer: The service is out of order (HTTP 503)"
    ]
    assert house.state("sensor", "status").state == "plugged_in"

    house.sim.faults.clear()
    await house.live(3600)

    assert "The charging schedule service answers again" in caplog.text
