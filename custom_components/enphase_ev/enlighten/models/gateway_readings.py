"""What a gateway in the house tells an owner (docs/cloud-api/local.md §2). After a restart a number can be the word "unknown"."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
import re
from typing import Self

from ..parsing import Json, first_of, read_bool, read_float, read_mapping, read_records, read_text
from .wire import Model, derived, wire

_MOST_PHASES = 3
_BEFORE_SECOND_WORD = re.compile(r"[A-Za-z]+")
_MAINS = {"closed": True, "close": True, "open": False, "opened": False}


@dataclass(frozen=True, kw_only=True)
class MeterPhase(Model):
    """One phase of a meter: W, A, V."""

    power: float | None = wire("activePower", read_float)
    current: float | None = wire("current", read_float)
    voltage: float | None = wire("voltage", read_float)


@dataclass(frozen=True, kw_only=True)
class ChargerMeter(Model):
    """A current transformer on the circuit of a charger.

    Attributes:
        power: W.
        current: A.
        voltage: V, the mean of the phases.
        energy: Wh that the charger has drawn since the meter began to count.
        phases: each of them.
    """

    power: float | None = wire("activePower", read_float)
    current: float | None = wire("current", read_float)
    voltage: float | None = wire("voltage", read_float)
    energy: float | None = wire("actEnergyDlvd", read_float)
    phases: tuple[MeterPhase, ...] = derived(())

    @classmethod
    def read(cls, record: dict[str, Json]) -> Self:
        """Read the readings of one meter."""
        phases = tuple(MeterPhase.from_dict(channel) for channel in read_records(record.get("channels"))[:_MOST_PHASES])
        read = cls.from_dict(record)
        volts = [phase.voltage for phase in phases if phase.voltage is not None]
        # Of all phases a gateway tells the sum, which is the voltage of nothing.
        return replace(read, phases=phases, voltage=sum(volts) / len(volts) if volts else read.voltage)


@dataclass(frozen=True, kw_only=True)
class GatewayScheduler(Model):
    """What the gateway's scheduler goes by. Allowed is the setting, never the charging."""

    charge_from_grid: bool | None = wire("Charge From Grid Allowed", read_bool)


@dataclass(frozen=True, kw_only=True)
class GatewayStorage(Model):
    """What the gateway knows of the batteries.

    Attributes:
        shutdown_level, reserve: % as set.
        reserve_in_force: % that holds now.
        state_of_charge: %.
    """

    shutdown_level: float | None = wire("VLS_Limit", read_float)
    reserve: float | None = wire("configured_backup_soc", read_float)
    reserve_in_force: float | None = wire("adjusted_backup_soc", read_float)
    state_of_charge: float | None = wire("agg_soc", read_float)


def charger_meters(body: Json) -> list[str]:
    """Return the numbers of the meters that sit on the circuit of a charger and count."""
    return [
        number
        for record in read_records(body)
        if (read_text(record.get("measurementType")) or "").lower() == "evse"
        and (read_text(record.get("state")) or "").lower() == "enabled"
        and (number := read_text(record.get("eid"))) is not None
    ]


def read_meters(body: Json) -> dict[str, ChargerMeter]:
    """Return the readings by the number of the meter."""
    return {number: ChargerMeter.read(record) for record in read_records(body) if (number := read_text(record.get("eid"))) is not None}


def read_mains(body: Json) -> bool | None:
    """Return whether the home is connected to the grid; of several words the first one counts."""
    words = (_BEFORE_SECOND_WORD.match(read_text(record.get("mains_oper_state")) or "") for record in _records(body))
    return next((_MAINS[word[0].lower()] for word in words if word and word[0].lower() in _MAINS), None)


def _records(body: Json) -> Iterator[dict[str, Json]]:
    record = read_mapping(body)
    yield record
    yield read_mapping(first_of(record, "relay", "response"))
