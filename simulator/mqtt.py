"""MQTT streams that were signed, and the answers of the battery service (docs/cloud-api/battery.md §7, docs/cloud-api/live.md §2)."""

from collections.abc import Callable
from dataclasses import dataclass, field
import re
from urllib.parse import quote

from .clock import Clock
from .wire import JsonObject, epoch_ms

STREAM_S = 900
"""How long a stream lives, seconds."""
AUTHORIZER = "aws-lambda-authoriser-prod"
TOKEN_KEY = "enph_token"  # noqa: S105 - the name of a key, no secret


# What may stand behind the user name (docs/cloud-api/battery.md §7, docs/cloud-api/live.md §2).
_TAILS = ("", "&env=production", "&env=prod", "&evse-count=0&env=prod")
_CLIENT_ID = re.compile(r"bp-paho-mqtt-[0-9A-Za-z]{4}")


@dataclass(frozen=True)
class SignedStream:
    """One stream that was signed."""

    site_id: str
    topic: str
    token: str
    digest: str
    ends_at: float
    """Wall time, epoch seconds."""
    connect_until: float = float("inf")
    """Wall time until which somebody can connect, epoch seconds."""
    charger_topics: frozenset[str] = frozenset()
    """The chargers' own topics, where it is a stream of chargers (docs/cloud-api/live.md §5)."""

    def allows(self, topic: str | None) -> bool:
        """Whether its listener may hear a topic."""
        return topic in self.charger_topics if self.charger_topics else topic == self.topic

    def opens_to(self, user_name: str) -> bool:
        """Whether a client with this user name may listen."""
        return user_name in {self.user_name + tail for tail in _TAILS}

    @property
    def user_name(self) -> str:
        """The user name that a client connects with, without what may stand behind it."""
        return (
            f"?x-amz-customauthorizer-name={AUTHORIZER}&{TOKEN_KEY}={self.token}&site-id={self.site_id}"
            f"&x-amz-customauthorizer-signature={quote(self.digest, safe='')}"
        )


@dataclass
class AnswerStreams:
    """The streams that were signed, and where their broker listens."""

    endpoint: str
    """Host and port of the broker."""
    clock: Clock
    draw_uuid: Callable[[], str]
    draw_secret: Callable[[], str]
    streams: list[SignedStream] = field(default_factory=list)
    knocks: list[bool] = field(default_factory=list)
    """Who asked to be let in, and whether it was."""
    subscriptions: list[tuple[str, int]] = field(default_factory=list)
    """Topics that somebody listens to or has listened to, with the QoS asked for."""

    def sign(self, site_id: str) -> JsonObject:
        """A new stream, as in tests/fixtures/api/mqtt_signed_url.json."""
        stream = SignedStream(
            site_id,
            f"v1/server/response-stream/{self.draw_uuid()}",
            token=self.draw_secret(),
            # Base64 has characters that must be written otherwise in a user name.
            digest=f"{self.draw_secret()}+/==",
            ends_at=self.clock.wall_time() + STREAM_S,
        )
        self.streams.append(stream)
        return {
            "topic": stream.topic,
            "stream_duration": STREAM_S,
            "aws_iot_endpoint": self.endpoint,
            "aws_authorizer": AUTHORIZER,
            "aws_token_key": TOKEN_KEY,
            "aws_token_value": stream.token,
            "aws_digest": stream.digest,
        }

    def find(self, client_id: str, user_name: str) -> SignedStream | None:
        """The stream that a client may hear; None where it does not keep to the page."""
        if _CLIENT_ID.fullmatch(client_id) is None:
            return None
        return next((stream for stream in self.live() if stream.opens_to(user_name)), None)

    def live(self, site_id: str | None = None) -> list[SignedStream]:
        """The streams that have not run out, of a site or of all."""
        now = self.clock.wall_time()
        return [stream for stream in self.streams if stream.ends_at > now and site_id in {None, stream.site_id}]

    def answer(self, site_id: str, message_type: str) -> JsonObject:
        """The message that tells that a change has been taken over."""
        return {
            "messageType": message_type,
            "siteId": site_id,
            "status": "success",
            "timestamp": epoch_ms(self.clock.time()),
        }
