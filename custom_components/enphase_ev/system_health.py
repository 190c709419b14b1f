"""System health: what it shows about the sites and their accounts."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from .charger.model import DataSource
from .const import DOMAIN
from .runtime import EnphaseConfigEntry


@callback
def async_register(hass: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Register what is shown."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    entries: list[EnphaseConfigEntry] = hass.config_entries.async_entries(DOMAIN, include_ignore=False)
    loaded = [entry for entry in entries if entry.state is ConfigEntryState.LOADED]
    chargers = [entry.runtime_data.chargers for entry in loaded]
    # Sites can share an account: its requests and its session count once.
    accounts = list({id(entry.runtime_data.account): entry.runtime_data.account for entry in loaded}.values())
    known = [site.client.state_of(serial) for site in chargers for serial in site.data]
    return {
        "sites": f"{len(loaded)} / {len(entries)}",
        "cloud_reachable": bool(chargers) and all(site.is_reachable for site in chargers),
        "last_success": min((site.site.last_success for site in chargers if site.site.last_success), default=None),
        "latency": max((round(site.site.latency * 1000) for site in chargers if site.site.latency is not None), default=None),
        "requests_last_hour": sum(account.transport.requests.last_hour().total() for account in accounts),
        "local_chargers": f"{sum(state is not None and state.source is DataSource.LOCAL for state in known)} / {len(known)}",
        "session_expires": min((account.session_expires_at for account in accounts if account.session_expires_at), default=None),
    }
