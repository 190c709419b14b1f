"""Calendars as a person has them before them: by actions, and on Home Assistant's calendar page."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.components.calendar import DOMAIN as CALENDAR, CalendarEvent
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from tests.integration.house import House

MELBOURNE = ZoneInfo("Australia/Melbourne")

type Sender = Callable[..., Awaitable[dict[str, Any]]]


def next_monday(zone: ZoneInfo = MELBOURNE) -> date:
    """Monday of next week at the site."""
    today = datetime.now(zone).date()
    return today + timedelta(days=7 - today.weekday())


def at(day: date, clock_time: str, zone: ZoneInfo = MELBOURNE) -> datetime:
    """A time of day at the site."""
    return datetime.combine(day, time.fromisoformat(clock_time), zone)


def page_event(start: datetime, end: datetime, summary: str = "Charge", **more: str) -> dict[str, str]:
    """An event as the calendar page sends it: in Home Assistant's zone."""
    local = [dt_util.as_local(moment).replace(tzinfo=None).isoformat() for moment in (start, end)]
    return {"dtstart": local[0], "dtend": local[1], "summary": summary, **more}


def page_rule(day: date, clock_time: str, site_days: tuple[int, ...]) -> str:
    """The rule with which the page says so, where Home Assistant is elsewhere and has another day then."""
    shift = (dt_util.as_local(at(day, clock_time)).date() - day).days
    codes = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
    return "FREQ=WEEKLY;BYDAY=" + ",".join(codes[(number - 1 + shift) % 7] for number in site_days)


@dataclass
class Calendar:
    """A calendar of a house."""

    house: House
    entity_id: str

    async def events(self, first: date, days: int, zone: ZoneInfo = MELBOURNE) -> list[dict[str, Any]]:
        """Ask for the events of some days at the site."""
        answer = await self.house.hass.services.async_call(
            CALENDAR,
            "get_events",
            {
                "entity_id": self.entity_id,
                "start_date_time": at(first, "00:00", zone).isoformat(),
                "end_date_time": at(first + timedelta(days=days), "00:00", zone).isoformat(),
            },
            blocking=True,
            return_response=True,
        )
        assert answer is not None
        found = answer[self.entity_id]
        assert isinstance(found, dict)
        events = found["events"]
        assert isinstance(events, list)
        return events  # type: ignore[return-value]  # what the calendar answers has no type

    async def raw_events(self, first: date) -> list[CalendarEvent]:
        """Return the events of a week as the page gets them, with their ids."""
        entity = self.house.hass.data["calendar"].get_entity(self.entity_id)
        assert entity is not None
        found: list[CalendarEvent] = await entity.async_get_events(
            self.house.hass, at(first, "00:00"), at(first + timedelta(days=7), "00:00")
        )
        return found

    async def create(self, start: datetime, end: datetime, summary: str = "Charge", **more: str) -> None:
        """Create an event by the action."""
        await self.house.see_through(
            self.house.call(
                CALENDAR,
                "create_event",
                entity_id=self.entity_id,
                summary=summary,
                start_date_time=start.isoformat(),
                end_date_time=end.isoformat(),
                **more,
            )
        )

    def page(self, hass_ws_client: WebSocketGenerator) -> Sender:
        """Return a function that sends a command of the calendar page and returns the answer."""

        async def send(kind: str, **fields: object) -> dict[str, Any]:
            # A new connection each time: an old one would not outlive the time that passes in between.
            client = await hass_ws_client(self.house.hass)

            async def ask() -> dict[str, Any]:
                await client.send_json_auto_id({"type": f"calendar/event/{kind}", "entity_id": self.entity_id, **fields})
                answer: dict[str, Any] = await client.receive_json()
                return answer

            answer = await self.house.see_through(ask())
            await client.close()
            return answer

        return send
