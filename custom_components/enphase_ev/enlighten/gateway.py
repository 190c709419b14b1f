"""The charger calls of an IQ Gateway in the house (docs/cloud-api/local.md)."""

from dataclasses import replace
from datetime import UTC, datetime
import re
from typing import override

from aiohttp import ClientSession, CookieJar, hdrs
from yarl import URL

from .calls import ChargerCommands
from .exceptions import CertificateChanged, EnlightenError, InvalidResponse, ServiceUnavailable
from .models.charge_mode import ChargeMode, ChargeModePreference
from .models.status import SiteStatus
from .models.summary import ChargerSummary, read_summaries
from .parsing import Json, first_of, read_mapping, read_text
from .recorder import Recorder
from .start_stop import START, START_WITHOUT_LEVEL, Form
from .tokens import Token
from .transport import Answer, Family, Request, Transport

_CHARGERS = "/ivp/pdm/chargers"
# docs/cloud-api/ does not say this; public projects agree on both.
_OPEN_SESSION = "/auth/check_jwt"
_INFO = "/info"
_SOFTWARE = re.compile(r"<software>\s*([^<\s]+)\s*</software>")
_LIST_KEYS = ("serial_nums", "chargers", "data", "items", "result")
_NEVER = datetime.max.replace(tzinfo=UTC)
# No certificate has this fingerprint: a request that expects it fails before it is sent, and the error names the real one.
_NO_FINGERPRINT = bytes(32)


def gateway_url(address: str) -> URL:
    """Return the origin of a gateway from what a person types: a name or an address, with a port or without.

    Raises:
        ValueError: It is none of these.
    """
    url = URL(f"https://{address.strip().removeprefix('https://').rstrip('/')}")
    if not url.host or url.user or url.raw_path != "/" or url.query_string or url.fragment:
        raise ValueError("Not an address of a gateway")
    return url.origin()


