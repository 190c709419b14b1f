"""The live stream of a site: who may listen, and what is sent (docs/cloud-api/live.md)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
import json
from random import Random
import re

from .charger import Charger
from .clock import Clock
from .house.live_frame import Frame, channel, unknown_fields
from .mqtt import AUTHORIZER, TOKEN_KEY, SignedStream
from .site import Site
from .switches import Switches
from .wire import JsonObject

TOPIC = "v1/live-stream/"
CLIENT_ID = re.compile(r"em-paho-mqtt-\d{13}")
OFF_GRID, ON_GRID = 1, 2
_BATTERY_MODES = {"backup_only": 0, "self-consumption": 1, "cost_savings": 2}
_TEN_MEGABYTES = 10_000_000


def charger_topic(serial: str) -> str:
    """The own topic of a charger (docs/cloud-api/live.md §5)."""
    return f"v1/evse/prod/live-stream/{serial}"


def charger_message(charger: Charger) -> JsonObject:
    """What the web app expects of a charger's own topic."""
    phases = charger.hardware.phase_count
    each = round(charger.power_w / phases)
    by_phase: JsonObject = {f"power_W_l{phase}": each if phase <= phases else 0 for phase in (1, 2, 3)}
    return {"power_W": round(charger.power_w), **by_phase, "power_W_exp": 0, "meter": round(charger.lifetime_wh)}


class FrameKind(StrEnum):
    """What is sent once a second."""

    GOOD = "good"
    UNKNOWN_FIELD = "unknown_field"
    """With fields that nobody has described."""
    TRUNCATED = "truncated"
    EMPTY = "empty"
    OTHER_TOPIC = "other_topic"
    """A good one, of a topic that nobody has subscribed to."""
    HUGE = "huge"
    """Ten megabytes."""
    NOISE = "noise"
    """Random bytes."""
    NONE = "none"
    """Silence, as from a gateway that does not report."""


class StreamEnd(StrEnum):
    """What comes when a stream's time is over."""

    SILENCE = "silence"
    HANG_UP = "hang_up"


class Door(StrEnum):
    """How the broker takes a connection."""

    OPEN = "open"
    CLOSED = "closed"
    """503 to the websocket."""
    OTHER_PROTOCOL = "other_protocol"
    """It speaks, but not MQTT."""
    MUTE = "mute"
    """It takes the connection and says nothing."""


@dataclass
class LiveSwitches(Switches):
    """The switches of docs/cloud-api/live.md §4."""

    live_status: bool = True
    """``show_livestream``; false: this site has no live stream."""
    live_vitals: bool = True
    supported: bool = True
    """False: 472 instead of credentials."""
    reachable: bool = True
    """False: the broker that the credentials name does not exist."""
    door: Door = Door.OPEN
    duration_s: float = 900.0
    """How long frames come, from the moment that credentials are given; ``live_stream_duration``."""
    credentials_s: float = 900.0
    """How long credentials can be used to connect; 0: they have run out before anybody can."""
    end: StreamEnd = StreamEnd.SILENCE
    frame: FrameKind = FrameKind.GOOD
    rhythm_s: float = 1.0
    """Real seconds between two frames."""
    hang_up_after: int | None = None
    """The broker hangs up on every listener after so many frames."""
    chargers_speak: bool = False
    """The chargers' own topics tell their power; every published probe was silent (docs/cloud-api/live.md §5)."""
    grid_relay: int | None = None
    """``grid_relay`` of the frame; None: what the house's grid is."""


