"""What the battery service tells, as in the samples (docs/cloud-api/battery.md §3)."""

from ..accounts import Account
from ..site import Site
from ..switches.battery import EmptyDetails, MissingGroup, NothingPending, SerialKey
from ..wire import EVERY_DAY, Json, JsonObject, iso_nanoseconds
from .battery import Battery
from .changes import ChangeKind, PendingChange, Told
from .entries import Entry, EntryStatus
from .physics import BatteryUnit
from .schedules import ScheduleBook
from .settings import Control, ControlFamily, ControlShape, Features, Settings

CHARGING_LED, DISCHARGING_LED, IDLE_LED, ERROR_LED = 12, 13, 17, 7

_LOCALES = {"AU": "en-AU", "US": "en-US", "NL": "nl-NL"}
_BATTERY_MODES = {
    "self-consumption": "Self-Consumption",
    "cost_savings": "Savings",
    "backup_only": "Full Backup",
    "ai_optimisation": "AI Optimization",
    "expert": "Expert",
}


def _document(kind: str, at: float, data: JsonObject) -> JsonObject:
    return {"type": kind, "timestamp": iso_nanoseconds(at), "data": data}


# Site settings


def site_settings(site: Site, account: Account, at: float) -> JsonObject:
    """tests/fixtures/api/site_settings.json; a site without a battery has it too."""
    battery = site.battery
    features = battery.features if battery else Features(has_encharge=False)
    name, _, host = account.email.partition("@")
    masked = f"{name[0]}******{name[-1]}@{host}"
    data: JsonObject = {
        "showProduction": True,
        "showConsumption": True,
        "hasEncharge": features.has_encharge,
        "hasAcb": False,
        "hasGenerator": False,
        "hasEnpower": features.has_encharge,
        "countryCode": site.country,
        "region": site.country,
        "locale": _LOCALES.get(site.country, "en-GB"),
        "ownerOrHostMaskedEmail": masked,
        "timezone": site.time_zone,
        "showChargeFromGrid": not features.hide_charge_from_grid,
        "isEnsemble": True,
        "showSavingsMode": True,
        "showAiOptiSavingsMode": True,
        "siteStage": 5,
        "isEmea": site.time_zone.startswith("Europe/"),
        "isDTSupported": True,
        "isIQGWScheduleSupported": True,
        "isDTEnabled": False,
        "isDTSite": False,
        "restrictCfg": features.restrict_cfg,
        "tariffTypeId": {"importType": "tou", "exportType": "tou"},
        "isHemsSite": False,
        "calibrationProgress": False,
        "acceptedGICDisclaimer": False,
        "featureDetails": {
            "98daf27c08a25a0a": False,
            "HEMS_EV_Custom_Schedule": True,
            "Disable_Storm_Guard_Grid_Charging": False,
        },
        "showStormGuard": features.show_storm_guard,
        "showVLS": True,
        "showFullBackup": True,
        "showBatteryBackupPercentage": True,
        "userDetails": {
            "isHost": False,
            "isOwner": features.is_owner,
            "isInstaller": features.is_installer,
            "isMaintainer": False,
            "email": masked,
            "isDemoUser": False,
        },
        "siteStatus": {"code": features.status_code, "text": features.status_text, "severity": "warning"},
        "isChargingModesEnabled": True,
        "isUseBatteryForEVSESupported": features.has_battery_for_car,
        "batteryGridMode": features.grid_mode,
        "batteryLimitSupport": features.has_battery_for_car and features.battery_for_car_limited,
        "isChangePending": bool(battery and _told(battery).pending),
    }
    if features.has_battery_for_car:
        data |= {"iqEvseHoControl": features.battery_for_car_owner, "iqEvseHoControlScope": "battery"}
    return _document("site-settings", at, data)


# Battery settings and profile


def _told(battery: Battery) -> Told:
    """The settings that are told now."""
    return battery.told(battery.switches.settings_lag_s)


def battery_settings(battery: Battery, at: float, *, with_enho: bool) -> JsonObject:
    """tests/fixtures/api/battery_settings.json."""
    data = settings_data(battery, _told(battery))
    if battery.features.has_battery_for_car and battery.switches.devices_need_enho and not with_enho:
        del data["devices"]
    return _document("battery-details", at, data)


