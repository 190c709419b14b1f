"""What is done for the battery when its entry is removed or disabled: the override ends, and what is missing is put back."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from homeassistant.components.persistent_notification import async_create, async_dismiss
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN, LOGGER
from ..enlighten import Account, Batteries, BatteryFamily, EnlightenError, RateLimited, ServiceUnavailable
from ..texts import common_text
from ..waiting import async_rest
from .keeper import Keeper
from .ledger import KeptEntry, Ledger, Override
from .ledger_store import LedgerStore
from .notes import fail
from .override import end
from .steps import Reading
from .words import entry_line, family_name

_WITHIN = 60.0
# How soon something is tried again to which the cloud did not answer, s.
_AGAIN_AFTER = 5.0


@dataclass
class ToDo:
    """What a person has to do: schedules to add, to delete and to look for, and a family to turn off."""

    add: list[KeptEntry] = field(default_factory=list)
    delete: list[KeptEntry] = field(default_factory=list)
    turn_off: BatteryFamily | None = None
    check: list[KeptEntry] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return what is to be done, in words."""
        lines = [common_text("battery_left_delete", schedule=entry_line(one.entry())) for one in self.delete]
        if self.turn_off is not None:
            lines.append(common_text("battery_left_turn_off", family=family_name(self.turn_off)))
        return [*lines, *(common_text("battery_left_add", schedule=entry_line(one.entry())) for one in self.add)]


async def async_wind_up(hass: HomeAssistant, entry: ConfigEntry, account: Account, site_id: str) -> None:
    """End the override and put back what is aside or missing, for a minute at most; tell what could not be, or is not sure yet."""
    store = LedgerStore(hass, entry.entry_id)
    ledger = await store.async_load()
    if ledger.override is None and ledger.guard is None and not ledger.expected and not ledger.owed:
        return
    client = Batteries(account, site_id)
    keeper = Keeper(hass, entry, client, store, ledger)
    until = hass.loop.time() + _WITHIN
    _want_the_end(ledger)
    try:
        # An entry that is disabled ends the override once it is enabled again, where it cannot now.
        await keeper.async_save()
        await _reach(hass, client, until)
        await keeper.async_work(until - hass.loop.time(), lambda: _is_needed(keeper), again_after=timedelta(seconds=_AGAIN_AFTER))
    except (EnlightenError, HomeAssistantError) as err:
        LOGGER.warning("The battery could not be left as it was: %s", type(err).__name__)
    await keeper.async_stop()
    await _tell(hass, entry, _left_to_do(ledger, keeper.reading))


async def _reach(hass: HomeAssistant, client: Batteries, until: float) -> None:
    """Read the site's settings, which every write needs; try again as long as there is time.

    Raises:
        EnlightenError: The cloud did not answer until then.
    """
    while True:
        try:
            await client.site_settings()
        except (RateLimited, ServiceUnavailable) as err:
            wanted = err.retry_after if isinstance(err, RateLimited) else None
            pause = max(wanted or 0, _AGAIN_AFTER)
            if hass.loop.time() + pause >= until:
                raise
            await async_rest(hass, pause)
        else:
            return


def _want_the_end(ledger: Ledger) -> None:
    """Let what was not begun come to nothing, and the override end."""
    now = datetime.now(UTC)
    for intent in ledger.open_intents:
        if not intent.ends_override and not intent.is_touched:
            fail(ledger, intent, "removed", now)
    if ledger.override is not None:
        ledger.override.is_ending = True
        if not any(intent.ends_override for intent in ledger.open_intents):
            # Also where an end has failed a moment ago: there is no later.
            end(ledger, now)


def _is_needed(keeper: Keeper) -> bool:
    """Return whether there is something to end, to put back, to apply or to compare."""
    ledger = keeper.ledger
    is_missing = any(one.problem is None and (one.is_due or one.missing_since is not None) for one in ledger.expected)
    is_owed = any(owed.wrote_at is None for owed in ledger.owed.values())
    return ledger.override is not None or ledger.guard is not None or is_missing or is_owed or bool(keeper.waiting)


def _left_to_do(ledger: Ledger, reading: Reading) -> ToDo:
    """Return what could not be done, and what a change on its way may still drop."""
    todo, override = ToDo(), ledger.override
    if override is not None:
        todo.delete = _there(reading, [override.entry], unless_read=True)
        todo.turn_off = _still_on(override, reading)
    else:
        # Whether a delete without an answer has arrived shows only now.
        ends = [intent for intent in ledger.open_intents if intent.ends_override]
        todo.delete = _there(reading, (one for intent in ends for one in intent.done_deletes))
    staying = [one.entry for one in ledger.expected if not ledger.is_of_override(one.entry.entry())]
    expected = [*(override.aside if override else []), *staying]
    there = _there(reading, expected)
    for one in expected:
        if one not in there and not any(one.entry().is_same_as(other.entry()) for other in todo.add):
            todo.add.append(one)
    todo.check = there if ledger.guard is not None else []
    return todo


def _there(reading: Reading, entries: Iterable[KeptEntry], *, unless_read: bool = False) -> list[KeptEntry]:
    """Return the entries that the last read showed; `unless_read`: all of them where nothing was read."""
    schedules = reading.schedules
    return [one for one in entries if (unless_read if schedules is None else one.found_in(schedules) is not None)]


def _still_on(override: Override, reading: Reading) -> BatteryFamily | None:
    """Return the family that the override has turned on, where it is not seen to be off."""
    family, settings = override.entry.family, reading.settings
    is_on = settings is None or settings.expected.is_enabled(family) or settings.is_enabled(family)
    return family if is_on and not override.was_on else None


def _notification_id(entry: ConfigEntry) -> str:
    return f"{DOMAIN}_battery_{entry.entry_id}"


@callback
def dismiss_to_do(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take back what was told when the entry was disabled: all is as it was."""
    async_dismiss(hass, _notification_id(entry))


async def _tell(hass: HomeAssistant, entry: ConfigEntry, todo: ToDo) -> None:
    # It also loads the words of what is told, where the entry was not loaded.
    texts = await async_get_translations(hass, hass.config.language, "exceptions", {DOMAIN})
    told: list[HomeAssistantError] = []
    if lines := todo.lines():
        told.append(
            HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="battery_not_wound_up",
                translation_placeholders={"site": entry.title, "todo": _listed(lines)},
            )
        )
    if todo.check:
        told.append(
            HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="battery_change_on_its_way",
                translation_placeholders={"site": entry.title, "schedules": _listed(entry_line(one.entry()) for one in todo.check)},
            )
        )
    messages = []
    for one in told:
        LOGGER.error("%s", one)
        text = texts.get(f"component.{DOMAIN}.exceptions.{one.translation_key}.message", str(one))
        messages.append(text.format_map(one.translation_placeholders or {}))
    if messages:
        async_create(hass, "\n\n".join(messages), title=entry.title, notification_id=_notification_id(entry))


def _listed(lines: Iterable[str]) -> str:
    return "".join(f"\n- {line}" for line in lines)
