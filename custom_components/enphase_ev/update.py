"""Updates: the firmware of a charger. Enphase installs it; here it is only shown."""

from dataclasses import dataclass
from typing import override

from homeassistant.components.update import UpdateEntity, UpdateEntityDescription
from homeassistant.components.update.const import UpdateDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .charger.model import Charger
from .entity import CHARGERS, ChargerEntity, SubjectDescription, add_entities
from .freshness import FIRMWARE
from .runtime import EnphaseConfigEntry

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class ChargerUpdateDescription(SubjectDescription[Charger], UpdateEntityDescription):
    """Describes an update entity of a charger."""


CHARGER_UPDATES = (
    ChargerUpdateDescription(
        key="firmware",
        source=FIRMWARE,
        device_class=UpdateDeviceClass.FIRMWARE,
        entity_category=EntityCategory.DIAGNOSTIC,
        has_fn=lambda charger: charger.details.firmware is not None,
    ),
)


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the updates of an entry."""
    add_entities(entry, async_add_entities, CHARGERS, CHARGER_UPDATES, FirmwareUpdate)


class FirmwareUpdate(ChargerEntity, UpdateEntity):
    """The firmware that is there and the one that Enphase is about to install."""

    @property
    @override
    def installed_version(self) -> str | None:
        firmware = self.charger.details.firmware
        return (firmware.installed if firmware else None) or (self.charger.summary.firmware if self.charger.summary else None)

    @property
    @override
    def latest_version(self) -> str | None:
        firmware = self.charger.details.firmware
        return (firmware.target if firmware else None) or self.installed_version

    @property
    @override
    def auto_update(self) -> bool:
        firmware = self.charger.details.firmware
        return firmware is not None and firmware.is_automatic is True