def _iq_evse(battery: Battery, settings: Settings) -> JsonObject:
    """What the battery does for the car (docs/cloud-api/battery.md §8)."""
    if not battery.features.has_battery_for_car:
        return {"useBatteryFrSelfConsumption": all(one.battery_helps for one in battery.site.chargers.values())}
    told: JsonObject = {"useBatteryForEVSE": settings.battery_for_car}
    if battery.features.battery_for_car_limited:
        zero = not settings.battery_for_car and battery.switches.off_reads_zero
        told |= {"batteryLimit": 0 if zero else settings.battery_for_car_limit, "minBatteryLimit": battery.features.battery_for_car_min}
    return told


def settings_data(battery: Battery, told: Told) -> JsonObject:
    """Its ``data``."""
    settings, features = told.settings, battery.features
    data = _common(battery, settings)
    data |= {
        "requestedConfigMqtt": {},
        "hideChargeFromGrid": features.hide_charge_from_grid,
        "envoySupportsVls": True,
        "chargeBeginTime": settings.cfg_begin,
        "chargeEndTime": settings.cfg_end,
        "veryLowSocMin": features.very_low_soc_min if features.very_low_soc_limits_known else "N/A",
        "veryLowSocMax": features.very_low_soc_max if features.very_low_soc_limits_known else "N/A",
        "chargeFromGrid": settings.charge_from_grid,
        "chargeFromGridScheduleEnabled": settings.charge_from_grid_schedule,
        "devices": {"iqEvse": _iq_evse(battery, settings)},
    }
    if features.grid_mode is not None:
        data["batteryGridMode"] = features.grid_mode
    if settings.accepted_disclaimer is not None:
        data["acceptedItcDisclaimer"] = settings.accepted_disclaimer
    if features.show_power_match:
        data["powerMatchControl"] = {"show": True, "enabled": settings.power_match}
        data["powerMatch"] = settings.power_match
    data |= _requested(battery, told.pending, set(ChangeKind))
    return data


def battery_profile(battery: Battery, at: float) -> JsonObject:
    """tests/fixtures/api/battery_profile.json."""
    told = _told(battery)
    settings = told.settings
    chargers: list[Json] = [
        {
            "uuid": f"1d2c3b4a-0000-4000-8000-{charger.serial[-12:].rjust(12, '0')}",
            "deviceName": charger.profile.name,
            "profile": settings.profile,
            "profileConfig": "full",
            "enable": False,
            "status": 1,
            "chargeMode": charger.mode.key.upper(),
            "activeSchedules": [],
            "updatedAt": int(charger.reported.at),
        }
        for charger in battery.site.chargers.values()
    ]
    data = _common(battery, settings)
    data |= {
        "requestedConfigMqtt": {},
        "isTariffTou": False,
        "isBuybackTariffTou": False,
        "buybackExportPlan": "netFit",
        "acceptedStormGuardDisclaimer": False,
        "devices": {"thirdPartyEvse": [], "iqEvse": chargers, "thirdPartyWaterHeater": []},
        "evseStormEnabled": settings.storm_guard_ev,
        "isIQGWScheduleSupported": True,
        "isBatteryChangePending": bool(told.pending),
    }
    if settings.sub_type is not None:
        data["operationModeSubType"] = settings.sub_type
    data |= _requested(battery, told.pending, {ChangeKind.PROFILE, ChangeKind.STORM})
    return _document("profile-details", at, data)


def _common(battery: Battery, settings: Settings) -> JsonObject:
    """What settings and profile share."""
    features = battery.features
    data: JsonObject = {
        "supportsMqtt": features.supports_mqtt,
        "pollingInterval": features.polling_interval,
        "drEventActive": features.dr_event_active,
        "drEventMode": "",
        "profile": settings.profile,
        "batteryBackupPercentage": settings.reserve,
        "stormGuardState": _storm_guard_state(battery, settings),
        "showStormGuardAlert": battery.active_alert() is not None,
        "systemTask": features.system_task,
        "batteryBackupPercentageMax": features.reserve_max,
        "batteryBackupPercentageMin": features.reserve_min,
        "veryLowSoc": settings.very_low_soc,
        "previousBatteryBackupPercentage": dict(settings.profile_reserves),
    }
    for family in ControlFamily:
        control = features.controls.of(family)
        if control.shape is not ControlShape.ABSENT:
            told = control.shape is ControlShape.OBJECT
            data[f"{family.value}Control"] = _control(family, control, settings) if told else None
    return data


