"""Sends the writes of the keeper, and explains what the cloud has refused (docs/cloud-api/battery.md §4)."""

from homeassistant.exceptions import HomeAssistantError

from ..enlighten import Batteries, BatteryFamily, EnlightenError, RequestRejected
from ..errors import command_error
from .change import conflict_in
from .ledger import Ledger
from .steps import DeleteEntry, Reading, Write, WriteEntry, WriteProfile, WriteSettings


async def send(client: Batteries, ledger: Ledger, reading: Reading, step: Write) -> None:
    """Send a write."""
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
        case WriteProfile(intent, names_source):
            profile = reading.profile
            if intent.wish.is_profile:
                await client.set_profile(intent.wish, names_source=names_source)
            elif profile is not None:
                await client.set_storm_guard(intent.wish, profile, names_source=names_source)


def _with_entries(ledger: Ledger, reading: Reading) -> set[BatteryFamily]:
    there = reading.schedules.entries if reading.schedules else ()
    coming = [one.entry.family for one in ledger.must if one.problem is None]
    return {*(entry.family for entry in there if not ledger.was_deleted(entry)), *coming}


async def explained(client: Batteries, err: RequestRejected, step: Write) -> HomeAssistantError:
    """Return what a person sees of a refusal; a conflict is explained with the entry that is really in the way."""
    if err.status != 409 or not isinstance(step, WriteEntry):
        return command_error(err)
    try:
        schedules = await client.schedules()
    except EnlightenError:
        return command_error(err)
    return conflict_in(schedules.entries, step.entry) or command_error(err)
