"""Where the data of a charger comes from, and why it does not come from the gateway in the house."""

from dataclasses import dataclass
from enum import StrEnum


class DataSource(StrEnum):
    """Who answers for a charger."""

    CLOUD = "cloud"
    LOCAL = "local"


class LocalRefusal(StrEnum):
    """Why a charger is not asked for locally."""

    UNREACHABLE = "unreachable"
    NO_ANSWER = "no_answer"
    CERTIFICATE_CHANGED = "certificate_changed"
    CLOSED = "closed"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a reason, no secret
    NOT_LISTED = "not_listed"


@dataclass(frozen=True)
class SourceState:
    """Who answers for a charger; `refusal` is `None` where the gateway does."""

    source: DataSource
    refusal: LocalRefusal | None
