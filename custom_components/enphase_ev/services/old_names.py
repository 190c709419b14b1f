"""The battery's actions by the names that the other integration of this domain has for them, so that automations go on working."""

from collections.abc import Iterator

from homeassistant.const import WEEKDAYS
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback

from ..const import DOMAIN, LOGGER
from ..migration import was_taken_over
from .battery import ATTR_FAMILY
from .fields import ATTR_DAYS, ATTR_ENABLED, ATTR_END, ATTR_SCHEDULE_ID, ATTR_START

_NEW_NAMES = {f"{verb}_schedule": f"{verb}_battery_schedule" for verb in ("add", "update", "delete", "validate")}
_NEW_FIELDS = {"schedule_type": ATTR_FAMILY, "start_time": ATTR_START, "end_time": ATTR_END, "is_enabled": ATTR_ENABLED}
# 1 is Monday there, as in the cloud (docs/cloud-api/battery.md §4).
_DAYS = {str(number): name for number, name in enumerate(WEEKDAYS, 1)}
_IDS = "schedule_ids"
# Fields of the other integration that are not needed here.
_NOT_NEEDED = ("confirm", "timezone")


@callback
def async_setup_old_actions(hass: HomeAssistant) -> None:
    """Register the old names where an entry was taken over from the other integration; the first call of each is noted in the log."""
    if not any(was_taken_over(hass, entry) for entry in hass.config_entries.async_entries(DOMAIN)):
        return
    noted: set[str] = set()

    async def forward(call: ServiceCall) -> ServiceResponse:
        name = _NEW_NAMES[call.service]
        if name not in noted:
            noted.add(name)
            LOGGER.warning("The action %s.%s is deprecated: call %s.%s instead", DOMAIN, call.service, DOMAIN, name)
        answer: ServiceResponse = None
        for data in _translated(call):
            answer = await hass.services.async_call(
                DOMAIN, name, data, blocking=True, context=call.context, return_response=call.return_response
            )
        return answer

    for old in _NEW_NAMES:
        hass.services.async_register(DOMAIN, old, forward, supports_response=SupportsResponse.OPTIONAL)


def _translated(call: ServiceCall) -> Iterator[dict[str, object]]:
    """Return the data of the calls that say the same; what is not known is left for the action itself to refuse."""
    data = {_NEW_FIELDS.get(field, field): value for field, value in call.data.items() if field not in _NOT_NEEDED}
    if (days := data.get(ATTR_DAYS)) is not None:
        data[ATTR_DAYS] = [_day(day) for day in (days if isinstance(days, list) else str(days).split(","))]
    ids = data.pop(_IDS, [data[ATTR_SCHEDULE_ID]] if ATTR_SCHEDULE_ID in data else [])
    if not ids:
        yield data
    for schedule_id in ids if isinstance(ids, list) else [ids]:
        # An id says of which family it is.
        yield {field: value for field, value in data.items() if field != ATTR_FAMILY} | {ATTR_SCHEDULE_ID: schedule_id}


def _day(day: object) -> str:
    text = str(day).strip().lower()
    return _DAYS.get(text, text[:3])
