"""The shape of an answer without anything that it says: for diagnostics."""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
import re

from .parsing import Json
from .transport import Family

_MOST_ERRORS = 20
_MOST_DEPTH = 8
# The cloud's own names are short, on one line, and hold at most a digit or two; whatever has more is a number or a secret of somebody's.
_PERSONAL_KEY = re.compile(r"\d{3,}|@|:|\s|.{41}", re.DOTALL)


def shape_of(value: Json, depth: int = 0) -> Json:
    """Return the names and types of an answer; of a list only its first entry, of an object by serial number only its first one."""
    if isinstance(value, dict):
        if depth >= _MOST_DEPTH:
            return "object"
        shape: dict[str, Json] = {}
        for key, item in value.items():
            shape.setdefault("<id>" if _PERSONAL_KEY.search(key) else key, shape_of(item, depth + 1))
        return shape
    if isinstance(value, list):
        return [shape_of(value[0], depth + 1)] if value and depth < _MOST_DEPTH else []
    return type(value).__name__


@dataclass
class Recorder:
    """Keeps the last answer of each family and the last errors."""

    answers: dict[Family, Json] = field(default_factory=dict)
    errors: deque[tuple[datetime, Family, str]] = field(default_factory=lambda: deque(maxlen=_MOST_ERRORS))

    def add_error(self, family: Family, error: Exception) -> None:
        """Note an error with what it says of itself, which holds nothing personal."""
        self.errors.append((datetime.now(UTC), family, f"{type(error).__name__}: {error}"))

    def shapes(self) -> dict[str, Json]:
        """Return the shapes of the last answers by family."""
        return {family.value: shape_of(answer) for family, answer in self.answers.items()}
