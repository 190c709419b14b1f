"""Switches: a charger's charging, settings and schedule slots; the battery's families, their schedules, storm guard, PowerMatch, car."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .battery.change import Change
from .battery.coordinator import BatteryCoordinator
from .battery.model import Battery
from .battery.settings import (
    async_set_power_match,
    async_set_storm_guard,
    async_switch_battery_for_car,
    async_switch_charge_schedules,
    async_switch_family,
)
from .charger.coordinator import ChargerCoordinator
from .charger.model import Charger
from .charger.plan_entities import PLAN_SWITCH, PlanSwitch
from .const import DOMAIN
from .enlighten import BatteryFamily, ChargingSlot, CommandReply, ConfigurationKey, Feature, SlotType
from .entity import BATTERY, CHARGERS, PLANS, ChargerEntity, LockableEntity, SubjectDescription, add_entities
from .freshness import BATTERY_PROFILE, BATTERY_SETTINGS, CHARGER_CONFIGURATION, CHARGING_SCHEDULE, GREEN_MODE_SETTINGS, Source
from .runtime import EnphaseConfigEntry, EnphaseRuntimeData

PARALLEL_UPDATES = 1

_SLOT = "slot"


@dataclass(frozen=True, kw_only=True)
class ChargerSwitchDescription(SubjectDescription[Charger], SwitchEntityDescription):
    """Describes a switch of a charger."""

    value_fn: Callable[[Charger], bool | None]
    set_fn: Callable[[EnphaseRuntimeData, str, bool], Awaitable[CommandReply | None]]
    attributes_fn: Callable[[Charger], Mapping[str, StateType]] | None = None


def _configuration(key: ConfigurationKey) -> Callable[[Charger], bool | None]:
    return lambda charger: charger.details.configuration.is_enabled(key) if charger.details.configuration else None


def _configure(key: ConfigurationKey) -> Callable[[EnphaseRuntimeData, str, bool], Awaitable[None]]:
    return lambda runtime, serial, on: runtime.details.async_set_configuration(serial, key, on)


def _charge(runtime: EnphaseRuntimeData, serial: str, on: bool) -> Awaitable[CommandReply]:
    return runtime.charger_commands.async_start(serial) if on else runtime.charger_commands.async_stop(serial)


def _last_command(charger: Charger) -> Mapping[str, StateType]:
    command = charger.start_stop
    return {"last_command": command.state.value if command else None, "last_command_reason": command.reason if command else None}


CHARGER_SWITCHES = (
    ChargerSwitchDescription(
        key="charging",
        translation_key="charging",
        value_fn=lambda charger: charger.is_charging_shown,
        set_fn=_charge,
        attributes_fn=_last_command,
    ),
    ChargerSwitchDescription(
        key="green_battery",
        translation_key="green_battery",
        source=GREEN_MODE_SETTINGS,
        entity_category=EntityCategory.CONFIG,
        has_fn=lambda charger: charger.details.battery_help is not None,
        value_fn=lambda charger: charger.details.battery_help,
        set_fn=lambda runtime, serial, on: runtime.details.async_set_battery_help(serial, is_enabled=on),
    ),
    ChargerSwitchDescription(
        key="app_authentication",
        translation_key="app_authentication",
        entity_registry_enabled_default=False,
        source=CHARGER_CONFIGURATION,
        entity_category=EntityCategory.CONFIG,
        has_fn=lambda charger: Feature.AUTHENTICATION in charger.details.features,
        value_fn=_configuration(ConfigurationKey.APP_AUTHENTICATION),
        set_fn=_configure(ConfigurationKey.APP_AUTHENTICATION),
    ),
    ChargerSwitchDescription(
        key="rfid_authentication",
        translation_key="rfid_authentication",
        entity_registry_enabled_default=False,
        source=CHARGER_CONFIGURATION,
        entity_category=EntityCategory.CONFIG,
        has_fn=lambda charger: Feature.RFID in charger.details.features,
        value_fn=_configuration(ConfigurationKey.RFID_AUTHENTICATION),
        set_fn=_configure(ConfigurationKey.RFID_AUTHENTICATION),
    ),
)


@dataclass(frozen=True, kw_only=True)
class BatterySwitchDescription(SubjectDescription[Battery], SwitchEntityDescription):
    """Describes a switch of all batteries."""

    source: Source | None = BATTERY_SETTINGS
    family: BatteryFamily | None = None
    value_fn: Callable[[Battery], bool | None]
    set_fn: Callable[[BatteryCoordinator, bool], Awaitable[Change]]


def _family_switch(family: BatteryFamily) -> BatterySwitchDescription:
    key = family.name.lower()
    return BatterySwitchDescription(
        key=key,
        translation_key=key,
        family=family,
        has_fn=lambda battery: battery.may_write and battery.has_family(family),
        value_fn=lambda battery: battery.settings.is_enabled(family) if battery.settings and battery.settings.is_told(family) else None,
        set_fn=lambda coordinator, on: async_switch_family(coordinator, family, is_on=on),
    )


BATTERY_SWITCHES = (
    *(_family_switch(family) for family in BatteryFamily),
    BatterySwitchDescription(
        key="charge_from_grid_schedule",
        translation_key="charge_from_grid_schedule",
        family=BatteryFamily.CHARGE_FROM_GRID,
        has_fn=lambda battery: battery.may_write and battery.has_schedules(BatteryFamily.CHARGE_FROM_GRID),
        value_fn=lambda battery: battery.settings.schedules_charge if battery.settings else None,
        set_fn=lambda coordinator, on: async_switch_charge_schedules(coordinator, is_on=on),
    ),
    BatterySwitchDescription(
        key="storm_guard",
        translation_key="storm_guard",
        source=BATTERY_PROFILE,
        has_fn=lambda battery: battery.may_write and battery.site.shows_storm_guard and battery.profile is not None,
        value_fn=lambda battery: battery.profile.storm_guard if battery.profile else None,
        set_fn=lambda coordinator, on: async_set_storm_guard(coordinator, is_on=on),
    ),
    BatterySwitchDescription(
        key="storm_guard_ev",
        translation_key="storm_guard_ev",
        entity_registry_enabled_default=False,
        source=BATTERY_PROFILE,
        has_fn=lambda battery: (
            battery.may_write
            and battery.site.shows_storm_guard
            and battery.profile is not None
            and battery.profile.storm_guard_ev is not None
        ),
        value_fn=lambda battery: battery.profile.storm_guard_ev if battery.profile else None,
        set_fn=lambda coordinator, on: async_set_storm_guard(coordinator, is_on=on, is_for_ev=True),
    ),
    BatterySwitchDescription(
        key="power_match",
        translation_key="power_match",
        has_fn=lambda battery: battery.may_write and battery.settings is not None and battery.settings.has_power_match,
        value_fn=lambda battery: battery.settings.power_match if battery.settings else None,
        set_fn=lambda coordinator, on: async_set_power_match(coordinator, is_on=on),
    ),
    BatterySwitchDescription(
        key="battery_for_car",
        translation_key="battery_for_car",
        has_fn=lambda battery: battery.may_feed_car,
        value_fn=lambda battery: battery.settings.battery_for_car if battery.settings else None,
        set_fn=lambda coordinator, on: async_switch_battery_for_car(coordinator, is_on=on),
    ),
)
CUSTOM_SLOT = SubjectDescription[Charger](
    key=_SLOT, translation_key="custom_slot", source=CHARGING_SCHEDULE, entity_category=EntityCategory.CONFIG
)
OFF_PEAK_SLOT = SubjectDescription[Charger](
    key=_SLOT, translation_key="off_peak_slot", source=CHARGING_SCHEDULE, entity_category=EntityCategory.CONFIG
)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the switches of an entry."""
    add_entities(entry, async_add_entities, CHARGERS, CHARGER_SWITCHES, ChargerSwitch)
    add_entities(entry, async_add_entities, BATTERY, BATTERY_SWITCHES, BatterySwitch)
    add_entities(entry, async_add_entities, PLANS, [PLAN_SWITCH], PlanSwitch)
    slots = _SlotSwitches(hass, entry, async_add_entities)
    slots.async_follow()
    entry.async_on_unload(entry.runtime_data.chargers.async_add_listener(slots.async_follow))


