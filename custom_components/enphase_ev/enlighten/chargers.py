"""The charger calls of one site (docs/cloud-api/chargers.md)."""

from datetime import UTC, datetime, timedelta
from typing import override

from .account import Account
from .calls import NOT_HERE, ChargerCommands
from .exceptions import EnlightenError, RequestRejected, ServiceUnavailable
from .models.broker_access import LiveAccess
from .models.charge_mode import ChargeMode, ChargeModePreference
from .models.status import SiteStatus
from .models.summary import ChargerSummary, read_summaries
from .parsing import Json, read_float, read_mapping, read_unwrapped
from .start_stop import Form
from .transport import Family, Request

_CONTROLLER = "/service/evse_controller"
_CHARGING_MODE = "/service/evse_scheduler/api/v1/iqevc/charging-mode"
# If a path is missing for a moment, it is not given up for another path that returns less.
_DETAILS_AGAIN_AFTER = timedelta(minutes=15)


class Chargers(ChargerCommands):
    """The chargers of one site."""

    def __init__(self, account: Account, site_id: str) -> None:
        self.account = account
        self.site_id = site_id
        self._details_due = datetime.now(UTC) + _DETAILS_AGAIN_AFTER

    # --- Reading ---

    async def status(self) -> SiteStatus:
        """Return what the chargers are doing; if the deployment has no better path, from the map by serial number.

        Source: docs/cloud-api/chargers.md §1.

        From time to time the better path is tried again.
        """
        now = datetime.now(UTC)
        first = "plain" if now >= self._details_due else None
        paths = {
            "plain": f"{_CONTROLLER}/{self.site_id}/ev_chargers/status",
            "map": f"{_CONTROLLER}/api/v2/{self.site_id}/ev_chargers/status",
        }
        status = SiteStatus.read(await self._read_first(Family.STATUS, "status", paths, first=first))
        if first is not None and not status.has_details:
            self._details_due = now + _DETAILS_AGAIN_AFTER
        return status

    async def summaries(self) -> list[ChargerSummary]:
        """Return what the chargers are (docs/cloud-api/chargers.md §2). Retired ones are left out."""
        paths = {
            "v2": f"{_CONTROLLER}/api/v2/{self.site_id}/ev_chargers/summary?filter_retired=true",
            "plain": f"{_CONTROLLER}/{self.site_id}/ev_chargers/summary",
        }
        found = read_summaries(await self._read_first(Family.SUMMARY, "summary", paths))
        return [summary for summary in found if not summary.is_retired]

    async def summary(self, serial: str) -> ChargerSummary | None:
        """Return what one charger is (docs/cloud-api/chargers.md §2); `None` where the cloud says nothing about it."""
        path = f"{_CONTROLLER}/api/v2/{self.site_id}/ev_chargers/{serial}/summary"
        found = read_summaries(await self._read(Family.SUMMARY, path))
        return next((summary for summary in found if summary.serial == serial), None)

    @override
    async def charge_mode(self, serial: str) -> ChargeModePreference:
        """Return how a charger decides when to charge (docs/cloud-api/chargers.md §5)."""
        return ChargeModePreference.read(await self._read(Family.CHARGE_MODE, self._preference_path(serial)))

    # --- Writing ---

    async def trigger_message(self, serial: str, message: str) -> dict[str, Json]:
        """Ask the charger for an OCPP message (docs/cloud-api/chargers.md §4) and return the cloud's reply."""
        path = f"{_CONTROLLER}/{self.site_id}/ev_charger/{serial}/trigger_message"
        return read_mapping(await self._write(Family.CONTROL, "POST", path, {"requestedMessage": message}))

    async def start_live_stream(self) -> float | None:
        """Let the cloud refresh faster (docs/cloud-api/chargers.md §4); return for how many seconds it does so.

        Raises:
            RequestRejected: Status 472 where the site cannot.
        """
        answer = await self._read(Family.LIVE_STREAM, f"{_CONTROLLER}/{self.site_id}/ev_chargers/start_live_stream")
        return read_float(read_mapping(read_mapping(answer).get("data")).get("liveStreamDuration"))

    async def stop_live_stream(self) -> None:
        """End the faster refresh (docs/cloud-api/chargers.md §4)."""
        await self._read(Family.LIVE_STREAM, f"{_CONTROLLER}/{self.site_id}/ev_chargers/stop_live_stream")

    async def stream_access(self) -> LiveAccess:
        """Return what the cloud signs for the chargers' own topics (docs/cloud-api/live.md §5); it costs one request.

        Raises:
            RequestRejected: Status 472 where the site cannot.
        """
        path = f"{_CONTROLLER}/api/v1/aws_sigv4/livestream/{self.site_id}"
        return LiveAccess.from_dict(read_unwrapped(await self._read(Family.LIVE_STREAM, path)))

    # --- What commands are made of ---

    @override
    async def _send_form(self, form: Form, serial: str, command: str, json: Json) -> Json:
        return await self._write(Family.CONTROL, form.method, form.path(self.site_id, serial, command), json)

    @override
    async def _is_charging(self, serial: str) -> bool:
        try:
            status = (await self.status()).chargers.get(serial)
        except EnlightenError:
            return False
        return status is not None and status.is_charging

    @override
    async def _write_mode(self, serial: str, mode: ChargeMode) -> Json:
        return await self._write(Family.CHARGE_MODE, "PUT", self._preference_path(serial), {"mode": mode.value})

    @override
    def _known_form(self, command: str) -> str | None:
        return self.account.known_form(f"{self.site_id}:{command}")

    @override
    def _remember_form(self, command: str, form: str) -> None:
        self.account.remember_form(f"{self.site_id}:{command}", form)

    # --- Requests ---

    def _preference_path(self, serial: str) -> str:
        return f"{_CHARGING_MODE}/{self.site_id}/{serial}/preference"

    async def _read(self, family: Family, path: str) -> Json:
        # Only the status says something about the session: the other services fail by themselves.
        request = Request(family=family, path=path, is_optional=family is not Family.STATUS)
        return await self.account.request(request, site_id=self.site_id)

    async def _read_first(self, family: Family, what: str, paths: dict[str, str], *, first: str | None = None) -> Json:
        """Read the first path that this deployment has: `first`, then the path that answered last time, then the others."""
        key = f"{self.site_id}:{what}"
        first = first or self.account.known_form(key)
        refusal: RequestRejected | None = None
        for name in sorted(paths, key=lambda name: name != first):
            try:
                body = await self._read(family, paths[name])
            except RequestRejected as err:
                if err.status not in NOT_HERE:
                    raise
                refusal = err
                continue
            self.account.remember_form(key, name)
            return body
        raise refusal or ServiceUnavailable("No path is known")

    async def _write(self, family: Family, method: str, path: str, json: Json) -> Json:
        request = Request(family=family, method=method, path=path, json=json, is_write=True)
        return await self.account.request(request, site_id=self.site_id)
