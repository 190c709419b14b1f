"""Buckets of the meters (docs/cloud-api/energy.md §1)."""

from dataclasses import dataclass, field

from .flows import Energy

QUARTER_S = 900
"""Length of a bucket, seconds."""


@dataclass
class Quarter:
    """A quarter hour of the meters."""

    energy: Energy = field(default_factory=Energy)
    soc: float | None = None
    """State of charge at its end, %; None without a battery."""

    def copy(self) -> Quarter:
        """The same, apart."""
        return Quarter(self.energy.copy(), self.soc)


def quarter_of(at: float) -> int:
    """The beginning of the quarter hour of a moment, epoch seconds."""
    return int(at // QUARTER_S) * QUARTER_S
