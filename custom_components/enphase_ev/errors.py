"""Turns the client's errors into Home Assistant's, translated."""

from datetime import UTC, datetime

from homeassistant.exceptions import ConfigEntryAuthFailed, HomeAssistantError, ServiceValidationError
from homeassistant.helpers.update_coordinator import UpdateFailed

from .const import DOMAIN
from .enlighten import (
    AccountBlocked,
    AuthError,
    EnlightenError,
    InvalidCredentials,
    RateLimited,
    RequestCeiling,
    RequestRejected,
    ServiceUnavailable,
    TooManySessions,
)

# Scheduled mode was chosen and no schedule is enabled (docs/cloud-api/chargers.md §5).
_NO_SCHEDULE_CODE = "iqevc_sch_10031"
_CANNOT_STREAM = 472


# The first kind that fits counts.
_KEYS: tuple[tuple[type[EnlightenError], str], ...] = (
    (AccountBlocked, "account_locked"),
    (TooManySessions, "too_many_sessions"),
    (InvalidCredentials, "invalid_credentials"),
    (AuthError, "session_expired"),
    (RequestCeiling, "request_ceiling"),
    (RateLimited, "rate_limited"),
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
        case _:
            return UpdateFailed(translation_domain=DOMAIN, translation_key=error_key(err), translation_placeholders=_placeholders(err))


def command_error(err: EnlightenError) -> HomeAssistantError:
    """Return what a person sees whose command failed."""
    if isinstance(err, RequestRejected) and err.code == _NO_SCHEDULE_CODE:
        return ServiceValidationError(translation_domain=DOMAIN, translation_key="no_schedule_enabled")
    if isinstance(err, RequestRejected) and err.status == _CANNOT_STREAM:
        return ServiceValidationError(translation_domain=DOMAIN, translation_key="live_stream_not_supported")
    return HomeAssistantError(translation_domain=DOMAIN, translation_key=error_key(err), translation_placeholders=_placeholders(err))


def error_key(err: EnlightenError) -> str:
    """Return the translation key of an error."""
    if isinstance(err, ServiceUnavailable) and err.may_have_arrived:
        return "no_answer"
    return next((key for kind, key in _KEYS if isinstance(err, kind)), "invalid_response")


def _placeholders(err: EnlightenError) -> dict[str, str] | None:
    return {"reason": str(err)} if isinstance(err, RequestRejected) else None


def _seconds_until(moment: datetime | None) -> float | None:
    return None if moment is None else max((moment - datetime.now(UTC)).total_seconds(), 1.0)
