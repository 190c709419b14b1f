"""What the battery service refuses."""

from ..wire import JsonObject


class BatteryRefused(Exception):
    """A request that is answered with an error: an HTTP status and the text in ``error.status``."""

    def __init__(self, status: int, code: str, message: str = "", number: int | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.number = number

    def as_json(self) -> JsonObject:
        """The body of the answer (docs/cloud-api/battery.md §4)."""
        error: JsonObject = {"status": self.code}
        if self.number is not None:
            error["code"] = self.number
        if self.message:
            error["message"] = self.message
        return {"error": error}


def bad_request(message: str) -> BatteryRefused:
    """Input that makes no sense."""
    return BatteryRefused(400, "INVALID_REQUEST", message)
