"""What a charger is: its model, its limits, its connections and its energy meter (docs/cloud-api/chargers.md §2)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
import re
from typing import Self

from ..parsing import (
    Json,
    first_of,
    read_assignments,
    read_bool,
    read_float,
    read_int,
    read_label,
    read_mapping,
    read_records,
    read_serial,
    read_text,
    read_time,
)
from .wire import Model, derived, flag, wire

# A, as no charger has it: dividing by less would overflow.
_SMALLEST_STEP = 0.01
_BETWEEN_INTERFACES = re.compile(r"[\n\r\"']")


class PhaseMode(StrEnum):
    """How the charger is connected to the grid."""

    SINGLE = "single"
    SPLIT = "split"
    THREE = "three"


_PHASE_WORDS = {
    PhaseMode.SPLIT: re.compile(r"split"),
    PhaseMode.THREE: re.compile(r"^(3(?!\d)|three)"),
    PhaseMode.SINGLE: re.compile(r"^(1(?!\d)|single)"),
}
_MODE_OF_COUNT = {1: PhaseMode.SINGLE, 3: PhaseMode.THREE}


@dataclass(frozen=True, kw_only=True)
class LevelLimits:
    """The levels that a charger can be set to, in A: from `min` to `max` in steps of `step`."""

    min: float
    max: float
    step: float

    def allows(self, level: float) -> bool:
        """Return whether a level lies within the limits and on a step."""
        steps = (level - self.min) / self.step
        return self.min <= level <= self.max and abs(steps - round(steps)) < 1e-6

    def nearest_below(self, level: float) -> float:
        """Return the highest level that is allowed and not above this one."""
        bounded = min(max(level, self.min), self.max)
        return self.min + (bounded - self.min) // self.step * self.step


@dataclass(frozen=True, kw_only=True)
class ChargerSummary(Model):
    """One charger.

    Attributes:
        limits: A; `None` in the first answers after a gap, when the cloud leaves them out.
        default_level: A; `None` where it is switched off or not known.
        max_current, breaker_rating, rated_current: A.
        operating_voltage: V.
        lifetime_energy: Wh, cumulative.
        reporting_interval: s.
        connection: verbatim, such as `ethernet`.
        last_reported: UTC.
        gateway_serial: of the first gateway that it is connected to.
        mac_addresses: of its network interfaces, up or not, as the cloud writes them.
    """

    serial: str
    name: str | None = wire("displayName", read_label)
    model: str | None = wire("modelName", read_text)
    sku: str | None = wire("sku", read_text)
    part_number: str | None = wire("partNumber", read_text)
    firmware: str | None = wire("firmwareVersion", read_text)
    max_current: float | None = wire("maxCurrent", read_float)
    breaker_rating: float | None = wire("breakerRating", read_float)
    rated_current: float | None = wire("ratedCurrent", read_float)
    operating_voltage: float | None = wire("operatingVoltage", read_float)
    phase_mode_text: str | None = wire("phaseMode", read_text)
    phase_count: int | None = wire("phaseCount", read_int)
    lifetime_energy: float | None = wire("lifeTimeConsumption", read_float)
    is_load_balancing_enabled: bool | None = wire("dlbEnabled", read_bool)
    supports_battery_use: bool | None = wire("supportsUseBattery", read_bool)
    is_connected: bool | None = wire("isConnected", read_bool)
    is_retired: bool = flag("isRetired")
    connection: str | None = wire("activeConnection", read_text)
    reporting_interval: float | None = wire("reportingInterval", read_float)
    last_reported: datetime | None = wire("lastReportedAt", read_time)
    limits: LevelLimits | None = derived(None)
    default_level: float | None = derived(None)
    ip_address: str | None = derived(None)
    gateway_serial: str | None = derived(None)
    mac_addresses: tuple[str, ...] = derived(())

    @classmethod
    def read(cls, record: dict[str, Json]) -> Self | None:
        """Read one charger; `None` where it has no serial number."""
        serial = read_serial(first_of(record, "serialNumber", "sn"))
        if serial is None:
            return None
        levels = read_mapping(record.get("chargeLevelDetails"))
        interfaces = _read_interfaces(record.get("networkConfig"))
        up = [interface for interface in interfaces if interface.get("connectionStatus") == "1"]
        return replace(
            cls.from_dict({**record, "serial": serial}),
            limits=_read_limits(levels),
            default_level=read_float(levels.get("defaultChargeLevel")),
            gateway_serial=next(_read_gateways(record.get("gatewayConnectivityDetails")), None),
            mac_addresses=tuple(interface["mac_addr"] for interface in interfaces if interface.get("mac_addr")),
            ip_address=next((interface["ipaddr"] for interface in up if interface.get("ipaddr")), None),
        )

    @property
    def phase_mode(self) -> PhaseMode | None:
        """Return the topology from `phaseMode` (1, 3 or a text such as `split`), else from the number of phases."""
        text = (self.phase_mode_text or "").lower()
        named = next((mode for mode, words in _PHASE_WORDS.items() if words.search(text)), None)
        return named or _MODE_OF_COUNT.get(self.phase_count or 0)


def read_summaries(body: Json) -> list[ChargerSummary]:
    """Read a list of chargers, or the answer about a single one."""
    data = read_mapping(body).get("data")
    records = [data] if isinstance(data, dict) and "serialNumber" in data else read_records(body)
    return [summary for record in records if (summary := ChargerSummary.read(record)) is not None]


def _read_limits(levels: dict[str, Json]) -> LevelLimits | None:
    lowest, highest = read_float(levels.get("min")), read_float(levels.get("max"))
    if lowest is None or highest is None or not 0 < lowest <= highest:
        return None
    step = read_float(levels.get("granularity"))
    return LevelLimits(min=lowest, max=highest, step=step if step and step >= _SMALLEST_STEP else 1.0)


def _read_gateways(value: Json) -> Iterator[str]:
    """Yield the serial numbers of the gateways that a charger is connected to (docs/cloud-api/live.md §1)."""
    return (serial for gateway in read_records(value) if (serial := read_serial(gateway.get("gwSerialNum"))) is not None)


def _read_interfaces(value: Json) -> list[dict[str, str]]:
    """Read `networkConfig`, a text that holds a list of quoted texts, or of lines, one an interface."""
    lines = (line.strip(" \t,[]") for line in _BETWEEN_INTERFACES.split(value if isinstance(value, str) else ""))
    return [interface for line in lines if (interface := read_assignments(line))]
