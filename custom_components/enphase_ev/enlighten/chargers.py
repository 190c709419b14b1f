"""The charger calls of one site (api/chargers.md)."""

from collections.abc import Iterable
from dataclasses import replace
import logging

from .account import Account
from .commands import (
    START,
    START_WITHOUT_LEVEL,
    STOP,
    CommandReply,
    Form,
    Outcome,
    accepted,
    form_named,
    in_order,
    is_invalid_level,
    names_reason,
    refused_start,
    refused_stop,
)
from .exceptions import EnlightenError, RequestRejected, ServiceUnavailable
from .fields import Json, read_float, read_mapping
from .models.charge_mode import NO_SCHEDULE_CODE, ChargeMode, ChargeModePreference
from .models.status import SiteStatus
from .models.summary import ChargerSummary, read_summaries
from .transport import Family, Request

_LOGGER = logging.getLogger(__name__)

_CONTROLLER = "/service/evse_controller"
_CHARGING_MODE = "/service/evse_scheduler/api/v1/iqevc/charging-mode"
_NOT_HERE = {404, 405}


class Chargers:
    """The chargers of one site."""

    def __init__(self, account: Account, site_id: str) -> None:
        self.account = account
        self.site_id = site_id

    # --- Reading ---

    async def status(self) -> SiteStatus:
        """Return what the chargers are doing (§1), from the map by serial number where the deployment has nothing better."""
        paths = {
            "plain": f"{_CONTROLLER}/{self.site_id}/ev_chargers/status",
            "map": f"{_CONTROLLER}/api/v2/{self.site_id}/ev_chargers/status",
        }
        return SiteStatus.read(await self._read_first(Family.STATUS, "status", paths))

    async def summaries(self) -> list[ChargerSummary]:
        """Return what the chargers are (§2). Retired ones are left out."""
        paths = {
            "v2": f"{_CONTROLLER}/api/v2/{self.site_id}/ev_chargers/summary?filter_retired=true",
            "plain": f"{_CONTROLLER}/{self.site_id}/ev_chargers/summary",
        }
        found = read_summaries(await self._read_first(Family.SUMMARY, "summary", paths))
        return [summary for summary in found if not summary.is_retired]

    async def summary(self, serial: str) -> ChargerSummary | None:
        """Return what one charger is (§2); `None` where the cloud says nothing about it."""
        path = f"{_CONTROLLER}/api/v2/{self.site_id}/ev_chargers/{serial}/summary"
        found = read_summaries(await self._read(Family.SUMMARY, path))
        return next((summary for summary in found if summary.serial == serial), None)

    async def charge_mode(self, serial: str) -> ChargeModePreference:
        """Return how a charger decides when to charge (§5)."""
        return ChargeModePreference.read(await self._read(Family.CHARGE_MODE, self._preference_path(serial)))

    # --- Writing ---

    async def set_charge_mode(self, serial: str, mode: ChargeMode) -> ChargeModePreference | None:
        """Choose a mode (§5) and return the preference that the cloud answered with, `None` where it answered with something else.

        A 400 without a known reason can be a false alarm, so it is read back before it counts.

        Raises:
            RequestRejected: The mode was not taken over; code `iqevc_sch_10031` where no schedule is enabled.
        """
        path = self._preference_path(serial)
        try:
            answer = await self._write(Family.CHARGE_MODE, "PUT", path, {"mode": mode.value})
        except RequestRejected as err:
            if err.status != 400 or err.code == NO_SCHEDULE_CODE:
                raise
            preference = await self.charge_mode(serial)
            if preference.mode is not mode:
                raise
            return preference
        try:
            return ChargeModePreference.read(answer)
        except EnlightenError:
            return None

    async def start(self, serial: str, *, mode: ChargeMode | None, level: float | None, connector_id: int = 1) -> CommandReply:
        """Start charging the way the charger's mode wants it (§3).

        Args:
            serial: The charger.
            mode: In green and smart mode no level is sent: it would be drawn from the grid. In scheduled mode the preference is written
                again after the start, or the schedule would stay overridden.
            level: A; within the charger's limits.
            connector_id: Always 1 so far.

        Raises:
            RequestRejected: Refused for a reason that is not about the vehicle.
            ServiceUnavailable: No answer; `may_have_arrived` tells whether the charger may start all the same.
        """
        if level is None or (mode is not None and mode.decides_level):
            reply = await self._start_without_level(serial, connector_id)
        else:
            reply = await self._start_with_level(serial, level, connector_id)
        if mode is ChargeMode.SCHEDULED and reply.outcome in {Outcome.ACCEPTED, Outcome.QUEUED}:
            try:
                await self.set_charge_mode(serial, ChargeMode.SCHEDULED)
            except EnlightenError as err:
                _LOGGER.warning("Charging was started, but the schedule could not be put in force again: %s", err)
                return replace(reply, is_schedule_kept=False)
        return reply

    async def stop(self, serial: str) -> CommandReply:
        """Stop charging (§3). Whatever the reply, the status decides whether it has stopped."""
        key = f"{self.site_id}:stop"
        known = self.account.known_form(key)
        refusal: RequestRejected | None = None
        for form in in_order(STOP, known):
            try:
                body = await self._send_form(form, serial, "stop_charging", None)
            except RequestRejected as err:
                if (reply := refused_stop(err, is_known_form=form.name == known)) is not None:
                    return reply
                if err.status not in {400, *_NOT_HERE}:
                    raise
                refusal = refusal or err
                continue
            self.account.remember_form(key, form.name)
            return accepted(body)
        raise refusal or ServiceUnavailable("No form of the command is known")

    async def trigger_message(self, serial: str, message: str) -> dict[str, Json]:
        """Ask the charger for an OCPP message (§4) and return the cloud's reply."""
        path = f"{_CONTROLLER}/{self.site_id}/ev_charger/{serial}/trigger_message"
        return read_mapping(await self._write(Family.CONTROL, "POST", path, {"requestedMessage": message}))

    async def start_live_stream(self) -> float | None:
        """Let the cloud refresh faster (§4); return for how many seconds it does so.

        Raises:
            RequestRejected: Status 472 where the site cannot.
        """
        answer = await self._read(Family.LIVE_STREAM, f"{_CONTROLLER}/{self.site_id}/ev_chargers/start_live_stream")
        return read_float(read_mapping(read_mapping(answer).get("data")).get("liveStreamDuration"))

    async def stop_live_stream(self) -> None:
        """End the faster refresh (§4)."""
        await self._read(Family.LIVE_STREAM, f"{_CONTROLLER}/{self.site_id}/ev_chargers/stop_live_stream")

    # --- Start, form by form ---

    async def _start_with_level(self, serial: str, level: float, connector_id: int) -> CommandReply:
        key = f"{self.site_id}:start"
        try:
            return await self._try_forms(key, in_order(START, self.account.known_form(key)), serial, level, connector_id)
        except ServiceUnavailable as err:
            if not is_invalid_level(err.cloud_message):
                raise
            # Older chargers refuse every level (seen): once more without it.
            return await self._start_without_level(serial, connector_id)

    async def _start_without_level(self, serial: str, connector_id: int) -> CommandReply:
        key = f"{self.site_id}:start_without_level"
        like = form_named(START, self.account.known_form(f"{self.site_id}:start"))
        forms = in_order(START_WITHOUT_LEVEL, self.account.known_form(key), like)
        return await self._try_forms(key, forms, serial, None, connector_id)

    async def _try_forms(self, key: str, forms: Iterable[Form], serial: str, level: float | None, connector_id: int) -> CommandReply:
        """Send a start in one form after the other, as long as the answer says that the form is not known here."""
        refusal: RequestRejected | None = None
        for form in forms:
            try:
                body = await self._send_form(form, serial, "start_charging", form.json(level, connector_id))
            except RequestRejected as err:
                if (reply := refused_start(err)) is not None:
                    return reply
                if err.status not in {400, *_NOT_HERE} or names_reason(err.code, err.message):
                    raise
                refusal = refusal or err
                continue
            self.account.remember_form(key, form.name)
            return accepted(body)
        raise refusal or ServiceUnavailable("No form of the command is known")

    async def _send_form(self, form: Form, serial: str, command: str, json: Json) -> Json:
        path = form.path(self.site_id, serial, command)
        return await self._write(Family.CONTROL, form.method, path, json)

    # --- Requests ---

    def _preference_path(self, serial: str) -> str:
        return f"{_CHARGING_MODE}/{self.site_id}/{serial}/preference"

    async def _read(self, family: Family, path: str) -> Json:
        # The status alone tells how the session is: the other services fail on their own.
        request = Request(family=family, path=path, is_optional=family is not Family.STATUS)
        return await self.account.request(request, site_id=self.site_id)

    async def _read_first(self, family: Family, what: str, paths: dict[str, str]) -> Json:
        """Read the first path that this deployment has, the one that answered before first."""
        key = f"{self.site_id}:{what}"
        refusal: RequestRejected | None = None
        for name in sorted(paths, key=lambda name: name != self.account.known_form(key)):
            try:
                body = await self._read(family, paths[name])
            except RequestRejected as err:
                if err.status not in _NOT_HERE:
                    raise
                refusal = err
                continue
            self.account.remember_form(key, name)
            return body
        raise refusal or ServiceUnavailable("No path is known")

    async def _write(self, family: Family, method: str, path: str, json: Json) -> Json:
        request = Request(family=family, method=method, path=path, json=json, is_write=True)
        return await self.account.request(request, site_id=self.site_id)
