"""The calls about one charger, answered by the cloud or by a gateway in the house.

Sources: docs/cloud-api/chargers.md, docs/cloud-api/local.md.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
import logging
from typing import Protocol

from .exceptions import EnlightenError, RequestRejected, ServiceUnavailable
from .models.charge_mode import NO_SCHEDULE_CODE, ChargeMode, ChargeModePreference
from .models.summary import ChargerSummary
from .parsing import Json
from .start_stop import (
    START,
    START_WITHOUT_LEVEL,
    STOP,
    CommandReply,
    Form,
    Outcome,
    accepted,
    form_named,
    in_order,
    is_about_form,
    is_invalid_level,
    names_level,
    refused_start,
    refused_stop,
)

_LOGGER = logging.getLogger(__name__)

NOT_HERE = frozenset({404, 405})


class ChargerCalls(Protocol):
    """The questions and commands about one charger. Each call raises an `EnlightenError` of the kind that tells what went wrong."""

    async def summary(self, serial: str) -> ChargerSummary | None:
        """Return what the charger is; `None` where nothing is said about it."""

    async def charge_mode(self, serial: str) -> ChargeModePreference:
        """Return how the charger decides when to charge."""

    async def set_charge_mode(self, serial: str, mode: ChargeMode) -> ChargeModePreference | None:
        """Choose a mode; return the preference that the answer holds, if any."""

    async def start(self, serial: str, *, mode: ChargeMode | None, level: float | None, connector_id: int = 1) -> CommandReply:
        """Start charging at a level in A."""

    async def stop(self, serial: str) -> CommandReply:
        """Stop charging."""

    async def trigger_message(self, serial: str, message: str) -> dict[str, Json]:
        """Ask the charger for an OCPP message."""


class ChargerCommands(ABC):
    """Start, stop and charge mode, tried in the forms that different deployments accept."""

    _start_forms: Sequence[Form] = START
    _start_forms_without_level: Sequence[Form] = START_WITHOUT_LEVEL
    _stop_forms: Sequence[Form] = STOP

    @abstractmethod
    async def charge_mode(self, serial: str) -> ChargeModePreference:
        """Return how a charger decides when to charge (docs/cloud-api/chargers.md §5)."""

    @abstractmethod
    async def _write_mode(self, serial: str, mode: ChargeMode) -> Json:
        """Send a mode and return the answer."""

    @abstractmethod
    async def _send_form(self, form: Form, serial: str, command: str, json: Json) -> Json:
        """Send a command in one form and return the answer."""

    @abstractmethod
    async def _is_charging(self, serial: str) -> bool:
        """Ask whether a charger charges; false where nothing answers."""

    @abstractmethod
    def _known_form(self, command: str) -> str | None:
        """Return the name of the form of a command that was taken before."""

    @abstractmethod
    def _remember_form(self, command: str, form: str) -> None:
        """Note the form of a command that was taken."""

    async def set_charge_mode(self, serial: str, mode: ChargeMode) -> ChargeModePreference | None:
        """Choose a mode and return the preference that was answered with, `None` where it was something else.

        Source: docs/cloud-api/chargers.md §5.

        A 400 without a known reason can be a false alarm, so it is read back before it counts.

        Raises:
            RequestRejected: The mode was not taken over; code `iqevc_sch_10031` where no schedule is enabled.
        """
        try:
            answer = await self._write_mode(serial, mode)
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
        """Start charging the way the charger's mode wants it (docs/cloud-api/chargers.md §3).

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
        """Stop charging (docs/cloud-api/chargers.md §3). Whatever the reply, the status decides whether it has stopped."""
        known = self._known_form("stop")
        refusal: RequestRejected | None = None
        for form in in_order(self._stop_forms, known):
            try:
                body = await self._send_form(form, serial, "stop_charging", None)
            except RequestRejected as err:
                if (reply := refused_stop(err, is_known_form=form.name == known)) is not None:
                    return reply
                if not is_about_form(err):
                    raise
                refusal = refusal or err
                continue
            self._remember_form("stop", form.name)
            return accepted(body)
        raise refusal or ServiceUnavailable("No form of the command is known")

    async def _start_with_level(self, serial: str, level: float, connector_id: int) -> CommandReply:
        forms = in_order(self._start_forms, self._known_form("start"))
        try:
            return await self._try_forms("start", forms, serial, level, connector_id)
        except ServiceUnavailable as err:
            if not is_invalid_level(err.cloud_message):
                raise
            # Some older chargers refuse every level (seen): send it once more without a level.
            return replace(await self._start_without_level(serial, connector_id), is_level_refused=True)

    async def _start_without_level(self, serial: str, connector_id: int) -> CommandReply:
        known = "start_without_level"
        like = form_named(self._start_forms, self._known_form("start"))
        forms = in_order(self._start_forms_without_level, self._known_form(known), like)
        return await self._try_forms(known, forms, serial, None, connector_id)

    async def _try_forms(self, known: str, forms: Iterable[Form], serial: str, level: float | None, connector_id: int) -> CommandReply:
        """Send a start in one form after another, until the answer no longer says that the form is unknown."""
        refusal: RequestRejected | None = None
        for form in forms:
            sent = level if form.names_level else None
            try:
                body = await self._send_form(form, serial, "start_charging", form.json(level, connector_id))
            except RequestRejected as err:
                if (reply := refused_start(err)) is not None:
                    return replace(reply, sent_level=sent, is_level_left_out=sent is None)
                if not is_about_form(err) or names_level(err.message):
                    raise
                if err.status == 404 and not err.is_route_gone and refusal is None and await self._is_charging(serial):
                    return CommandReply(outcome=Outcome.ALREADY_CHARGING, message=err.message, sent_level=sent)
                refusal = refusal or err
                continue
            self._remember_form(known, form.name)
            return replace(accepted(body), sent_level=sent, is_level_left_out=sent is None)
        raise refusal or ServiceUnavailable("No form of the command is known")
