"""Sensors: what chargers and batteries do, hold and have counted, and how the cloud answers. A line or two for each."""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from itertools import product
from typing import override

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .battery.coordinator import BatteryCoordinator
from .battery.ledger import ChangeState
from .battery.model import ACTIVITIES, PROFILES, Battery, activity_of, profile_shown, unknown_profile
from .battery.override import OverrideAction
from .charger.coordinator import ChargerCoordinator
from .charger.meter_sensors import METER_SENSORS
from .charger.model import Charger, ChargerState, DataSource
from .charger.plan_entities import PLAN_SENSORS, PlanSensor
from .charger.reason_sensor import CHARGING_REASON, ReasonSensor
from .const import DOMAIN
from .enlighten import (
    MOST_PER_HOUR,
    BatteryFamily,
    BatteryStatus,
    BatteryUnit,
    ChargeMode,
    ChargerSummary,
    ConfigurationKey,
    Feature,
    PastSession,
    PhaseMode,
)
from .entity import (
    BATTERY,
    BATTERY_UNITS,
    CHARGERS,
    COSTS,
    GRID,
    LIVE,
    PLANS,
    PRICES,
    SITE,
    BatteryEntity,
    ChargerEntity,
    LiveEntity,
    SiteEntity,
    Subjects,
    UnitEntity,
    add_entities,
)
from .figures import (
    AMPERES,
    CAPACITY,
    COUNT,
    COUNT_UP,
    COUNTED_KWH,
    COUNTED_WH,
    ENERGY_OF_SESSION,
    ENUM,
    LATENCY,
    LIMIT_AMPERES,
    MILES,
    MINUTES,
    MOST_KILOWATTS,
    PERCENT,
    PLAIN,
    SECONDS,
    STATE_OF_CHARGE,
    STORED_KWH,
    TIMESTAMP,
    WATTS,
    Attributes,
    EnphaseSensor,
    EnphaseSensorDescription,
    Place,
    Value,
    sensor,
    sourced,
)
from .options import LivePowerMode
from .runtime import EnphaseConfigEntry
from .site.descriptions import COST_SENSORS, ENERGY_SENSORS, GRID_SENSORS, NEXT_PRICE_SENSORS, PRICE_SENSORS
from .site.live import LiveCoordinator
from .site.live_sensors import LIVE_SENSORS, is_worth_showing
from .site.model import SiteFacts
from .site.sensors import CostSensor, EnergySensor, GridSensor, NextPriceSensor, PriceSensor

PARALLEL_UPDATES = 0


# --- Chargers ---

_LAST_SESSION = "last_session"
_LAST_SESSION_RANGE = "last_session_range"
_OF_HISTORY = (_LAST_SESSION, _LAST_SESSION_RANGE, "last_session_cost", "cost_this_month")
_DATA_SOURCE = "data_source"

_CONNECTOR_STATES = [
    "available",
    "preparing",
    "charging",
    "suspended",
    "suspended_ev",
    "suspended_evse",
    "finishing",
    "reserved",
    "out_of_service",
    "faulted",
]
# Home Assistant has a state "unavailable" of its own.
_CONNECTOR_STATE_OF = {"unavailable": "out_of_service"}


def _connector_state(charger: Charger) -> str | None:
    word = (charger.status.connector_status or "").lower()
    return _CONNECTOR_STATE_OF.get(word, word) or None


def _of_summary(read: Callable[[ChargerSummary], StateType]) -> Callable[[Charger], StateType]:
    return lambda charger: read(charger.summary) if charger.summary else None


def _session_attributes(session: PastSession | None) -> Attributes:
    """Return the figures of a session: times in UTC, minutes (and the seconds of before), miles, the cost in the account's currency."""
    if session is None:
        return {}
    return {
        "start": session.started_at,
        "end": session.ended_at,
        "duration": session.minutes,
        "active_time": session.active_seconds,
        "cost": session.cost,
        "range_added": session.miles,
    }


def _power_attributes(charger: Charger) -> Attributes:
    power = charger.power
    return {"estimated": power.is_estimated if power else None, "source": power.source if power else None}


def _status_attributes(charger: Charger) -> Attributes:
    """Return why it is so: the cloud's word, else the connector's of a pause."""
    word = _connector_state(charger) if charger.state in {ChargerState.SUSPENDED, ChargerState.FULL} else None
    return {"reason": charger.status.connector_reason or word}


