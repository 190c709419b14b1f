"""Repair issues of the batteries: schedules that could not be put back, and an override that the battery ignores."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..enlighten import BatteryEntry
from .words import entry_line

LEFT_ENTRIES = "left_entries"
_OVERRIDE_IGNORED = "override_ignored"
_SCHEDULER_HANGS = "scheduler_hangs"


@callback
def set_left_entries_issue(hass: HomeAssistant, entry: ConfigEntry, left: list[BatteryEntry]) -> None:
    """Tell a person which battery schedules could not be put back, and offer to try again or to drop them."""
    issue_id = f"{LEFT_ENTRIES}_{entry.entry_id}"
    if not left:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    lines = (f"- {entry_line(one)}" for one in left)
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={"entry_id": entry.entry_id},
        is_fixable=True,
        severity=ir.IssueSeverity.ERROR,
        translation_key=LEFT_ENTRIES,
        translation_placeholders={"site": entry.title, "schedules": "\n".join(lines)},
    )


@callback
def set_override_issue(hass: HomeAssistant, entry: ConfigEntry, *, is_ignored: bool) -> None:
    """Tell a person about a battery that does not do what it was told to do now."""
    issue_id = f"{_OVERRIDE_IGNORED}_{entry.entry_id}"
    if not is_ignored:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=_OVERRIDE_IGNORED,
        translation_placeholders={"site": entry.title},
    )


@callback
def set_scheduler_issue(hass: HomeAssistant, entry: ConfigEntry, *, is_hanging: bool) -> None:
    """Tell a person about a battery that does not charge although a schedule is open, or take that back."""
    issue_id = f"{_SCHEDULER_HANGS}_{entry.entry_id}"
    if not is_hanging:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=_SCHEDULER_HANGS,
        translation_placeholders={"site": entry.title},
    )


@callback
def clear_battery_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove what was said about the batteries of a site that goes."""
    set_left_entries_issue(hass, entry, [])
    set_override_issue(hass, entry, is_ignored=False)
    set_scheduler_issue(hass, entry, is_hanging=False)
