"""Reads a ledger that was stored, whatever shape it has: what can be read of it is kept, above all every schedule entry."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from mashumaro import DataClassDictMixin

from ..enlighten import BatteryFamily
from .ledger import STORED_EXPECTED, Deleted, Expected, Guard, Intent, KeptEntry, Ledger, Override, Owed

_UNREADABLE = (LookupError, ValueError, TypeError, AttributeError)
# The reason why an entry from an unreadable record waits for a person: what was to be done with it is not known.
_FOUND = "unreadable"


def read_ledger(stored: object) -> tuple[Ledger, bool]:
    """Read a ledger, or one of release 0.2.0; return it, and whether all of it could be read."""
    reader = _Reader()
    ledger = Ledger()
    data = reader.mapping(stored)
    if "records" in data:
        reader.take_over(data, ledger)
    ledger.expected += reader.expected(data)
    ledger.deleted = reader.many(data, "deleted", Deleted)
    ledger.intents = reader.many(data, "intents", Intent)
    ledger.override = reader.one(data, "override", Override)
    if ledger.override is None and data.get("override") is not None:
        # The entries that made way for it are not lost with it.
        aside = reader.many(reader.mapping(data["override"]), "aside", KeptEntry)
        ledger.expected += [Expected(kept, problem=_FOUND) for kept in aside]
    ledger.guard = reader.one(data, "guard", Guard)
    for family, owed in reader.families(reader.mapping(data.get("owed", {}))):
        if (found := reader.one({"owed": owed}, "owed", Owed)) is not None:
            ledger.owed[family] = found
    ledger.names_source = data.get("names_source") is True
    if (saved_at := data.get("saved_at")) is not None:
        ledger.saved_at = reader.moment(saved_at)
    return ledger, reader.is_whole


class _Reader:
    """Reads a stored ledger part by part; `is_whole` says whether every part could be read."""

    def __init__(self) -> None:
        self.is_whole = True

    def mapping(self, value: object) -> Mapping[str, object]:
        if isinstance(value, Mapping):
            return value
        self.is_whole = False
        return {}

    def items(self, data: Mapping[str, object], key: str) -> list[object]:
        found = data.get(key, [])
        if isinstance(found, list):
            return found
        self.is_whole = False
        return []

    def many[T: DataClassDictMixin](self, data: Mapping[str, object], key: str, kind: type[T]) -> list[T]:
        read = (self.one({key: item}, key, kind) for item in self.items(data, key))
        return [item for item in read if item is not None]

    def one[T: DataClassDictMixin](self, data: Mapping[str, object], key: str, kind: type[T]) -> T | None:
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
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            found = None
        self.is_whole = self.is_whole and found is not None and found.tzinfo is not None
        return found if found is not None and found.tzinfo is not None else None

    def families(self, data: Mapping[str, object]) -> Iterator[tuple[BatteryFamily, object]]:
        for name, value in data.items():
            if isinstance(name, str) and name in set(BatteryFamily):
                yield BatteryFamily(name), value
            else:
                self.is_whole = False

    def expected(self, data: Mapping[str, object]) -> list[Expected]:
        """Return the entries that must be there; of a record that cannot be read, at least the entry that it is about."""
        read: list[Expected] = []
        for item in self.items(data, STORED_EXPECTED):
            if (whole := self.one({STORED_EXPECTED: item}, STORED_EXPECTED, Expected)) is not None:
                read.append(whole)
            elif (kept := self.one(self.mapping(item), "entry", KeptEntry)) is not None:
                read.append(Expected(kept, problem=_FOUND))
        return read

    def take_over(self, data: Mapping[str, object], ledger: Ledger) -> None:
        """Take over the records of release 0.2.0: the entries that each open change expected, and what could not be put back."""
        for item in self.items(data, "records"):
            record = self.mapping(item)
            opened_at = self.moment(record.get("opened_at"))
            problem = record.get("problem")
            reason = str(problem) if problem is not None else None if opened_at is not None else _FOUND
            for kept in self.many(record, "expected", KeptEntry):
                if all(one.entry.id != kept.id for one in ledger.expected):
                    ledger.expected.append(Expected(kept, problem=reason))
            if opened_at is None:
                continue
            named = {str(name): None for name in self.items(record, "families")}
            for family, _ in self.families(named):
                ledger.owe(family, opened_at)
            if reason is None:
                ledger.guard = Guard(toggled_at=opened_at, intent_at=opened_at)
            ledger.saved_at = max(opened_at, ledger.saved_at or opened_at)


def _has_zones(found: DataClassDictMixin) -> bool:
    """Return whether every moment has a time zone: without one it cannot be compared."""
    moments = [value for value in vars(found).values() if isinstance(value, datetime)]
    return all(moment.tzinfo is not None for moment in moments)