class ChargerSwitch(ChargerEntity, SwitchEntity):
    """A switch of a charger. The one for charging shows what was asked for until that is confirmed or has failed."""

    entity_description: ChargerSwitchDescription

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.value_fn(self.charger)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, StateType] | None:
        attributes_fn = self.entity_description.attributes_fn
        return attributes_fn(self.charger) if attributes_fn else None

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self._set(is_on=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self._set(is_on=False)

    async def _set(self, *, is_on: bool) -> None:
        await self.entity_description.set_fn(self._runtime, self._subject_id, is_on)


class BatterySwitch(LockableEntity, SwitchEntity):
    """A switch of all batteries; shows what was asked for until that is confirmed or has failed."""

    entity_description: BatterySwitchDescription

    @property
    @override
    def family(self) -> BatteryFamily | None:
        return self.entity_description.family

    @property
    @override
    def is_on(self) -> bool | None:
        wish = self.battery.wishes.get(self.entity_description.key)
        return wish if isinstance(wish, bool) else self.entity_description.value_fn(self.battery)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self.entity_description.set_fn(self.coordinator, True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self.entity_description.set_fn(self.coordinator, False)


class SlotSwitch(ChargerEntity, SwitchEntity):
    """Switches one slot of the schedule on and off."""

    def __init__(self, coordinator: ChargerCoordinator, serial: str, slot: ChargingSlot) -> None:
        super().__init__(coordinator, OFF_PEAK_SLOT if slot.type is SlotType.OFF_PEAK else CUSTOM_SLOT, serial)
        self._slot_id = slot.id
        self._attr_unique_id = _slot_unique_id(serial, slot)
        # Every charger has an off-peak slot; few people use it.
        self._attr_entity_registry_enabled_default = slot.type is not SlotType.OFF_PEAK or slot.is_enabled
        start, end = (f"{moment:%H:%M}" if moment else "-" for moment in (slot.start, slot.end))
        self._attr_translation_placeholders = {"start": start, "end": end}

    @property
    def _slot(self) -> ChargingSlot | None:
        return next((slot for slot in self.charger.details.slots or () if slot.id == self._slot_id), None)

    @property
    @override
    def is_on(self) -> bool | None:
        return self._slot.is_enabled if self._slot else None

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        slot = self._slot
        return {"days": list(slot.days), "level": slot.level} if slot else {}

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self._set(is_enabled=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self._set(is_enabled=False)

    async def _set(self, *, is_enabled: bool) -> None:
        await self._runtime.details.async_change_slot(self._subject_id, self._slot_id, lambda slot: replace(slot, is_enabled=is_enabled))


class _SlotSwitches:
    """Keeps one switch for every slot, and adds and removes it with the slot."""

    def __init__(self, hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
        self._entities = er.async_get(hass)
        self._hass = hass
        self._entry = entry
        self._add = async_add_entities
        # By charger and slot: the name, which holds the times, and the entity that has it.
        self._known: dict[tuple[str, str], tuple[object, SlotSwitch]] = {}
        # By charger: the slots that the switches match.
        self._followed: dict[str, tuple[ChargingSlot, ...]] = {}

    @callback
    def async_follow(self) -> None:
        """Add and remove switches so that they match the schedules."""
        coordinator = self._entry.runtime_data.chargers
        # If a charger is gone and comes back one day, it is a new one.
        for serial in self._followed.keys() - coordinator.data.keys():
            del self._followed[serial]
            self._forget(serial, set())
        for serial, charger in coordinator.data.items():
            slots = charger.details.slots
            if slots is not None and self._followed.get(serial) is not slots:
                self._followed[serial] = slots
                self._follow_charger(coordinator, serial, slots)

    def _follow_charger(self, coordinator: ChargerCoordinator, serial: str, slots: tuple[ChargingSlot, ...]) -> None:
        self._remove_gone(serial, {_slot_unique_id(serial, slot) for slot in slots})
        new: list[SlotSwitch] = []
        for slot in slots:
            name = (slot.start, slot.end)
            known = self._known.get((serial, slot.id))
            if known is not None and known[0] == name:
                continue
            switch = SlotSwitch(coordinator, serial, slot)
            self._known[(serial, slot.id)] = (name, switch)
            if known is None:
                new.append(switch)
            else:
                # The name holds the times, and is set only when an entity is added.
                self._entry.async_create_task(self._hass, self._replace(known[1], switch), "Enphase: rename a slot's switch")
        self._add(new)

    async def _replace(self, old: SlotSwitch, new: SlotSwitch) -> None:
        await old.async_remove()
        self._add([new])

    def _remove_gone(self, serial: str, there: set[str]) -> None:
        prefix = f"{serial}_{_SLOT}_"
        for entity in er.async_entries_for_config_entry(self._entities, self._entry.entry_id):
            is_slot = entity.domain == Platform.SWITCH and entity.platform == DOMAIN and entity.unique_id.startswith(prefix)
            if is_slot and entity.unique_id not in there:
                self._entities.async_remove(entity.entity_id)
        self._forget(serial, there)

    def _forget(self, serial: str, there: set[str]) -> None:
        prefix = f"{serial}_{_SLOT}_"
        for known in [key for key in self._known if key[0] == serial]:
            if f"{prefix}{known[1].rpartition(':')[2]}" not in there:
                del self._known[known]


def _slot_unique_id(serial: str, slot: ChargingSlot) -> str:
    return f"{serial}_{_SLOT}_{slot.short_id}"
