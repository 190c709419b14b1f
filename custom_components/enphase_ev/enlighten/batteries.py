"""The battery calls of one site (docs/cloud-api/battery.md)."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from enum import StrEnum
from uuid import uuid4

from aiohttp import hdrs

from .account import Account
from .battery_bodies import BatteryWish, accepts_disclaimer, battery_for_car_body, entry_body, profile_body, settings_body, storm_guard_body
from .exceptions import STORM_GUARD_ACTIVE, InvalidResponse, RequestRejected, ServiceUnavailable, SessionRenewed
from .headers import RequestHeaders, Session
from .models.battery_status import BatteryStatus
from .models.broker_access import AnswerStream
from .models.home_battery import (
    BatteryEntry,
    BatteryFamily,
    BatteryProfile,
    BatterySchedules,
    BatterySettings,
    SiteSettings,
    StormAlert,
    read_storm_alerts,
)
from .parsing import Json, read_bool, read_mapping
from .transport import Answer, Family, Request
from .xsrf import COOKIE, HEADER

_BC = "/service/batteryConfig/api/v1"
_APP = "https://battery-profile-ui.enphaseenergy.com"
_REFUSED = {401, 403}
_MOST_WRITES = 3
_COUNTRY_WITH_DISCLAIMER = "US"
# After how many seconds it is looked whether a refused change is so all the same.
_READ_BACK_AFTER = (0.0, 3.0)
# Stands where the style is remembered for one that is not taken any more.
_NO_STYLE = "none"


class AuthStyle(StrEnum):
    """What a site wants its requests to wear, in the order in which it is tried (docs/cloud-api/battery.md §1)."""

    SESSION = "session"
    SESSION_WITH_JWT = "session_with_jwt"
    JWT_ONLY = "jwt_only"


class Batteries:
    """The batteries of one site. Requests go one at a time per account: each can invalidate the token of another."""

    def __init__(self, account: Account, site_id: str) -> None:
        self.account = account
        self.site_id = site_id
        self._time_zone: str | None = None
        self._country: str | None = None
        self._has_battery_for_car = False
        self._reads_name_source = self._source_was_tried = False

    # --- Reading (docs/cloud-api/battery.md §3) ---

    async def site_settings(self) -> SiteSettings:
        """Return what the site has, and what the signed-in person may do there."""
        site = SiteSettings.read(await self._read(f"{_BC}/siteSettings/{self.site_id}"))
        self._time_zone, self._country = site.time_zone or self._time_zone, site.country or self._country
        self._has_battery_for_car = site.has_battery_for_car
        return site

    async def settings(self) -> BatterySettings:
        """Return the settings.

        Some sites may tell of the car only where the source is named (docs/cloud-api/battery.md §8): that is tried once.
        """
        settings = await self._settings(names_source=self._reads_name_source)
        if settings.battery_for_car is not None or not self._has_battery_for_car or self._source_was_tried:
            return settings
        try:
            found = await self._settings(names_source=True)
        except InvalidResponse, RequestRejected:
            self._source_was_tried = True
            return settings
        except ServiceUnavailable:
            return settings
        self._source_was_tried = True
        self._reads_name_source = found.battery_for_car is not None
        return found if self._reads_name_source else settings

    async def _settings(self, *, names_source: bool) -> BatterySettings:
        return BatterySettings.read(await self._read(f"{_BC}/batterySettings/{self.site_id}", params=_source(names_source)))

    async def schedules(self) -> BatterySchedules:
        """Return all entries of all families."""
        return BatterySchedules.read(await self._read(self._schedules_path, names_user=False))

    async def profile(self) -> BatteryProfile:
        """Return the system profile."""
        return BatteryProfile.read(await self._read(f"{_BC}/profile/{self.site_id}"))

    async def storm_alerts(self) -> tuple[StormAlert, ...]:
        """Return the storm alerts."""
        return read_storm_alerts(await self._read(f"{_BC}/stormGuard/{self.site_id}/stormAlert", names_user=False))

    async def status(self) -> BatteryStatus:
        """Return the state of charge, of all batteries and of each."""
        request = Request(family=Family.BATTERY_STATUS, path=f"/pv/settings/{self.site_id}/battery_status.json", is_optional=True)
        return BatteryStatus.read(await self.account.request(request, site_id=self.site_id))

    async def answer_stream(self) -> AnswerStream:
        """Return where the answers to the next write are published (docs/cloud-api/battery.md §7)."""
        return AnswerStream.from_dict(read_mapping(await self._read(f"{_BC}/mqttSignedUrl/{self.site_id}", names_user=False)))

    # --- Writing (docs/cloud-api/battery.md §4) ---

    async def write_settings(
        self,
        wish: BatteryWish,
        applied: Collection[BatteryFamily],
        settings: BatterySettings,
        with_entries: Collection[BatteryFamily],
        *,
        names_source: bool = False,
        is_whole: bool = False,
    ) -> None:
        """Change settings, and apply the entries of families, as `settings_body` says; before it, ask what some sites want to be asked.

        Success says that the cloud took it, not that it is so.
        """
        body = settings_body(wish, applied, settings, with_entries, is_whole=is_whole)
        try:
            for family in dict.fromkeys((*wish.families, *applied)):
                await self.check_family(family)
            if self._country == _COUNTRY_WITH_DISCLAIMER and accepts_disclaimer(body):
                path = f"{_BC}/batterySettings/acceptDisclaimer/{self.site_id}"
                await self._write("POST", path, {"disclaimer-type": "itc"}, names_user=False)
        except ServiceUnavailable as err:
            # Whether these have arrived changes nothing: the write itself has not been sent.
            raise ServiceUnavailable(str(err), cloud_message=err.cloud_message) from err
        await self._write("PUT", f"{_BC}/batterySettings/{self.site_id}", body, params=_source(names_source))

    async def check_family(self, family: BatteryFamily) -> bool:
        """Let the cloud check a family; some sites ignore a change that was not preceded by it. Where there is no such check: true."""
        body: dict[str, Json] = {"scheduleType": family.value}
        if family is BatteryFamily.CHARGE_FROM_GRID:
            body["forceScheduleOpted"] = True
        try:
            answer = await self._write("POST", f"{self._schedules_path}/isValid", body, names_user=False, tells_style=False)
        except RequestRejected as err:
            if err.status not in {403, 404}:
                raise
            return True
        return read_bool(read_mapping(answer).get("isValid")) is not False

    def _entry_body(self, entry: BatteryEntry) -> dict[str, Json]:
        """Return what a write says of an entry: one that came without a time zone means the site's."""
        return entry_body(replace(entry, time_zone=entry.time_zone or self._time_zone))

    async def add_entry(self, entry: BatteryEntry) -> None:
        """Add an entry; what id it got is for the next read to tell."""
        await self._write("POST", self._schedules_path, self._entry_body(entry), names_user=False)

    async def change_entry(self, entry: BatteryEntry) -> None:
        """Change an entry; its `id` says which."""
        await self._write("PUT", f"{self._schedules_path}/{entry.id}", self._entry_body(entry), names_user=False)

    async def delete_entry(self, entry: BatteryEntry) -> None:
        """Delete an entry, in the one form or the other. One that is not there any more is no error: reads show what is."""
        try:
            await self._write("POST", f"{self._schedules_path}/{entry.id}/delete", {}, names_user=False)
        except RequestRejected as err:
            if err.status not in {404, 405}:
                raise
            await self._delete_in_other_form(entry, is_unknown=err.is_unknown)

    async def _delete_in_other_form(self, entry: BatteryEntry, *, is_unknown: bool) -> None:
        """Delete an entry with a PUT. `is_unknown`: the first form was refused because there is no such entry, or no such form."""
        body = {**self._entry_body(entry), "isDeleted": True}
        try:
            await self._write("PUT", f"{self._schedules_path}/{entry.id}", body, names_user=False)
        except RequestRejected as err:
            if err.status not in {404, 405} or not (is_unknown or err.is_unknown):
                raise

    async def set_profile(self, wish: BatteryWish, *, names_source: bool = False) -> None:
        """Choose the system profile, with its reserve."""
        await self._write("PUT", f"{_BC}/profile/{self.site_id}", profile_body(wish), params=_source(names_source))

    async def cancel_profile(self) -> None:
        """Cancel a change of the profile that is pending; one that was processed already is no error."""
        try:
            await self._write("PUT", f"{_BC}/cancel/profile/{self.site_id}", {})
        except RequestRejected as err:
            if err.status != 409:
                raise

    async def set_storm_guard(self, wish: BatteryWish, profile: BatteryProfile, *, names_source: bool = False) -> None:
        """Switch storm guard, or whether the car is charged for a storm; the other half stays as the profile says."""
        body = storm_guard_body(wish, profile)
        await self._write("PUT", f"{_BC}/stormGuard/toggle/{self.site_id}", body, params=_source(names_source))

    async def set_battery_for_car(self, wish: BatteryWish, settings: BatterySettings) -> BatterySettings | None:
        """Choose whether the battery may feed the car, and down to what level (docs/cloud-api/battery.md §8).

        A refusal because of storm guard can be false: it is raised only where the change is not so after it. Where it is so all the same,
        the settings that show it are returned.
        """
        body = battery_for_car_body(wish, settings)
        try:
            await self._write("PUT", f"{_BC}/device/battery/preference/{self.site_id}", body, names_user=False)
        except RequestRejected as err:
            shown = await self._shown_all_the_same(wish) if err.code == STORM_GUARD_ACTIVE else None
            if shown is None:
                raise
            return shown
        return None

    async def _shown_all_the_same(self, wish: BatteryWish) -> BatterySettings | None:
        for seconds in _READ_BACK_AFTER:
            await asyncio.sleep(seconds)
            try:
                settings = await self.settings()
            except (InvalidResponse, RequestRejected, ServiceUnavailable) as err:
                raise ServiceUnavailable("Whether a refused change is so could not be read", may_have_arrived=True) from err
            if wish.is_requested(settings):
                return settings
        return None

    async def opt_out(self, alerts: tuple[StormAlert, ...]) -> None:
        """Opt out of storm alerts."""
        records: list[Json] = [{"id": alert.id, "name": alert.name, "status": "opted-out"} for alert in alerts]
        path = f"{_BC}/stormGuard/{self.site_id}/stormAlert"
        await self._write("PUT", path, {"stormAlerts": records}, names_user=False)

    # --- Requests ---

    @property
    def _schedules_path(self) -> str:
        return f"{_BC}/battery/sites/{self.site_id}/schedules"

    def _style_key(self, *, is_write: bool) -> str:
        """Return where a style is remembered: a site whose writes want no cookies can want them for its reads."""
        return f"{self.site_id}:battery" if is_write else f"{self.site_id}:battery_read"

    def _known_style(self, *, is_write: bool) -> AuthStyle | None:
        known = self.account.known_form(self._style_key(is_write=is_write))
        return AuthStyle(known) if known in set(AuthStyle) else None

    async def _read(self, path: str, *, names_user: bool = True, params: Mapping[str, str] | None = None) -> Json:
        async with self.account.xsrf.lock:
            return (await self._read_unlocked(path, names_user=names_user, more=params)).json

    async def _read_unlocked(self, path: str, *, names_user: bool = True, more: Mapping[str, str] | None = None) -> Answer:
        """Read in the style that the site takes; a refusal that outlives a renewal of the session asks for the next one."""
        user = await self._user()
        params = {**({"userId": user} if names_user else {}), **(more or {})}
        request = Request(family=Family.BATTERY, path=path, params=params, is_optional=True)
        known = self._known_style(is_write=False) or AuthStyle.SESSION
        refusal: RequestRejected | None = None
        # Where every style was refused a moment ago, one is enough to see whether that is over.
        styles = [known] if self.account.refuses(request) else sorted(AuthStyle, key=lambda style: style is not known)
        for style in styles:
            # What is refused, or breaks down, can have brought another token.
            self.account.xsrf.is_fresh = False
            try:
                answer = await self.account.ask(request, self._headers_for(style, user, is_write=False))
            except RequestRejected as err:
                if err.status not in _REFUSED:
                    raise
                refusal = refusal or err
                continue
            self.account.xsrf.observe(answer)
            if style is not known:
                self.account.remember_form(self._style_key(is_write=False), style)
            return answer
        raise refusal or ServiceUnavailable("No style is known")

    async def _write(
        self,
        method: str,
        path: str,
        body: dict[str, Json],
        *,
        names_user: bool = True,
        params: Mapping[str, str] | None = None,
        tells_style: bool = True,
    ) -> Json:
        """Write with the newest token. A refusal means a stale token, a dead session or a style that is not taken, in this order.

        What is refused in every style makes the one that is known doubtful, unless a refusal is usual here (not `tells_style`).

        Raises:
            SessionRenewed: The session was dead and is renewed: the change starts again from its first read.
            ServiceUnavailable: The cloud answered with a page though the session is alive.
            RequestRejected: The cloud refused, in every style.
        """
        async with self.account.xsrf.lock:
            user = await self._user()
            everything = {**({"userId": user} if names_user else {}), **(params or {})}
            return await self._write_in_some_style(_write_request(method, path, everything, body), user, tells_style=tells_style)

    async def _write_in_some_style(self, request: Request, user: str, *, tells_style: bool) -> Json:
        xsrf, generation = self.account.xsrf, self.account.generation
        oldest = xsrf.token
        key, known = self._style_key(is_write=True), self._known_style(is_write=True)
        styles = sorted(AuthStyle, key=lambda style: style is not known)
        refusal: RequestRejected | None = None
        can_be_stale = True
        for _ in range(_MOST_WRITES):
            if refusal is not None or not xsrf.is_fresh:
                await self._renew_token(user, generation)
            # A token that comes while this write is being tried is fresh, even if the last read gave none.
            style, was_fresh = styles[0], xsrf.is_fresh or xsrf.token != oldest
            answer = await self._send(request, style, user)
            is_page = answer.is_sign_in_page
            # A token that comes alone and is not taken gets a page, too (docs/cloud-api/auth.md §3).
            if is_page and style is not AuthStyle.JWT_ONLY:
                await self._renew_token(user, generation)
                return _result(answer)
            if not is_page and answer.status not in _REFUSED:
                if answer.status < 300:
                    self.account.remember_form(key, style)
                return _result(answer)
            refusal = refusal if refusal is not None and is_page else answer.rejection()
            # A style that has worked is doubted last: another program can have made the token stale in this moment.
            if answer.status == 403 and can_be_stale and (style is known or not was_fresh):
                can_be_stale = False
            else:
                styles.pop(0)
        if tells_style and known is not None:
            self.account.remember_form(key, _NO_STYLE)
        raise refusal or ServiceUnavailable("No style is known")

    async def _send(self, request: Request, style: AuthStyle, user: str) -> Answer:
        """Send a write in a style; without an answer, what became of the token is open."""
        self.account.xsrf.is_fresh = False
        answer = await self.account.send_as_is(request, self._headers_for(style, user, is_write=True))
        self.account.xsrf.observe(answer, is_write=True)
        return answer

    async def _renew_token(self, user: str, generation: int) -> None:
        """Get a token that is sure to be the newest; this read also shows a dead session, and has it renewed.

        Where reads give none, the check of a family does, which changes nothing; its refusal brings a token, too
        (docs/cloud-api/battery.md §2).

        Raises:
            SessionRenewed: The session is another one than that of `generation`.
        """
        await self._read_unlocked(f"{_BC}/siteSettings/{self.site_id}")
        if self.account.generation != generation:
            raise SessionRenewed("The session was renewed in the middle of a change")
        if self.account.xsrf.token is None:
            body: dict[str, Json] = {"scheduleType": BatteryFamily.DISCHARGE_TO_GRID.value}
            check = _write_request("POST", f"{self._schedules_path}/isValid", {}, body)
            await self._send(check, self._known_style(is_write=True) or AuthStyle.SESSION, user)

    async def _user(self) -> str:
        user = await self.account.user_id(self.site_id)
        if user is None:
            raise ServiceUnavailable("The cloud does not tell the number of the signed-in person")
        return user

    def _headers_for(self, style: AuthStyle, user: str, *, is_write: bool) -> Callable[[Session], RequestHeaders]:
        def headers_of(session: Session) -> RequestHeaders:
            headers: dict[str, str] = {
                hdrs.ACCEPT: "application/json, text/plain, */*",
                hdrs.ORIGIN: _APP,
                hdrs.REFERER: f"{_APP}/",
                "Username": user,
                "requestid": str(uuid4()),
            }
            cookies = session.cookies
            if style is not AuthStyle.SESSION and (token := session.live_token(manager_first=True)) is not None:
                headers["e-auth-token"] = token.value
                headers["X-Requested-With"] = "XMLHttpRequest"
            if style is AuthStyle.JWT_ONLY:
                headers.pop("X-Requested-With", None)
                cookies = self.account.empty_jar()
            if is_write and (xsrf := self.account.xsrf.token) is not None:
                headers[HEADER] = xsrf
                # Where the cloud names no path, its own cookie lies deeper and would win.
                cookies.clear(lambda morsel: morsel.key == COOKIE)
                cookies.update_cookies({COOKIE: xsrf}, self.account.transport.url)
            return RequestHeaders(headers, cookies)

        return headers_of


def _write_request(method: str, path: str, params: Mapping[str, str], body: dict[str, Json]) -> Request:
    return Request(family=Family.BATTERY_WRITE, method=method, path=path, params=params, json=body, is_write=True, is_optional=True)


def _result(answer: Answer) -> Json:
    """Return what a write was answered. Whether a service that broke down over a write, or mumbled, has done it is open."""
    try:
        answer.raise_for_status()
        result = answer.json
        if read_mapping(result).get("error"):
            # A refusal can come in an answer that says success.
            raise answer.rejection()
    except ServiceUnavailable as err:
        raise ServiceUnavailable(str(err), may_have_arrived=True, cloud_message=err.cloud_message) from err
    except InvalidResponse as err:
        raise ServiceUnavailable(str(err), may_have_arrived=True) from err
    return result


def _source(is_named: bool) -> dict[str, str]:
    """Return what some sites want in the query of a write, and others do not (docs/cloud-api/battery.md §4)."""
    return {"source": "enho"} if is_named else {}
