"""What changes seldom about a charger."""

from dataclasses import dataclass

from ..enlighten import ChargerConfiguration, ChargingSlot, ConfigurationKey, Feature, FirmwareDetails, PastSession


@dataclass(frozen=True, kw_only=True)
class ChargerDetails:
    """Schedules, settings, firmware and the last session; `None` is what was not answered yet or is not there.

    `battery_help`: whether the house battery helps in green mode.
    """

    slots: tuple[ChargingSlot, ...] | None = None
    configuration: ChargerConfiguration | None = None
    battery_help: bool | None = None
    features: frozenset[Feature] = frozenset()
    firmware: FirmwareDetails | None = None
    last_session: PastSession | None = None

    def has_slot(self, slot_id: str) -> bool:
        """Return whether there is a slot with this id, full or short."""
        return any(slot_id in {slot.id, slot.short_id} for slot in self.slots or ())

    def setting(self, key: ConfigurationKey) -> str | None:
        """Return the value of a key of the configuration, `None` where it is off, unset or not known."""
        return self.configuration.values.get(key) if self.configuration else None
