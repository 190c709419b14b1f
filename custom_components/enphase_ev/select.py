"""Selects: the charge mode of a charger, and the system profile of the batteries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .battery.model import CHOOSABLE, PROFILES, Battery, profile_name, profile_shown, profile_word, unknown_profile
from .battery.settings import async_set_profile
from .charger.model import Charger
from .enlighten import ChargeMode
from .entity import BATTERY, CHARGERS, BatteryEntity, ChargerEntity, SubjectDescription, add_entities
from .freshness import BATTERY_PROFILE, CHARGE_MODE
from .runtime import EnphaseConfigEntry

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class ChargerSelectDescription(SubjectDescription[Charger], SelectEntityDescription):
    """Describes a select of a charger."""


CHARGER_SELECTS = (
    ChargerSelectDescription(
        key="charge_mode",
        translation_key="charge_mode",
        source=CHARGE_MODE,
        has_fn=lambda charger: charger.preference is not None,
    ),
)


@dataclass(frozen=True, kw_only=True)
class BatterySelectDescription(SubjectDescription[Battery], SelectEntityDescription):
    """Describes a select of all batteries."""


BATTERY_SELECTS = (
    BatterySelectDescription(
        key="system_profile",
        translation_key="system_profile",
        source=BATTERY_PROFILE,
        options=list(CHOOSABLE),
        has_fn=lambda battery: battery.may_write and profile_word(battery) is not None,
    ),
)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the selects of an entry."""
    add_entities(entry, async_add_entities, CHARGERS, CHARGER_SELECTS, ChargeModeSelect)
    add_entities(entry, async_add_entities, BATTERY, BATTERY_SELECTS, ProfileSelect)


class ChargeModeSelect(ChargerEntity, SelectEntity):
    """How the charger decides when to charge, out of the modes that it offers."""

    @property
    @override
    def options(self) -> list[str]:
        offered = self.charger.preference.offered if self.charger.preference else ()
        # A mode that is no longer offered is still shown while it is in force, and an unknown mode can be left for another one.
        in_force = self.charger.mode_shown or (None if offered else ChargeMode.MANUAL)
        return [mode.name.lower() for mode in ChargeMode if mode in offered or mode is in_force]

    @property
    @override
    def current_option(self) -> str | None:
        mode = self.charger.mode_shown
        return mode.name.lower() if mode else None

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, StateType]:
        return {"reported": self.charger.unknown_mode}

    @override
    async def async_select_option(self, option: str) -> None:
        await self._runtime.charger_commands.async_set_mode(self._subject_id, ChargeMode[option.upper()])


class ProfileSelect(BatteryEntity, SelectEntity):
    """The system profile; each brings its own reserve and its own state of charge from grid along."""

    @property
    @override
    def options(self) -> list[str]:
        known = self.battery.profile.reserves if self.battery.profile else {}
        in_force = self.current_option
        return [name for name in PROFILES if name == in_force or (name in CHOOSABLE and (not known or PROFILES[name] in known))]

    @property
    @override
    def current_option(self) -> str | None:
        wish = self.battery.wishes.get(self.entity_description.key)
        return profile_name(wish) if isinstance(wish, str) else profile_shown(self.battery)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, StateType]:
        return {"reported": None if self.current_option else unknown_profile(self.battery)}

    @override
    async def async_select_option(self, option: str) -> None:
        await async_set_profile(self.coordinator, PROFILES[option])
