"""Buttons: a poll at once, start and stop charging for dashboards that want no switch, and what the batteries need now and then."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .battery.coordinator import BatteryCoordinator
from .battery.model import Battery
from .battery.settings import (
    async_cancel_profile_change,
    async_opt_out_of_storm_alerts,
    async_refresh_battery,
    async_restore_schedules,
)
from .charger.commands import ChargerCommands
from .charger.model import Charger
from .enlighten import CommandReply
from .entity import BATTERY, CHARGERS, SITE, BatteryEntity, ChargerEntity, SiteEntity, SubjectDescription, add_entities
from .runtime import EnphaseConfigEntry
from .site.model import SiteFacts
from .site.refresh import async_refresh

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class ChargerButtonDescription(SubjectDescription[Charger], ButtonEntityDescription):
    """Describes a button of a charger."""

    press_fn: Callable[[ChargerCommands, str], Awaitable[CommandReply]]


CHARGER_BUTTONS = (
    ChargerButtonDescription(
        key="start_charging",
        translation_key="start_charging",
        entity_registry_enabled_default=False,
        press_fn=lambda commands, serial: commands.async_start(serial),
    ),
    ChargerButtonDescription(
        key="stop_charging",
        translation_key="stop_charging",
        entity_registry_enabled_default=False,
        press_fn=lambda commands, serial: commands.async_stop(serial),
    ),
)


@dataclass(frozen=True, kw_only=True)
class BatteryButtonDescription(SubjectDescription[Battery], ButtonEntityDescription):
    """Describes a button of all batteries; it is unavailable while there is nothing for it to do."""

    press_fn: Callable[[BatteryCoordinator], Awaitable[None]]
    has_work_fn: Callable[[Battery], bool] = lambda _: True


async def _end_override(coordinator: BatteryCoordinator) -> None:
    """End the override, and put back what was before."""
    entry: EnphaseConfigEntry = coordinator.config_entry
    await entry.runtime_data.overrides.async_clear()


BATTERY_BUTTONS = (
    BatteryButtonDescription(
        key="end_override",
        translation_key="end_override",
        has_fn=lambda battery: battery.may_write,
        has_work_fn=lambda battery: battery.override is not None,
        press_fn=_end_override,
    ),
    BatteryButtonDescription(
        key="refresh_battery",
        translation_key="refresh_battery",
        entity_registry_enabled_default=False,
        entity_category=EntityCategory.DIAGNOSTIC,
        press_fn=async_refresh_battery,
    ),
    BatteryButtonDescription(
        key="restore_schedules",
        translation_key="restore_schedules",
        entity_registry_enabled_default=False,
        entity_category=EntityCategory.DIAGNOSTIC,
        has_fn=lambda battery: battery.may_write and battery.schedules is not None,
        press_fn=async_restore_schedules,
    ),
    BatteryButtonDescription(
        key="cancel_profile_change",
        translation_key="cancel_profile_change",
        entity_registry_enabled_default=False,
        entity_category=EntityCategory.CONFIG,
        has_fn=lambda battery: battery.may_write and battery.profile is not None,
        has_work_fn=lambda battery: battery.is_profile_changing,
        press_fn=async_cancel_profile_change,
    ),
    BatteryButtonDescription(
        key="storm_alert_opt_out",
        translation_key="storm_alert_opt_out",
        entity_category=EntityCategory.CONFIG,
        has_fn=lambda battery: battery.may_write and battery.site.shows_storm_guard,
        has_work_fn=lambda battery: bool(battery.active_alerts),
        press_fn=async_opt_out_of_storm_alerts,
    ),
)


@dataclass(frozen=True, kw_only=True)
class SiteButtonDescription(SubjectDescription[SiteFacts], ButtonEntityDescription):
    """Describes a button of the site."""


REFRESH = SiteButtonDescription(key="refresh", translation_key="refresh", entity_category=EntityCategory.DIAGNOSTIC)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the buttons of an entry."""
    add_entities(entry, async_add_entities, SITE, [REFRESH], RefreshButton)
    add_entities(entry, async_add_entities, CHARGERS, CHARGER_BUTTONS, ChargerButton)
    add_entities(entry, async_add_entities, BATTERY, BATTERY_BUTTONS, BatteryButton)


class RefreshButton(SiteEntity, ButtonEntity):
    """Polls at once, and says so where the cloud still does not answer."""

    @override
    async def async_press(self) -> None:
        entry: EnphaseConfigEntry = self.coordinator.config_entry
        await async_refresh(entry.runtime_data)


class ChargerButton(ChargerEntity, ButtonEntity):
    """A button of a charger."""

    entity_description: ChargerButtonDescription

    @override
    async def async_press(self) -> None:
        await self.entity_description.press_fn(self._runtime.charger_commands, self._subject_id)


class BatteryButton(BatteryEntity, ButtonEntity):
    """A button of all batteries."""

    entity_description: BatteryButtonDescription

    @property
    @override
    def available(self) -> bool:
        return super().available and self.entity_description.has_work_fn(self.battery)

    @override
    async def async_press(self) -> None:
        await self.entity_description.press_fn(self.coordinator)
