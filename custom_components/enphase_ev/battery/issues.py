"""Repair issues of the batteries: what could not be put back or protected, what the ledger lacks, an override that is ignored."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..enlighten import BatteryEntry
from .ledger_store import LedgerStore
from .words import apply_line, entry_line, intent_lines

LEFT_ENTRIES = "left_entries"
_OVERRIDE_IGNORED = "override_ignored"
_SCHEDULER_HANGS = "scheduler_hangs"
_LEDGER_UNREADABLE = "ledger_unreadable"
_LEDGER_OLD = "ledger_old"
_UNREADABLE_ENTRIES = "unreadable_entries"


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
def raise_ledger_issues(hass: HomeAssistant, entry: ConfigEntry, store: LedgerStore) -> None:
    """Tell a person what could not be read of the ledger, and what is not done because it is old; they stay until somebody confirms."""
    if store.is_unreadable:
        ir.async_create_issue(
            hass,
            DOMAIN,
            f"{_LEDGER_UNREADABLE}_{entry.entry_id}",
            is_fixable=True,
            is_persistent=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key=_LEDGER_UNREADABLE,
            translation_placeholders={"site": entry.title, "file": store.aside.name},
        )
    lines = [line for intent in store.undone.intents for line in intent_lines(intent)]
    lines += [apply_line(family) for family in store.undone.families]
    if lines:
        ir.async_create_issue(
            hass,
            DOMAIN,
            f"{_LEDGER_OLD}_{entry.entry_id}",
            is_fixable=True,
            is_persistent=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key=_LEDGER_OLD,
            translation_placeholders={"site": entry.title, "changes": "\n".join(f"- {line}" for line in lines)},
        )


@callback
def set_unreadable_entries_issue(hass: HomeAssistant, entry: ConfigEntry, count: int) -> None:
    """Tell a person about schedules whose times nobody understands, and which therefore cannot be put back."""
    issue_id = f"{_UNREADABLE_ENTRIES}_{entry.entry_id}"
    if not count:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=_UNREADABLE_ENTRIES,
        translation_placeholders={"site": entry.title, "count": str(count)},
    )


@callback
def clear_battery_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove what was said about the batteries of a site that goes."""
    set_left_entries_issue(hass, entry, [])
    set_override_issue(hass, entry, is_ignored=False)
    set_scheduler_issue(hass, entry, is_hanging=False)
    set_unreadable_entries_issue(hass, entry, 0)
    for key in (_LEDGER_UNREADABLE, _LEDGER_OLD):
        ir.async_delete_issue(hass, DOMAIN, f"{key}_{entry.entry_id}")
