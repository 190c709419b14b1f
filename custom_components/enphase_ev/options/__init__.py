"""The options of a site, which a person can change after adding it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

CONF_SLOW_INTERVAL: Final = "slow_interval"
CONF_FAST_INTERVAL: Final = "fast_interval"
CONF_FAST_WHILE_STREAMING: Final = "fast_while_streaming"
CONF_REQUEST_TIMEOUT: Final = "request_timeout"
CONF_NOMINAL_VOLTAGE: Final = "nominal_voltage"
CONF_SESSION_HISTORY: Final = "session_history"
CONF_LIVE_POWER: Final = "live_power"
CONF_LIVE_INTERVAL: Final = "live_interval"
CONF_POWER_SENSORS: Final = "power_sensors"
CONF_SITE_ENERGY: Final = "site_energy"
CONF_PRICE_SENSORS: Final = "price_sensors"
CONF_GATEWAY_ADDRESS: Final = "gateway_address"
CONF_GATEWAY_TOKEN: Final = "gateway_token"  # noqa: S105 - the name of an option
CONF_GATEWAY_FINGERPRINT: Final = "gateway_fingerprint"

_SPLIT_PHASE_COUNTRIES = {"CA", "MX", "PR", "US"}


class LivePowerMode(StrEnum):
    """When the live power of a site is listened to."""

    OFF = "off"
    WHEN_ACTIVE = "when_active"
    ALWAYS = "always"


@dataclass(frozen=True, kw_only=True)
class SiteOptions:
    """The options with their defaults.

    Attributes:
        slow_interval, fast_interval: s between polls when nothing happens, and while a charger charges.
        fast_while_streaming: whether a live stream polls fast, too.
        request_timeout: s until a request counts as unanswered.
        nominal_voltage: V, used when a charger names none.
        session_history: whether past sessions are asked for.
        live_power: when live power is listened to; `None` where nobody has chosen, so that it depends on what the site has.
        live_interval: s between two states of a live value at least.
        power_sensors: the power sensor that a person has chosen for a charger, by serial number.
        site_energy: whether the energy of the site is asked for; `None` leaves it to whether a gateway tells it.
        price_sensors: those that list the prices that charging is planned by; none is the tariff of the account.
        gateway_address, gateway_token, gateway_fingerprint: of the gateway in the house, where one was named; the SHA-256 (hex) of the
            certificate that a person has accepted.
    """

    slow_interval: float = 60
    fast_interval: float = 30
    fast_while_streaming: bool = True
    request_timeout: float = 15
    nominal_voltage: float = 230
    session_history: bool = True
    live_power: LivePowerMode | None = None
    live_interval: float = 10
    power_sensors: Mapping[str, str] = field(default_factory=dict)
    site_energy: bool | None = None
    price_sensors: Sequence[str] = ()
    gateway_address: str | None = None
    gateway_token: str | None = field(default=None, repr=False)
    gateway_fingerprint: str | None = None

    @classmethod
    def read(cls, options: Mapping[str, Any], country: str | None) -> Self:
        """Return what was chosen; the voltage is by default that of the country."""
        default_voltage = 240 if country in _SPLIT_PHASE_COUNTRIES else 230
        chosen = {key: options[key] for key in cls.__dataclass_fields__ if key in options}
        if chosen.get(CONF_LIVE_POWER) is not None:
            chosen[CONF_LIVE_POWER] = LivePowerMode(chosen[CONF_LIVE_POWER])
        return cls(**{CONF_NOMINAL_VOLTAGE: default_voltage, **chosen})
