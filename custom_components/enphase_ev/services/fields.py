"""What actions have in common: the fields of a schedule, the days of the past that are meant, and how one call is for several."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import date, tzinfo

from homeassistant.const import WEEKDAYS
from homeassistant.core import ServiceCall
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import VolDictType
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType, JsonValueType
import voluptuous as vol

from ..const import DOMAIN

ATTR_ACTIVATE = "activate"
ATTR_DAYS = "days"
ATTR_ENABLED = "enabled"
ATTR_END = "end"
ATTR_FROM = "from"
ATTR_SCHEDULE_ID = "schedule_id"
ATTR_START = "start"
ATTR_TO = "to"

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


def days_of(call: ServiceCall, zone: tzinfo, beginning: date = date.min) -> tuple[date, date]:
    """Return the first and the last day that a call means, in a site's zone; what it leaves out is the beginning, and today.

    Raises:
        ServiceValidationError: They are in the wrong order, or the first is in the future and the last is left out.
    """
    today = _today(zone)
    first: date = call.data.get(ATTR_FROM, beginning)
    if ATTR_TO not in call.data and first > today:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="first_day_in_future")
    last: date = call.data.get(ATTR_TO, today)
    if last < first:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="dates_in_wrong_order")
    return first, last


def past_days_of(call: ServiceCall, zone: tzinfo, beginning: date) -> tuple[date, date]:
    """Return those of the days that a call means which are not in the future.

    Raises:
        ServiceValidationError: There is none, or they are in the wrong order.
    """
    first, last = days_of(call, zone, beginning)
    if first > (today := _today(zone)):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="first_day_in_future")
    return first, min(last, today)


def _today(zone: tzinfo) -> date:
    return dt_util.utcnow().astimezone(zone).date()


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