CHARGER_SENSORS: tuple[EnphaseSensorDescription[Charger], ...] = (
    sensor(
        "power",
        WATTS,
        lambda charger: charger.power.watts if charger.power else None,
        translation_key=None,
        attributes_fn=_power_attributes,
    ),
    sensor("session_energy", COUNTED_KWH, lambda charger: charger.status.session.energy if charger.status.session else None),
    sensor(
        "session_duration",
        MINUTES,
        lambda charger: charger.session_duration.total_seconds() / 60 if charger.session_duration else 0.0,
    ),
    sensor("set_amps", AMPERES, lambda charger: charger.set_level),
    sensor(
        "charge_mode",
        ENUM,
        lambda charger: charger.mode_shown.name.lower() if charger.mode_shown else None,
        options=[mode.name.lower() for mode in ChargeMode],
        place=Place.OFF_BY_DEFAULT,
        has_fn=lambda charger: charger.mode is not None or charger.preference is not None,
        attributes_fn=lambda charger: {"reported": charger.unknown_mode},
    ),
    sensor(
        "status",
        ENUM,
        lambda charger: charger.state.value,
        options=[state.value for state in ChargerState],
        attributes_fn=_status_attributes,
    ),
    sensor("lifetime_energy", COUNTED_WH, lambda charger: charger.lifetime_energy),
    sensor("energy_today", COUNTED_WH, lambda charger: charger.energy_today),
    sensor(
        _LAST_SESSION_RANGE,
        MILES,
        lambda charger: charger.details.last_session.range_added if charger.details.last_session else None,
        place=Place.MAIN_BUT_OFF,
        has_fn=lambda charger: charger.details.last_session is not None and charger.details.last_session.range_added is not None,
    ),
    sensor(
        _LAST_SESSION,
        ENERGY_OF_SESSION,
        lambda charger: charger.details.last_session.energy if charger.details.last_session else None,
        has_fn=lambda charger: charger.details.last_session is not None,
        attributes_fn=lambda charger: _session_attributes(charger.details.last_session),
    ),
    sensor("connector_status", ENUM, _connector_state, options=_CONNECTOR_STATES, place=Place.OFF_BY_DEFAULT),
    sensor(
        "phase_mode",
        ENUM,
        _of_summary(lambda summary: summary.phase_mode),
        options=[mode.value for mode in PhaseMode],
        place=Place.OFF_BY_DEFAULT,
    ),
    sensor(
        "min_amps",
        LIMIT_AMPERES,
        _of_summary(lambda summary: summary.limits.min if summary.limits else None),
        place=Place.OFF_BY_DEFAULT,
    ),
    sensor(
        "max_amps",
        LIMIT_AMPERES,
        _of_summary(lambda summary: summary.limits.max if summary.limits else None),
        place=Place.OFF_BY_DEFAULT,
    ),
    sensor(
        "connection",
        ENUM,
        _of_summary(lambda summary: (summary.connection or "").lower() or None),
        options=["ethernet", "wifi", "cellular"],
        place=Place.OFF_BY_DEFAULT,
    ),
    sensor("ip_address", PLAIN, _of_summary(lambda summary: summary.ip_address), place=Place.OFF_BY_DEFAULT),
    sensor("reporting_interval", SECONDS, _of_summary(lambda summary: summary.reporting_interval), place=Place.OFF_BY_DEFAULT),
    sensor(
        "last_reported",
        TIMESTAMP,
        lambda charger: charger.status.last_reported or (charger.summary.last_reported if charger.summary else None),
        place=Place.OFF_BY_DEFAULT,
    ),
    sensor(
        "phase_switch_mode",
        PLAIN,
        lambda charger: charger.details.setting(ConfigurationKey.PHASE_SWITCH),
        place=Place.OFF_BY_DEFAULT,
        has_fn=lambda charger: Feature.PHASE_SWITCH in charger.details.features,
    ),
    sensor(
        _DATA_SOURCE,
        ENUM,
        lambda charger: charger.source.source if charger.source else None,
        options=[source.value for source in DataSource],
        place=Place.DIAGNOSTIC,
        has_fn=lambda charger: charger.source is not None,
        attributes_fn=lambda charger: {"local_refused": charger.source.refusal if charger.source else None},
    ),
)


# --- The site ---

SITE_SENSORS: tuple[EnphaseSensorDescription[SiteFacts], ...] = (
    sensor("last_successful_update", TIMESTAMP, lambda site: site.last_success, place=Place.DIAGNOSTIC),
    sensor(
        "cloud_latency",
        LATENCY,
        lambda site: None if site.latency is None else round(site.latency * 1000),
        place=Place.OFF_BY_DEFAULT,
    ),
    sensor(
        "requests_last_hour",
        COUNT,
        lambda site: site.account.transport.requests.last_hour().total(),
        place=Place.OFF_BY_DEFAULT,
        attributes_fn=lambda site: {"limit": MOST_PER_HOUR, "slowed_down": round(site.account.budget.pace, 1)},
    ),
    sensor("session_expires", TIMESTAMP, lambda site: site.account.session_expires_at, place=Place.OFF_BY_DEFAULT),
    sensor("last_sign_in", TIMESTAMP, lambda site: site.account.state.signed_in_at, place=Place.OFF_BY_DEFAULT),
)


