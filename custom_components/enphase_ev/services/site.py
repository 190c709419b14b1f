"""The actions of a site: the live stream, its past, and taking back the request to sign in again."""

from dataclasses import asdict

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.service import async_register_admin_service
from homeassistant.helpers.target import TargetSelection
from homeassistant.util.json import JsonValueType
import voluptuous as vol

from ..account_issues import clear_account_issues
from ..const import DOMAIN
from ..runtime import EnphaseConfigEntry, EnphaseRuntimeData
from ..site.history_import import BEGINNING
from .fields import ATTR_FROM, ATTR_TO, past_days_of
from .targets import ATTR_CONFIG_ENTRY_ID, ATTR_SITE_ID, SITE_FIELDS, async_chargers, async_entries, async_sites

_IMPORT_SCHEMA = vol.Schema(
    {
        **cv.TARGET_SERVICE_FIELDS,
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(ATTR_FROM): cv.date,
        vol.Optional(ATTR_TO): cv.date,
    }
)
_SCHEMA = vol.Schema({**cv.TARGET_SERVICE_FIELDS, **SITE_FIELDS})


@callback
def async_setup_site_services(hass: HomeAssistant) -> None:
    """Register them."""
    for name, action in (
        ("start_live_stream", _start_live_stream),
        ("stop_live_stream", _stop_live_stream),
        ("clear_reauth_issue", _clear_reauth_issue),
    ):
        hass.services.async_register(DOMAIN, name, action, schema=_SCHEMA, supports_response=SupportsResponse.OPTIONAL)
    async_register_admin_service(hass, DOMAIN, "import_history", _import_history, _IMPORT_SCHEMA, SupportsResponse.OPTIONAL)


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


async def _import_history(call: ServiceCall) -> ServiceResponse:
    """Bring the past of chargers, and of their sites, into the statistics; of all of them where none is named."""
    chargers: list[JsonValueType] = []
    sites: list[JsonValueType] = []
    for entry, serials in (await _meant(call)).items():
        runtime: EnphaseRuntimeData = entry.runtime_data
        first, last = past_days_of(call, runtime.site_facts.time_zone, BEGINNING)
        imported = await runtime.site.history.async_run(first, last, serials)
        for serial, found in imported.chargers.items():
            name = runtime.chargers.data[serial].name if serial in runtime.chargers.data else None
            chargers.append({"device_id": serials[serial], "name": name, **asdict(found), "currency": runtime.site.tariff.currency})
        sites.append({ATTR_SITE_ID: runtime.site_facts.site_id, "days": imported.site_days})
    return {"chargers": chargers, "sites": sites}


async def _meant(call: ServiceCall) -> dict[EnphaseConfigEntry, dict[str, str]]:
    """Return the sites that a call means, each with the device ids of its chargers by serial number."""
    entries: list[EnphaseConfigEntry] = call.hass.config_entries.async_loaded_entries(DOMAIN)
    if (entry_id := call.data.get(ATTR_CONFIG_ENTRY_ID)) is not None:
        entries = [entry for entry in entries if entry.entry_id == entry_id]
    if not entries:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_site_targeted")
    if TargetSelection(call.data).has_any_target:
        targets = {target.serial: target.device_id for target in await async_chargers(call)}
        found = {entry: {one: targets[one] for one in entry.runtime_data.chargers.data if one in targets} for entry in entries}
        return {entry: serials for entry, serials in found.items() if serials}
    devices = dr.async_get(call.hass)
    return {
        entry: {
            serial: device.id
            for serial in entry.runtime_data.chargers.data
            if (device := devices.async_get_device_by_identifier((DOMAIN, serial), entry.entry_id)) is not None
        }
        for entry in entries
    }
