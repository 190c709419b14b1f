"""Sends a write of the keeper to the cloud, and tells people in words why one was refused (docs/cloud-api/battery.md §4)."""

from datetime import UTC, datetime

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..const import DOMAIN
from ..enlighten import Batteries, BatteryFamily, BatterySettings, BatteryWish, EnlightenError, RequestRejected
from ..errors import command_error
from .change import conflict_in
from .ledger import Ledger
from .steps import DeleteEntry, Reading, Write, WriteAlone, WriteEntry, WriteSettings, is_just_sent


async def send(client: Batteries, ledger: Ledger, reading: Reading, step: Write) -> BatterySettings | None:
    """Send a write; return the settings where they had to be read to know that it was taken."""
    match step:
        case DeleteEntry(entry):
            await client.delete_entry(entry)
        case WriteEntry(entry):
            await (client.change_entry(entry) if entry.id else client.add_entry(entry))
        case WriteSettings(wish, applied, _, names_source, is_whole):
            settings = reading.settings
            if settings is not None:
                await client.write_settings(
                    wish, applied, settings.expected, _with_entries(ledger, reading), names_source=names_source, is_whole=is_whole
                )
        case WriteAlone(intent, names_source):
            profile, settings = reading.profile, reading.settings
            if intent.wish.is_battery_for_car and settings is not None:
                return await client.set_battery_for_car(_for_car(ledger), settings.expected)
            if intent.wish.chooses_profile:
                await client.set_profile(intent.wish, names_source=names_source)
            elif profile is not None:
                await client.set_storm_guard(intent.wish, profile, names_source=names_source)
    return None


def _for_car(ledger: Ledger) -> BatteryWish:
    """Return all recent wishes about the car's share as one: each write names both keys, and a late read may not show the other one yet."""
    now = datetime.now(UTC)
    wish = BatteryWish()
    for intent in ledger.intents:
        if intent.wish.is_battery_for_car and (intent.is_open or is_just_sent(intent, now)):
            wish = intent.wish.over(wish)
    return wish


def _with_entries(ledger: Ledger, reading: Reading) -> set[BatteryFamily]:
    there = reading.schedules.entries if reading.schedules else ()
    coming = [one.entry.family for one in ledger.expected if one.problem is None]
    return {*(entry.family for entry in there if not ledger.was_deleted(entry)), *coming}


async def explained(client: Batteries, err: RequestRejected, step: Write, ledger: Ledger) -> HomeAssistantError:
    """Return what a person sees of a refusal: a conflict names the entry that is really in the way, also one that reads do not show yet."""
    if not isinstance(step, WriteEntry):
        return command_error(err)
    if err.is_unknown and step.entry.id:
        return ServiceValidationError(translation_domain=DOMAIN, translation_key="slot_unknown")
    if err.status != 409:
        return command_error(err)
    try:
        there = (await client.schedules()).entries
    except EnlightenError:
        there = ()
    coming = [one.known.entry() for one in ledger.expected if one.problem is None]
    return conflict_in((*there, *coming), step.entry) or command_error(err)
