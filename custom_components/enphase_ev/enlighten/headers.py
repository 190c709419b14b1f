"""The headers that each family of requests wants (docs/cloud-api/auth.md §6)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from aiohttp import CookieJar, hdrs
from yarl import URL

from .tokens import Token
from .transport import Family


@dataclass
class Session:
    """An open session: its cookies and what its tokens say."""

    cookies: CookieJar
    access_token: Token | None = None
    manager_token: Token | None = None
    user_id: str | None = None
    signed_in_at: datetime | None = None
    # Every renewal increments it: a request sees whether another one has renewed the session meanwhile.
    generation: int = field(default=0)
    # A token that the cloud has refused before it ran out.
    refused_token: Token | None = None

    def live_token(self, *, manager_first: bool) -> Token | None:
        """Return the preferred token that has neither run out nor been refused, else the other one."""
        now = datetime.now(UTC)
        tokens = (self.manager_token, self.access_token) if manager_first else (self.access_token, self.manager_token)
        return next((token for token in tokens if token and token is not self.refused_token and token.is_alive(now)), None)

    @property
    def token_user_id(self) -> str | None:
        """Return the numeric user id that a token claims."""
        tokens = (self.access_token, self.manager_token)
        return next((token.user_id for token in tokens if token and token.user_id), None)


@dataclass(frozen=True)
class RequestHeaders:
    """The headers of a request, without the user agent, and its cookies."""

    headers: dict[str, str]
    cookies: CookieJar


def request_headers(family: Family, session: Session, origin: URL, site_id: str | None) -> dict[str, str]:
    """Return the headers of a family beyond cookies and user agent."""
    return _HEADERS.get(family, _charger_read)(session, origin, site_id or "")


def prefers_manager_token(family: Family) -> bool:
    """Return whether requests of a family carry the manager token where there is one."""
    return _HEADERS.get(family) is _charger_control


def _access_header(session: Session) -> dict[str, str]:
    token = session.live_token(manager_first=False)
    return {"e-auth-token": token.value} if token else {}


def _app_api(session: Session, origin: URL, site_id: str) -> dict[str, str]:
    return {
        hdrs.ACCEPT: "application/json, text/plain, */*",
        "X-Requested-With": "XMLHttpRequest",
        hdrs.REFERER: f"{origin}/pv/systems/{site_id}/summary" if site_id else f"{origin}/",
        **_access_header(session),
    }


def _charger_read(session: Session, origin: URL, site_id: str) -> dict[str, str]:
    return {
        hdrs.ACCEPT: "*/*",
        "X-Requested-With": "XMLHttpRequest",
        hdrs.REFERER: f"{origin}/web/{site_id}/today/graph/hours",
        **_access_header(session),
    }


def _charger_control(session: Session, origin: URL, site_id: str) -> dict[str, str]:
    token = session.live_token(manager_first=True)
    return {
        **_charger_read(session, origin, site_id),
        hdrs.ACCEPT: "application/json, text/javascript, */*; q=0.01",
        **({hdrs.AUTHORIZATION: f"Bearer {token.value}"} if token else {}),
    }


def _history(session: Session, origin: URL, site_id: str) -> dict[str, str]:
    token = session.live_token(manager_first=False)
    headers = {**_app_api(session, origin, site_id), "requestid": str(uuid4())}
    if token:
        headers[hdrs.AUTHORIZATION] = f"Bearer {token.value}"
        headers["e-auth-token"] = token.session_id or token.value
    if session.user_id:
        headers["username"] = session.user_id
    return headers


_HEADERS: dict[Family, Callable[[Session, URL, str], dict[str, str]]] = {
    Family.SITES: _app_api,
    Family.BATTERY_STATUS: _app_api,
    Family.LIVE_POWER: _app_api,
    Family.ENERGY: _app_api,
    Family.OUTAGES: _app_api,
    Family.TARIFF: _app_api,
    Family.EXPORT_PRICES: _app_api,
    Family.CONTROL: _charger_control,
    Family.CHARGE_MODE: _charger_control,
    Family.SCHEDULE: _charger_control,
    Family.CONFIGURATION: _charger_control,
    Family.HISTORY: _history,
}