# --- All batteries ---

_OVERRIDES = {action.family: action.value for action in OverrideAction}
_GRID_MODES = {
    "ImportExport": "import_export",
    "ImportOnly": "import_only",
    "ExportOnly": "export_only",
    "NoImportOrExport": "no_import_or_export",
}


def _most_power(batteries: BatteryStatus | BatteryUnit) -> float | None:
    """Return the most that can be given, in kW; what can be given now where only that is told."""
    return batteries.available_power if batteries.max_power is None else batteries.max_power


def _of_status(read: Callable[[BatteryStatus], Value]) -> Callable[[Battery], Value]:
    return lambda battery: read(battery.status) if battery.status else None


def _count_schedules(family: BatteryFamily, battery: Battery) -> int | None:
    return len(battery.schedules.of(family)) if battery.schedules else None


def _change_attributes(battery: Battery) -> Attributes:
    change = battery.change
    if change is None:
        return {}
    return {"what": change.what, "since": change.since, "reason": change.reason, "waiting": list(change.waiting)}


def _pending_state(battery: Battery) -> str:
    change = battery.change
    if change is None or change.state is ChangeState.APPLIED:
        is_ahead = change is not None and change.is_ahead
        return ChangeState.WAITING.value if battery.is_pending and not is_ahead else "none"
    return change.state.value


def _override_attributes(battery: Battery) -> Attributes:
    override = battery.override
    if override is None:
        return {}
    return {"since": override.started_at, "ends_at": override.ends_at, "until_state_of_charge": override.until_charge}


BATTERY_SENSORS: tuple[EnphaseSensorDescription[Battery], ...] = (
    sensor("state_of_charge", STATE_OF_CHARGE, _of_status(lambda status: status.state_of_charge)),
    sensor("available_energy", STORED_KWH, _of_status(lambda status: status.available_energy)),
    sensor("capacity", CAPACITY, _of_status(lambda status: status.capacity), place=Place.DIAGNOSTIC),
    sensor("available_power", MOST_KILOWATTS, _of_status(_most_power), place=Place.OFF_BY_DEFAULT),
    sensor("battery_status", ENUM, lambda battery: battery.activity, options=ACTIVITIES),
    sensor(
        "battery_last_reported",
        TIMESTAMP,
        _of_status(lambda status: status.last_reported),
        translation_key="last_reported",
        place=Place.OFF_BY_DEFAULT,
    ),
    sensor(
        "grid_mode",
        ENUM,
        lambda battery: _GRID_MODES.get((battery.settings.grid_mode if battery.settings else None) or ""),
        options=list(_GRID_MODES.values()),
        place=Place.OFF_BY_DEFAULT,
        has_fn=lambda battery: battery.settings is not None and battery.settings.grid_mode is not None,
    ),
    sensor(
        "system_profile",
        ENUM,
        profile_shown,
        options=list(PROFILES),
        place=Place.OFF_BY_DEFAULT,
        attributes_fn=lambda battery: {"reported": unknown_profile(battery)},
    ),
    sensor(
        "pending_change",
        ENUM,
        _pending_state,
        options=["none", "queued", "requested", "waiting_for_gateway", "failed"],
        place=Place.DIAGNOSTIC,
        attributes_fn=_change_attributes,
    ),
    sensor(
        "override",
        ENUM,
        lambda battery: _OVERRIDES[battery.override.entry.family] if battery.override else "none",
        options=["none", *_OVERRIDES.values()],
        has_fn=lambda battery: battery.may_write,
        attributes_fn=_override_attributes,
    ),
    sensor(
        "override_ends",
        TIMESTAMP,
        lambda battery: battery.override.ends_at if battery.override else None,
        has_fn=lambda battery: battery.may_write,
    ),
    *(
        sensor(
            f"{family.name.lower()}_schedules",
            PLAIN,
            partial(_count_schedules, family),
            place=Place.OFF_BY_DEFAULT,
            has_fn=partial(Battery.has_schedules, family=family),
        )
        for family in BatteryFamily
    ),
)


BATTERY_READ: EnphaseSensorDescription[Battery] = sensor(
    "battery_last_successful_update", TIMESTAMP, lambda _: None, place=Place.DIAGNOSTIC
)


# --- Each battery ---

