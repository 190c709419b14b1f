"""The titles of events in the calendars, in Home Assistant's language. A plan that cannot run says so."""

from ..battery.model import Battery
from ..charger.model import Charger
from ..enlighten import BatteryEntry, BatteryFamily, ChargingSlot, GridEvent
from ..texts import common_text, days_text, text_of

_TITLE_OF_FAMILY = {
    BatteryFamily.CHARGE_FROM_GRID: "calendar_charge",
    BatteryFamily.DISCHARGE_TO_GRID: "calendar_discharge",
    BatteryFamily.RESTRICT_BATTERY_DISCHARGE: "calendar_hold",
}


def slot_title(slot: ChargingSlot, charger: Charger) -> str:
    """Return the title of a charging schedule that nobody has given one: its level (A)."""
    return f"{level_shown(slot, charger):g} A"


def slot_line(slot: ChargingSlot, charger: Charger) -> str:
    """Return a charging schedule in words: times, days, level (A); an off-peak schedule, whose times only the tariff knows, by its name."""
    if slot.start is None or slot.end is None:
        return text_of("entity", "switch", "off_peak_slot", "name") or slot.type.name.lower()
    return f"{slot.start:%H:%M} - {slot.end:%H:%M}, {days_text(slot.days)}, {slot_title(slot, charger)}"


def slot_note(charger: Charger) -> str:
    """Return what is added to the titles of a charger's schedules where its charge mode makes them inactive; else an empty text."""
    mode = mode_in_the_way(charger)
    return "" if mode is None else f" ({common_text('calendar_inactive_mode', mode=mode)})"


def slot_description(slot: ChargingSlot, charger: Charger) -> str:
    """Return the level of a charging schedule, and how it is changed there."""
    return f"{slot_title(slot, charger)}. {common_text('calendar_change_level')}"


def entry_title(entry: BatteryEntry) -> str:
    """Return the title of a battery schedule that nobody has given one: what it does, to which state of charge (%)."""
    kind = _TITLE_OF_FAMILY[entry.family]
    return common_text(f"{kind}_to", limit=f"{entry.limit:g}") if _has_limit(entry) else common_text(kind)


def entry_note(entry: BatteryEntry, battery: Battery) -> str:
    """Return what is added to the title of a battery schedule whose kind is off; else an empty text."""
    switch = switch_in_the_way(entry.family, battery)
    return "" if switch is None else f" ({common_text('calendar_inactive_switch', switch=switch)})"


def entry_description(entry: BatteryEntry) -> str:
    """Return what a battery schedule does, and how its limit is changed there."""
    title = entry_title(entry)
    return f"{title}. {common_text('calendar_change_limit')}" if _has_limit(entry) else title


def _has_limit(entry: BatteryEntry) -> bool:
    return entry.limit is not None and entry.family is not BatteryFamily.RESTRICT_BATTERY_DISCHARGE


def outage_title() -> str:
    """Return the title of an outage."""
    return common_text("calendar_outage")


def grid_event_title(event: GridEvent) -> str:
    """Return the title of a grid event: its kind in Enphase's word, where it has one."""
    words = event.subkind or event.kind
    return words.replace("_", " ").capitalize() if words else common_text("calendar_grid_event")


def level_shown(slot: ChargingSlot, charger: Charger) -> float:
    """Return the level (A) of a slot; a slot without one charges at the level that the next start uses."""
    return slot.level or charger.wished_level


def mode_in_the_way(charger: Charger) -> str | None:
    """Return the charge mode in which a charger's schedules do not count; `None` where they do, as far as is known."""
    if charger.runs_schedules:
        return None
    mode = charger.mode.name.lower() if charger.mode else charger.unknown_mode or ""
    return text_of("entity", "select", "charge_mode", "state", mode) or mode


def switch_in_the_way(family: BatteryFamily, battery: Battery) -> str | None:
    """Return the switch that is off, so that the schedules of a kind do not count; `None` where they do, as far as is known."""
    settings = battery.settings
    if settings is None or settings.runs_schedules(family):
        return None
    is_of_schedules = family is BatteryFamily.CHARGE_FROM_GRID and settings.is_enabled(family)
    key = "charge_from_grid_schedule" if is_of_schedules else family.name.lower()
    return text_of("entity", "switch", key, "name") or key
