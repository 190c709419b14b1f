"""Grid events: a host of its own, with a token of its own (docs/cloud-api/events.md §1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

from aiohttp import hdrs, web

from .accounts import TokenKind
from .app import answer_or_break
from .context import WORLD, Refused, json_answer
from .faults import Faults
from .guard import Handler
from .received import Family, ReceivedRequest
from .site import Site
from .switches import Switches
from .wire import Json, JsonObject
from .world import World

ENLIGHTEN = "https://enlighten.enphaseenergy.com"
# What a session of the first host has and this one must not see.
_FOREIGN_HEADERS = (hdrs.COOKIE, "e-auth-token", "X-XSRF-Token", "X-CSRF-Token")


class Enrolment(StrEnum):
    """Whether sites are in a programme, and how the answer is no."""

    ENROLLED = "enrolled"
    NULL = "null"
    EMPTY = "empty"
    NO_PROGRAM = "no_program"
    """Enrolled, and in no programme."""


class EventStatus(StrEnum):
    """What becomes of an event."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SUPERSEDED = "superseded"


@dataclass
class GridServicesSwitches(Switches):
    """How this host answers."""

    enrolment: Enrolment = Enrolment.ENROLLED
    unauthorized: bool = False
    """401 to everybody, whatever the token."""
    active_word: str = "active"
    """What an event that is on is called; no page knows it for sure."""


@dataclass
class GridEvent:
    """One event of a programme; times epoch seconds."""

    id: str
    begin: float
    end: float
    kind: str = "battery_discharge"
    subtype: str = "Discharge_To_Load_Grid"
    final: EventStatus | None = None
    """cancelled, failed or superseded; None: it goes its way."""
    cancelled_at: float | None = None

    def status(self, now: float) -> EventStatus:
        """What it is now."""
        if self.final is not None:
            return self.final
        if now < self.begin:
            return EventStatus.SCHEDULED
        return EventStatus.ACTIVE if now < self.end else EventStatus.COMPLETED

    def as_json(self, now: float, active_word: str) -> JsonObject:
        """As in tests/fixtures/api/grid_events.json."""
        status = self.status(now)
        return {
            "id": self.id,
            "start_time": _iso(self.begin),
            "end_time": _iso(self.end),
            "type": self.kind,
            "subtype": self.subtype,
            "status": active_word if status is EventStatus.ACTIVE else status.value,
            "cancellation_timestamp": None if self.cancelled_at is None else _iso(self.cancelled_at),
            "superceded": status is EventStatus.SUPERSEDED,
        }