@dataclass
class LiveStreams:
    """The live streams that were signed, and where their broker listens."""

    endpoint: str
    """Host and port of the broker."""
    clock: Clock
    switches: LiveSwitches
    sites: dict[str, Site]
    draw_secret: Callable[[], str]
    random: Random = field(default_factory=lambda: Random(4))
    streams: list[SignedStream] = field(default_factory=list)
    knocks: list[bool] = field(default_factory=list)
    """Who asked to be let in, and whether it was."""
    subscriptions: list[tuple[str, int]] = field(default_factory=list)
    """Topics that somebody listens to or has listened to, with the QoS asked for."""
    frames_sent: int = 0

    def sign(self, site_id: str, *, for_chargers: bool = False) -> JsonObject:
        """New credentials, as in tests/fixtures/api/live_signed_url.json: for the frames of a site, or for its chargers' own topics."""
        now, switches = self.clock.wall_time(), self.switches
        stream = SignedStream(
            site_id,
            f"{TOPIC}{self.draw_secret()[:24]}",
            token=self.draw_secret(),
            # Base64 has characters that must be written otherwise in a user name.
            digest=f"{self.draw_secret()}+/==",
            ends_at=now + switches.duration_s,
            connect_until=now + min(switches.credentials_s, switches.duration_s),
            charger_topics=frozenset(map(charger_topic, self.sites[site_id].chargers)) if for_chargers else frozenset(),
        )
        self.streams.append(stream)
        host = self.endpoint.partition(":")[0]
        return {
            "live_stream_duration": round(switches.duration_s),
            "live_stream_topic": stream.topic,
            "dr_event_mode": "",
            "has_load_controls": False,
            "timeout": 15,
            "aws_iot_endpoint": self.endpoint if switches.reachable else f"{host}:1",
            "aws_authorizer": AUTHORIZER,
            "aws_token_key": TOKEN_KEY,
            "aws_token_value": stream.token,
            "aws_digest": stream.digest,
        }

    def find(self, client_id: str, user_name: str) -> SignedStream | None:
        """The stream that a client may hear; None where it does not keep to the page."""
        now = self.clock.wall_time()
        if CLIENT_ID.fullmatch(client_id) is None:
            return None
        return next((one for one in self.streams if one.opens_to(user_name) and now < one.connect_until), None)

    def is_over(self, stream: SignedStream) -> bool:
        """Whether its time is over."""
        return self.clock.wall_time() >= stream.ends_at

    def message(self, stream: SignedStream) -> tuple[str, bytes] | None:
        """Topic and content of what is sent now; None for silence."""
        data = self.frame(self.sites[stream.site_id]).encode()
        match self.switches.frame:
            case FrameKind.NONE:
                return None
            case FrameKind.OTHER_TOPIC:
                return f"{TOPIC}{'0' * 24}", data
            case FrameKind.UNKNOWN_FIELD:
                data += unknown_fields()
            case FrameKind.TRUNCATED:
                # What stands behind the meters could be missed without a trace: the cut is within them.
                data = data[: self.random.randrange(8, len(data) // 2)]
            case FrameKind.EMPTY:
                data = b""
            case FrameKind.HUGE:
                data = bytes(_TEN_MEGABYTES)
            case FrameKind.NOISE:
                data = self.random.randbytes(len(data))
        return stream.topic, data

    def messages(self, stream: SignedStream) -> list[tuple[str, bytes]]:
        """Everything that is sent to the listener of a stream now."""
        if not stream.charger_topics:
            message = self.message(stream)
            return [] if message is None else [message]
        if not self.switches.chargers_speak:
            return []
        chargers = self.sites[stream.site_id].chargers.values()
        return [(charger_topic(one.serial), json.dumps(charger_message(one)).encode()) for one in chargers]

    def frame(self, site: Site) -> Frame:
        """The house at this moment."""
        power, battery = site.house.now(), site.battery
        phases = max((charger.hardware.phase_count for charger in site.chargers.values()), default=1)
        relay = self.switches.grid_relay
        if relay is None:
            relay = OFF_GRID if site.house.grid_lost else ON_GRID
        pv, storage, grid = (channel(watts, phases) for watts in (power.solar, power.battery, power.grid))
        # The load is what the others sum up to, to the milliwatt.
        load = channel((pv.power_mw + storage.power_mw + grid.power_mw) / 1000, phases)
        return Frame(
            pv=pv,
            storage=storage,
            grid=grid,
            load=load,
            grid_relay=relay,
            soc=round(battery.state_of_charge) if battery else 0,
            battery_mode=_BATTERY_MODES.get(battery.settings.profile, -1) if battery else -1,
            backup_soc=battery.settings.reserve if battery else 0,
            phase_count=phases,
            is_split_phase=phases == 2,
        )
