"""Live frames: the golden ones of docs/cloud-api/live.md §3, what a reader has to bear, and whatever else comes over a wire."""

from hypothesis import given, strategies as st
import pytest

from custom_components.enphase_ev.enlighten import GridRelay, InvalidResponse, LiveAccess, LiveChannel, LivePower
from custom_components.enphase_ev.enlighten.models.live_power import LiveFrame
from custom_components.enphase_ev.enlighten.protobuf import Message
from tests.enlighten.cloud import sample

FRAME_A = bytes.fromhex(
    "080110c0843d1acb010a2608e0c2800310c09784031a0ca0968001a0968001a0968001220cc0b28101c0b28101c0b28101123b0880c2edfeffffffffff0110b0a894011a1e8096cfffff"
    "ffffffff018096cfffffffffffff018096cfffffffffffff01220990b83190b83190b8311a3a0880e1b6ffffffffffff011090de4e1a1eb0c4e4ffffffffffff019099e8ffffffffffff"
    "01c083eaffffffffffff012209f0d71ca0d11980b518222008e0e5a4011090c1ab011a09d0f033b0c537e0af39220980db35f0fd39a0e83b280230404006480320012814320210013204"
    "08011001"
)
FRAME_B = bytes.fromhex(
    "080110c0843d1a400a061a01002201001212088088271098fd271a03808827220398fd271a061a01002201002212088088271098fd271a03808827220398fd2728013029400648012864"
    "32021001320408011001"
)


