"""Asks for everything now, for a person who does not want to wait for the next poll."""

from homeassistant.exceptions import HomeAssistantError

from ..const import DOMAIN
from ..runtime import EnphaseRuntimeData


async def async_ask_for_everything(runtime: EnphaseRuntimeData) -> None:
    """Poll the chargers and, where there are any, the batteries; whether the cloud answers is seen by their coordinators."""
    await runtime.chargers.async_request_refresh()
    if runtime.battery.data is not None:
        runtime.battery.refresh_soon()
        await runtime.battery.async_request_refresh()


async def async_refresh(runtime: EnphaseRuntimeData) -> None:
    """Do so, and tell a person where nothing came of it.

    Raises:
        HomeAssistantError: The cloud still does not answer.
    """
    await async_ask_for_everything(runtime)
    if not runtime.chargers.is_reachable:
        raise HomeAssistantError(translation_domain=DOMAIN, translation_key="still_unreachable")
