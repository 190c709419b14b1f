"""Lines of the logbook: what has happened to the changes and schedules of a battery, where a line says more than the event's type."""

from collections.abc import Callable, Mapping
from typing import Protocol

from homeassistant.components.logbook.const import LOGBOOK_ENTRY_ENTITY_ID, LOGBOOK_ENTRY_MESSAGE, LOGBOOK_ENTRY_NAME
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .const import DOMAIN, EVENT_BATTERY_CHANGE


class _Logged(Protocol):
    """An event as the logbook keeps it."""

    @property
    def data(self) -> Mapping[str, str]:
        """Return what was fired with it."""


@callback
def async_describe_events(
    hass: HomeAssistant, async_describe_event: Callable[[str, str, Callable[[_Logged], dict[str, str]]], None]
) -> None:
    """Describe the events of this integration."""
    devices = dr.async_get(hass)

    @callback
    def describe(event: _Logged) -> dict[str, str]:
        device = devices.async_get(event.data.get(ATTR_DEVICE_ID) or "")
        name = (device.name_by_user or device.name) if device else None
        line = {LOGBOOK_ENTRY_NAME: name or "", LOGBOOK_ENTRY_MESSAGE: event.data["message"]}
        return {**line, LOGBOOK_ENTRY_ENTITY_ID: event.data[ATTR_ENTITY_ID]}

    async_describe_event(DOMAIN, EVENT_BATTERY_CHANGE, describe)
