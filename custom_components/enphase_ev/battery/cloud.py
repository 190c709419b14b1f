"""The settings and schedules of a site as a change reads them, one request at a time (docs/cloud-api/battery.md §3, §5)."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat

from homeassistant.core import HomeAssistant

from ..enlighten import Batteries, BatteryFamily, BatterySchedules, BatterySettings, Json, SessionRenewed
from ..waiting import async_rest
from .tickets import Listener

# The cloud is asked whether the gateway has taken a change over; from the third time on at the rhythm of its own web page.
CONFIRM_RHYTHM = (15.0, 20.0)
CONFIRM_THEN = 60.0
CONFIRMED_WITHIN = timedelta(minutes=15)
_COUNTRY_WITH_DISCLAIMER = "US"


class BatteryCloud:
    """What the change under way has read last, and how it reads.

    Attributes:
        wanted: what the change under way wants of the settings.
        names_source: whether this site's writes seem to want `source` in the query (docs/cloud-api/battery.md §4).
        country: of the site; in the United States charging from the grid wants something accepted before.
    """

    def __init__(self, hass: HomeAssistant, client: Batteries, listener: Listener) -> None:
        self.client = client
        self.wanted: Mapping[str, Json] = {}
        self.names_source = False
        self.country: str | None = None
        self._hass = hass
        self._listener = listener
        self._schedules: BatterySchedules | None = None

    def begin(self) -> None:
        """Begin a change: what an earlier one has read or wanted is not worth anything any more."""
        self._schedules, self.wanted = None, {}

    async def settings(self) -> BatterySettings:
        """Read the settings."""
        settings = await self.client.settings()
        self._listener.on_settings(settings)
        return settings

    async def settled_settings(self) -> BatterySettings:
        """Read the settings once nothing is pending and nobody else has the battery, or after a while.

        Source: docs/cloud-api/battery.md §3, §5.
        """
        deadline = datetime.now(UTC) + CONFIRMED_WITHIN
        rhythm = chain(CONFIRM_RHYTHM, repeat(CONFIRM_THEN))
        while ((settings := await self.settings()).is_pending or settings.is_taken) and datetime.now(UTC) < deadline:
            await async_rest(self._hass, next(rhythm))
        return settings

    async def schedules(self) -> BatterySchedules:
        """Read all entries."""
        self._schedules = schedules = await self.client.schedules()
        self._listener.on_schedules(schedules)
        return schedules

    async def schedules_surely(self) -> BatterySchedules:
        """Read all entries; an answer without any is read twice, since it can be false (docs/cloud-api/battery.md §5)."""
        schedules = await self.schedules()
        return schedules if schedules.entries else await self.schedules()

    async def known_schedules(self) -> BatterySchedules:
        """Return what was read last in this change, after its last write."""
        return self._schedules or await self.schedules_surely()

    async def write_settings(self, families: Iterable[BatteryFamily], body: Mapping[str, Json], *, names_source: bool) -> None:
        """Write settings, after what some sites want to have been asked before (docs/cloud-api/battery.md §4)."""
        for family in families:
            await self.client.check_family(family)
        if self.country == _COUNTRY_WITH_DISCLAIMER and body.get("chargeFromGrid") and "acceptedItcDisclaimer" in body:
            await self.client.accept_disclaimer()
        await self.client.write_settings(body, names_source=names_source)

    async def write(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write. A write that found the session dead did nothing: it starts again, from a fresh read, with the renewed session."""
        try:
            await write()
        except SessionRenewed:
            await self.settings()
            await self.schedules()
            await write()
