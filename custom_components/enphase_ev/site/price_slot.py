"""A time with one price."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class PriceSlot:
    """A time with one price, in the currency a kWh."""

    start: datetime
    end: datetime
    value: float
    kind: str | None = None
