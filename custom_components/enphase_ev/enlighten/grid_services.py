"""The grid events of one site, which another host knows (docs/cloud-api/events.md §1)."""

from datetime import UTC, date, datetime, timedelta

from aiohttp import hdrs
from yarl import URL

from .account import Account
from .exceptions import EnlightenError, InvalidResponse, RequestRejected
from .models.grid_events import GridEvent, read_grid_events, read_program
from .parsing import Json, read_mapping
from .transport import Family, Request, grid_services_url

_ENROLLMENT = "/enrollment-mgr/api/v1/enrollment"
# A refusal says nothing about the session: nothing is renewed, and the host is left alone.
_QUIET_AFTER_REFUSAL = timedelta(days=1)


class GridServices:
    """Asks the other host with the manager JWT alone: no cookies, and never a reason to renew the session or to sign in."""

    def __init__(self, account: Account, site_id: str, *, url: URL | None = None) -> None:
        self.account = account
        self.site_id = site_id
        origin = url or grid_services_url()
        self._transport = account.transport.to(origin) if origin else None
        self._quiet_until: datetime | None = None

    @property
    def may_ask(self) -> bool:
        """Return whether there is a token to ask with, and the last one was not refused within a day."""
        is_quiet = self._quiet_until is not None and datetime.now(UTC) < self._quiet_until
        return not is_quiet and self._transport is not None and self.account.manager_token is not None

    async def program(self, *, is_enrolled: bool) -> str | None:
        """Return the program that the site takes part in; `None` where it is in none.

        An empty answer can mean that it is in none, but not where it has just been in one (`is_enrolled`).

        Raises:
            EnlightenError: No answer, or a refusal.
        """
        body = await self._read(f"{_ENROLLMENT}/enrolled/{self.site_id}")
        enrollment = read_program(body if not is_enrolled else _not_empty(body))
        return None if enrollment is None else read_program(_not_empty(await self._read(f"{_ENROLLMENT}/{enrollment}")))

    async def events(self, program: str, first: date, last: date) -> tuple[GridEvent, ...]:
        """Return the events of a program from the first day to the last, the earliest first.

        Raises:
            EnlightenError: No answer, or a refusal.
        """
        params = {
            "site_id": self.site_id,
            "programId": program,
            "start_date": first.isoformat(),
            "end_date": last.isoformat(),
            "sort_by": "start_time",
            "ascending": "true",
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return read_grid_events(await self._read("/vpp-mgr/api/v1/events/get", params))

    async def _read(self, path: str, params: dict[str, str] | None = None) -> Json:
        request = Request(family=Family.GRID_EVENTS, path=path, params=params or {}, is_optional=True)
        token, transport = self.account.manager_token, self._transport
        if token is None or transport is None:
            raise RequestRejected(401)
        transport.request_timeout = self.account.transport.request_timeout
        enlighten = self.account.transport.url
        headers: dict[str, str] = {
            hdrs.ACCEPT: "application/json, text/plain, */*",
            hdrs.AUTHORIZATION: token,
            hdrs.ORIGIN: str(enlighten),
            hdrs.REFERER: f"{enlighten}/",
        }
        try:
            answer = await transport.send(request, headers=headers, cookies=self.account.empty_jar())
            if answer.status == 401:
                self._quiet_until = datetime.now(UTC) + _QUIET_AFTER_REFUSAL
            answer.raise_for_status()
            self.account.recorder.answers[request.family] = answer.json
        except EnlightenError as err:
            self.account.recorder.add_error(request.family, err)
            raise
        return answer.json


def _not_empty(body: Json) -> Json:
    if "data" not in read_mapping(body):
        raise InvalidResponse("The grid program is not told")
    return body
