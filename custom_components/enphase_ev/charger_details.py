"""What changes seldom about a charger."""

from dataclasses import dataclass

from .enlighten import ChargerConfiguration, ChargingSlot, Feature, FirmwareDetails, PastSession


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

    def slot(self, slot_id: str) -> ChargingSlot | None:
        """Return a slot by its full or its short id."""
        return next((slot for slot in self.slots or () if slot_id in {slot.id, slot.short_id}), None)
