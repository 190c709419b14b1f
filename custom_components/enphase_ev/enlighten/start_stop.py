"""The forms in which deployments want start and stop, and how to find the one that this deployment wants.

Source: docs/cloud-api/chargers.md §3.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from .cloud_words import safe_message
from .exceptions import RequestRejected
from .parsing import Json, read_float, read_mapping, read_text

ALREADY_CHARGING_CODE = "iqevc_ms-10012"
NOT_PLUGGED_IN_CODE = "iqevc_ms-10008"
_OUT_OF_ORDER_CODE = "iqevc_ms-10007"
_SERVICE_CODE_PREFIX = "iqevc_"
# The cloud's words for a reason that it gives no code for. Other words of a 400 are about the form of the request ("Bad Request").
_INVALID_LEVEL = "invalid charge level"
_OUT_OF_RANGE = "out of range"
_NO_VEHICLE = "not plugged"
_ALREADY_CHARGING = "already in charging state"
_IDLE_WORDS = ("not charging", "not in charging state", _NO_VEHICLE)


class Outcome(StrEnum):
    """The outcome of a start or a stop."""

    ACCEPTED = "accepted"
    ALREADY_CHARGING = "already_charging"
    NOT_CHARGING = "not_charging"
    NOT_PLUGGED_IN = "not_plugged_in"
    QUEUED = "queued"


@dataclass(frozen=True, kw_only=True)
class CommandReply:
    """The cloud's reply: what it means, its own words where it gave some, and the level (A) that it repeated.

    `sent_level` is the level (A) that was sent with a start, `None` where none was.
    `is_schedule_kept` is false when a start in scheduled mode could not be followed by the preference: the schedule is overridden.
    `is_level_left_out` says that the start was sent without a level, so that no level is to be confirmed; `is_level_refused` that the
    charger refused it with one first.
    """

    outcome: Outcome
    message: str | None = None
    level: float | None = None
    sent_level: float | None = None
    is_schedule_kept: bool = True
    is_level_left_out: bool = False
    is_level_refused: bool = False


class Body(Enum):
    """The fields that a start sends."""

    CAMEL_CASE = auto()
    SNAKE_CASE = auto()
    LEVEL_ONLY = auto()
    CONNECTOR_ONLY = auto()
    NOTHING = auto()


@dataclass(frozen=True, kw_only=True)
class Form:
    """One form of a command; `name` is what is remembered."""

    name: str
    method: str = "POST"
    noun: str = "ev_chargers"
    body: Body = Body.NOTHING

    @property
    def names_level(self) -> bool:
        """Return whether the body holds a level."""
        return self.body in {Body.CAMEL_CASE, Body.SNAKE_CASE, Body.LEVEL_ONLY}

    def path(self, site_id: str, serial: str, command: str) -> str:
        """Return the path of a command for one charger."""
        return f"/service/evse_controller/{site_id}/{self.noun}/{serial}/{command}"

    def json(self, level: float | None, connector_id: int) -> Json:
        """Return the body."""
        amps = None if level is None else int(level) if level == int(level) else level
        match self.body:
            case Body.CAMEL_CASE:
                return {"chargingLevel": amps, "connectorId": connector_id}
            case Body.SNAKE_CASE:
                return {"charging_level": amps, "connector_id": connector_id}
            case Body.LEVEL_ONLY:
                return {"chargingLevel": amps}
            case Body.CONNECTOR_ONLY:
                return {"connectorId": connector_id}
            case Body.NOTHING:
                return None


START = (
    Form(name="post", body=Body.CAMEL_CASE),
    Form(name="put", method="PUT", body=Body.CAMEL_CASE),
    Form(name="post_singular", noun="ev_charger", body=Body.CAMEL_CASE),
    Form(name="snake_case", body=Body.SNAKE_CASE),
    Form(name="level_only", body=Body.LEVEL_ONLY),
    Form(name="connector_only", body=Body.CONNECTOR_ONLY),
    Form(name="no_body"),
)
# A start that must not name a level: first the body with the connector alone, then none, each in the ways that deployments differ.
START_WITHOUT_LEVEL = (
    Form(name="connector_only", body=Body.CONNECTOR_ONLY),
    Form(name="no_body"),
    Form(name="put_connector_only", method="PUT", body=Body.CONNECTOR_ONLY),
    Form(name="put_no_body", method="PUT"),
    Form(name="post_singular_connector_only", noun="ev_charger", body=Body.CONNECTOR_ONLY),
    Form(name="post_singular_no_body", noun="ev_charger"),
)
STOP = (
    Form(name="put", method="PUT"),
    Form(name="post"),
    Form(name="put_singular", method="PUT", noun="ev_charger"),
    Form(name="post_singular", noun="ev_charger"),
)


def in_order(forms: Sequence[Form], known: str | None, like: Form | None = None) -> Iterator[Form]:
    """Yield the forms: the one that worked before first, then those with the verb and path of a form that works, then the rest."""

    def rank(form: Form) -> tuple[bool, bool]:
        is_like = like is not None and (form.method, form.noun) == (like.method, like.noun)
        return form.name != known, not is_like

    yield from sorted(forms, key=rank)


def form_named(forms: Sequence[Form], name: str | None) -> Form | None:
    """Return the form with this name."""
    return next((form for form in forms if form.name == name), None)


def _start_refusal(code: str | None, message: str | None) -> Outcome | None:
    if code == ALREADY_CHARGING_CODE or _holds(message, _ALREADY_CHARGING):
        return Outcome.ALREADY_CHARGING
    if code == NOT_PLUGGED_IN_CODE or _holds(message, _NO_VEHICLE):
        return Outcome.NOT_PLUGGED_IN
    return None


def names_level(message: str | None) -> bool:
    """Return whether a start was refused because of its level: every other form would be refused as well."""
    return _holds(message, _INVALID_LEVEL, _OUT_OF_RANGE)


def is_invalid_level(message: str | None) -> bool:
    """Return whether an older charger refuses every level (seen on IQ 40/50)."""
    return _holds(message, _INVALID_LEVEL)


def _holds(message: str | None, *words: str) -> bool:
    return any(word in (message or "").lower() for word in words)


def is_about_form(err: RequestRejected) -> bool:
    """Return whether another form of a command may be taken where this one was refused (docs/cloud-api/chargers.md §3)."""
    return err.status in {400, 404, 405} and err.code != _OUT_OF_ORDER_CODE


def accepted(body: Json) -> CommandReply:
    """Read the answer to an accepted command: `status` in the cloud's word, and the level (A) where it repeats it."""
    answer = read_mapping(body)
    level = read_float(answer.get("chargingLevel"))
    words = read_text(answer.get("status"))
    return CommandReply(outcome=Outcome.ACCEPTED, message=None if words is None else safe_message(words), level=level)


def refused_start(err: RequestRejected) -> CommandReply | None:
    """Read a refused start; `None` where it names no reason that is known."""
    outcome = _start_refusal(err.code, err.message)
    if outcome is None and err.status in {409, 422}:
        outcome = Outcome.NOT_PLUGGED_IN
    if outcome is None and err.is_queued:
        outcome = Outcome.QUEUED
    return CommandReply(outcome=outcome, message=err.message) if outcome else None


def refused_stop(err: RequestRejected, *, is_known_form: bool) -> CommandReply | None:
    """Read a refused stop; `None` where it is about the form or unexplained, so that the charger may go on charging."""
    if err.is_queued:
        return CommandReply(outcome=Outcome.QUEUED, message=err.message)
    if err.is_route_gone or err.code == _OUT_OF_ORDER_CODE:
        return None
    is_explained = err.status == 400 and ((err.code or "").startswith(_SERVICE_CODE_PREFIX) or _holds(err.message, *_IDLE_WORDS))
    if err.status in {409, 422} or is_explained or (is_known_form and err.status in {400, 404}):
        return CommandReply(outcome=Outcome.NOT_CHARGING, message=err.message)
    return None