def _storm_guard_state(battery: Battery, settings: Settings) -> str:
    if not settings.storm_guard:
        return "disabled"
    return "active" if battery.switches.storm_guard_active and battery.active_alert() else "enabled"


def _control(family: ControlFamily, control: Control, settings: Settings) -> JsonObject:
    data: JsonObject = {
        "show": control.show,
        "showDaySchedule": control.day_schedule,
        "enabled": settings.is_on(family),
        "locked": control.locked,
        "scheduleSupported": control.schedule_supported,
    }
    if family is ControlFamily.CFG:
        data |= {"forceScheduleSupported": control.schedule_supported, "forceScheduleOpted": settings.force_schedule_opted}
    if family is ControlFamily.DTG and settings.dtg_begin is not None and settings.dtg_end is not None:
        data |= {"startTime": settings.dtg_begin, "endTime": settings.dtg_end}
    return data


def _requested(battery: Battery, pending: list[PendingChange], kinds: set[ChangeKind]) -> JsonObject:
    """``requestedConfig``: the keys that are wanted, and the gateways that have not taken them over (docs/cloud-api/battery.md §6)."""
    changes = [change for change in pending if change.wanted.kind in kinds]
    wanted: JsonObject = {}
    for change in changes:
        wanted |= change.wanted.shown
    if wanted:
        return {"requestedConfig": wanted | {"pendingGateways": [battery.site.gateway_serial]}}
    match battery.switches.nothing_pending:
        case NothingPending.EMPTY:
            return {"requestedConfig": {}}
        case NothingPending.HOLDS_EMPTY:
            return {"requestedConfig": {"cfgControl": {}, "dtgControl": {}, "rbdControl": {}}}
        case NothingPending.NULL:
            return {"requestedConfig": None}
        case _:
            return {}


# Schedules


def battery_schedules(battery: Battery) -> JsonObject:
    """tests/fixtures/api/battery_schedules.json."""
    switches = battery.switches
    battery.catch_up()
    battery.schedule_reads += 1
    empty = switches.empty_schedule_reads > 0
    if empty:
        switches.empty_schedule_reads -= 1
    elif switches.empty_schedules_every:
        empty = battery.schedule_reads % switches.empty_schedules_every == 0
    book = battery.told(switches.schedules_lag_s).book
    data: JsonObject = {"type": "BATTERY_SCHEDULES_CONFIG"}
    for family in ControlFamily:
        missing = battery.missing_group(family)
        if missing is MissingGroup.GROUP_NULL:
            data[family.value] = None
        elif missing is not MissingGroup.GROUP_ABSENT:
            data[family.value] = _without_details(_group(battery, book, family, empty=empty), missing)
    data["anySchedulePending"] = any(book.pending(family) for family in ControlFamily)
    return data


def _without_details(group: JsonObject, missing: MissingGroup | None) -> JsonObject:
    if missing is not None:
        group.pop("details", None)
    return {**group, "details": None} if missing is MissingGroup.DETAILS_NULL else group


def _group(battery: Battery, book: ScheduleBook, family: ControlFamily, *, empty: bool) -> JsonObject:
    switches = battery.switches
    entries = [] if empty else book.listed(family)
    details: list[Json] = [_entry(battery, entry) for entry in entries]
    status = _group_status(battery, book, family)
    group: JsonObject = {
        "scheduleStatus": status.upper() if switches.upper_case_status else status,
        "count": sum(not entry.deleted for entry in entries),
    }
    if details or switches.empty_details is EmptyDetails.LIST:
        group["details"] = details
    elif switches.empty_details is EmptyDetails.NULL:
        group["details"] = None
    return group


def _entry(battery: Battery, entry: Entry) -> JsonObject:
    switches = battery.switches
    told = entry.as_json(lying=switches.lying_is_enabled, seconds=switches.seconds_in_times)
    if switches.entries_without_days:
        plain: dict[str, Json] = {"days": list(EVERY_DAY), "timezone": battery.site.time_zone}
        return {key: value for key, value in told.items() if key not in plain or value != plain[key]}
    return told