class Gateway(ChargerCommands):
    """The chargers of a gateway.

    `transport` is one of its own, which accepts one certificate only: nothing of the cloud's comes here, and the token goes nowhere else.
    """

    # docs/cloud-api/local.md has one form of each.
    _start_forms = (START[0],)
    _start_forms_without_level = START_WITHOUT_LEVEL[:2]
    _stop_forms = (Form(name="post"),)

    def __init__(self, transport: Transport, token: str) -> None:
        self.transport = transport
        self.recorder = Recorder()
        self.latency: float | None = None
        self._token = Token.read(token, obtained_at=datetime.now(UTC), expires_at=_NEVER)
        # The gateway may be named by an IP address.
        self._cookies = CookieJar(unsafe=True, quote_cookie=False)
        self._may_open_session = True

    @property
    def has_live_token(self) -> bool:
        """Return whether the token says that it has not run out."""
        return self._token.is_alive()

    # --- Reading ---

    async def serials(self) -> list[str]:
        """Return the serial numbers of the chargers of the gateway.

        Raises:
            RequestRejected: 401 where the role of the token may not ask.
        """
        self._may_open_session = True
        return _read_serials(await self.request(Request(family=Family.GATEWAY, path=_CHARGERS)))

    async def firmware(self) -> str | None:
        """Return the gateway's firmware, which is readable without a token; `None` where it is not."""
        answer = await self.transport.send(Request(family=Family.GATEWAY, path=_INFO), headers={}, cookies=self._cookies)
        found = _SOFTWARE.search(answer.text) if answer.status == 200 else None
        return found[1] if found else None

    async def status(self, serial: str) -> SiteStatus:
        """Return what a charger is doing, with the gateway's own time.

        Raises:
            InvalidResponse: The answer is not about this charger.
        """
        found = SiteStatus.read(await self.request(Request(family=Family.STATUS, path=_path(serial, "status"))))
        if serial not in found.chargers:
            raise InvalidResponse("The gateway says nothing about the charger")
        return replace(found, chargers={serial: found.chargers[serial]})

    async def summary(self, serial: str) -> ChargerSummary | None:
        """Return what a charger is; `None` where the gateway says nothing about it."""
        found = read_summaries(await self.request(Request(family=Family.SUMMARY, path=_path(serial, "summary"))))
        return next((summary for summary in found if summary.serial == serial), None)

    @override
    async def charge_mode(self, serial: str) -> ChargeModePreference:
        return ChargeModePreference.read(await self.request(Request(family=Family.CHARGE_MODE, path=_schedule_path(serial))))

    # --- Writing ---

    async def trigger_message(self, serial: str, message: str) -> dict[str, Json]:
        """Ask the charger for an OCPP message and return the reply."""
        request = Request(
            family=Family.CONTROL, method="POST", path=_path(serial, "trigger_message"), json={"requestedMessage": message}, is_write=True
        )
        return read_mapping(await self.request(request))

    @override
    async def _send_form(self, form: Form, serial: str, command: str, json: Json) -> Json:
        return await self.request(Request(family=Family.CONTROL, method=form.method, path=_path(serial, command), json=json, is_write=True))

    @override
    async def _is_charging(self, serial: str) -> bool:
        # A 404 means that this gateway no longer has the path; the cloud is asked instead.
        return False

    @override
    async def _write_mode(self, serial: str, mode: ChargeMode) -> Json:
        request = Request(family=Family.CHARGE_MODE, method="PUT", path=_schedule_path(serial), json={"mode": mode.value}, is_write=True)
        return await self.request(request)

    @override
    def _known_form(self, command: str) -> str | None:
        # There is only one form, so a 404 means that the path is gone and that nothing was sent to the charger.
        return None

    @override
    def _remember_form(self, command: str, form: str) -> None:
        """Do nothing: there is only one form."""

    # --- Requests ---

    async def request(self, request: Request) -> Json:
        """Send a request with the token, in a session where that is needed, and return the decoded body.

        Raises:
            EnlightenError: Of the kind that tells what went wrong.
        """
        try:
            answer = await self._send(request)
            answer.raise_for_status()
            self.recorder.answers[request.family] = answer.json
        except EnlightenError as err:
            self.recorder.add_error(request.family, err)
            raise
        self._may_open_session = True
        return answer.json

    async def _send(self, request: Request) -> Answer:
        """Send a request. If the answer is 401, nothing was done: open a session and send it again, in case a token alone is not enough."""
        answer = await self._send_once(request)
        if answer.status == 401 and self._may_open_session:
            self._may_open_session = False
            opened = await self._send_once(Request(family=Family.GATEWAY, path=_OPEN_SESSION))
            if opened.status == 200 and opened.set_cookies:
                answer = await self._send_once(request)
        return answer

    async def _send_once(self, request: Request) -> Answer:
        headers: dict[str, str] = {hdrs.ACCEPT: "application/json", hdrs.AUTHORIZATION: f"Bearer {self._token.value}"}
        answer = await self.transport.send(request, headers=headers, cookies=self._cookies)
        self.latency = answer.seconds
        self._cookies.update_cookies_from_headers(answer.set_cookies, answer.url)
        return answer


async def shown_certificate(session: ClientSession, url: URL) -> str:
    """Return the SHA-256 (hex) of the certificate that a gateway shows; nothing is sent to it.

    Raises:
        ServiceUnavailable: Nobody answers there.
    """
    transport = Transport(session, session, url=url, certificate=_NO_FINGERPRINT)
    try:
        await transport.send(Request(family=Family.GATEWAY, path="/"), headers={}, cookies=CookieJar())
    except CertificateChanged as err:
        return err.fingerprint
    raise ServiceUnavailable("The certificate cannot be seen")


def _path(serial: str, what: str) -> str:
    return f"/ivp/pdm/charger/{serial}/{what}"


def _schedule_path(serial: str) -> str:
    return f"/ivp/peb/charger/{serial}/schedule"


def _read_serials(body: Json) -> list[str]:
    """Read a list of serial numbers, or of objects that name one."""
    while isinstance(body, dict):
        body = first_of(body, *_LIST_KEYS)
    entries = body if isinstance(body, list) else []
    found = (read_text(first_of(one, "sn", "serialNumber", "serial_num") if isinstance(one, dict) else one) for one in entries)
    return [serial for serial in found if serial]
