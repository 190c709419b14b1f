"""The plan of a charger in its calendar, as events that nobody edits."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from homeassistant.components.calendar import CalendarEvent
from homeassistant.exceptions import ServiceValidationError

from ..const import DOMAIN
from ..site.calendar_spans import calendar_spans
from ..texts import common_text
from .plan import PlannedTime

# Schedules have ids of the cloud.
_UID = "plan_"


def plan_events(times: Sequence[PlannedTime], first: datetime, last: datetime) -> Iterator[CalendarEvent]:
    """Yield the planned times that are open between two moments."""
    for number, one in enumerate(times):
        for start, end in calendar_spans(one.start, one.end):
            if start < last and end > first:
                yield CalendarEvent(
                    start=start,
                    end=end,
                    summary=common_text("calendar_plan"),
                    description=common_text("calendar_plan_how"),
                    uid=f"{_UID}{number}",
                )


def require_no_plan(uid: str) -> None:
    """Refuse to change or delete an event of the planner.

    Raises:
        ServiceValidationError: It is one.
    """
    if uid.startswith(_UID):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="plan_event")
