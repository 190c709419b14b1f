"""What a person reads of the battery's schedules and changes, in Home Assistant's language.

What fills in a text is not translated where it is shown, so it is translated here. A name whose translation is not loaded stays the name
that the actions know: what is said of a change never ends the change.
"""

from datetime import time

from ..enlighten import BatteryEntry, BatteryFamily
from ..texts import days_text, option_name, text_of
from .ledger import Intent, Told
from .model import profile_name

# What a change of one entry or several is called.
_SCHEDULES = "schedules"
_PLATFORMS = ("switch", "number", "select", "time")


def placeholders_of(entry: BatteryEntry) -> dict[str, str]:
    """Return what fills in a text about an entry: family, start, end, days."""
    return {
        "family": family_name(entry.family),
        "start": f"{entry.start:%H:%M}",
        "end": f"{entry.end:%H:%M}",
        "days": days_text(entry.days),
    }


def entry_line(entry: BatteryEntry) -> str:
    """Return an entry in words: family, times, days, limit."""
    line = "{family}, {start} - {end}, {days}".format(**placeholders_of(entry))
    return line if entry.limit is None else f"{line}, {entry.limit:g} %"


def told_data(told: Told) -> dict[str, str | None]:
    """Return what is told of something that happened: the change, the schedule in words, the reason as the actions name it."""
    schedule = entry_line(told.entry.entry()) if told.entry is not None else None
    return {"what": told.what, "schedule": schedule, "reason": told.reason}


def says_more(told: Told) -> bool:
    """Return whether a sentence about something that happened says more than its type: which schedule, or why."""
    return told.entry is not None or told.reason is not None


def told_line(told: Told) -> str:
    """Return something that happened as a line of the logbook, which stands after the name of the battery."""
    entry = {} if told.entry is None else placeholders_of(told.entry.entry())
    text = text_of("common", f"battery_log_{told.event}") or told.event.value
    name = _name_of(told.what)
    if told.what == _SCHEDULES and told.entry is not None:
        name = f"{name} ({entry_line(told.entry.entry())})"
    line = text.format_map({"what": name, **entry})
    reason = _reason(told.reason)
    return f"{line}. {reason}" if reason else line


def _name_of(what: str | None) -> str:
    """Return the name of a change: that of its entity, where it has one."""
    if what is None:
        return ""
    names = (text_of("entity", platform, what, "name") for platform in _PLATFORMS)
    return text_of("common", f"battery_what_{what}") or next((name for name in names if name), what)


def _reason(reason: str | None) -> str | None:
    """Return why nothing came of a change; `None` where there are no words for it, or only some that have to be filled in."""
    if reason is None:
        return None
    text = text_of("common", f"battery_reason_{reason}") or text_of("exceptions", reason, "message")
    return None if text is None or "{" in text else text


def intent_lines(intent: Intent) -> list[str]:
    """Return what an intent would do, a line for each setting and each entry."""
    name = _name_of(intent.what)
    values = [value for key, value in intent.wish.named.items() if key != "profile_reserve"]
    lines = [f"{name}: {_value(value)}" for value in values[:1]]
    if intent.override is not None:
        return [f"{name}: {entry_line(intent.override.entry.entry())}"]
    lines += [_filled("battery_do_write", schedule=entry_line(kept.entry())) for kept in intent.writes]
    lines += [_filled("battery_do_delete", schedule=entry_line(kept.entry())) for kept in intent.deletes]
    return lines


def apply_line(family: BatteryFamily) -> str:
    """Return that the schedules of a family are to be applied."""
    return f"{_name_of('apply')}: {family_name(family)}"


def family_name(family: BatteryFamily) -> str:
    """Return the name of a family."""
    return option_name("battery_family", family.name.lower())


def _filled(key: str, **values: str) -> str:
    text = text_of("common", key)
    return text.format(**values) if text else ", ".join(values.values())


def _value(value: bool | float | str | time) -> str:
    match value:
        case bool():
            key = "on" if value else "off"
            return text_of("common", f"battery_value_{key}") or key
        case time():
            return f"{value:%H:%M}"
        case str():
            profile = profile_name(value) or value
            return text_of("entity", "select", "system_profile", "state", profile) or profile
        case _:
            return f"{value:g} %"