def _group_status(battery: Battery, book: ScheduleBook, family: ControlFamily) -> str:
    control = battery.features.controls.of(family)
    if control.shape is not ControlShape.OBJECT:
        return "none"
    if not control.schedule_supported:
        return "not_supported"
    return EntryStatus.PENDING.value if book.pending(family) else EntryStatus.ACTIVE.value


# Storm alerts and state of charge


def storm_alert(battery: Battery) -> JsonObject:
    """tests/fixtures/api/storm_alert.json."""
    alerts: list[Json] = [alert.as_json() for alert in battery.storm_alerts]
    active = battery.active_alert()
    return {
        "criticalAlertsOverride": True,
        "stormAlerts": alerts,
        "criticalAlertActive": active is not None and active.critical,
    }


def battery_status(battery: Battery | None, at: float) -> JsonObject:
    """tests/fixtures/api/battery_status.json; without a battery nothing is listed."""
    status = _battery_status(battery, at)
    if battery is None or battery.switches.shows_available_power:
        return status
    return {key: value for key, value in status.items() if key != "available_power"}


def _charge(battery: Battery | None, percent: float) -> Json:
    as_number = battery is not None and battery.switches.charge_as_number
    return round(percent) if as_number else f"{round(percent)}%"


def _battery_status(battery: Battery | None, at: float) -> JsonObject:
    units = battery.units if battery else []
    included = [unit for unit in units if not unit.excluded]
    percent = battery.state_of_charge if battery else 0.0
    capacity = battery.capacity_wh / 1000 if battery else 0.0
    power = battery.rated_w / 1000 if battery else 0.0
    return {
        "current_charge": _charge(battery, percent),
        "available_energy": round(capacity * percent / 100, 2),
        "max_capacity": capacity,
        "available_power": round(power, 2),
        "max_power": round(sum(unit.rated_w for unit in included) / 1000, 2),
        "total_micros": 6 * len(units),
        "show_battery_banner": False,
        "active_micros": 6 * sum(unit.working for unit in units),
        "inactive_micros": 6 * sum(not unit.working for unit in units),
        "inactive_micros_sn": [],
        "included_count": len(included),
        "excluded_count": len(units) - len(included),
        "storages": [_storage(battery, unit, at) for unit in units] if battery else [],
    }


def _storage(battery: Battery, unit: BatteryUnit, at: float) -> JsonObject:
    switches = battery.switches
    identity: JsonObject = {"id": unit.id}
    if switches.serial_key is not SerialKey.ID:
        identity[switches.serial_key.value] = unit.serial
    storage = identity | _storage_data(battery, unit, at)
    if not switches.shows_available_power:
        del storage["available_power"]
    return storage


def _storage_data(battery: Battery, unit: BatteryUnit, at: float) -> JsonObject:
    percent = battery.state_of_charge
    kilowatts = unit.rated_w / 1000
    return {
        "current_charge": _charge(battery, percent),
        "available_energy": round(unit.capacity_wh / 1000 * percent / 100, 2),
        "max_capacity": unit.capacity_wh / 1000,
        "led_status": _led(battery, unit),
        "excluded": unit.excluded,
        "error_code": unit.error_code,
        "error_text": None if unit.error_code is None else "Battery fault",
        "available_power": round(kilowatts if unit.working else 0.0, 2),
        "max_power": round(kilowatts, 2),
        "event_start_date": None,
        "statusText": "Normal" if unit.working else "Not working",
        "status": "normal" if unit.working else "error",
        "last_report": int(at),
        "cycle_count": unit.cycle_count,
        "battery_mode": _BATTERY_MODES.get(battery.settings.profile, battery.settings.profile),
        "rated_power": round(unit.rated_w),
        "battery_phase_count": 3,
        "is_flex_phase": True,
        "battery_soh": f"{unit.health}%",
    }


def _led(battery: Battery, unit: BatteryUnit) -> int:
    """12 charging, 13 discharging, 17 idle, 7 error (docs/cloud-api/battery.md §3)."""
    if not unit.working:
        return ERROR_LED
    power = battery.power_w
    if abs(power) < 1:
        return IDLE_LED
    return CHARGING_LED if power > 0 else DISCHARGING_LED
