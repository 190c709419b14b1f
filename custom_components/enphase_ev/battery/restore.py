"""Losing nothing: what a change of the battery made disappear is put back, and what was touched is applied.

Source: docs/cloud-api/battery.md §4, §5.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus

from homeassistant.core import HomeAssistant

from ..const import LOGGER
from ..enlighten import BatteryEntry, BatteryFamily, BatterySettings, Json, RequestRejected, whole_settings
from ..enlighten.battery_bodies import apply_body
from ..waiting import async_rest
from .cloud import BatteryCloud
from .journal import BatteryJournal, JournalRecord, KeptEntry

# A toggle can drop schedules some seconds later: compared before that, they would seem to be there.
SETTLE = 15.0
_MOST_ROUNDS = 3
# What nobody refuses and still does not stay is tried again for so long.
_TRIED_FOR = timedelta(hours=1)
# Its lean write can be answered with success and ignored where it switches off (docs/cloud-api/battery.md §4).
_RBD = BatteryFamily.RESTRICT_BATTERY_DISCHARGE


class BatteryRestore:
    """Brings the open records of a site's journal to their end."""

    def __init__(self, hass: HomeAssistant, cloud: BatteryCloud, journal: BatteryJournal) -> None:
        self._hass = hass
        self._cloud = cloud
        self._journal = journal

    async def touch(self, record: JournalRecord, family: BatteryFamily, write: Callable[[], Awaitable[None]]) -> None:
        """Write an entry; from then on its family wants the apply, unless the write was refused.

        Raises:
            RequestRejected: Refused.
            EnlightenError: Nobody answered; the record stays open.
        """
        is_first = family not in record.families
        if is_first:
            record.families.append(family)
        await self._journal.async_save()
        try:
            await self._cloud.write(write)
        except RequestRejected:
            if is_first:
                record.families.remove(family)
            raise

    async def put_back(self, record: JournalRecord, entry: BatteryEntry) -> RequestRejected | None:
        """Add an entry that is expected and missing; return a refusal.

        Raises:
            EnlightenError: Nobody answered; the record stays open.
        """
        try:
            await self.touch(record, entry.family, partial(self._cloud.client.add_entry, entry))
        except RequestRejected as err:
            return err
        return None

    async def _put_back_surely(self, record: JournalRecord, entry: BatteryEntry) -> RequestRejected | None:
        """Put an entry back; once more after a read where it collided with what was written just before (docs/cloud-api/battery.md §5)."""
        refusal = await self.put_back(record, entry)
        if refusal is None or refusal.status != HTTPStatus.CONFLICT or not record.families:
            return refusal
        schedules = await self._cloud.schedules()
        return await self.put_back(record, entry) if record.missing_from(schedules) else None

    async def restore(self, record: JournalRecord) -> None:
        """Apply the families that were touched, compare, and put back what is missing, until nothing is.

        The record is closed only when nothing is. What was refused waits for a person; an apply that was refused is tried again later, even
        where all is there. Nothing is ever deleted here.

        Raises:
            EnlightenError: Nobody answered; the record stays open.
        """
        refusal: RequestRejected | None = None
        for _ in range(_MOST_ROUNDS):
            if record.families:
                refusal = await self._apply_touched(record)
                schedules = await self._cloud.known_schedules()
            else:
                schedules = await self._cloud.schedules()
            lost = record.missing_from(schedules)
            if lost:
                # An empty answer is no proof that everything is gone.
                lost = record.missing_from(await self._cloud.schedules())
            if not lost and not record.families:
                await self._journal.async_close(record)
                return
            if lost:
                LOGGER.warning("A change of the battery made %s schedules disappear; they are put back", len(lost))
            for entry in lost:
                refusal = await self._put_back_surely(record, entry) or refusal
            if not record.families or (refusal is not None and not lost):
                # What was refused is refused again if it is asked for at once.
                break
        schedules = await self._cloud.schedules()
        lost = record.missing_from(schedules)
        is_overdue = datetime.now(UTC) - record.opened_at > _TRIED_FOR
        if not lost:
            # What has settled is not this change's doing any more: an entry that a person deletes in the app must not come back.
            record.expected = [KeptEntry.keep(entry) for entry in schedules.entries if entry.is_pending]
            await self._journal.async_save()
        if is_overdue and not lost:
            LOGGER.error("Battery schedules are there, but could not be applied: %s", refusal)
            await self._journal.async_close(record)
        elif lost and (refusal is not None or is_overdue):
            LOGGER.error("%s battery schedules could not be put back; they are kept: %s", len(lost), refusal)
            # The comparison is over: what disappears from now on is not this change's doing.
            record.expected = [KeptEntry.keep(entry) for entry in lost]
            record.problem = str(refusal or "apply")
            await self._journal.async_save()

    async def _apply_touched(self, record: JournalRecord) -> RequestRejected | None:
        """Apply the families whose entries were touched: without it they stay pending and disappear. Return a refusal.

        Source: docs/cloud-api/battery.md §4.
        """
        # Applying can drop what has come since the record was opened, too.
        record.expect_also(await self._cloud.known_schedules())
        await self._journal.async_save()
        refusal = await self._apply(record, list(record.families))
        if refusal is not None and len(record.families) > 1:
            # One that is refused must not keep the others from their turn.
            for family in list(record.families):
                refusal = await self._apply(record, [family]) or refusal
        if refusal is not None:
            await self._cloud.schedules()
        return refusal

    async def _apply(self, record: JournalRecord, families: list[BatteryFamily]) -> RequestRejected | None:
        """Apply families with one write, and in other ways where nothing came of it. Read the entries afterwards; return a refusal."""
        source = self._cloud.names_source
        for names_source, is_whole in ((source, False), (source, True), (not source, False)):
            settings = (await self._cloud.settled_settings()).after(self._cloud.wanted)
            if is_whole and (_RBD not in families or settings.is_enabled(_RBD)):
                continue
            body = await self._apply_body(record, families, settings)
            if is_whole:
                body = {**whole_settings(settings, _RBD, is_enabled=False), **body}
            try:
                await self._cloud.write(partial(self._cloud.write_settings, families, body, names_source=names_source))
            except RequestRejected as err:
                return err
            await async_rest(self._hass, SETTLE)
            if not await self._is_unapplied(families, body):
                self._cloud.names_source = names_source
                break
        record.families = [family for family in record.families if family not in families]
        await self._journal.async_save()
        return None

    async def _apply_body(self, record: JournalRecord, families: list[BatteryFamily], settings: BatterySettings) -> dict[str, Json]:
        schedules = await self._cloud.known_schedules()
        expected = {kept.family for kept in record.expected}
        body: dict[str, Json] = {}
        for family in families:
            body |= apply_body(family, settings, schedules, has_entries=family in expected or bool(schedules.of(family)))
        return body

    async def _is_unapplied(self, families: list[BatteryFamily], body: Mapping[str, Json]) -> bool:
        """Return whether entries are still pending, or schedules still on, when the gateway has nothing to take over any more."""
        if body.get("chargeFromGridScheduleEnabled") is False and (await self._cloud.settled_settings()).schedules_charge:
            return True

        async def is_pending() -> bool:
            schedules = await self._cloud.schedules_surely()
            return any(entry.is_pending for family in families for entry in schedules.of(family))

        if not await is_pending():
            return False
        await self._cloud.settled_settings()
        return await is_pending()
