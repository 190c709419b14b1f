"""Times: by when a planned charge is over, and the window of discharge to the grid at sites that have no schedules for it."""

from dataclasses import dataclass
from datetime import time
from typing import override

from homeassistant.components.time import TimeEntity, TimeEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .battery.model import Battery
from .battery.settings import WindowEdge, async_set_discharge_window
from .charger.plan_entities import PLAN_READY_BY, PlanReadyBy
from .enlighten import BatteryFamily
from .entity import BATTERY, PLANS, LockableEntity, SubjectDescription, add_entities
from .runtime import EnphaseConfigEntry

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class BatteryTimeDescription(SubjectDescription[Battery], TimeEntityDescription):
    """Describes a time of all batteries."""

    edge: WindowEdge


def _has_window_alone(battery: Battery) -> bool:
    is_known = battery.settings is not None and all(edge.of(battery.settings) is not None for edge in WindowEdge)
    # Entries that were not read yet are not missing.
    are_read = battery.schedules is not None
    return battery.may_write and is_known and are_read and not battery.has_schedules(BatteryFamily.DISCHARGE_TO_GRID)


BATTERY_TIMES = tuple(
    BatteryTimeDescription(
        key=edge.value, translation_key=edge.value, edge=edge, entity_category=EntityCategory.CONFIG, has_fn=_has_window_alone
    )
    for edge in WindowEdge
)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the times of an entry."""
    add_entities(entry, async_add_entities, BATTERY, BATTERY_TIMES, BatteryTime)
    add_entities(entry, async_add_entities, PLANS, [PLAN_READY_BY], PlanReadyBy)


class BatteryTime(LockableEntity, TimeEntity):
    """A time in the site's zone; shows what was asked for until that is confirmed or has failed."""

    entity_description: BatteryTimeDescription

    @property
    @override
    def family(self) -> BatteryFamily:
        return BatteryFamily.DISCHARGE_TO_GRID

    @property
    @override
    def native_value(self) -> time | None:
        wish = self.battery.wishes.get(self.entity_description.key)
        if isinstance(wish, time):
            return wish
        return self.entity_description.edge.of(self.battery.settings) if self.battery.settings else None

    @override
    async def async_set_value(self, value: time) -> None:
        await async_set_discharge_window(self.coordinator, self.entity_description.edge, value.replace(second=0, microsecond=0))
