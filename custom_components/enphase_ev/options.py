"""The options of a site, which a person can change after adding it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

CONF_SLOW_INTERVAL: Final = "slow_interval"
CONF_FAST_INTERVAL: Final = "fast_interval"
CONF_FAST_WHILE_STREAMING: Final = "fast_while_streaming"
CONF_REQUEST_TIMEOUT: Final = "request_timeout"
CONF_NOMINAL_VOLTAGE: Final = "nominal_voltage"
CONF_SESSION_HISTORY: Final = "session_history"
CONF_GATEWAY_ADDRESS: Final = "gateway_address"
CONF_GATEWAY_TOKEN: Final = "gateway_token"  # noqa: S105 - the name of an option
CONF_GATEWAY_FINGERPRINT: Final = "gateway_fingerprint"

_SPLIT_PHASE_COUNTRIES = {"CA", "MX", "PR", "US"}


@dataclass(frozen=True, kw_only=True)
class SiteOptions:
    """The options with their defaults.

    Attributes:
        slow_interval, fast_interval: s between polls when nothing happens, and while a charger charges.
        fast_while_streaming: whether a live stream polls fast, too.
        request_timeout: s until a request counts as unanswered.
        nominal_voltage: V, used when a charger names none.
        session_history: whether past sessions are asked for.
        gateway_address, gateway_token, gateway_fingerprint: of the gateway in the house, where one was named; the SHA-256 (hex) of the
            certificate that a person has accepted.
    """

    slow_interval: float = 60
    fast_interval: float = 30
    fast_while_streaming: bool = True
    request_timeout: float = 15
    nominal_voltage: float = 230
    session_history: bool = True
    gateway_address: str | None = None
    gateway_token: str | None = field(default=None, repr=False)
    gateway_fingerprint: str | None = None

    @classmethod
    def read(cls, options: Mapping[str, Any], country: str | None) -> Self:
        """Return what was chosen; the voltage is by default that of the country."""
        default_voltage = 240 if country in _SPLIT_PHASE_COUNTRIES else 230
        chosen = {key: options[key] for key in cls.__dataclass_fields__ if key in options}
        return cls(**{CONF_NOMINAL_VOLTAGE: default_voltage, **chosen})
