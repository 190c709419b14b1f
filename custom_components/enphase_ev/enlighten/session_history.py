"""The past of the chargers of one site (docs/cloud-api/chargers.md §8)."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from uuid import uuid4

from .account import Account
from .exceptions import InvalidResponse
from .models.energy_channels import ChargedDays
from .models.past_sessions import EnergyOfDay, PastSession, SessionPage, each_once
from .parsing import Json, read_list
from .transport import Family, Request

_DATE_FORMAT = "%d-%m-%Y"


class ChargerHistory:
    """Reads sessions and energy, with the user id where it is known (docs/cloud-api/auth.md §6)."""

    per_page = 20
    # Ten years with a session every day. Pages that never end are broken, and must not use up an hour's requests.
    most_pages = 200

    def __init__(self, account: Account, site_id: str) -> None:
        self.account = account
        self.site_id = site_id

    async def sessions(self, serial: str, first: date, last: date, time_zone: str) -> list[PastSession]:
        """Return the sessions of a charger from the first day to the last, both in the site's zone, each once, the newest first."""
        await self.account.user_id(self.site_id)
        found: list[PastSession] = []
        for page_number in range(self.most_pages):
            page = await self.page(serial, first, last, time_zone, page_number * self.per_page)
            found += page.sessions
            if not page.has_more:
                break
        ends = [(session.ended_at.timestamp() if session.ended_at else 0.0, session) for session in each_once(found)]
        return [session for _, session in sorted(ends, key=lambda pair: pair[0], reverse=True)]

    async def energy_of_day(self, day: date) -> EnergyOfDay:
        """Return what the chargers have counted on a day of the site's zone."""
        await self.account.user_id(self.site_id)
        return EnergyOfDay.read(await self._series("daily_energy", start_date=day.isoformat()), day)

    async def charged_days(self, serials: Collection[str] = ()) -> ChargedDays:
        """Return what was charged on every day.

        Where the site has these chargers, or has had others, the cloud is asked a second time, for the days of each.
        """
        await self.account.user_id(self.site_id)
        days = ChargedDays.read(await self._series("lifetime_energy"))
        every = days.serials.union(serials)
        if not serials or len(every) == 1 or days.first_day is None:
            return days
        of_each = ChargedDays.read(await self._series("daily_energy", start_date=days.first_day.isoformat()))
        return replace(of_each, serials=of_each.serials | every)

    async def _series(self, name: str, **params: str) -> Json:
        query = {"site_id": self.site_id, "source": "evse", "requestId": str(uuid4()), **params}
        request = Request(family=Family.HISTORY, path=f"/service/timeseries/evse/timeseries/{name}", params=query, is_optional=True)
        return await self.account.request(request, site_id=self.site_id)

    async def page(self, serial: str, first: date, last: date, time_zone: str, offset: int) -> SessionPage:
        """Return a page of sessions, the newest first, after so many that are passed over. The user is to be known before.

        Raises:
            InvalidResponse: The answer has no list at all, which is no proof that there are no sessions.
        """
        params: dict[str, Json] = {
            "offset": offset,
            "limit": self.per_page,
            "startDate": first.strftime(_DATE_FORMAT),
            "endDate": last.strftime(_DATE_FORMAT),
            "timezone": time_zone,
        }
        request = Request(
            family=Family.HISTORY,
            method="POST",
            path=f"/service/enho_historical_events_ms/{self.site_id}/sessions/{serial}/history",
            json={"source": "evse", "params": params},
            is_optional=True,
        )
        body = await self.account.request(request, site_id=self.site_id)
        if read_list(body) is None:
            raise InvalidResponse("The history holds no list of sessions")
        return SessionPage.read(body)
