"""What the actions of chargers and batteries have in common: the fields of a schedule, and how one call is for several."""

from collections.abc import Awaitable, Callable, Iterable

from homeassistant.const import WEEKDAYS
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import VolDictType
from homeassistant.util.json import JsonObjectType, JsonValueType
import voluptuous as vol

ATTR_ACTIVATE = "activate"
ATTR_DAYS = "days"
ATTR_ENABLED = "enabled"
ATTR_END = "end"
ATTR_SCHEDULE_ID = "schedule_id"
ATTR_START = "start"

_DAYS = vol.All(cv.weekdays, vol.Length(min=1))
NEW_SCHEDULE: VolDictType = {
    vol.Required(ATTR_START): cv.time,
    vol.Required(ATTR_END): cv.time,
    vol.Optional(ATTR_DAYS, default=WEEKDAYS): _DAYS,
    vol.Optional(ATTR_ENABLED, default=True): cv.boolean,
}
CHANGED_SCHEDULE: VolDictType = {
    vol.Required(ATTR_SCHEDULE_ID): cv.string,
    vol.Optional(ATTR_START): cv.time,
    vol.Optional(ATTR_END): cv.time,
    vol.Optional(ATTR_DAYS): _DAYS,
    vol.Optional(ATTR_ENABLED): cv.boolean,
}
ACTIVATE: VolDictType = {vol.Optional(ATTR_ACTIVATE, default=False): cv.boolean}


async def async_for_each[TargetT](
    targets: Iterable[TargetT], action: Callable[[TargetT], Awaitable[JsonObjectType]]
) -> list[JsonValueType]:
    """Act on one target after another, also after one has failed; return the answers.

    Raises:
        HomeAssistantError: The first that was raised, once all have had their turn.
    """
    answers: list[JsonValueType] = []
    failures: list[HomeAssistantError] = []
    for target in targets:
        try:
            answers.append(await action(target))
        except HomeAssistantError as err:
            failures.append(err)
    if failures:
        raise failures[0]
    return answers
