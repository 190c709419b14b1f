"""Numbers: a charger's levels and what its planner charges, and the battery's reserve, shutdown level and level for the car."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import override

from homeassistant.components.number import NumberDeviceClass, NumberEntity, NumberEntityDescription, NumberMode
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfElectricCurrent
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .battery.change import Change
from .battery.coordinator import BatteryCoordinator
from .battery.model import Battery
from .battery.settings import async_set_battery_for_car_limit, async_set_reserve, async_set_shutdown_level
from .charger.model import Charger
from .charger.plan_entities import PLAN_ENERGY, PlanEnergy
from .charger.validation import check_level
from .enlighten import BatterySettings, ConfigurationKey, LevelLimits
from .entity import BATTERY, CHARGERS, PLANS, BatteryEntity, ChargerEntity, SubjectDescription, add_entities
from .freshness import BATTERY_SETTINGS, CHARGER_CONFIGURATION, Source
from .runtime import EnphaseConfigEntry, EnphaseRuntimeData

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class ChargerNumberDescription(SubjectDescription[Charger], NumberEntityDescription):
    """Describes a number of a charger, in A within the charger's limits."""

    value_fn: Callable[[Charger], float | None]
    set_fn: Callable[[EnphaseRuntimeData, str, float], Awaitable[None]]
    attributes_fn: Callable[[Charger], Mapping[str, StateType]] | None = None


def _has_limits(charger: Charger) -> bool:
    return charger.summary is not None and charger.summary.limits is not None


def _default_level(charger: Charger) -> float | None:
    """Return the level that the charger starts with by itself; a change that waits for the charger counts."""
    return charger.details.default_level or (charger.summary.default_level if charger.summary else None)


def _has_default_level(charger: Charger) -> bool:
    """Return whether the charger has such a level, set or not."""
    configuration = charger.details.configuration
    has_key = configuration is not None and ConfigurationKey.DEFAULT_LEVEL in configuration.keys
    return _has_limits(charger) and (has_key or _default_level(charger) is not None)


async def _set_default_level(runtime: EnphaseRuntimeData, serial: str, level: float) -> None:
    await runtime.steps.async_gather(
        f"default level of {serial}",
        lambda: runtime.details.async_set_configuration(serial, ConfigurationKey.DEFAULT_LEVEL, level),
    )


CHARGER_NUMBERS = (
    ChargerNumberDescription(
        key="charging_amps",
        translation_key="charging_amps",
        device_class=NumberDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        mode=NumberMode.BOX,
        has_fn=_has_limits,
        value_fn=lambda charger: charger.wished_level,
        set_fn=lambda runtime, serial, level: runtime.charger_commands.async_set_level(serial, level),
        attributes_fn=lambda charger: {"in_force": charger.takes_level},
    ),
    ChargerNumberDescription(
        key="default_charge_level",
        translation_key="default_charge_level",
        entity_registry_enabled_default=False,
        source=CHARGER_CONFIGURATION,
        device_class=NumberDeviceClass.CURRENT,
        entity_category=EntityCategory.CONFIG,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        has_fn=_has_default_level,
        value_fn=_default_level,
        set_fn=_set_default_level,
    ),
)


@dataclass(frozen=True, kw_only=True)
class BatteryNumberDescription(SubjectDescription[Battery], NumberEntityDescription):
    """Describes a number of all batteries, in %."""

    source: Source | None = BATTERY_SETTINGS
    value_fn: Callable[[BatterySettings], float | None]
    range_fn: Callable[[BatterySettings], tuple[float | None, float | None]]
    set_fn: Callable[[BatteryCoordinator, float], Awaitable[Change]]


def _has_level_for_car(battery: Battery) -> bool:
    is_told = battery.settings is not None and battery.settings.battery_for_car_limit is not None
    return battery.may_feed_car and battery.site.has_battery_for_car_limit is not False and is_told


