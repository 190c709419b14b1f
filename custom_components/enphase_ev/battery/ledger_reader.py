"""Reads what can be read of a ledger's file, whatever shape it has."""

from collections.abc import Mapping
from datetime import datetime

from mashumaro import DataClassDictMixin

_UNREADABLE = (LookupError, ValueError, TypeError, AttributeError)


class LedgerReader:
    """Reads what can be read of a file, whatever shape it has."""

    def __init__(self) -> None:
        self.is_whole = True

    def mapping(self, value: object) -> Mapping[str, object]:
        """Return an object as it was stored; an empty one where it is none."""
        if isinstance(value, Mapping):
            return value
        self.is_whole = False
        return {}

    def many[T: DataClassDictMixin](self, data: Mapping[str, object], key: str, kind: type[T]) -> list[T]:
        """Return the records of a list that can be read."""
        found = data.get(key, [])
        if not isinstance(found, list):
            self.is_whole = False
            return []
        read = (self.one({key: item}, key, kind) for item in found)
        return [item for item in read if item is not None]

    def one[T: DataClassDictMixin](self, data: Mapping[str, object], key: str, kind: type[T]) -> T | None:
        """Return a record, where it can be read and says of each moment in which zone it is."""
        value = data.get(key)
        if value is None:
            return None
        try:
            found = kind.from_dict(self.mapping(value))
        except _UNREADABLE:
            self.is_whole = False
            return None
        has_zones = _has_zones(found)
        self.is_whole = self.is_whole and has_zones
        return found if has_zones else None

    def moment(self, value: object) -> datetime | None:
        """Return a moment, where it can be read."""
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            found = None
        self.is_whole = self.is_whole and found is not None and found.tzinfo is not None
        return found if found is not None and found.tzinfo is not None else None


def _has_zones(found: DataClassDictMixin) -> bool:
    """Return whether every moment says where it is: others cannot be compared."""
    moments = [value for value in vars(found).values() if isinstance(value, datetime)]
    return all(moment.tzinfo is not None for moment in moments)
