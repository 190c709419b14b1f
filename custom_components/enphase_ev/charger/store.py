"""What is remembered about the chargers of a site across restarts."""

from dataclasses import dataclass, field
from datetime import datetime

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from mashumaro import DataClassDictMixin

from ..const import DOMAIN
from .costs import SessionCost
from .energy import DayMeter, LifetimeMeter
from .visit import StoredPlan

_STORAGE_VERSION = 1
# A crash costs at most this much (s), and an SD card does not wear out.
_SAVE_DELAY = 30.0


@dataclass
class StoredCharger(DataClassDictMixin):
    """What is remembered about one charger.

    Attributes:
        wished_level: what a person set its number to, in A.
        seen_level: the last level (A) that the charger has told.
        charging_seen_at: when it was last seen charging (UTC, of the cloud).
        level_refused_by: the firmware that takes no level; the empty text where that firmware is not known.
        plan: of the planner; `None` as long as nobody has used it.
    """

    wished_level: float | None = None
    lifetime: LifetimeMeter | None = None
    day: DayMeter | None = None
    session_cost: SessionCost | None = None
    seen_level: float | None = None
    level_refused_by: str | None = None
    charging_seen_at: datetime | None = None
    plan: StoredPlan | None = None


@dataclass
class StoredEnrollment(DataClassDictMixin):
    """The grid program that a site takes part in, `None` for none, and when that is asked again (UTC)."""

    program: str | None
    due: datetime


@dataclass
class StoredSite(DataClassDictMixin):
    """What is remembered about a site.

    Attributes:
        chargers: by serial number.
        has_battery_for_car: whether the site has a setting for what the battery gives the car; then the chargers' own one is not shown.
        enrollment: `None` before that was asked for the first time.
    """

    chargers: dict[str, StoredCharger] = field(default_factory=dict)
    has_battery_for_car: bool = False
    enrollment: StoredEnrollment | None = None


class SiteStore:
    """The file with what the chargers of one config entry have reported and been told: read at the start, written soon after it changes."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._store: Store[dict[str, object]] = Store(hass, _STORAGE_VERSION, f"{DOMAIN}.site.{entry_id}", private=True, atomic_writes=True)
        self._memory = StoredSite()

    async def async_load(self) -> None:
        """Read what was kept."""
        if stored := await self._store.async_load():
            self._memory = StoredSite.from_dict(stored)

    @property
    def serials(self) -> list[str]:
        """Return the chargers about which something is remembered."""
        return list(self._memory.chargers)

    def charger(self, serial: str) -> StoredCharger:
        """Return what is stored about a charger; call `save` after changing it."""
        return self._memory.chargers.setdefault(serial, StoredCharger())

    @property
    def has_battery_for_car(self) -> bool:
        """Return whether the site has a switch of its own for what the battery gives to cars (docs/cloud-api/battery.md §8)."""
        return self._memory.has_battery_for_car

    @has_battery_for_car.setter
    def has_battery_for_car(self, has_it: bool) -> None:
        if has_it is not self._memory.has_battery_for_car:
            self._memory.has_battery_for_car = has_it
            self.save()

    @property
    def enrollment(self) -> StoredEnrollment | None:
        """Return in which grid program the site is; `None` before that was asked (docs/cloud-api/events.md §1)."""
        return self._memory.enrollment

    @enrollment.setter
    def enrollment(self, enrollment: StoredEnrollment) -> None:
        self._memory.enrollment = enrollment
        self.save()

    def forget_charger(self, serial: str) -> None:
        """Forget a charger that is gone."""
        self._memory.chargers.pop(serial, None)
        self.save()

    def save(self) -> None:
        """Write soon what is remembered now."""
        self._store.async_delay_save(self._memory.to_dict, _SAVE_DELAY)

    async def async_save_now(self) -> None:
        """Write everything now, before the file is read again."""
        await self._store.async_save(self._memory.to_dict())

    async def async_remove(self) -> None:
        """Forget everything."""
        await self._store.async_remove()
