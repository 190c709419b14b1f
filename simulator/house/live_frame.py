"""The binary frame of the live stream (docs/cloud-api/live.md §3)."""

from dataclasses import dataclass, field

PROTOCOL_VERSION = 1
TIMESTAMP = 1_000_000
"""Constant in every capture."""
_VARINT, _LENGTH = 0, 2


@dataclass(frozen=True)
class Channel:
    """One meter: mW and mVA, in all and a phase."""

    power_mw: int
    apparent_mva: int
    phases_mw: tuple[int, ...] = ()
    phases_mva: tuple[int, ...] = ()

    def encode(self) -> bytes:
        """The message of a channel."""
        packed = [(3, self.phases_mw), (4, self.phases_mva)]
        parts = [_number(1, self.power_mw), _number(2, self.apparent_mva)]
        return b"".join(parts + [_bytes(number, b"".join(map(varint, values))) for number, values in packed if values])


@dataclass(frozen=True)
class Frame:
    """One message of the stream."""

    pv: Channel
    storage: Channel
    grid: Channel
    load: Channel
    grid_relay: int
    soc: int
    battery_mode: int
    backup_soc: int
    phase_count: int = 3
    is_split_phase: bool = False
    generator: Channel | None = None
    generator_relay: int = 6
    contacts: tuple[tuple[int, int], ...] = field(default=((0, 1), (1, 1)))
    """Dry contacts: id and state."""

    def encode(self) -> bytes:
        """The whole message."""
        contacts = [_bytes(6, _number(1, number) + _number(2, state)) for number, state in self.contacts]
        head = _number(1, PROTOCOL_VERSION) + _number(2, TIMESTAMP) + _bytes(3, self._meters())
        return head + _number(4, self.battery_mode) + _number(5, self.backup_soc) + b"".join(contacts)

    def _meters(self) -> bytes:
        channels = [_bytes(number, one.encode()) for number, one in enumerate((self.pv, self.storage, self.grid, self.load), start=1)]
        generator = [_bytes(7, self.generator.encode())] if self.generator else []
        return b"".join(
            [
                *channels,
                _number(5, self.grid_relay),
                _number(6, self.soc),
                *generator,
                _number(8, self.generator_relay),
                _number(9, self.phase_count),
                _number(10, int(self.is_split_phase)),
            ]
        )


def varint(value: int) -> bytes:
    """A plain varint; a negative value as its 64 bits, which takes ten bytes."""
    rest, encoded = value % (1 << 64), bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def _number(number: int, value: int) -> bytes:
    """A field with a number; nothing for zero, which is left out."""
    return varint(number << 3 | _VARINT) + varint(value) if value else b""


def _bytes(number: int, data: bytes) -> bytes:
    """A field with a length."""
    return varint(number << 3 | _LENGTH) + varint(len(data)) + data


def unknown_fields() -> bytes:
    """Fields that nobody has described, one of each wire type."""
    fixed = varint(60 << 3 | 1) + bytes(8) + varint(61 << 3 | 5) + bytes(4)
    return _number(62, 7) + _bytes(63, b"tomorrow's firmware") + fixed


def in_phases(total: int, count: int) -> tuple[int, ...]:
    """A total split among phases without loss."""
    share = int(total / count)
    return (*(share for _ in range(count - 1)), total - share * (count - 1))


def channel(watts: float, phases: int) -> Channel:
    """A channel of a power in W, with a little more apparent power."""
    milliwatts = round(watts * 1000)
    apparent = round(abs(milliwatts) * 1.02)
    return Channel(milliwatts, apparent, in_phases(milliwatts, phases), in_phases(apparent, phases))
