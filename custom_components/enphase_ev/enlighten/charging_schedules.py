"""The weekly schedules of the chargers of one site (docs/cloud-api/chargers.md §6)."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from .account import Account
from .exceptions import InvalidResponse, RequestRejected, SessionRenewed
from .models.charging_slots import ChargingSchedule, ChargingSlot
from .parsing import Json
from .transport import Family, Request

_BASE = "/service/evse_scheduler/api/v1/iqevc/charging-mode/SCHEDULED_CHARGING"
_NOT_HERE = {404, 405}

type _Change = Callable[[Sequence[ChargingSlot]], Sequence[ChargingSlot]]


class ChargingSchedules:
    """Reads and writes slots. If a deployment has no request for a single slot, all slots are sent; the others are sent back unchanged."""

    def __init__(self, account: Account, site_id: str) -> None:
        self.account = account
        self.site_id = site_id

    async def read(self, serial: str) -> ChargingSchedule:
        """Return all slots of a charger.

        Raises:
            InvalidResponse: The answer holds no list, which does not mean that there are no slots.
        """
        schedule = ChargingSchedule.read(await self._send("GET", serial, "schedules"))
        if schedule is None:
            raise InvalidResponse("The charging schedule makes no sense")
        return schedule

    async def add(self, serial: str, slot: ChargingSlot) -> None:
        """Add a slot."""
        try:
            await self._send("POST", serial, "schedule", slot.to_json())
        except RequestRejected as err:
            if err.status not in _NOT_HERE:
                raise
            new = replace(slot, id=f"{self.site_id}:{serial}:{uuid4()}")
            await self._rewrite(serial, lambda slots: [*slots, new])

    async def change(self, serial: str, slot: ChargingSlot) -> None:
        """Change a slot; its `id` says which."""
        try:
            await self._send("PATCH", serial, f"schedule/{slot.id}", slot.to_json())
        except RequestRejected as err:
            if err.status not in _NOT_HERE:
                raise
            refusal = err

            def change(slots: Sequence[ChargingSlot]) -> Sequence[ChargingSlot]:
                if slot.id not in {one.id for one in slots}:
                    raise refusal
                return [slot if one.id == slot.id else one for one in slots]

            await self._rewrite(serial, change)

    async def delete(self, serial: str, slot_id: str) -> None:
        """Delete a slot."""
        try:
            await self._send("DELETE", serial, f"schedule/{slot_id}")
        except RequestRejected as err:
            if err.status not in _NOT_HERE:
                raise
            await self._rewrite(serial, lambda slots: [one for one in slots if one.id != slot_id])

    async def switch(self, serial: str, slot_id: str, *, is_enabled: bool) -> None:
        """Switch a slot on or off."""
        await self._send("PATCH", serial, "schedules", {slot_id: "ENABLED" if is_enabled else "DISABLED"})

    async def replace_all(self, serial: str, slots: Sequence[ChargingSlot]) -> None:
        """Replace the slots of a charger by these. Slots that are missing from them may be deleted."""
        await self._rewrite(serial, lambda _: slots)

    async def _rewrite(self, serial: str, change: _Change) -> None:
        """Read all slots and send what a change makes of them; where the session was renewed between the two, start again once."""
        for builds_on_read in (True, False):
            schedule = await self.read(serial)
            data: list[Json] = [slot.to_json() for slot in change(schedule.slots)]
            body: dict[str, Json] = {"meta": {"serverTimeStamp": schedule.stamp, "rowCount": len(data)}, "data": data}
            with suppress(SessionRenewed):
                await self._send("PATCH", serial, "schedules", body, builds_on_read=builds_on_read)
                return

    async def _send(self, method: str, serial: str, path: str, json: Json = None, *, builds_on_read: bool = False) -> Json:
        request = Request(
            family=Family.SCHEDULE,
            method=method,
            path=f"{_BASE}/{self.site_id}/{serial}/{path}",
            json=json,
            is_write=method != "GET",
            is_optional=True,
            builds_on_read=builds_on_read,
        )
        return await self.account.request(request, site_id=self.site_id)
