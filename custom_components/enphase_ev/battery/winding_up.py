"""What is done for the battery when its entry is removed or disabled: the override ends, and what is missing is put back."""

from datetime import UTC, datetime

from homeassistant.components.persistent_notification import async_create
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN, LOGGER
from ..enlighten import Account, Batteries, EnlightenError
from .keeper import Keeper
from .ledger import KeptEntry
from .ledger_store import LedgerStore
from .notes import fail
from .steps import SETTLE
from .words import entry_line

_WITHIN = 60.0
_KEY = f"component.{DOMAIN}.exceptions.battery_not_wound_up.message"


async def async_wind_up(hass: HomeAssistant, entry: ConfigEntry, account: Account, site_id: str) -> None:
    """End the override and put back what is aside or missing, for a minute at most; tell what could not be, where it outlives the entry."""
    store = LedgerStore(hass, entry.entry_id)
    ledger = await store.async_load()
    if ledger.override is None and not ledger.must and not ledger.owed:
        return
    client = Batteries(account, site_id)
    keeper = Keeper(hass, entry, client, store, ledger)
    try:
        await client.site_settings()
        left = await _wind_up(keeper)
    except (EnlightenError, HomeAssistantError) as err:
        LOGGER.warning("The battery could not be left as it was: %s", type(err).__name__)
        await keeper.async_stop()
        left = [*(ledger.override.aside if ledger.override else []), *(one.entry for one in ledger.must)]
    if left:
        await _tell(hass, entry, left)


async def _wind_up(keeper: Keeper) -> list[KeptEntry]:
    """End the override, compare what was written last, and put back what is missing; return what could not be put back."""
    ledger, now = keeper.ledger, datetime.now(UTC)
    for intent in ledger.open_intents:
        if not intent.ends_override and not intent.is_touched:
            fail(ledger, intent, "removed", now)
    if ledger.override is not None:
        ledger.override.is_ending = True
    await keeper.async_work(_WITHIN, lambda: _is_needed(keeper))
    await keeper.async_stop()
    aside = ledger.override.aside if ledger.override else []
    schedules = keeper.reading.schedules
    missing = [one.entry for one in ledger.must if schedules is None or one.entry.found_in(schedules) is None]
    return [*aside, *missing]


def _is_needed(keeper: Keeper) -> bool:
    """Return whether there is something to end, to put back, to apply or to compare."""
    ledger = keeper.ledger
    is_missing = any(one.problem is None and (one.is_due or one.missing_since is not None) for one in ledger.must)
    is_owed = any(owed.wrote_at is None for owed in ledger.owed.values())
    return ledger.override is not None or is_missing or is_owed or bool(keeper.waiting) or _is_to_compare(keeper)


def _is_to_compare(keeper: Keeper) -> bool:
    """Return whether it is not known yet what the last write has dropped."""
    guard, read_at = keeper.ledger.guard, keeper.reading.schedules_at
    return guard is not None and (read_at is None or read_at < guard.toggled_at + SETTLE)


async def _tell(hass: HomeAssistant, entry: ConfigEntry, left: list[KeptEntry]) -> None:
    lines = "".join(f"\n- {entry_line(kept.entry())}" for kept in left)
    told = HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="battery_not_wound_up",
        translation_placeholders={"site": entry.title, "schedules": lines},
    )
    LOGGER.error("%s", told)
    texts = await async_get_translations(hass, hass.config.language, "exceptions", {DOMAIN})
    message = texts.get(_KEY, "{site}: {schedules}").format(site=entry.title, schedules=lines)
    async_create(hass, message, title=entry.title, notification_id=f"{DOMAIN}_battery_{entry.entry_id}")
