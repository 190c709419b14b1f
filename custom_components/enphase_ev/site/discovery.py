"""What is found in the network: chargers announce their serial numbers; a gateway that a person has named may have another address.

Source: docs/cloud-api/local.md §1.
"""

from ipaddress import ip_address
import re

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from ..const import CONF_CHARGERS, CONF_DECLINED, DOMAIN
from ..enlighten import EnlightenError, gateway_url, shown_certificate
from ..options import CONF_GATEWAY_ADDRESS, CONF_GATEWAY_FINGERPRINT

_CHARGER = re.compile(r"iq-evse-([0-9a-z]+)", re.IGNORECASE)


def serial_of(host_name: str) -> str | None:
    """Return the serial number of the charger that has this name in the network; `None` where it is no charger's."""
    found = _CHARGER.match(host_name)
    return found.group(1).upper() if found else None


def is_known_charger(hass: HomeAssistant, serial: str) -> bool:
    """Return whether a site has a charger, or a person did not want it."""
    devices = dr.async_get(hass)
    for entry in hass.config_entries.async_entries(DOMAIN, include_ignore=False):
        decided = {one.upper() for key in (CONF_CHARGERS, CONF_DECLINED) for one in entry.data.get(key, [])}
        if serial in decided or devices.async_get_device_by_identifier((DOMAIN, serial), entry.entry_id) is not None:
            return True
    return False


async def async_follow_gateway(hass: HomeAssistant, host: str) -> bool:
    """Give a site whose gateway was found at another address (IP) that address; return whether there is one.

    The gateway must show the certificate that a person has accepted for this site. An address that is a name, typed by a person, stays.
    """
    for entry in hass.config_entries.async_entries(DOMAIN, include_ignore=False):
        named, fingerprint = entry.options.get(CONF_GATEWAY_ADDRESS), entry.options.get(CONF_GATEWAY_FINGERPRINT)
        if not named or not fingerprint:
            continue
        known = gateway_url(named)
        if known.host == host:
            return True
        if not _is_ip_address(known.host or ""):
            continue
        moved = known.with_host(host)
        try:
            shown = await shown_certificate(async_get_clientsession(hass, verify_ssl=False), moved)
        except EnlightenError:
            continue
        if shown == fingerprint:
            address = moved.authority if known.explicit_port else host
            hass.config_entries.async_update_entry(entry, options={**entry.options, CONF_GATEWAY_ADDRESS: address})
            hass.config_entries.async_schedule_reload(entry.entry_id)
            return True
    return False


def _is_ip_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
