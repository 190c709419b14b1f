"""The file of the ledger: a failed write is noticed, and a file of any shape is read."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store

from ..const import DOMAIN, LOGGER
from ..enlighten import BatteryFamily
from .ledger import ChangeState, Intent, Ledger
from .ledger_reading import read_ledger

_STORAGE_VERSION = 1
# An older ledger comes from a backup, or from before a long shutdown: too much can have changed to go on with it.
_OLD_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class Unwritten:
    """What an old ledger had still to write, and does not write by itself."""

    intents: tuple[Intent, ...] = ()
    families: tuple[BatteryFamily, ...] = ()


class LedgerStore:
    """The file of one site's ledger.

    Attributes:
        is_unreadable: whether something of what was stored could not be read; then the file is put aside.
        unwritten: what is not done because the ledger is old.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._hass = hass
        self._key = f"{DOMAIN}.battery.{entry_id}"
        self._file = self._open()
        # A call and the keeper can save at the same moment, and each reads back what it has written.
        self._saving = asyncio.Lock()
        self.is_unreadable = False
        self.unwritten = Unwritten()

    @property
    def aside(self) -> Path:
        """Return where a file goes that cannot be read."""
        return Path(f"{self._file.path}.unreadable")

    def _open(self) -> Store[dict[str, object]]:
        return Store(self._hass, _STORAGE_VERSION, self._key, private=True, atomic_writes=True)

    async def async_load(self) -> Ledger:
        """Return what was stored, one of release 0.2.0 too. What cannot be read is put aside as a file, the rest of it is kept."""
        raw = await self._hass.async_add_executor_job(_content, self._file.path)
        stored: object = None
        try:
            stored = await self._file.async_load()
        except (HomeAssistantError, LookupError, ValueError, TypeError, AttributeError, NotImplementedError) as err:
            LOGGER.warning("The battery's ledger cannot be read: %s", type(err).__name__)
            self.is_unreadable = True
        if stored is None and raw and not self.is_unreadable:
            self.is_unreadable = True
        ledger, is_whole = read_ledger(stored if stored is not None else {})
        self.is_unreadable = self.is_unreadable or not is_whole
        if self.is_unreadable and raw:
            await self._hass.async_add_executor_job(_put_aside, self.aside, raw)
        self._file = self._open()
        self.unwritten = _age(ledger, datetime.now(UTC))
        return ledger

    async def async_save(self, ledger: Ledger) -> None:
        """Write now, and look whether it is there: Home Assistant's own store tells nobody that the disk refused.

        Raises:
            HomeAssistantError: It could not be written.
        """
        async with self._saving:
            ledger.saved_at = datetime.now(UTC)
            data = ledger.to_dict()
            await self._file.async_save(data)
            try:
                stored = await self._open().async_load()
            except HomeAssistantError:
                stored = None
            if stored is None or stored.get("saved_at") != data["saved_at"]:
                raise HomeAssistantError(translation_domain=DOMAIN, translation_key="ledger_not_saved")

    async def async_save_before(self, ledger: Ledger, intents: Iterable[Intent]) -> bool:
        """Save before something is written; return whether it is on disk.

        The end of an override, and putting entries back, follow from what is on disk already, so that a full disk does not prevent them.

        Raises:
            HomeAssistantError: It could not be saved, and somebody wants something new.
        """
        try:
            await self.async_save(ledger)
        except HomeAssistantError:
            if not all(intent.ends_override for intent in intents):
                raise
            LOGGER.error("The battery's ledger could not be saved")
            return False
        return True

    async def async_remove(self) -> None:
        """Forget everything."""
        await self._file.async_remove()
        await self._hass.async_add_executor_job(partial(self.aside.unlink, missing_ok=True))


def _age(ledger: Ledger, now: datetime) -> Unwritten:
    """Drop what an old ledger had still to write, except the end of an override; return it, so that a person can be shown it."""
    if ledger.saved_at is None or now - ledger.saved_at < _OLD_AFTER:
        return Unwritten()
    ledger.is_old = bool(ledger.expected)
    ledger.guard = None
    intents = tuple(intent for intent in ledger.open_intents if not intent.ends_override)
    unwritten = Unwritten(intents, tuple(ledger.owed))
    ledger.owed.clear()
    for intent in intents:
        ledger.finish(intent, ChangeState.FAILED, "too_old")
    return unwritten


def _content(path: str) -> bytes:
    file = Path(path)
    return file.read_bytes() if file.is_file() else b""


def _put_aside(aside: Path, content: bytes) -> None:
    aside.write_bytes(content)
    aside.chmod(0o600)
