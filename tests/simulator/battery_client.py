"""A client of the battery service that knows nothing but docs/cloud-api/battery.md."""

from typing import Any
from uuid import uuid4

from simulator import Battery, ControlFamily

from .conftest import Client

BASE = "/service/batteryConfig/api/v1"
ORIGIN = "https://battery-profile-ui.enphaseenergy.com"
COOKIE = "BP-XSRF-Token"
FAMILIES = ("cfg", "dtg", "rbd")


class BatteryClient:
    """Asks the battery service of a signed-in client's first site, one request at a time."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.sim = client.sim
        self.battery: Battery = client.sim.battery
        self.site = self.battery.site.id
        self.user = str(client.sim.account.user_id)
        self.token: str | None = None
        """The newest XSRF token, from either source."""

    def headers(self, **more: str | None) -> dict[str, str]:
        """The headers of a read; None takes one away."""
        headers = {
            "Username": self.user,
            "requestid": str(uuid4()),
            "Accept": "application/json, text/plain, */*",
            "Origin": ORIGIN,
            "Referer": f"{ORIGIN}/",
        }
        return {name: value for name, value in (headers | more).items() if value is not None}

    async def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> tuple[int, Any]:
        """One request below the service's base; ``{site}`` is the site and ``{user}`` the user."""
        path = path.format(site=self.site, user=self.user)
        headers = self.headers() if headers is None else headers
        async with self.client.session.request(method, BASE + path, headers=headers, allow_redirects=False, **options) as response:
            self._remember(response.headers.get("x-csrf-token"), response.cookies)
            if response.content_type == "application/json":
                return response.status, await response.json()
            return response.status, await response.text()

    def _remember(self, header: str | None, cookies: Any) -> None:
        if header is not None:
            self.token = header
            self.client.session.cookie_jar.update_cookies({COOKIE: header})
        if COOKIE in cookies:
            self.token = cookies[COOKIE].value

    async def read(self, name: str) -> Any:
        """siteSettings, batterySettings or profile: their data."""
        status, body = await self.ask("GET", f"/{name}/{{site}}?userId={{user}}")
        assert status == 200, body
        return body["data"]

    async def schedules(self) -> Any:
        status, body = await self.ask("GET", "/battery/sites/{site}/schedules")
        assert status == 200, body
        return body

    async def entries(self, family: str) -> list[Any]:
        """The entries of a family that are listed."""
        return [entry for entry in (await self.schedules())[family].get("details") or [] if not entry["isDeleted"]]

    async def write(self, method: str, path: str, body: Any, **headers: str | None) -> tuple[int, Any]:
        """A write right after a read, with what that read gave."""
        await self.ask("GET", "/siteSettings/{site}?userId={user}")
        return await self.ask(method, path, headers=self.headers(**{"X-XSRF-Token": self.token} | headers), json=body)

    async def put(self, body: Any, *, source: str | None = None) -> tuple[int, Any]:
        """Write settings."""
        tail = f"&source={source}" if source else ""
        return await self.write("PUT", f"/batterySettings/{{site}}?userId={{user}}{tail}", body)

    async def is_valid(self, family: str) -> tuple[int, Any]:
        body: dict[str, Any] = {"scheduleType": family}
        if family == "cfg":
            body["forceScheduleOpted"] = True
        return await self.write("POST", "/battery/sites/{site}/schedules/isValid", body)

    async def add(self, family: str, start: str, end: str, **more: Any) -> tuple[int, Any]:
        body: dict[str, Any] = {
            "timezone": self.battery.site.time_zone,
            "startTime": start,
            "endTime": end,
            "scheduleType": family.upper(),
            "days": [1, 2, 3, 4, 5, 6, 7],
            "isEnabled": True,
        }
        if family != "rbd":
            body["limit"] = 90
        body = {key: value for key, value in (body | more).items() if value is not None}
        return await self.write("POST", "/battery/sites/{site}/schedules", body)

    def settle(self, seconds: float = 30) -> None:
        """Let the gateway take over what is pending."""
        self.sim.clock.advance(seconds)

    def families(self) -> set[ControlFamily]:
        """The families that truly have entries."""
        return {entry.family for entry in self.battery.schedules}


CFG_ON = {"chargeFromGrid": True, "acceptedItcDisclaimer": "2026-09-24T19:13:11.950Z"}
TOGGLES: dict[str, tuple[Any, Any]] = {
    "cfg": (CFG_ON, {"chargeFromGrid": False}),
    "dtg": ({"dtgControl": {"enabled": True}}, {"dtgControl": {"enabled": False}}),
    "rbd": ({"rbdControl": {"enabled": True}}, {"rbdControl": {"enabled": False}}),
}
