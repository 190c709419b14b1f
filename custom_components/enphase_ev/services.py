"""The actions: start and stop, OCPP messages, live stream, and taking back the request to sign in again."""

from collections.abc import Awaitable, Callable

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import VolDictType
from homeassistant.util.json import JsonObjectType, JsonValueType
import voluptuous as vol

from .const import DOMAIN
from .enlighten import CommandReply
from .issues import clear_account_issues
from .targets import ATTR_SITE_ID, ChargerTarget, async_chargers, async_entries, async_sites

ATTR_CHARGING_LEVEL = "charging_level"
ATTR_CONNECTOR_ID = "connector_id"
ATTR_REQUESTED_MESSAGE = "requested_message"

_MESSAGES = [
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
]
_START_SCHEMA = cv.make_entity_service_schema(
    {
        vol.Optional(ATTR_CHARGING_LEVEL): vol.Coerce(float),
        vol.Optional(ATTR_CONNECTOR_ID, default=1): vol.All(vol.Coerce(int), vol.Range(min=1)),
    }
)
_STOP_SCHEMA = cv.make_entity_service_schema({})
_SITE_FIELDS: VolDictType = {**cv.TARGET_SERVICE_FIELDS, vol.Optional(ATTR_SITE_ID): cv.string}
_HAS_TARGET = cv.has_at_least_one_key(ATTR_SITE_ID, *(str(key) for key in cv.TARGET_SERVICE_FIELDS))
_SITE_SCHEMA = vol.All(vol.Schema(_SITE_FIELDS), _HAS_TARGET)
_TRIGGER_SCHEMA = vol.All(
    vol.Schema({**_SITE_FIELDS, vol.Optional(ATTR_REQUESTED_MESSAGE, default="MeterValues"): vol.In(_MESSAGES)}), _HAS_TARGET
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for name, action, schema in (
        ("start_charging", _start_charging, _START_SCHEMA),
        ("stop_charging", _stop_charging, _STOP_SCHEMA),
        ("trigger_message", _trigger_message, _TRIGGER_SCHEMA),
        ("start_live_stream", _start_live_stream, _SITE_SCHEMA),
        ("stop_live_stream", _stop_live_stream, _SITE_SCHEMA),
        ("clear_reauth_issue", _clear_reauth_issue, _SITE_SCHEMA),
    ):
        hass.services.async_register(DOMAIN, name, action, schema=schema, supports_response=SupportsResponse.OPTIONAL)


async def _start_charging(call: ServiceCall) -> ServiceResponse:
    level: float | None = call.data.get(ATTR_CHARGING_LEVEL)
    connector_id: int = call.data[ATTR_CONNECTOR_ID]

    async def start(target: ChargerTarget) -> JsonObjectType:
        reply = await target.coordinator.async_start(target.serial, level, connector_id)
        requested: JsonObjectType = {"charging": True, ATTR_CHARGING_LEVEL: reply.level or level, ATTR_CONNECTOR_ID: connector_id}
        return {**_answer(reply, requested), "schedule_kept": reply.is_schedule_kept}

    return await _for_each(await async_chargers(call), start)


async def _stop_charging(call: ServiceCall) -> ServiceResponse:
    async def stop(target: ChargerTarget) -> JsonObjectType:
        return _answer(await target.coordinator.async_stop(target.serial), {"charging": False})

    return await _for_each(await async_chargers(call), stop)


async def _trigger_message(call: ServiceCall) -> ServiceResponse:
    message: str = call.data[ATTR_REQUESTED_MESSAGE]

    async def trigger(target: ChargerTarget) -> JsonObjectType:
        return {"requested": message, "reply": await target.coordinator.async_trigger_message(target.serial, message)}

    return await _for_each(await async_chargers(call), trigger)


async def _start_live_stream(call: ServiceCall) -> ServiceResponse:
    sites = await async_sites(call)
    return {"sites": [{ATTR_SITE_ID: site.site_id, "seconds": await site.async_start_live_stream()} for site in sites]}


async def _stop_live_stream(call: ServiceCall) -> ServiceResponse:
    answers: list[JsonValueType] = []
    for coordinator in await async_sites(call):
        await coordinator.async_stop_live_stream()
        answers.append({ATTR_SITE_ID: coordinator.site_id})
    return {"sites": answers}


async def _clear_reauth_issue(call: ServiceCall) -> ServiceResponse:
    entries = await async_entries(call, admin_only=True)
    for entry in entries:
        clear_account_issues(call.hass, entry)
    return {"sites": [{ATTR_SITE_ID: entry.unique_id} for entry in entries]}


async def _for_each(targets: list[ChargerTarget], action: Callable[[ChargerTarget], Awaitable[JsonObjectType]]) -> ServiceResponse:
    """Act on one charger after the other; one that fails does not keep the others from their turn."""
    answers: list[JsonValueType] = []
    failures: list[HomeAssistantError] = []
    for target in targets:
        try:
            answers.append({"device_id": target.device_id, "name": target.name, **await action(target)})
        except HomeAssistantError as err:
            failures.append(err)
    if failures:
        raise failures[0]
    return {"chargers": answers}


def _answer(reply: CommandReply, requested: JsonObjectType) -> JsonObjectType:
    return {"requested": requested, "outcome": reply.outcome.value, "message": reply.message}
