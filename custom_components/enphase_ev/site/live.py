"""The power of a site at this moment: of the sun, the battery, the grid and the home, second by second (docs/cloud-api/live.md).

It costs four requests an hour while it runs. The home's connection to the grid is known without it, too, where anything tells it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from ..const import LOGGER
from ..enlighten import AuthError, EnlightenError, GridRelay, LiveAccess, LivePower, LiveStreams, RequestRejected
from ..options import LivePowerMode, SiteOptions
from ..waiting import SnapshotCoordinator
from .live_stream import LiveStream
from .owner_gateway import OwnerGateway

if TYPE_CHECKING:
    from ..battery.coordinator import BatteryCoordinator
    from ..charger.coordinator import ChargerCoordinator

_ENVOY = "enphase_envoy"
# Older than this, a frame is not shown any more.
_STALE_AFTER = 60.0
# The slow read, where nothing else tells whether there is a grid (docs/cloud-api/events.md §2).
_OUTAGE_EVERY = timedelta(minutes=15)
_NOT_HERE_FOR = timedelta(days=1)
_REQUESTS_PER_HOUR = 4.3
_ON_GRID, _OFF_GRID = "ON_GRID", "OFF_GRID"


class LiveCoordinator(SnapshotCoordinator[LivePower | None]):
    """What the site draws and gives now; `None` before anything has told."""

    config_entry: ConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        client: LiveStreams,
        *,
        chargers: ChargerCoordinator,
        battery: BatteryCoordinator,
        options: SiteOptions,
        gateway: OwnerGateway | None,
    ) -> None:
        super().__init__(hass, entry, None, name="Enphase live power", update_interval=_OUTAGE_EVERY)
        self.site_id = client.site_id
        # The mode of the grid event that is on, as the stream's credentials name it.
        self.event_mode: str | None = None
        self._client = client
        self.chargers = chargers
        self._battery = battery
        self._options = options
        self._stream = LiveStream(
            hass,
            entry,
            client,
            known_gateways=self._known_gateways,
            is_wanted=self._is_worth_reading,
            on_frame=self.take,
            on_access=self._take_access,
        )
        self._gateway = gateway
        self._is_gateway_tried = False
        self._gateway_seen_at: float | None = None
        self._latest: LivePower | None = None
        self._seen_at: float | None = None
        self._shown_at: float | None = None
        self._shown_grid: bool | None = None
        self._is_over = False
        self._cancel_stale: CALLBACK_TYPE | None = None
        self._outage: bool | None = None
        self._outage_due = datetime.now(UTC)

    # --- What entities ask ---

    @property
    def mode(self) -> LivePowerMode:
        """Return when to listen: what was chosen, else always where there is a battery and no other integration that shows its power."""
        if self._options.live_power is not None:
            return self._options.live_power
        has_envoy = bool(self.hass.config_entries.async_entries(_ENVOY, include_ignore=False, include_disabled=False))
        return LivePowerMode.ALWAYS if self.has_battery and not has_envoy else LivePowerMode.WHEN_ACTIVE

    @property
    def has_battery(self) -> bool:
        """Return whether the site has a battery."""
        return self._battery.data is not None

    @property
    def is_offered(self) -> bool | None:
        """Return whether the site has a stream; `None` where that was not asked yet."""
        return self._stream.is_offered

    @property
    def is_fresh(self) -> bool:
        """Return whether there was a frame a moment ago."""
        return self._seen_at is not None and self.hass.loop.time() - self._seen_at < _STALE_AFTER

    @property
    def power(self) -> LivePower | None:
        """Return what entities show; `None` where nothing was heard for a while."""
        return self._latest if self.is_fresh else None

    @property
    def relay(self) -> GridRelay | None:
        """Return the state of the relay between home and grid."""
        return self.power.grid_relay if self.power else None

    @property
    def is_on_grid(self) -> bool | None:
        """Return whether there is a grid, from the first that tells: a frame, a charger, the slow read (docs/cloud-api/events.md §2)."""
        if self.relay is not None and self.relay.is_on_grid is not None:
            return self.relay.is_on_grid
        told = self._told_by_chargers
        if told is not None:
            return told
        return None if self._outage is None else not self._outage

    @property
    def _told_by_chargers(self) -> bool | None:
        states = {
            (charger.status.grid_state or "").upper() for serial, charger in self.chargers.data.items() if self.chargers.is_fresh(serial)
        }
        return False if _OFF_GRID in states else True if _ON_GRID in states else None

    # --- Listening ---

    @callback
    def async_start(self) -> None:
        """Begin, and go on for as long as the entry is loaded."""
        entry = self.config_entry
        entry.async_on_unload(self.chargers.async_add_listener(self._others_changed))
        entry.async_on_unload(self._battery.async_add_listener(self._others_changed))
        if self._gateway is not None:
            has_power = self.mode is not LivePowerMode.OFF
            self._gateway.start(self._take_from_gateway if has_power else None, self.chargers.measured_power.take_meters)
        entry.async_create_background_task(self.hass, self.async_refresh(), name="Enphase live power: first look for the grid")
        self._follow()

    @property
    def _is_wanted(self) -> bool:
        match self.mode:
            case LivePowerMode.OFF:
                return False
            case LivePowerMode.ALWAYS:
                return True
            case LivePowerMode.WHEN_ACTIVE:
                return self._is_something_happening

    @property
    def _is_something_happening(self) -> bool:
        """Return whether a car charges, an override runs, or the grid is gone."""
        charges = any(charger.status.is_charging for charger in self.chargers.data.values())
        has_override = self._battery.data is not None and self._battery.data.override is not None
        return charges or has_override or self.is_on_grid is False

    @callback
    def _others_changed(self) -> None:
        was_on_grid = self._shown_grid
        self._follow()
        if self.is_on_grid is not was_on_grid:
            self._publish_now()

    @property
    def has_gateway(self) -> bool:
        """Return whether the gateway in the house tells the power, or may be about to: then nobody asks the cloud."""
        if self._gateway is None or self.mode is LivePowerMode.OFF:
            return False
        seen_at = self._gateway_seen_at
        return not self._is_gateway_tried or (seen_at is not None and self.hass.loop.time() - seen_at < _STALE_AFTER)

    @callback
    def _take_from_gateway(self, power: LivePower | None) -> None:
        """Take in what the gateway tells; where it tells nothing for a while, the cloud is listened to."""
        self._is_gateway_tried = True
        if power is not None:
            self._gateway_seen_at = self.hass.loop.time()
            self.take(power)
        self._follow()

    @callback
    def _follow(self) -> None:
        """Listen where that is wanted, and stop where it is not."""
        if self._is_wanted and not self.has_gateway:
            self._client.account.budget.expect(f"{self.site_id}: live power", _REQUESTS_PER_HOUR)
            self._stream.start()
        elif self._stream.is_running:
            self._client.account.budget.expect(f"{self.site_id}: live power", 0.0)
            self._stream.stop()

    def _known_gateways(self) -> Iterable[str]:
        found = (charger.summary.gateway_serial if charger.summary else None for charger in self.chargers.data.values())
        return [serial for serial in found if serial is not None]

    def _take_access(self, access: LiveAccess) -> None:
        self.event_mode = access.event_mode

    @callback
    def _is_worth_reading(self, relay: GridRelay | None) -> bool:
        """Return whether a frame would be shown; another one only tells that the stream goes on."""
        now = self.hass.loop.time()
        if self._is_to_be_shown(relay, now):
            return True
        self._seen_at = now
        return False

    @callback
    def take(self, power: LivePower) -> None:
        """Take in a frame. Entities see one now and then, and a change of the relay at once."""
        if self._is_over:
            # After an unload frames can come for a moment, until the connection is closed.
            return
        now = self.hass.loop.time()
        is_to_be_shown, relay_before = self._is_to_be_shown(power.grid_relay, now), self._latest.grid_relay if self._latest else None
        self._latest, self._seen_at = power, now
        if self._cancel_stale is None:
            self._watch_for_silence(_STALE_AFTER)
        if is_to_be_shown:
            self._shown_at = now
            self._publish_now()
            if power.grid_relay is not relay_before:
                self._follow()

    def _is_to_be_shown(self, relay: GridRelay | None, now: float) -> bool:
        """Return whether a state is due, there was none for a while, or the relay has changed."""
        if self._latest is None or self._shown_at is None or self._seen_at is None:
            return True
        is_due = now - self._shown_at >= self._options.live_interval
        return is_due or now - self._seen_at >= _STALE_AFTER or relay is not self._latest.grid_relay

    @callback
    def _publish_now(self) -> None:
        self._shown_grid = self.is_on_grid
        power = self.power
        self._battery.async_take_live(power.state_of_charge if power else None, power.battery.power if power else None)
        self.publish_data(self._latest)

    def _watch_for_silence(self, seconds: float) -> None:
        self._cancel_stale = async_call_later(self.hass, seconds, self._look_for_silence)

    @callback
    def _look_for_silence(self, _now: datetime) -> None:
        self._cancel_stale = None
        silent_for = self.hass.loop.time() - (self._seen_at or 0.0)
        if silent_for < _STALE_AFTER:
            self._watch_for_silence(_STALE_AFTER - silent_for)
        else:
            self._publish_now()

    @override
    async def async_shutdown(self) -> None:
        """Let go of the timer."""
        self._is_over = True
        if self._cancel_stale is not None:
            self._cancel_stale()
            self._cancel_stale = None
        await super().async_shutdown()

    # --- The slow read ---

    @override
    async def _async_update_data(self) -> LivePower | None:
        """Ask whether the grid is gone where nothing else tells; a site that has no answer is asked once a day."""
        now = datetime.now(UTC)
        is_told = (self.relay is not None and self.relay.is_on_grid is not None) or self._told_by_chargers is not None
        if is_told or now < self._outage_due or not self._client.account.budget.has_room:
            return self.data
        try:
            self._outage = await self._client.is_off_grid()
        except AuthError:
            self._outage = None
        except RequestRejected:
            self._outage, self._outage_due = None, now + _NOT_HERE_FOR
        except EnlightenError as err:
            LOGGER.debug("The cloud does not tell whether there is a grid: %s", err)
            self._outage = None
        self._follow()
        return self.data
