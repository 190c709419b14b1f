"""A clock that was set back: what the ledger and the reads say happened later than now, happened at the latest now. No I/O, as in `decide`.

Without that, the keeper would wait until the clock has come to those moments again.
"""

from collections.abc import Iterable
from dataclasses import is_dataclass
from datetime import datetime

from .ledger import Ledger
from .steps import Reading

# What lies ahead by its meaning. An override ends no later than it should if it began now.
_AHEAD = "ends_at"


def hold_back(ledger: Ledger, reading: Reading, now: datetime) -> None:
    """Cut every moment that has passed to now, wherever it stands."""
    if (running := ledger.override) is not None and running.started_at > now:
        running.ends_at = now + (running.ends_at - running.started_at)
    for intent in ledger.open_intents:
        if intent.override is not None and intent.asked_at > now:
            intent.override.ends_at = now + (intent.override.ends_at - intent.asked_at)
    _cut(ledger, now)
    for name in ("settings_at", "schedules_at", "profile_at"):
        read_at = getattr(reading, name)
        if read_at is not None and read_at > now:
            # How old it is, nobody knows: it is read again.
            setattr(reading, name, None)
    if reading.empty_since is not None:
        reading.empty_since = min(reading.empty_since, now)


def _cut(record: object, now: datetime) -> None:
    for name, value in vars(record).items():
        if isinstance(value, datetime):
            if value > now and name != _AHEAD:
                setattr(record, name, now)
        else:
            for part in _parts(value):
                _cut(part, now)


def _parts(value: object) -> Iterable[object]:
    """Return the records in a value."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return [one for one in parts if is_dataclass(one)]
