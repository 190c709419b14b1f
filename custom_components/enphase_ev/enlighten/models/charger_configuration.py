"""What a charger is configured to do, what it can do, and its firmware (docs/cloud-api/chargers.md §5 and §7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from ..parsing import Json, read_bool, read_float, read_records, read_serial, read_text, read_unwrapped
from .wire import Model, wire

_BATTERY_SETTING = "USE_BATTERY_FOR_SELF_CONSUMPTION"
_ON, _OFF = "enabled", "disabled"


class ConfigurationKey(StrEnum):
    """The keys that are read and written."""

    APP_AUTHENTICATION = "sessionAuthentication"
    RFID_AUTHENTICATION = "rfidSessionAuthentication"
    DEFAULT_LEVEL = "DefaultChargeLevel"
    PHASE_SWITCH = "phase_switch_config"


class Feature(StrEnum):
    """The feature flags that decide what exists."""

    RFID = "iqevse_rfid"
    AUTHENTICATION = "evse_authentication"
    PHASE_SWITCH = "phase_config_support"


@dataclass(frozen=True, kw_only=True)
class ChargerConfiguration:
    """The values by key; a value that was asked for and is not in force yet counts. A key that is off or unset is missing.

    `keys` are those that the charger has, set or not.
    """

    values: Mapping[ConfigurationKey, str]
    keys: frozenset[ConfigurationKey] = frozenset()

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read the answer to a read or a write."""
        by_name = {read_text(record.get("key")): record for record in read_records(body)}
        known = {key: by_name[key] for key in ConfigurationKey if key in by_name}
        values = {key: _read_value(record.get("reqValue")) or _read_value(record.get("value")) for key, record in known.items()}
        return cls(values={key: value for key, value in values.items() if value is not None}, keys=frozenset(known))

    def is_enabled(self, key: ConfigurationKey) -> bool | None:
        """Return whether a key that can be on or off is on; `None` where the answer did not hold it, which is no proof that it is off."""
        return read_bool(self.values.get(key)) is True if key in self.keys else None

    def holds(self, key: ConfigurationKey, value: bool | float) -> bool:
        """Return whether a key is on or off, or has this level (A); a key that is off may read as one that was never set.

        A key that is missing holds nothing.

        Source: docs/cloud-api/chargers.md §7.
        """
        return key in self.keys and _plain(self.values.get(key, _OFF)) == value

    @property
    def default_level(self) -> float | None:
        """Return the level (A) that the charger starts with by itself, `None` where none is set."""
        return read_float(self.values.get(ConfigurationKey.DEFAULT_LEVEL))


@dataclass(frozen=True, kw_only=True)
class FirmwareDetails(Model):
    """A charger's firmware. `upgrade_status` is verbatim."""

    serial: str
    installed: str | None = wire("currentFwVersion", read_text)
    target: str | None = wire("targetFwVersion", read_text)
    upgrade_status: str | None = wire("upgradeStatus", read_text)
    is_automatic: bool | None = wire("isAutoOta", read_bool)


def read_firmware(body: Json) -> dict[str, FirmwareDetails]:
    """Read the firmware of all chargers by serial number."""
    records = {serial: record for record in read_records(body) if (serial := read_serial(record.get("serialNumber")))}
    return {serial: FirmwareDetails.from_dict({**record, "serial": serial}) for serial, record in records.items()}


def read_features(body: Json) -> dict[str, frozenset[Feature]]:
    """Read the features of each charger by serial number; a flag of the site holds for all its chargers under the key ``""``.

    An answer that holds nothing tells nothing: then nothing is in what is returned.
    """
    data = read_unwrapped(body)
    if not data:
        return {}
    found = {serial: _enabled(flags) for serial, flags in data.items() if isinstance(flags, dict)}
    return {**found, "": _enabled(data)}


def read_battery_help(body: Json) -> bool | None:
    """Read whether the battery helps in green mode; `None` where the charger has no such setting."""
    for record in read_records(body):
        if read_text(record.get("chargerSettingName")) == _BATTERY_SETTING:
            return read_bool(record.get("enabled"))
    return None


def battery_help_json(*, is_enabled: bool) -> Json:
    """Return the change of whether the battery helps in green mode."""
    setting: dict[str, Json] = {"chargerSettingName": _BATTERY_SETTING, "enabled": is_enabled, "value": None, "loader": False}
    return {"chargerSettingList": [setting]}


def value_json(value: bool | float) -> Json:
    """Return a value as it is written: on and off in words, a level (A) as a number."""
    if isinstance(value, bool):
        return _ON if value else _OFF
    return int(value) if value == int(value) else value


def _read_value(value: Json) -> str | None:
    if isinstance(value, bool):
        return _ON if value else _OFF
    return read_text(value)


def _plain(value: str) -> bool | float | str:
    """Return what a value means: true for `enabled`, `true` and `1`, and 16 for `16` and `16.0`."""
    switch, number = read_bool(value), read_float(value)
    if switch is not None:
        return switch
    return value.casefold() if number is None else number


def _enabled(flags: Mapping[str, Json]) -> frozenset[Feature]:
    return frozenset(feature for feature in Feature if read_bool(flags.get(feature.value)) is True)
