"""The names that a ledger on disk has for things: they stay, whatever the code calls them, since users have such files."""

from datetime import UTC, datetime, time

from custom_components.enphase_ev.battery.ledger import Expected, KeptEntry, Ledger
from custom_components.enphase_ev.battery.ledger_reading import read_ledger
from custom_components.enphase_ev.enlighten import BatteryFamily

_NIGHT = KeptEntry("1", BatteryFamily.CHARGE_FROM_GRID, time(1), time(5), (1, 2), 90.0, "UTC", True)


def test_a_ledger_is_stored_under_the_names_that_are_on_disks() -> None:
    stored = Ledger(expected=[Expected(_NIGHT)], saved_at=datetime(2026, 5, 20, tzinfo=UTC)).to_dict()

    assert sorted(stored) == sorted(
        ["saved_at", "must", "deleted", "intents", "override", "guard", "owed", "wrote_at", "names_source", "is_old", "groups", "told"]
    )
    assert stored["must"][0]["entry"]["id"] == "1"


def test_what_was_stored_under_those_names_is_read() -> None:
    ledger, is_whole = read_ledger({"must": [{"entry": _NIGHT.to_dict()}], "saved_at": "2026-05-20T00:00:00+00:00"})

    assert is_whole
    assert [one.entry for one in ledger.expected] == [_NIGHT]
