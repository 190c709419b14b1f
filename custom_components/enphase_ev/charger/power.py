"""Derives a charger's power from its energy reports: the cloud tells none (docs/cloud-api/chargers.md §8)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import sqrt

from ..enlighten import ChargerStatus, ChargerSummary, PhaseMode

# A change of state is reported at once; two reports closer than this say nothing about the power between them.
_SHORTEST_GAP = 30.0
# Three-phase chargers report their voltage line to neutral, about 230 V, or line to line, about 400 V.
_LINE_TO_LINE_FROM = 300.0
# Where a charger does not name its own.
_HIGHEST_PHASE_VOLTAGE = 240.0
_SECONDS_PER_HOUR = 3600


class PowerSource(StrEnum):
    """Where a power comes from."""

    CHARGER_STREAM = "charger_stream"
    GATEWAY_METER = "gateway_meter"
    POWER_SENSOR = "power_sensor"
    ENERGY = "energy"
    LEVEL = "level"


@dataclass(frozen=True)
class PowerReading:
    """Power in W. An estimate comes from the level asked for, not from energy that was counted."""

    watts: int
    is_estimated: bool
    source: PowerSource = PowerSource.ENERGY


@dataclass(frozen=True)
class _Report:
    """Energy of the session in kWh at the time of a report, which the old flat status does not tell."""

    at: datetime | None
    energy: float
    session_started_at: datetime | None


class PowerMeter:
    """Follows the reports of one charger."""

    def __init__(self) -> None:
        self._report: _Report | None = None
        self._measured: float | None = None

    def read(
        self, status: ChargerStatus, seen_at: datetime, summary: ChargerSummary | None, nominal_voltage: float, level: float | None
    ) -> PowerReading | None:
        """Take in a status that was seen at a time, and return the power; `None` where a charging charger gives nothing to go by.

        Without energy it is what the level in force (A) amounts to; without that, the most that the hardware can draw.
        """
        if not status.is_charging:
            self._report = self._measured = None
            return PowerReading(0, is_estimated=False)
        volts = watts_per_ampere(summary, nominal_voltage)
        ceiling = _most_current(summary)
        self._take_in(status, seen_at)
        if self._measured is not None:
            watts = self._measured if ceiling is None else min(self._measured, ceiling * volts)
            return PowerReading(round(watts), is_estimated=False)
        level = level or ceiling
        if level is None:
            return None
        return PowerReading(round(volts * (level if ceiling is None else min(level, ceiling))), is_estimated=True, source=PowerSource.LEVEL)

    def _take_in(self, status: ChargerStatus, seen_at: datetime) -> None:
        session = status.session
        if session is None or session.energy is None:
            return
        before = self._report
        at = status.last_reported
        if at is None and before is not None and before.session_started_at == session.started_at:
            if session.energy == before.energy:
                return
            # The answer does not say when it reported: some time since the last poll.
            at = seen_at
        report = _Report(at, session.energy, session.started_at)
        if before is not None and before.at is not None and at is not None and at < before.at:
            # The cloud lags behind the gateway, whose newer report is known.
            return
        if before is None or before.session_started_at != report.session_started_at or report.energy < before.energy:
            self._report, self._measured = report, None
            return
        if before.at is None or report.at is None:
            self._report = report
            return
        seconds = (report.at - before.at).total_seconds()
        if seconds < _SHORTEST_GAP:
            return
        self._report = report
        self._measured = (report.energy - before.energy) * 1000 * _SECONDS_PER_HOUR / seconds


def most_watts(summary: ChargerSummary | None) -> float | None:
    """Return the most that the hardware can draw, in W; `None` where current or phases are not known."""
    current = _most_current(summary)
    if current is None or summary is None or summary.phase_mode is None:
        return None
    return current * watts_per_ampere(summary, _HIGHEST_PHASE_VOLTAGE)


def _most_current(summary: ChargerSummary | None) -> float | None:
    """Return the most that the hardware can draw, in A a phase."""
    if summary is None:
        return None
    limits = (summary.max_current, summary.rated_current, summary.breaker_rating, summary.limits and summary.limits.max)
    return min((limit for limit in limits if limit), default=None)


def watts_per_ampere(summary: ChargerSummary | None, nominal_voltage: float) -> float:
    """Return V times the number of phases that carry the current: what one ampere amounts to in watts.

    `nominal_voltage` (V) is taken where the charger does not tell its own.
    """
    volts = (summary.operating_voltage if summary else None) or nominal_voltage
    if summary is None or summary.phase_mode is not PhaseMode.THREE:
        return volts
    return volts * (sqrt(3) if volts >= _LINE_TO_LINE_FROM else 3)
