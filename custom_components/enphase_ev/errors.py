"""Translates the client's errors for people, and tolerates the failure of optional services."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from homeassistant.exceptions import ConfigEntryAuthFailed, HomeAssistantError, ServiceValidationError
from homeassistant.helpers.update_coordinator import UpdateFailed

from .const import DOMAIN, LOGGER
from .enlighten import (
    STORM_GUARD_ACTIVE,
    Account,
    AccountBlocked,
    AuthError,
    ConnectionsClosed,
    EnlightenError,
    InvalidCredentials,
    RateLimited,
    RequestCeiling,
    RequestRejected,
    ServiceUnavailable,
    TooManySessions,
)
from .freshness import Source

# Scheduled mode was chosen and no schedule is enabled (docs/cloud-api/chargers.md §5).
_NO_SCHEDULE_CODE = "iqevc_sch_10031"
_CANNOT_STREAM = 472
# A site that does not have a service says so with one of these (docs/cloud-api/chargers.md §7), which is not worth a log line.
_NOT_HERE = {401, 403, 404, 405}

_JUST_NOW = timedelta(seconds=5)

# The first kind that matches decides.
_KEYS: tuple[tuple[type[EnlightenError], str], ...] = (
    (AccountBlocked, "account_locked"),
    (TooManySessions, "too_many_sessions"),
    (InvalidCredentials, "invalid_credentials"),
    (AuthError, "session_expired"),
    (RequestCeiling, "request_ceiling"),
    (RateLimited, "rate_limited"),
    (ConnectionsClosed, "reloading"),
    (ServiceUnavailable, "service_unavailable"),
    (RequestRejected, "request_rejected"),
)


def update_error(err: EnlightenError) -> HomeAssistantError:
    """Return what a coordinator raises: sign in again where only a person can help, else a failed update that is tried again."""
    match err:
        case AccountBlocked(retry_at=retry_at) | TooManySessions(retry_at=retry_at):
            return UpdateFailed(translation_domain=DOMAIN, translation_key=error_key(err), retry_after=_seconds_until(retry_at))
        case AuthError(retry_at=datetime() as retry_at) if not isinstance(err, InvalidCredentials):
            return UpdateFailed(translation_domain=DOMAIN, translation_key="session_expired", retry_after=_seconds_until(retry_at))
        case AuthError():
            return ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key=error_key(err))
        case RateLimited(retry_after=retry_after):
            return UpdateFailed(translation_domain=DOMAIN, translation_key=error_key(err), retry_after=retry_after)
        case ServiceUnavailable():
            # A read that got no answer is no command that may have arrived.
            return UpdateFailed(translation_domain=DOMAIN, translation_key="service_unavailable")
        case _:
            return UpdateFailed(translation_domain=DOMAIN, translation_key=error_key(err), translation_placeholders=_placeholders(err))


def command_error(err: EnlightenError) -> HomeAssistantError:
    """Return the error that a person sees when a command fails."""
    if isinstance(err, RequestRejected) and err.code == _NO_SCHEDULE_CODE:
        return ServiceValidationError(translation_domain=DOMAIN, translation_key="no_schedule_enabled")
    if isinstance(err, RequestRejected) and err.code == STORM_GUARD_ACTIVE:
        return ServiceValidationError(translation_domain=DOMAIN, translation_key="storm_guard_active")
    if isinstance(err, RequestRejected) and err.status == _CANNOT_STREAM:
        return ServiceValidationError(translation_domain=DOMAIN, translation_key="live_stream_not_supported")
    return HomeAssistantError(translation_domain=DOMAIN, translation_key=error_key(err), translation_placeholders=_placeholders(err))


@contextmanager
def translated(translate: Callable[[EnlightenError], HomeAssistantError] = command_error) -> Iterator[None]:
    """Translate the client's errors that are raised inside; by default as for a command that failed."""
    try:
        yield
    except EnlightenError as err:
        raise translate(err) from err


def error_key(err: EnlightenError) -> str:
    """Return the translation key of an error."""
    if isinstance(err, ServiceUnavailable) and err.may_have_arrived:
        return "no_answer"
    return next((key for kind, key in _KEYS if isinstance(err, kind)), "invalid_response")


def _placeholders(err: EnlightenError) -> dict[str, str] | None:
    return {"reason": str(err)} if isinstance(err, RequestRejected) else None


def _seconds_until(moment: datetime | None) -> float | None:
    return None if moment is None else max((moment - datetime.now(UTC)).total_seconds(), 1.0)


class OptionalServices:
    """Asks services that a site can do without. An outage is logged once, and so is its end.

    What is silent while nothing of the account answers is no outage of its own: the chargers' coordinator says that the cloud is gone.
    `follows_status` says that it is asked right after the chargers' status: when that has just answered, nothing else has to prove it.
    """

    def __init__(self, account: Account, *, follows_status: bool = False) -> None:
        self._account = account
        self._proven_for = _JUST_NOW if follows_status else timedelta()
        self._silent_since: dict[str, datetime] = {}
        self._down: set[str] = set()
        self._answered_at: dict[tuple[str, str], datetime] = {}

    def answered_at(self, service: str, subject: str = "") -> datetime | None:
        """Return when a service last answered (UTC), about a subject where it is asked about each of several."""
        return self._answered_at.get((service, subject))

    def is_fresh(self, source: Source | None, subject: str = "", pace: float = 1.0) -> bool:
        """Return whether what a source told last is worth showing; `pace` says by how much polls are stretched.

        What has never answered has told nothing that could be old.
        """
        answered_at = self.answered_at(source.service, subject) if source else None
        return source is None or answered_at is None or datetime.now(UTC) - answered_at < source.shown_for * pace

    def note_answer(self, service: str, subject: str = "") -> None:
        """Note that a service has answered just now."""
        self._answered_at[service, subject] = datetime.now(UTC)
        self._silent_since.pop(service, None)
        if service in self._down:
            self._down.remove(service)
            LOGGER.info("The %s service answers again", service)

    async def ask[T](self, service: str, question: Awaitable[T], subject: str = "") -> T | None:
        """Return the answer, `None` where there is none; `subject` is whom it is about, where there are several.

        Raises:
            AuthError: The session is gone, which affects all requests.
        """
        try:
            answer = await question
        except AuthError:
            raise
        except EnlightenError as err:
            self.note_outage(service, err, subject)
            return None
        self.note_answer(service, subject)
        return answer

    def note_outage(self, service: str, err: EnlightenError, subject: str = "") -> None:
        """Note that a service has not answered, unless nothing was sent, or it is one that the site does not have."""
        if isinstance(err, RequestCeiling | ConnectionsClosed):
            return
        # What was there a moment ago is not missing but refused.
        if isinstance(err, RequestRejected) and err.status in _NOT_HERE and (service, subject) not in self._answered_at:
            return
        silent_since = self._silent_since.setdefault(service, datetime.now(UTC))
        is_alone = isinstance(err, RequestRejected) or silent_since - self._account.answered_at < self._proven_for
        if is_alone and service not in self._down:
            self._down.add(service)
            LOGGER.warning("The %s service does not answer: %s", service, err)
