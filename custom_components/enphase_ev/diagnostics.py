"""Diagnostics: what the integration knows, without anything that is personal."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.core import HomeAssistant

from .const import CONF_CHARGERS
from .coordinator import ChargerCoordinator
from .runtime import EnphaseConfigEntry

_TO_REDACT = {"email", "password", "site", "title", "unique_id", "serial", "name", "ip_address", "mac_addresses", CONF_CHARGERS}


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: EnphaseConfigEntry) -> dict[str, Any]:
    """Return the diagnostics of a site."""
    coordinator = entry.runtime_data.chargers
    account = entry.runtime_data.account
    return {
        "entry": async_redact_data(entry.as_dict(), _TO_REDACT),
        "account": {
            "session_expires_at": account.session_expires_at,
            "signed_in_at": account.state.signed_in_at,
            "wants_code": account.state.wants_code,
            "token_source": account.state.token_source,
            "forms": sorted(f"{key.partition(':')[2]}: {form}" for key, form in account.state.forms.items()),
            "requests_last_hour": account.transport.requests.last_hour(),
            "requests_total": account.transport.requests.total,
        },
        "coordinator": {
            "last_success": coordinator.last_success,
            "last_exception": type(coordinator.last_exception).__name__ if coordinator.last_exception else None,
            "update_interval": coordinator.update_interval,
            "time_zone": coordinator.time_zone,
        },
        "chargers": _chargers(coordinator),
    }


def _chargers(coordinator: ChargerCoordinator) -> list[dict[str, Any]]:
    return [async_redact_data(asdict(charger), _TO_REDACT) for charger in coordinator.data.values()]