BATTERY_NUMBERS = (
    BatteryNumberDescription(
        key="reserve",
        translation_key="reserve",
        device_class=NumberDeviceClass.BATTERY,
        native_unit_of_measurement=PERCENTAGE,
        has_fn=lambda battery: battery.may_write and battery.settings is not None and battery.settings.reserve is not None,
        value_fn=lambda settings: settings.reserve,
        range_fn=lambda settings: (settings.reserve_min, settings.reserve_max),
        set_fn=async_set_reserve,
    ),
    BatteryNumberDescription(
        key="shutdown_level",
        translation_key="shutdown_level",
        entity_registry_enabled_default=False,
        device_class=NumberDeviceClass.BATTERY,
        entity_category=EntityCategory.CONFIG,
        native_unit_of_measurement=PERCENTAGE,
        has_fn=lambda battery: battery.may_write and battery.settings is not None and battery.settings.shutdown_max is not None,
        value_fn=lambda settings: settings.shutdown_level,
        range_fn=lambda settings: (settings.shutdown_min, settings.shutdown_max),
        set_fn=async_set_shutdown_level,
    ),
    BatteryNumberDescription(
        key="battery_for_car_limit",
        translation_key="battery_for_car_limit",
        native_unit_of_measurement=PERCENTAGE,
        has_fn=_has_level_for_car,
        # Where it may not feed the car, some sites keep no level.
        value_fn=lambda settings: settings.battery_for_car_limit or None,
        range_fn=lambda settings: (settings.battery_for_car_min, 100.0),
        set_fn=async_set_battery_for_car_limit,
    ),
)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the numbers of an entry."""
    add_entities(entry, async_add_entities, CHARGERS, CHARGER_NUMBERS, ChargerNumber)
    add_entities(entry, async_add_entities, BATTERY, BATTERY_NUMBERS, BatteryNumber)
    add_entities(entry, async_add_entities, PLANS, [PLAN_ENERGY], PlanEnergy)


class ChargerNumber(ChargerEntity, NumberEntity):
    """A level of a charger. Setting the charging amps starts nothing; in green and smart mode they are kept and not in force."""

    entity_description: ChargerNumberDescription
    # What was set and is on its way. A list, so that a later one of the same value is another one.
    _asked: list[float] | None = None

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        # Steps are gathered. If Home Assistant ran one after the other, each would wait for its own answer.
        self.parallel_updates = None

    @property
    def _limits(self) -> LevelLimits | None:
        summary = self.charger.summary
        return summary.limits if summary else None

    @property
    @override
    def native_min_value(self) -> float:
        return self._limits.min if self._limits else super().native_min_value

    @property
    @override
    def native_max_value(self) -> float:
        return self._limits.max if self._limits else super().native_max_value

    @property
    @override
    def native_step(self) -> float | None:
        return self._limits.step if self._limits else super().native_step

    @property
    @override
    def native_value(self) -> float | None:
        return self._asked[0] if self._asked else self.entity_description.value_fn(self.charger)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, StateType] | None:
        attributes_fn = self.entity_description.attributes_fn
        return attributes_fn(self.charger) if attributes_fn else None

    @override
    async def async_set_native_value(self, value: float) -> None:
        check_level(self.charger, value)
        asked = self._asked = [value]
        self.async_write_ha_state()
        try:
            await self.entity_description.set_fn(self._runtime, self._subject_id, value)
        finally:
            if self._asked is asked:
                self._asked = None
                self._handle_coordinator_update()


class BatteryNumber(BatteryEntity, NumberEntity):
    """A level of all batteries; shows what was asked for until that is confirmed or has failed."""

    entity_description: BatteryNumberDescription
    _attr_native_step = 1

    @property
    def _range(self) -> tuple[float | None, float | None]:
        settings = self.battery.settings
        return self.entity_description.range_fn(settings) if settings else (None, None)

    @property
    @override
    def native_min_value(self) -> float:
        return self._range[0] or 0.0

    @property
    @override
    def native_max_value(self) -> float:
        return self._range[1] or 100.0

    @property
    @override
    def native_value(self) -> float | None:
        wish = self.battery.wishes.get(self.entity_description.key)
        if isinstance(wish, float):
            return wish
        return self.entity_description.value_fn(self.battery.settings) if self.battery.settings else None

    @override
    async def async_set_native_value(self, value: float) -> None:
        await self.entity_description.set_fn(self.coordinator, value)
