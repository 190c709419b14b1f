"""What tests of the planner do and look at in a house whose planner is on."""

from datetime import UTC, datetime
import re
from zoneinfo import ZoneInfo

from tests.integration.house import House

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
_COMMANDS = r"/(start|stop)_charging$"


async def turn(house: House, *, on: bool) -> None:
    """Turn the planner on or off."""
    await house.call("switch", "turn_on" if on else "turn_off", entity_id=house.entity_id("switch", "planner"))


async def until(house: House, at: str) -> None:
    """Let time pass until it is a time on the clocks of the house."""
    moment = datetime.fromisoformat(at).replace(tzinfo=AMSTERDAM)
    await house.live((moment - datetime.now(UTC)).total_seconds())


def commands(house: House) -> list[tuple[str, str]]:
    """Return the starts and stops that the cloud got, with the time on the clocks of the house."""
    found = [(one, re.search(_COMMANDS, one.path)) for one in house.sim.requests]
    return [(f"{one.at.astimezone(AMSTERDAM):%H:%M}", match[1]) for one, match in found if match]


def reason(house: House) -> object:
    """Return what the planner says."""
    return house.state("sensor", "planned_start").attributes["reason"]
