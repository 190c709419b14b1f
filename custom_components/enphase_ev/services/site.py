"""The actions of a site: the live stream, and taking back the request to sign in again."""

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.util.json import JsonValueType
import voluptuous as vol

from ..account_issues import clear_account_issues
from ..const import DOMAIN
from .targets import ATTR_SITE_ID, async_entries, async_sites

_SCHEMA = vol.Schema({**cv.TARGET_SERVICE_FIELDS, vol.Optional(ATTR_SITE_ID): cv.string})


@callback
def async_setup_site_services(hass: HomeAssistant) -> None:
    """Register them."""
    for name, action in (
        ("start_live_stream", _start_live_stream),
        ("stop_live_stream", _stop_live_stream),
        ("clear_reauth_issue", _clear_reauth_issue),
    ):
        hass.services.async_register(DOMAIN, name, action, schema=_SCHEMA, supports_response=SupportsResponse.OPTIONAL)


async def _start_live_stream(call: ServiceCall) -> ServiceResponse:
    answers: list[JsonValueType] = []
    for site in await async_sites(call):
        seconds = await site.charger_commands.async_start_live_stream()
        answers.append({ATTR_SITE_ID: site.site_facts.site_id, "seconds": seconds})
    return {"sites": answers}


async def _stop_live_stream(call: ServiceCall) -> ServiceResponse:
    answers: list[JsonValueType] = []
    for site in await async_sites(call):
        await site.charger_commands.async_stop_live_stream()
        answers.append({ATTR_SITE_ID: site.site_facts.site_id})
    return {"sites": answers}


async def _clear_reauth_issue(call: ServiceCall) -> ServiceResponse:
    entries = await async_entries(call, admin_only=True)
    for entry in entries:
        clear_account_issues(call.hass, entry)
    return {"sites": [{ATTR_SITE_ID: entry.unique_id} for entry in entries]}
