"""The access to one of the cloud's brokers, as the cloud signs it.

Sources: docs/cloud-api/battery.md §7, docs/cloud-api/live.md §1.
"""

from dataclasses import dataclass

from ..parsing import read_float, read_text
from .wire import Model, wire

# s, where the cloud does not say how long a stream lives.
_USUAL_DURATION = 900.0


@dataclass(frozen=True, kw_only=True)
class BrokerAccess(Model):
    """Where to listen, and with what. Token and digest are secrets."""

    topic: str | None = None
    duration: float | None = None
    endpoint: str | None = wire("aws_iot_endpoint", read_text)
    authorizer: str | None = wire("aws_authorizer", read_text)
    token_key: str | None = wire("aws_token_key", read_text)
    token_value: str | None = wire("aws_token_value", read_text)
    digest: str | None = wire("aws_digest", read_text)


@dataclass(frozen=True, kw_only=True)
class AnswerStream(BrokerAccess):
    """Where the answers to a battery write are published (docs/cloud-api/battery.md §7)."""

    topic: str | None = wire("topic", read_text)
    duration: float | None = wire("stream_duration", read_float)


@dataclass(frozen=True, kw_only=True)
class LiveAccess(BrokerAccess):
    """Where the live power of a site is published (docs/cloud-api/live.md §1).

    Attributes:
        event_mode: names a grid event that is on, in the cloud's own word; `None` where there is none.
    """

    topic: str | None = wire("live_stream_topic", read_text)
    duration: float | None = wire("live_stream_duration", read_float)
    event_mode: str | None = wire("dr_event_mode", read_text)

    @property
    def lives_for(self) -> float:
        """Return for how many seconds the stream lives."""
        return self.duration if self.duration is not None and self.duration > 0 else _USUAL_DURATION