UNIT_SENSORS: tuple[EnphaseSensorDescription[BatteryUnit], ...] = (
    sensor("state_of_charge", STATE_OF_CHARGE, lambda unit: unit.state_of_charge),
    sensor("health", PERCENT, lambda unit: unit.health, place=Place.OFF_BY_DEFAULT, has_fn=lambda unit: unit.health is not None),
    sensor(
        "cycle_count", COUNT_UP, lambda unit: unit.cycle_count, place=Place.OFF_BY_DEFAULT, has_fn=lambda unit: unit.cycle_count is not None
    ),
    sensor("status", ENUM, activity_of, translation_key="unit_status", options=ACTIVITIES, place=Place.MAIN_BUT_OFF),
    sensor("last_reported", TIMESTAMP, lambda unit: unit.last_reported, place=Place.OFF_BY_DEFAULT),
    sensor(
        "available_power",
        MOST_KILOWATTS,
        _most_power,
        place=Place.OFF_BY_DEFAULT,
        has_fn=lambda unit: _most_power(unit) is not None,
    ),
)


# --- Entities ---


async def async_setup_entry(hass: HomeAssistant, entry: EnphaseConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Set up the sensors of an entry."""
    runtime = entry.runtime_data
    # Sensors that an earlier choice of options has brought and this one does not have.
    if not runtime.options.session_history:
        _remove_sensors(hass, runtime.chargers.data, _OF_HISTORY)
    if runtime.chargers.client.gateway is None:
        _remove_sensors(hass, runtime.chargers.data, [_DATA_SOURCE])
    if runtime.live.mode is LivePowerMode.OFF:
        _remove_sensors(hass, [runtime.live.site_id], [description.key for description in LIVE_SENSORS])
    add_entities(entry, async_add_entities, SITE, SITE_SENSORS, SiteSensor)
    add_entities(entry, async_add_entities, LIVE, LIVE_SENSORS, LiveSensor)
    add_entities(entry, async_add_entities, CHARGERS, sourced(CHARGER_SENSORS + METER_SENSORS), ChargerSensor)
    add_entities(entry, async_add_entities, CHARGERS, [CHARGING_REASON], ReasonSensor)
    add_entities(entry, async_add_entities, BATTERY, sourced(BATTERY_SENSORS), BatterySensor)
    add_entities(entry, async_add_entities, BATTERY, sourced((BATTERY_READ,)), BatteryReadSensor)
    add_entities(entry, async_add_entities, BATTERY_UNITS, UNIT_SENSORS, UnitSensor)
    add_entities(entry, async_add_entities, COSTS, sourced(COST_SENSORS), CostSensor)
    add_entities(entry, async_add_entities, PLANS, PLAN_SENSORS, PlanSensor)
    add_entities(entry, async_add_entities, PRICES, PRICE_SENSORS, PriceSensor)
    add_entities(entry, async_add_entities, PRICES, NEXT_PRICE_SENSORS, NextPriceSensor)
    add_entities(entry, async_add_entities, GRID, GRID_SENSORS, GridSensor)
    if (energy := runtime.site.energy) is not None:
        subjects = Subjects(coordinator=lambda _: energy, present=lambda _: {energy.site_id: energy.data})
        add_entities(entry, async_add_entities, subjects, ENERGY_SENSORS, EnergySensor)
    else:
        _remove_sensors(hass, [runtime.site_facts.site_id], [description.key for description in ENERGY_SENSORS])


@callback
def _remove_sensors(hass: HomeAssistant, subject_ids: Iterable[str], keys: Collection[str]) -> None:
    entities = er.async_get(hass)
    for subject_id, key in product(subject_ids, keys):
        if entity_id := entities.async_get_entity_id(Platform.SENSOR, DOMAIN, f"{subject_id}_{key}"):
            entities.async_remove(entity_id)


class SiteSensor(SiteEntity, EnphaseSensor[ChargerCoordinator, SiteFacts]):
    """A sensor of the site."""


class LiveSensor(LiveEntity, EnphaseSensor[LiveCoordinator, LiveCoordinator]):
    """A sensor of the site's power at this moment. It holds its value until the change is worth a state."""

    def __init__(self, coordinator: LiveCoordinator, description: EnphaseSensorDescription[LiveCoordinator], subject_id: str) -> None:
        super().__init__(coordinator, description, subject_id)
        self._held = super().native_value

    @property
    @override
    def native_value(self) -> Value:
        return self._held

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        value = super().native_value
        if is_worth_showing(self._held, value):
            self._held = value
        super()._handle_coordinator_update()


class ChargerSensor(ChargerEntity, EnphaseSensor[ChargerCoordinator, Charger]):
    """A sensor of a charger."""


class BatterySensor(BatteryEntity, EnphaseSensor[BatteryCoordinator, Battery]):
    """A sensor of all batteries."""


class BatteryReadSensor(BatterySensor):
    """Says when the batteries' status was last read; it has something to say while it is not, too."""

    @property
    @override
    def available(self) -> bool:
        return self.coordinator.data is not None

    @property
    @override
    def native_value(self) -> Value:
        return self.read_at


class UnitSensor(UnitEntity, EnphaseSensor[BatteryCoordinator, BatteryUnit]):
    """A sensor of one battery."""
