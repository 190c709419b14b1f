"""Why a charger does not charge, in one word: the first thing that is in the way."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from enum import StrEnum

from ..enlighten import ChargeMode, ConfigurationKey
from ..weekly import WeeklyWindow, are_open
from .model import Charger, ChargerState, CommandState

_NO_SUN = "INSUFFICIENT_SOLAR"


class ChargingReason(StrEnum):
    """What decides at the moment whether the charger charges."""

    CLOUD_UNREACHABLE = "cloud_unreachable"
    CHARGER_OFFLINE = "charger_offline"
    FAULT = "fault"
    COMMAND_SENT = "command_sent"
    COMMAND_QUEUED = "command_queued"
    COMMAND_NOT_FOLLOWED = "command_not_followed"
    CHARGING = "charging"
    OUT_OF_SERVICE = "out_of_service"
    NO_CAR = "no_car"
    CAR_FULL = "car_full"
    LOAD_TOO_HIGH = "load_too_high"
    WAITING_FOR_SUN = "waiting_for_sun"
    WAITING_FOR_AUTHORIZATION = "waiting_for_authorization"
    WAITING_FOR_SCHEDULE = "waiting_for_schedule"
    WAITING_FOR_PLAN = "waiting_for_plan"
    CAR_NOT_ASKING = "car_not_asking"
    STOPPED = "stopped"
    PAUSED_BY_CHARGER = "paused_by_charger"
    NOT_STARTED = "not_started"


# What a charger shows that the planner has stopped, or has not started yet.
_UNTIL_PLAN = {ChargingReason.STOPPED, ChargingReason.NOT_STARTED, ChargingReason.PAUSED_BY_CHARGER}


def reason_of(charger: Charger, *, is_known: bool, waits_for_plan: bool, now: datetime, zone: tzinfo) -> ChargingReason:
    """Return what decides now.

    `is_known` is whether the charger was heard of lately, `waits_for_plan` whether its planner starts it later, and `zone` is the site's.
    """
    if not is_known:
        return ChargingReason.CLOUD_UNREACHABLE
    found = _of_state(charger) or _of_command(charger) or _of_waiting(charger, now, zone)
    return ChargingReason.WAITING_FOR_PLAN if waits_for_plan and found in _UNTIL_PLAN else found


def _of_state(charger: Charger) -> ChargingReason | None:
    match charger.state:
        case ChargerState.OFFLINE:
            command = charger.start_stop
            is_queued = command is not None and command.is_pending and command.is_queued
            return ChargingReason.COMMAND_QUEUED if is_queued else ChargingReason.CHARGER_OFFLINE
        case ChargerState.FAULTED:
            return ChargingReason.FAULT
        case ChargerState.OUT_OF_SERVICE:
            return ChargingReason.OUT_OF_SERVICE
    return None


def _of_command(charger: Charger) -> ChargingReason | None:
    command, is_charging = charger.start_stop, charger.status.is_charging
    if command is not None and command.is_pending and command.wish is not is_charging:
        return ChargingReason.COMMAND_QUEUED if command.is_queued else ChargingReason.COMMAND_SENT
    if command is not None and command.state is CommandState.FAILED and command.wish is not is_charging and charger.status.is_plugged_in:
        return ChargingReason.COMMAND_NOT_FOLLOWED
    return ChargingReason.CHARGING if is_charging else None


def _of_waiting(charger: Charger, now: datetime, zone: tzinfo) -> ChargingReason:
    """Return what an idle charger without any fault waits for."""
    status, word = charger.status, (charger.status.connector_status or "").upper()
    waits_for_sun = (status.connector_reason or "").upper() == _NO_SUN
    is_open = charger.mode is not ChargeMode.SCHEDULED or are_open(_windows(charger, zone), now)[0]
    # The first one that is so.
    reasons = (
        (not status.is_plugged_in, ChargingReason.NO_CAR),
        (charger.is_full, ChargingReason.CAR_FULL),
        (status.is_load_balanced, ChargingReason.LOAD_TOO_HIGH),
        (waits_for_sun, ChargingReason.WAITING_FOR_SUN),
        (charger.was_stopped and is_open and charger.mode is not ChargeMode.GREEN, ChargingReason.STOPPED),
        (word == "SUSPENDED_EV", ChargingReason.CAR_NOT_ASKING),
        (charger.mode is ChargeMode.GREEN, ChargingReason.WAITING_FOR_SUN),
        (not is_open, ChargingReason.WAITING_FOR_SCHEDULE),
        (word == "PREPARING" and _asks_for_authorization(charger), ChargingReason.WAITING_FOR_AUTHORIZATION),
        (word in {"SUSPENDED", "SUSPENDED_EVSE"}, ChargingReason.PAUSED_BY_CHARGER),
    )
    return next((reason for is_so, reason in reasons if is_so), ChargingReason.NOT_STARTED)


def _windows(charger: Charger, zone: tzinfo) -> Iterator[tuple[WeeklyWindow, tzinfo]]:
    for slot in charger.details.slots or ():
        if slot.is_enabled and slot.start is not None and slot.end is not None:
            yield WeeklyWindow(slot.start, slot.end, slot.days), zone


def _asks_for_authorization(charger: Charger) -> bool:
    """Return whether somebody has to let the charger start, with a card or in the app."""
    configuration = charger.details.configuration
    keys = (ConfigurationKey.APP_AUTHENTICATION, ConfigurationKey.RFID_AUTHENTICATION)
    return configuration is not None and any(configuration.is_enabled(key) for key in keys)
