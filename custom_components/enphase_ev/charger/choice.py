"""Which chargers of the account a person wants."""

from collections.abc import Collection, Mapping

from ..const import CONF_CHARGERS, CONF_DECLINED, CONF_FOLLOWS_ACCOUNT

type Choice = dict[str, list[str] | bool]


def choice_of_chargers(chosen: Collection[str], there: Collection[str]) -> Choice:
    """Return what an entry keeps about a choice out of the chargers that are there.

    Whoever ticks all wants those that come later, too. Whoever did not is offered those that come later, but not those that were left out.
    """
    return {
        CONF_CHARGERS: [serial for serial in there if serial in chosen],
        CONF_DECLINED: [serial for serial in there if serial not in chosen],
        CONF_FOLLOWS_ACCOUNT: set(there) <= set(chosen),
    }


def is_wanted(data: Mapping[str, object], serial: str) -> bool:
    """Return whether an entry wants a charger."""
    return bool(data.get(CONF_FOLLOWS_ACCOUNT, True)) or serial in _serials(data, CONF_CHARGERS)


def is_new(data: Mapping[str, object], serial: str) -> bool:
    """Return whether nobody has decided yet about a charger."""
    return not is_wanted(data, serial) and serial not in _serials(data, CONF_DECLINED)


def without(data: Mapping[str, object], serial: str) -> Choice:
    """Return the choice of an entry after a charger is gone for good."""
    return {key: [one for one in _serials(data, key) if one != serial] for key in (CONF_CHARGERS, CONF_DECLINED)}


def including(data: Mapping[str, object], serials: Collection[str]) -> Choice:
    """Return the choice of an entry with some more chargers."""
    return {CONF_CHARGERS: [*_serials(data, CONF_CHARGERS), *serials]}


def _serials(data: Mapping[str, object], key: str) -> list[str]:
    found = data.get(key)
    return [str(serial) for serial in found] if isinstance(found, list) else []
