"""Sets a site up as soon as its account may sign in again: Home Assistant's own tries may be ten minutes apart by then."""

from datetime import UTC, datetime

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN

# By entry; a set-up that fails has nothing of its own that would keep it.
_WAITING: HassKey[dict[str, CALLBACK_TYPE]] = HassKey(f"{DOMAIN}_sign_in_waits")


@callback
def set_up_again_at(hass: HomeAssistant, entry: ConfigEntry, moment: datetime | None) -> None:
    """Try a site that is not ready again at a moment (UTC), and no longer at the one that was said before; `None`: only as usual."""
    waiting = hass.data.setdefault(_WAITING, {})
    if (cancel := waiting.pop(entry.entry_id, None)) is not None:
        cancel()
    if moment is None:
        return

    @callback
    def again(_now: datetime) -> None:
        del waiting[entry.entry_id]
        if entry.state is ConfigEntryState.SETUP_RETRY:
            hass.config_entries.async_schedule_reload(entry.entry_id)

    seconds = max((moment - datetime.now(UTC)).total_seconds(), 0.0)
    # Home Assistant cancels it at its end, which it does not do with what waits for a point in time.
    waiting[entry.entry_id] = async_call_later(hass, seconds, HassJob(again, cancel_on_shutdown=True))
