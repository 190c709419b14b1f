"""What the control surface can set, by name: on chargers, sites, accounts and the clock."""

from collections.abc import Callable, Mapping

from .accounts import Account
from .charger import Charger
from .clock import Clock
from .site import Site

type Setter[Target] = Callable[[Target, object], None]


class BadSetting(ValueError):
    """A name or a value that does not exist."""


def change[Target](target: Target, settings: Mapping[str, Setter[Target]], values: Mapping[str, object]) -> None:
    """Set values by name; raises `BadSetting`."""
    for name, value in values.items():
        if name not in settings:
            raise BadSetting(f"No such setting: {name}")
        try:
            settings[name](target, value)
        except (TypeError, ValueError) as err:
            raise BadSetting(f"{name}: {err}") from err


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number")
    return float(value)


def _number_or_none(value: object) -> float | None:
    return None if value is None else _number(value)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("not a whole number")
    return value


def _whole_or_none(value: object) -> int | None:
    return None if value is None else _whole(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not true or false")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _on_charger[Value](name: str, read: Callable[[object], Value]) -> Setter[Charger]:
    return lambda charger, value: setattr(charger, name, read(value))


def _on_quirks[Value](name: str, read: Callable[[object], Value]) -> Setter[Charger]:
    def set_and_settle(charger: Charger, value: object) -> None:
        charger.catch_up()
        setattr(charger.quirks, name, read(value))
        charger.surroundings_changed()

    return set_and_settle


def _feature(charger: Charger, value: object) -> None:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    charger.quirks.features.update({_text(name): _flag(on) for name, on in value.items()})


CHARGER_SETTINGS: dict[str, Setter[Charger]] = {
    "mode": _on_charger("mode", _text),
    "lifetime_wh": _on_charger("lifetime_wh", _number),
    "battery_helps": _on_charger("battery_helps", _flag),
    "target_firmware": _on_charger("target_firmware", _text),
    "safe_limit": _on_quirks("safe_limit", _flag),
    "dlb_limit_a": _on_quirks("dlb_limit_a", _number_or_none),
    "jitter_wh": _on_quirks("jitter_wh", _number),
    "unavailable": _on_quirks("unavailable", _flag),
    "retired": _on_quirks("retired", _flag),
    "features": _feature,
    "off_is_null": lambda charger, value: setattr(charger.configuration, "off_is_null", _flag(value)),
}

SITE_SETTINGS: dict[str, Setter[Site]] = {
    "solar_w": lambda site, value: setattr(site, "solar_w", _number(value)),
    "base_load_w": lambda site, value: setattr(site, "base_load_w", _number(value)),
    "scheduler_up": lambda site, value: setattr(site, "scheduler_up", _flag(value)),
    "grid_lost": lambda site, value: setattr(site.house, "grid_lost", _flag(value)),
    "live_stream": lambda site, value: setattr(site, "live_stream", _flag(value)),
    "firmware_details_status": lambda site, value: setattr(site, "firmware_details_status", _whole(value)),
}

ACCOUNT_SETTINGS: dict[str, Setter[Account]] = {
    "mfa": lambda account, value: setattr(account, "mfa", _flag(value)),
    "locked": lambda account, value: setattr(account, "locked", _flag(value)),
    "lock_after": lambda account, value: setattr(account, "lock_after", _whole_or_none(value)),
    "session_quota": lambda account, value: setattr(account, "session_quota", _whole_or_none(value)),
    "code_blocked": lambda account, value: setattr(account, "code_blocked", _flag(value)),
    "password": lambda account, value: setattr(account, "password", _text(value)),
}

CLOCK_SETTINGS: dict[str, Setter[Clock]] = {
    "advance": lambda clock, value: clock.advance(_number(value)),
    "speed": lambda clock, value: setattr(clock, "speed", _number(value)),
}
