"""Storm alerts (api/samples/storm_alert.json)."""

from dataclasses import dataclass

from ..wire import JsonObject, epoch_ms


@dataclass
class StormAlert:
    """One alert; times epoch seconds."""

    id: str
    name: str
    start: float
    end: float
    opted_out: bool = False
    critical: bool = False

    def active_at(self, at: float) -> bool:
        """Whether it is in force."""
        return self.start <= at < self.end

    def as_json(self) -> JsonObject:
        """The alert as the cloud tells it."""
        return {
            "id": self.id,
            "name": self.name,
            "source": "example",
            "status": "opted-out" if self.opted_out else "active",
            "startTime": epoch_ms(self.start),
            "endTime": epoch_ms(self.end),
            "critical": self.critical,
        }
