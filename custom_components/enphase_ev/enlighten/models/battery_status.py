"""What the cloud says about the charge of the batteries of a site (docs/cloud-api/battery.md §3)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from ..exceptions import InvalidResponse
from ..parsing import Json, first_of, read_float, read_int, read_list, read_mapping, read_records, read_serial, read_text, read_time
from .wire import Model, derived_mapping, wire

# What an answer about the batteries tells of all of them together.
_FIGURES = ("current_charge", "available_energy", "max_capacity", "available_power", "max_power")


@dataclass(frozen=True, kw_only=True)
class BatteryUnit(Model):
    """One battery. Charge and health in %, energy in kWh, power in kW: what it can give now, and at most."""

    serial: str
    state_of_charge: float | None = wire("current_charge", read_float)
    available_energy: float | None = wire("available_energy", read_float)
    capacity: float | None = wire("max_capacity", read_float)
    available_power: float | None = wire("available_power", read_float)
    max_power: float | None = wire("max_power", read_float)
    led: int | None = wire("led_status", read_int)
    status: str | None = wire("status", read_text)
    cycle_count: int | None = wire("cycle_count", read_int)
    health: float | None = wire("battery_soh", read_float)
    last_reported: datetime | None = wire("last_report", read_time)


@dataclass(frozen=True, kw_only=True)
class BatteryStatus(Model):
    """All batteries together, and each by serial number. Charge in %, energy in kWh, power in kW."""

    state_of_charge: float | None = wire("current_charge", read_float)
    available_energy: float | None = wire("available_energy", read_float)
    capacity: float | None = wire("max_capacity", read_float)
    available_power: float | None = wire("available_power", read_float)
    max_power: float | None = wire("max_power", read_float)
    units: Mapping[str, BatteryUnit] = derived_mapping()

    @property
    def last_reported(self) -> datetime | None:
        """Return when one of them reported last (UTC)."""
        return max((unit.last_reported for unit in self.units.values() if unit.last_reported), default=None)

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read the status of the batteries.

        Raises:
            InvalidResponse: The answer tells nothing of it: that is no proof that there is nothing to tell.
        """
        data = read_mapping(body)
        data = read_mapping(data.get("data")) or data
        if not _tells_status(data):
            raise InvalidResponse("The battery status makes no sense")
        units = {
            serial: BatteryUnit.from_dict({**record, "serial": serial})
            for record in read_records(data.get("storages"))
            if (serial := read_serial(first_of(record, "serial_number", "serial_num", "id"))) is not None
        }
        return replace(cls.from_dict(data), units=units)


def _tells_status(data: Mapping[str, Json]) -> bool:
    """Return whether an answer has figures, or a list of batteries, be it an empty one."""
    return read_list(data.get("storages")) is not None or first_of(data, *_FIGURES) is not None