def _iso(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class GridServices:
    """The second host of a cloud."""

    world: World
    host: str = "127.0.0.1"
    switches: GridServicesSwitches = field(default_factory=GridServicesSwitches)
    faults: Faults = field(default_factory=Faults)
    requests: list[ReceivedRequest] = field(default_factory=list)
    """Everything that was asked, oldest first."""
    events: dict[str, list[GridEvent]] = field(default_factory=dict)
    """By site."""
    _port: int = 0
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Origin."""
        return f"http://{self.host}:{self._port}"

    def add_event(self, site: Site, begin: float, end: float, *, kind: str = "battery_discharge") -> GridEvent:
        """Announce an event; its type can be told."""
        event = GridEvent(self.world.draw_uuid().hex[:24], begin, end, kind)
        self.events.setdefault(site.id, []).append(event)
        return event

    def cancel(self, event: GridEvent, final: EventStatus = EventStatus.CANCELLED) -> None:
        """End an event before its time."""
        event.final, event.cancelled_at = final, self.world.clock.time()

    def enrolment_of(self, site_id: str) -> str:
        """24 hexadecimal digits."""
        return f"{int(site_id):024x}"

    def program_of(self, site_id: str) -> str:
        """24 hexadecimal digits."""
        return f"{int(site_id) + (1 << 64):024x}"

    async def start(self) -> None:
        """Listen; at the same port after the first time."""
        app = web.Application(middlewares=[_record, _break_by_fault, _guard])
        app[GRID], app[WORLD] = self, self.world
        app.add_routes(routes)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self._port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None) -> None:
        await self.stop()


GRID: Final = web.AppKey("grid_services", GridServices)
_SITES: Final = web.RequestKey("sites", list[str])
routes = web.RouteTableDef()


@web.middleware
async def _record(request: web.Request, handler: Handler) -> web.StreamResponse:
    grid, status = request.app[GRID], 500
    try:
        response = await handler(request)
        status = response.status
    finally:
        at = grid.world.clock.now()
        grid.requests.append(ReceivedRequest(at, request.method, request.path, dict(request.query), Family.OTHER, status, None))
    return response


@web.middleware
async def _break_by_fault(request: web.Request, handler: Handler) -> web.StreamResponse:
    return await answer_or_break(request.app[GRID].faults, request, handler)


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The manager's token as it is, a page of Enlighten, and nothing of its session."""
    grid = request.app[GRID]
    token = grid.world.doorkeeper.token(request.headers.get(hdrs.AUTHORIZATION))
    is_managers = token is not None and token.kind is TokenKind.MANAGER
    if grid.switches.unauthorized or not is_managers or not _comes_from_enlighten(request.headers):
        return json_answer({"message": "Unauthorized"}, 401)
    account = token.session.account if token else None
    request[_SITES] = account.site_ids if account else []
    try:
        return await handler(request)
    except Refused as refusal:
        return refusal.response


def _comes_from_enlighten(headers: Mapping[str, str]) -> bool:
    origin, referer = headers.get(hdrs.ORIGIN, ""), headers.get(hdrs.REFERER, "")
    local = origin.startswith("http://127.0.0.1:")
    return (origin == ENLIGHTEN or local) and referer.startswith(origin) and not any(name in headers for name in _FOREIGN_HEADERS)


def _site_of(request: web.Request, site_id: str) -> str:
    if site_id not in request[_SITES]:
        raise Refused(json_answer({"message": "Not found"}, 404))
    return site_id


@routes.get(r"/enrollment-mgr/api/v1/enrollment/enrolled/{site:\d+}")
async def read_enrolment(request: web.Request) -> web.Response:
    """The site's enrolment, or nothing."""
    grid, site_id = request.app[GRID], _site_of(request, request.match_info["site"])
    match grid.switches.enrolment:
        case Enrolment.NULL:
            return json_answer({"data": None})
        case Enrolment.EMPTY:
            return json_answer({"data": ""})
    return json_answer({"data": grid.enrolment_of(site_id)})


@routes.get(r"/enrollment-mgr/api/v1/enrollment/{enrolment:[0-9a-f]{24}}")
async def read_program(request: web.Request) -> web.Response:
    """The programme of an enrolment."""
    grid = request.app[GRID]
    site_id = next((one for one in request[_SITES] if grid.enrolment_of(one) == request.match_info["enrolment"]), None)
    if site_id is None:
        return json_answer({"message": "Not found"}, 404)
    program = None if grid.switches.enrolment is Enrolment.NO_PROGRAM else grid.program_of(site_id)
    return json_answer({"data": {"program_id": program}})


@routes.get("/vpp-mgr/api/v1/events/get")
async def read_events(request: web.Request) -> web.Response:
    """The events of a programme, between two days where they are told."""
    grid, query = request.app[GRID], request.query
    site_id = _site_of(request, query.get("site_id", ""))
    if query.get("programId") != grid.program_of(site_id):
        return json_answer({"message": "Unknown program"}, 400)
    first, last = _read_time(query.get("start_date")), _read_time(query.get("end_date"), end_of_day=True)
    now = grid.world.clock.time()
    found = [
        event
        for event in sorted(grid.events.get(site_id, []), key=lambda event: event.begin)
        if (first is None or event.end >= first) and (last is None or event.begin <= last)
    ]
    if query.get("ascending") == "false":
        found.reverse()
    data: list[Json] = [event.as_json(now, grid.switches.active_word) for event in found]
    return json_answer({"data": data})


def _read_time(text: str | None, *, end_of_day: bool = False) -> float | None:
    """No page tells how the days are written: ISO 8601, and epoch seconds or milliseconds, are read; refused with 400 else."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        return number / 1000 if number > 1e11 else number
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as err:
        raise Refused(json_answer({"message": "Malformed date"}, 400)) from err
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    is_day = len(text) == len("2026-01-01")
    return (moment + timedelta(days=1 if end_of_day and is_day else 0)).timestamp()
