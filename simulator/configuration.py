"""A charger's configuration keys, which take effect a moment after they are written (docs/cloud-api/chargers.md §7)."""

from dataclasses import dataclass, field

from .clock import Clock
from .wire import JsonObject

SESSION_AUTHENTICATION = "sessionAuthentication"
RFID_AUTHENTICATION = "rfidSessionAuthentication"
DEFAULT_LEVEL = "DefaultChargeLevel"
PHASE_SWITCH = "phase_switch_config"

APPLIED = 1
WAITING = 2


@dataclass
class Configuration:
    """Values by key; a key that is absent or None reads as null/null."""

    clock: Clock
    values: dict[str, str | None] = field(default_factory=dict)
    takes_s: float = 5.0
    """Until a written value is in force, simulated seconds."""
    off_is_null: bool = False
    """A key that is off reads as null/null, like one that was never set."""
    _requested: dict[str, tuple[str, float]] = field(default_factory=dict)
    _waiting: dict[str, float] = field(default_factory=dict)

    def value(self, key: str) -> str | None:
        """The value in force."""
        self._apply()
        return self.values.get(key)

    def read(self, key: str) -> JsonObject:
        """One entry of tests/fixtures/api/charger_config.json."""
        self._apply()
        requested = self._requested.get(key)
        if self.off_is_null and (requested[0] if requested else self.values.get(key)) == "disabled":
            return {"key": key, "value": None, "reqValue": None, "status": APPLIED}
        return {
            "key": key,
            "value": self.values.get(key),
            "reqValue": requested[0] if requested else None,
            "status": WAITING if requested or key in self._waiting else APPLIED,
        }

    def write(self, key: str, value: str | int) -> None:
        """Ask the charger for a value; a number is told at once as the one in force (docs/cloud-api/chargers.md §7)."""
        due = self.clock.time() + self.takes_s
        if isinstance(value, int):
            self.values[key] = str(value)
            self._waiting[key] = due
        else:
            self._requested[key] = (value, due)

    def _apply(self) -> None:
        now = self.clock.time()
        self._waiting = {key: due for key, due in self._waiting.items() if now < due}
        for key, (value, due) in list(self._requested.items()):
            if now >= due:
                self.values[key] = value
                del self._requested[key]
