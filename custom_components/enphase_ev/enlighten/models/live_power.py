"""What a site draws and gives at one moment (docs/cloud-api/live.md §3)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from ..exceptions import InvalidResponse
from ..parsing import Json, read_float, read_int, read_mapping
from ..protobuf import Message

_MILLI = 1000.0
# W. No home draws or gives so much.
_MOST_POWER = 10_000_000.0
_MOST_PHASES = 3
_MOST_PERCENT = 100


class GridRelay(IntEnum):
    """The state of the relay between the home and the grid."""

    OFF_GRID = 1
    ON_GRID = 2
    GRID_BACK = 3
    READY_TO_SYNCHRONIZE = 4
    WAITING_TO_INITIALIZE = 5

    @property
    def is_on_grid(self) -> bool | None:
        """Return whether the home is connected to the grid; `None` where the gateway waits to find out."""
        return None if self is GridRelay.WAITING_TO_INITIALIZE else self is GridRelay.ON_GRID


class _GeneratorRelay(IntEnum):
    """The state of the relay of a generator. An open one says nothing about whether there is a generator."""

    CLOSED = 7
    STARTING = 8
    READY_TO_SYNCHRONIZE = 9
    STABLE = 10
    UNSTABLE = 11


_RELAYS = {relay.value: relay for relay in GridRelay}
_RUNNING_GENERATOR = {relay.value for relay in _GeneratorRelay}


@dataclass(frozen=True, kw_only=True)
class LiveChannel:
    """One meter: real power in W and apparent power in VA, of all phases and of each."""

    power: float = 0.0
    apparent_power: float = 0.0
    phases: tuple[float, ...] = ()

    @classmethod
    def read(cls, message: Message) -> Self:
        """Read one meter; a frame counts in thousandths.

        Raises:
            InvalidResponse: No home draws or gives so much.
        """
        phases = message.numbers(3)[:_MOST_PHASES]
        return cls(power=_watts(message.number(1)), apparent_power=_watts(message.number(2)), phases=tuple(map(_watts, phases)))


@dataclass(frozen=True, kw_only=True)
class LivePower:
    """One moment of a site, as its stream or its gateway has it.

    Attributes:
        solar, house, generator: W.
        grid: W, import +, export -.
        battery: W, discharging +, charging -.
        grid_relay: `None` where it is unknown.
        state_of_charge: % of all batteries; 0 also where there is none.
        has_generator: whether a generator shows itself.
        relay_signal: a number of the gateway's that changes with the relay, without a meaning of its own.
    """

    solar: LiveChannel
    battery: LiveChannel
    grid: LiveChannel
    house: LiveChannel
    generator: LiveChannel = LiveChannel()
    grid_relay: GridRelay | None = None
    state_of_charge: int | None = None
    has_generator: bool = False
    relay_signal: int | None = None

    @classmethod
    def read_meters(cls, meters: Message) -> Self:
        """Read the meters of a frame of the stream: a value of zero is left out.

        Raises:
            InvalidResponse: A meter was cut off, or shows more than any home has.
        """
        generator = LiveChannel.read(meters.message(7))
        return cls(
            solar=LiveChannel.read(meters.message(1)),
            battery=LiveChannel.read(meters.message(2)),
            grid=LiveChannel.read(meters.message(3)),
            house=LiveChannel.read(meters.message(4)),
            generator=generator,
            grid_relay=_relay(meters),
            state_of_charge=_percent(meters.number(6)),
            has_generator=bool(generator.power or generator.apparent_power) or meters.number(8) in _RUNNING_GENERATOR,
        )

    @classmethod
    def read_gateway(cls, body: Json) -> Self:
        """Read what a gateway in the house says (docs/cloud-api/local.md §2); numbers can be the word "unknown".

        Raises:
            InvalidResponse: It does not say what each of the four meters shows.
        """
        answer = read_mapping(body)
        meters = read_mapping(answer.get("meters"))
        channels = {name: _gateway_channel(meters.get(name)) for name in ("pv", "storage", "grid", "load", "generator")}
        solar, battery, grid, house = (channels[name] for name in ("pv", "storage", "grid", "load"))
        if solar is None or battery is None or grid is None or house is None:
            raise InvalidResponse("The gateway does not tell its meters")
        generator = channels["generator"] or LiveChannel()
        # The page does not say where these two stand.
        beside = {**answer, **{key: value for key, value in meters.items() if value is not None}}
        charge = read_int(beside.get("soc"))
        return cls(
            solar=solar,
            battery=battery,
            grid=grid,
            house=house,
            generator=generator,
            state_of_charge=None if charge is None else _percent(charge),
            has_generator=bool(generator.power or generator.apparent_power),
            relay_signal=read_int(beside.get("main_relay_state")),
        )


class LiveFrame:
    """A frame of the stream whose relay was looked at; to read its meters is most of the work (docs/cloud-api/live.md §3)."""

    __slots__ = ("_meters", "grid_relay")

    def __init__(self, data: bytes) -> None:
        """Open a frame.

        Raises:
            InvalidResponse: It is no frame, was cut off, or holds no meters.
        """
        frame = Message(data)
        if 3 not in frame:
            raise InvalidResponse("A live frame holds no meters")
        self._meters = frame.message(3)
        self.grid_relay = _relay(self._meters)

    def read(self) -> LivePower:
        """Read all of it.

        Raises:
            InvalidResponse: A meter was cut off, or shows more than any home has.
        """
        return LivePower.read_meters(self._meters)


def _relay(meters: Message) -> GridRelay | None:
    return _RELAYS.get(meters.number(5))


def _watts(thousandths: float) -> float:
    value = thousandths / _MILLI
    if abs(value) > _MOST_POWER:
        raise InvalidResponse("A meter shows more than any home has")
    return value


def _percent(value: int) -> int | None:
    return value if 0 <= value <= _MOST_PERCENT else None


def _gateway_channel(value: Json) -> LiveChannel | None:
    meter = read_mapping(value)
    power = read_float(meter.get("agg_p_mw"))
    if power is None:
        return None
    apparent = read_float(meter.get("agg_s_mva"))
    phases = (read_float(meter.get(f"agg_p_ph_{phase}_mw")) for phase in "abc")
    return LiveChannel(
        power=_watts(power), apparent_power=_watts(apparent or 0.0), phases=tuple(_watts(one) for one in phases if one is not None)
    )