def varint(value: int) -> bytes:
    """A number as the wire has it."""
    value &= (1 << 64) - 1
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def part(number: int, value: int | bytes) -> bytes:
    """A field: a number, or what has a length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def test_frame_a_is_read() -> None:
    frame = LiveFrame(FRAME_A).read()
    assert (frame.solar.power, frame.battery.power, frame.grid.power, frame.house.power) == (6300, -2400, -1200, 2700)
    assert frame.house.power == frame.solar.power + frame.grid.power + frame.battery.power
    assert frame.solar.phases == (2100, 2100, 2100)
    assert frame.battery.phases == (-800, -800, -800)
    assert sum(frame.grid.phases) == -1200
    assert all(value < 0 for value in frame.grid.phases)
    assert sum(frame.house.phases) == 2700
    assert frame.solar.apparent_power == pytest.approx(6360, abs=60)
    assert (frame.grid_relay, frame.state_of_charge, frame.has_generator) == (GridRelay.ON_GRID, 64, False)


def test_frame_b_is_read() -> None:
    frame = LiveFrame(FRAME_B).read()
    # A value of zero is left out: the sun and the grid give nothing, which is known.
    assert (frame.solar.power, frame.battery.power, frame.grid.power, frame.house.power) == (0, 640, 0, 640)
    assert (frame.battery.phases, frame.grid.phases) == ((640,), (0,))
    assert (frame.grid_relay, frame.state_of_charge, frame.has_generator) == (GridRelay.OFF_GRID, 41, False)


@pytest.mark.parametrize(
    "addition",
    [
        part(77, 5),
        part(77, b"tomorrow"),
        varint(77 << 3 | 1) + bytes(8),
        varint(77 << 3 | 5) + bytes(4),
        # Fields that are known, of other types.
        part(4, b"\xff\xff"),
        part(7, 1),
        varint(9 << 3 | 5) + bytes(4),
        # An old kind of message in a message.
        varint(78 << 3 | 3) + part(1, 7) + part(2, b"in it") + varint(78 << 3 | 4),
    ],
)
def test_a_frame_from_tomorrow_is_read(addition: bytes) -> None:
    usual = LiveFrame(FRAME_A).read()
    assert LiveFrame(FRAME_A + addition).read() == usual
    assert LiveFrame(addition + FRAME_A).read() == usual
    # Inside the meters, too; a message that comes in parts is one.
    meters = part(3, part(14, b"\x01") + addition.replace(part(4, b"\xff\xff"), b"").replace(part(7, 1), b""))
    assert LiveFrame(FRAME_A + meters).read() == usual


def test_a_meter_of_an_unexpected_type_is_zero() -> None:
    meters = part(1, 12) + part(4, part(1, b"no number") + part(3, 250_000))
    frame = LiveFrame(part(3, meters)).read()
    assert frame.solar == LiveChannel()
    # A list that is not packed is one, too.
    assert frame.house == LiveChannel(phases=(250.0,))
    assert frame.grid_relay is None


@pytest.mark.parametrize("value", [6, 3, -1, 2**40])
def test_a_relay_that_nobody_knows_is_unknown(value: int) -> None:
    relay = LiveFrame(part(3, part(5, value))).read().grid_relay
    assert relay is (GridRelay.GRID_BACK if value == 3 else None)
    assert relay is None or relay.is_on_grid is False


def test_a_generator_shows_itself() -> None:
    assert LiveFrame(part(3, part(7, part(1, 1_500_000)))).read().has_generator
    assert LiveFrame(part(3, part(7, part(1, 1_500_000)))).read().generator.power == 1500
    assert LiveFrame(part(3, part(8, 8))).read().has_generator
    assert not LiveFrame(part(3, part(7, b"") + part(8, 6))).read().has_generator


@pytest.mark.parametrize(
    "data",
    [
        b"",
        part(1, 1) + part(4, 2),
        part(3, 5)[:1],
        FRAME_A[:-1],
        FRAME_A[:60],
        b"\x1a\x7f",
        b"\x1f",
        b"\x00\x00\x1f",
        varint(78 << 3 | 3),
        varint(78 << 3 | 4),
        b"\xff" * 11,
        b"\x09\x00",
        part(3, part(1, part(1, 2**62))),
        part(3, part(1, part(3, b"\x80"))),
        b"<html>",
    ],
)
def test_what_is_no_frame_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(InvalidResponse):
        LiveFrame(data).read()


@pytest.mark.parametrize("cut", range(len(FRAME_B)))
def test_no_cut_breaks_the_reader(cut: int) -> None:
    try:
        LiveFrame(FRAME_B[:cut]).read()
    except InvalidResponse:
        return
    # Only after a whole field is there something to read.
    assert 3 in Message(FRAME_B[:cut])


def _mutated(data: bytes, changes: list[tuple[int, int]], cut: tuple[int, int]) -> bytes:
    found = bytearray(data)
    for place, byte in changes:
        found[place % len(found)] = byte
    start, length = cut
    del found[start : start + length]
    return bytes(found)


_BYTE = st.integers(0, 255)
_CHANGES = st.lists(st.tuples(st.integers(0, 300), _BYTE), max_size=6)
_CUTS = st.tuples(st.integers(0, 300), st.integers(0, 20))


@given(st.sampled_from([FRAME_A, FRAME_B]), _CHANGES, _CUTS, st.binary(max_size=12))
def test_whatever_happens_to_a_frame_it_is_one_or_it_is_none(
    frame: bytes, changes: list[tuple[int, int]], cut: tuple[int, int], tail: bytes
) -> None:
    try:
        found = LiveFrame(_mutated(frame, changes, cut) + tail).read()
    except InvalidResponse:
        return
    assert all(abs(channel.power) <= 10_000_000 for channel in (found.solar, found.battery, found.grid, found.house, found.generator))
    assert found.state_of_charge is None or 0 <= found.state_of_charge <= 100
    assert len(found.house.phases) <= 3


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40))
def test_every_number_comes_back(values: list[int]) -> None:
    packed = b"".join(map(varint, values))
    assert Message(part(3, packed)).numbers(3) == tuple(values)
    assert Message(b"".join(part(3, value) for value in values)).numbers(3) == tuple(values)
    assert Message(b"".join(part(1, value) for value in values)).number(1) == (values[-1] if values else 0)


def test_the_published_answer_of_the_credentials_is_read() -> None:
    body = sample("live_signed_url")
    assert isinstance(body, dict)
    access = LiveAccess.from_dict(body)
    assert (access.topic, access.lives_for, access.event_mode) == ("v1/live-stream/5f00c0ffee1234567890abcd", 900, None)
    assert access.endpoint == "a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com"
    assert access.digest == "SW52ZW50ZWQrU2lnbmF0dXJlLz09"
    assert LiveAccess.from_dict({"dr_event_mode": "DR_ACTIVE", "live_stream_duration": 0}).lives_for == 900


def test_what_a_gateway_says_is_read() -> None:
    meters = {
        name: {"agg_p_mw": value} for name, value in {"pv": 6_300_000, "storage": -2_400_000, "grid": -1_200_000, "load": 2_700_000}.items()
    }
    power = LivePower.read_gateway({"meters": {**meters, "soc": 64, "main_relay_state": 1}})
    assert (power.solar.power, power.battery.power, power.grid.power, power.house.power) == (6300, -2400, -1200, 2700)
    assert power.state_of_charge == 64
    assert LivePower.read_gateway({"meters": meters, "soc": 12}).state_of_charge == 12
    assert LivePower.read_gateway({"meters": {**meters, "soc": "unknown"}}).state_of_charge is None
    for broken in ({}, {"meters": {**meters, "load": {"agg_p_mw": "unknown"}}}, {"meters": None}, [], "unknown"):
        with pytest.raises(InvalidResponse):
            LivePower.read_gateway(broken)
