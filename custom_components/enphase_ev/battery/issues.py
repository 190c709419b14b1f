"""Repair issues of the batteries: what could not be put back or protected, what the ledger lacks, an override that is ignored."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..account_issues import set_entry_issue
from ..enlighten import BatteryEntry
from .ledger_store import LedgerStore
from .words import apply_line, entry_line, intent_lines

NOT_PUT_BACK = "left_entries"
_OVERRIDE_IGNORED = "override_ignored"
_SCHEDULER_HANGS = "scheduler_hangs"
_LEDGER_UNREADABLE = "ledger_unreadable"
_LEDGER_OLD = "ledger_old"
_UNREADABLE_ENTRIES = "unreadable_entries"


@callback
def set_not_put_back_issue(hass: HomeAssistant, entry: ConfigEntry, left: list[BatteryEntry]) -> None:
    """Tell a person which battery schedules could not be put back, and offer to try again or to drop them."""
    set_entry_issue(
        hass,
        entry,
        translation_key=NOT_PUT_BACK,
        is_so=bool(left),
        placeholders={"schedules": "\n".join(f"- {entry_line(one)}" for one in left)},
        severity=ir.IssueSeverity.ERROR,
        data={},
    )


@callback
def set_override_issue(hass: HomeAssistant, entry: ConfigEntry, *, is_ignored: bool) -> None:
    """Tell a person about a battery that does not do what it was told to do now."""
    set_entry_issue(hass, entry, translation_key=_OVERRIDE_IGNORED, is_so=is_ignored)


@callback
def set_scheduler_issue(hass: HomeAssistant, entry: ConfigEntry, *, is_hanging: bool) -> None:
    """Tell a person about a battery that does not charge although a schedule is open, or take that back."""
    set_entry_issue(hass, entry, translation_key=_SCHEDULER_HANGS, is_so=is_hanging)


@callback
def raise_ledger_issues(hass: HomeAssistant, entry: ConfigEntry, store: LedgerStore) -> None:
    """Tell a person what could not be read of the ledger, and what is not done because it is old; they stay until somebody confirms."""
    if store.is_unreadable:
        set_entry_issue(
            hass,
            entry,
            translation_key=_LEDGER_UNREADABLE,
            placeholders={"file": store.aside.name},
            is_persistent=True,
        )
    lines = [line for intent in store.unwritten.intents for line in intent_lines(intent)]
    lines += [apply_line(family) for family in store.unwritten.families]
    if lines:
        set_entry_issue(
            hass,
            entry,
            translation_key=_LEDGER_OLD,
            placeholders={"changes": "\n".join(f"- {line}" for line in lines)},
            is_persistent=True,
        )


@callback
def set_unreadable_entries_issue(hass: HomeAssistant, entry: ConfigEntry, count: int) -> None:
    """Tell a person about schedules whose times nobody understands, and which therefore cannot be put back."""
    set_entry_issue(hass, entry, translation_key=_UNREADABLE_ENTRIES, is_so=count > 0, placeholders={"count": str(count)})


@callback
def clear_battery_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove what was said about the batteries of a site that goes."""
    set_not_put_back_issue(hass, entry, [])
    set_override_issue(hass, entry, is_ignored=False)
    set_scheduler_issue(hass, entry, is_hanging=False)
    set_unreadable_entries_issue(hass, entry, 0)
    for key in (_LEDGER_UNREADABLE, _LEDGER_OLD):
        set_entry_issue(hass, entry, translation_key=key, is_so=False)
