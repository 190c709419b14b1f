"""Diagnostics: what the integration knows, without anything that is personal."""

from dataclasses import asdict, replace
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry

from .charger.model import Charger
from .charger.planner import PlanShown
from .const import CONF_CHARGERS, CONF_DECLINED, DOMAIN
from .enlighten import BatterySettings, Recorder, RequestCounter
from .options import CONF_GATEWAY_ADDRESS, CONF_GATEWAY_FINGERPRINT, CONF_GATEWAY_TOKEN, CONF_POWER_SENSORS, CONF_PRICE_SENSORS
from .runtime import EnphaseConfigEntry

_TO_REDACT = {
    "email",
    "password",
    "site",
    "title",
    "unique_id",
    "serial",
    "name",
    "gateway_serial",
    "ip_address",
    "mac_addresses",
    # These hold the numbers of site and charger.
    "id",
    "record",
    # The serial numbers of gateways that have not applied a change.
    "pendingGateways",
    CONF_CHARGERS,
    CONF_DECLINED,
    CONF_GATEWAY_ADDRESS,
    CONF_GATEWAY_TOKEN,
    CONF_GATEWAY_FINGERPRINT,
    CONF_POWER_SENSORS,
    CONF_PRICE_SENSORS,
}
# So many digits are enough to compare two fingerprints.
_FINGERPRINT_SHOWN = 8


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: EnphaseConfigEntry) -> dict[str, Any]:
    """Return the diagnostics of a site."""
    coordinator = entry.runtime_data.chargers
    account = entry.runtime_data.account
    return {
        "entry": async_redact_data(entry.as_dict(), _TO_REDACT),
        "options": async_redact_data(asdict(entry.runtime_data.options), _TO_REDACT),
        "account": {
            "session_expires_at": account.session_expires_at,
            "signed_in_at": account.state.signed_in_at,
            "wants_code": account.state.wants_code,
            "token_source": account.state.token_source,
            "forms": sorted(f"{key.partition(':')[2]}: {form}" for key, form in account.state.forms.items()),
            **_talk(account.transport.requests, account.recorder),
        },
        "gateway": _gateway(entry),
        "coordinator": {
            "last_success": coordinator.site.last_success,
            "last_exception": type(coordinator.last_exception).__name__ if coordinator.last_exception else None,
            "update_interval": coordinator.update_interval,
            "time_zone": str(coordinator.site.time_zone),
        },
        "chargers": [_redacted(charger) for charger in coordinator.data.values()],
        "plans": [_plan(shown) for shown in entry.runtime_data.planner.present.values()],
        "battery": _battery(entry),
        "live": _live(entry),
    }


async def async_get_device_diagnostics(hass: HomeAssistant, entry: EnphaseConfigEntry, device: DeviceEntry) -> dict[str, Any]:
    """Return the diagnostics of a charger, or of the site for its own device."""
    for domain, identifier in device.identifiers:
        if domain == DOMAIN and (charger := entry.runtime_data.chargers.data.get(identifier)) is not None:
            return {"charger": _redacted(charger)}
    return await async_get_config_entry_diagnostics(hass, entry)


def _talk(requests: RequestCounter, recorder: Recorder) -> dict[str, Any]:
    """Return the requests that were sent, and their outcome."""
    return {
        "requests_last_hour": {family.value: count for family, count in requests.last_hour().items()},
        "requests_total": {family.value: count for family, count in requests.total.items()},
        "last_errors": [{"at": at, "family": family.value, "error": error} for at, family, error in recorder.errors],
        "last_answers": recorder.shapes(),
    }


def _gateway(entry: EnphaseConfigEntry) -> dict[str, Any] | None:
    """Return what is known about the gateway in the house."""
    sources = entry.runtime_data.chargers.client
    if sources.gateway is None:
        return None
    return {
        "certificate": f"{(entry.runtime_data.options.gateway_fingerprint or '')[:_FINGERPRINT_SHOWN]}…",
        "firmware": sources.firmware,
        "has_live_token": sources.gateway.has_live_token,
        "latency": sources.gateway.latency,
        "cloud_answers": sources.cloud_answers,
        "owner_paths": entry.runtime_data.gateway.told_of_paths if entry.runtime_data.gateway else None,
        **_talk(sources.gateway.transport.requests, sources.gateway.recorder),
    }


def _live(entry: EnphaseConfigEntry) -> dict[str, Any]:
    """Return what is known about the power of the site at this moment."""
    live = entry.runtime_data.live
    return {
        "mode": live.mode,
        "is_offered": live.is_offered,
        "is_fresh": live.is_fresh,
        "is_on_grid": live.is_on_grid,
        "power": asdict(live.power) if live.power else None,
    }


def _plan(shown: PlanShown) -> dict[str, Any]:
    """Return what the planner of a charger does; JSON has no sets."""
    notes = sorted(shown.plan.notes) if shown.plan else None
    return {**asdict(replace(shown, plan=None)), "times": [asdict(one) for one in shown.plan.times] if shown.plan else None, "notes": notes}


def _battery(entry: EnphaseConfigEntry) -> dict[str, Any] | None:
    """Return what is known about the batteries; each battery by its position instead of its serial number."""
    runtime = entry.runtime_data
    battery = runtime.battery.data
    if battery is None:
        return None
    settings, status, schedules = battery.settings, battery.status, battery.schedules
    known: dict[str, Any] = {
        "site_settings": asdict(battery.site),
        "settings": {**asdict(replace(settings, controls={}, data={})), "controls": _controls(settings)} if settings else None,
        "schedules": [asdict(one) for one in schedules.entries] if schedules else None,
        "profile": asdict(battery.profile) if battery.profile else None,
        "status": {**asdict(replace(status, units={})), "units": [asdict(unit) for unit in status.units.values()]} if status else None,
        "change": asdict(battery.change) if battery.change else None,
        "kept_entries": [asdict(one.entry) for one in runtime.battery.keeper.ledger.expected],
        "has_override": runtime.overrides.active is not None,
    }
    redacted: dict[str, Any] = async_redact_data(known, _TO_REDACT)
    return redacted


def _controls(settings: BatterySettings) -> dict[str, Any]:
    return {family.value: asdict(control) for family, control in settings.controls.items()}


def _redacted(charger: Charger) -> dict[str, Any]:
    # JSON has no enum keys and no sets.
    details = charger.details
    configuration = details.configuration.values if details.configuration else {}
    return async_redact_data(asdict(charger), _TO_REDACT) | {
        "details": async_redact_data(
            {
                "slots": [asdict(slot) for slot in details.slots] if details.slots is not None else None,
                "configuration": {key.value: value for key, value in configuration.items()},
                "battery_help": details.battery_help,
                "features": sorted(details.features),
                "firmware": asdict(details.firmware) if details.firmware else None,
                "last_session": asdict(details.last_session) if details.last_session else None,
            },
            _TO_REDACT,
        )
    }
