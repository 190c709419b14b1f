"""What the chargers of a site are doing now (docs/cloud-api/chargers.md §1)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from ..exceptions import InvalidResponse
from ..parsing import (
    Json,
    first_of,
    read_bool,
    read_float,
    read_int,
    read_label,
    read_list,
    read_mapping,
    read_model,
    read_records,
    read_serial,
    read_text,
    read_time,
)
from .wire import Model, derived, flag, wire

_WH_PER_KWH = 1000


@dataclass(frozen=True, kw_only=True)
class ChargingSession(Model):
    """The running session or, after unplugging, the last one.

    Attributes:
        plugged_in_at, unplugged_at, started_at: UTC.
        energy: kWh, whatever unit the answer used.
        range_added: miles.
        cost: in the account's currency.
        level: A asked for, often absent.
    """

    plugged_in_at: datetime | None = wire("plg_in_at", read_time)
    unplugged_at: datetime | None = wire("plg_out_at", read_time)
    started_at: datetime | None = wire("strt_chrg", read_time)
    energy: float | None = wire("energy_kwh", read_float)
    range_added: float | None = wire("miles", read_float)
    cost: float | None = wire("session_cost", read_float)
    level: float | None = wire("charge_level", read_float)

    @classmethod
    def read(cls, record: dict[str, Json], *, is_in_wh: bool) -> Self:
        """Read a session; the new envelope counts Wh, the old flat one kWh, and the number alone cannot tell."""
        energy = read_float(record.get("e_c"))
        if energy is not None and is_in_wh:
            energy /= _WH_PER_KWH
        started_at = first_of(record, "strt_chrg", "start_time")
        return cls.from_dict({**record, "energy_kwh": energy, "strt_chrg": started_at})


@dataclass(frozen=True, kw_only=True)
class ChargerStatus(Model):
    """One charger.

    Attributes:
        connector_status, connector_reason: verbatim, such as `SUSPENDED_EVSE` and `INSUFFICIENT_SOLAR`.
        is_at_safe_limit: the charger fell back to its lowest level.
        level: A asked for, often absent.
        last_reported, offline_since: UTC.
        schedule_types: of the schedules in force, such as `greencharging`.
        mode_number: 0 manual, 1 green; no substitute for the charge mode.
    """

    serial: str
    name: str | None = wire("name", read_label)
    is_connected: bool | None = wire("connected", read_bool)
    is_plugged_in: bool = flag("pluggedIn")
    is_charging: bool = flag("charging")
    is_faulted: bool = flag("faulted")
    is_commissioned: bool | None = wire("commissioned", read_bool)
    connector_status: str | None = wire("connectorStatusType", read_label)
    connector_reason: str | None = wire("connectorStatusReason", read_label)
    is_at_safe_limit: bool = flag("safeLimitState")
    is_load_balanced: bool = flag("dlbActive")
    level: float | None = wire("chargingLevel", read_float)
    last_reported: datetime | None = wire("lst_rpt_at", read_time)
    offline_since: datetime | None = wire("offlineAt", read_time)
    grid_state: str | None = wire("offGrid", read_text)
    mode_number: int | None = wire("mode", read_int)
    schedule_types: tuple[str, ...] = derived(())
    session: ChargingSession | None = derived(None)

    @classmethod
    def read(cls, record: dict[str, Json], *, is_in_wh: bool) -> Self | None:
        """Read one charger; `None` where it has no serial number."""
        serial = read_serial(record.get("sn"))
        if serial is None:
            return None
        connectors = read_records(record.get("connectors"))
        # The old flat shape has the connector's fields at the top.
        connector = {key: value for key, value in (connectors[0] if connectors else {}).items() if key != "pluggedIn"}
        schedule = read_records(read_mapping(record.get("sch_d")).get("info"))
        session = read_model(lambda found: ChargingSession.read(found, is_in_wh=is_in_wh))(record.get("session_d"))
        level = first_of(record, "chargingLevel", "charging_level")
        if level is None and session is not None and session.unplugged_at is None:
            level = session.level
        flat = {
            **record,
            **connector,
            "chargingLevel": level,
            "commissioned": first_of(record, "commissioned", "isCommissioned"),
        }
        # Any number but zero counts, and numbers come as text, too.
        if (state := read_float(flat.get("safeLimitState"))) is not None:
            flat["safeLimitState"] = state
        types = tuple(text for entry in schedule if (text := read_text(entry.get("type"))))
        return replace(cls.from_dict({**flat, "serial": serial}), schedule_types=types, session=session)

    @property
    def looks_green(self) -> bool:
        """Return the charger's own hint that green mode is in force, for the time when the charge mode cannot be had."""
        return self.mode_number == 1 or "greencharging" in self.schedule_types


@dataclass(frozen=True)
class SiteStatus:
    """The chargers of a site by serial number; `time_zone` is an IANA name, `server_time` UTC.

    `has_details` is false for the map shape, which holds only a few fields.
    """

    chargers: Mapping[str, ChargerStatus]
    time_zone: str | None = None
    server_time: datetime | None = None
    has_details: bool = True

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read any of the shapes: the envelope, the old flat one, a list, the map by serial number, and a single charger.

        Source: docs/cloud-api/local.md.

        Raises:
            InvalidResponse: The answer is none of them.
        """
        envelope = read_mapping(body)
        inner = envelope.get("data")
        data = inner if isinstance(inner, dict) else envelope
        if "evChargerData" in data:
            chargers = _by_serial(read_records(data["evChargerData"]), is_in_wh=False)
            return cls(chargers, server_time=read_time(data.get("ts")))
        server_time = read_time(read_mapping(envelope.get("meta")).get("serverTimeStamp"))
        if "chargers" in data:
            chargers = _by_serial(read_records(data["chargers"]), is_in_wh=True)
            return cls(chargers, read_text(data.get("tz")), server_time)
        if "sn" in data:
            return cls(_by_serial([data], is_in_wh=True), server_time=server_time)
        if read_list(body) is not None:
            return cls(_by_serial(read_records(body), is_in_wh=True), server_time=server_time)
        if data is inner:
            records: list[Json] = [{**record, "sn": serial} for serial, record in data.items() if isinstance(record, dict)]
            return cls(_by_serial(read_records(records), is_in_wh=True), server_time=server_time, has_details=False)
        raise InvalidResponse("The status of the chargers makes no sense")


def _by_serial(records: list[dict[str, Json]], *, is_in_wh: bool) -> dict[str, ChargerStatus]:
    found = (ChargerStatus.read(record, is_in_wh=is_in_wh) for record in records)
    return {status.serial: status for status in found if status is not None}
