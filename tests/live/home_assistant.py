"""A real Home Assistant as a process, and a person's way into it: REST, websocket, tokens."""

from collections.abc import Mapping, Sequence
from pathlib import Path
import sys
from types import TracebackType
from typing import Any, Literal, NotRequired, Self, TypedDict

import aiohttp

from tests.live import configuration
from tests.live.process import Server

type Json = Mapping[str, object] | Sequence[object] | str | float | bool | None


class Tokens(TypedDict):
    """What the front end keeps of a sign-in, in `localStorage.hassTokens`."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str


class State(TypedDict):
    """An entity's state."""

    entity_id: str
    state: str
    attributes: dict[str, Any]
    last_changed: str


class RegistryEntry(TypedDict):
    """The parts of an entity registry entry that are looked at here."""

    entity_id: str
    unique_id: str
    platform: str
    device_id: str | None
    disabled_by: str | None


class Field(TypedDict):
    """A field of a form's schema."""

    name: str
    required: NotRequired[bool]
    default: NotRequired[object]
    selector: NotRequired[dict[str, Any]]


class FlowStep(TypedDict):
    """What a config flow shows next."""

    flow_id: str
    type: Literal["form", "create_entry", "abort", "menu", "progress"]
    step_id: NotRequired[str]
    data_schema: NotRequired[list[Field]]
    errors: NotRequired[dict[str, str] | None]
    reason: NotRequired[str]


class CommandError(Exception):
    """A websocket command that Home Assistant refused."""


class HomeAssistant:
    """Home Assistant on a port of 127.0.0.1, with its one user signed in."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        log: Path,
        cloud: str,
        python: Path = Path(sys.executable),
        username: str = "demo",
        password: str = "demo",
        sign_in_by_loopback: bool = False,
        name: str = "Home",
        time_zone: str = "Europe/Amsterdam",
        release: Path | None = None,
    ) -> None:
        """Use this configuration folder, this interpreter, the cloud at this origin, and the zip of a release if there is one."""
        self._server = Server("Home Assistant", port, log)
        self._folder = folder
        self._cloud = cloud
        self._python = python
        self._session: aiohttp.ClientSession | None = None
        self._settings = {"name": name, "time_zone": time_zone}
        self._release = release
        self._sign_in_by_loopback = sign_in_by_loopback
        self.username = username
        self.password = password
        self.url = self._server.url
        self.client_id = f"{self.url}/"
        self.tokens: Tokens | None = None

    async def __aenter__(self) -> Self:
        """Start it, make its user when it has none, sign in, and wait until all is set up."""
        configuration.write(
            self._folder,
            port=self._server.port,
            name=self._settings["name"],
            time_zone=self._settings["time_zone"],
            sign_in_by_loopback=self._sign_in_by_loopback,
            release=self._release,
        )
        self._session = aiohttp.ClientSession(self.url)
        try:
            await self._server.start(
                [self._python, "-m", "homeassistant", "--config", self._folder, "--skip-pip", "--log-no-color"],
                folder=self._folder,
                environment={"ENPHASE_EV_ENLIGHTEN_URL": self._cloud},
                ready=self._is_running,
                seconds=600,
            )
        except BaseException:
            await self._session.close()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Stop it."""
        await self._server.stop()
        if self._session is not None:
            await self._session.close()

    async def wait(self) -> int:
        """Wait until Home Assistant ends by itself; its exit code."""
        return await self._server.wait()

    async def _is_running(self) -> bool:
        if self.tokens is None:
            await self._sign_in()
        return self.tokens is not None and (await self.get("/api/config"))["state"] == "RUNNING"

    async def _sign_in(self) -> None:
        """Make the first user when there is none yet, then sign in as a person does at the form."""
        async with self._http.get("/api/onboarding") as response:
            # It is gone after the last step, and from the next start on.
            steps: list[dict[str, Any]] = await response.json() if response.ok else []
        if not all(step["done"] for step in steps if step["step"] == "user"):
            person = {"name": "Demo", "username": self.username, "password": self.password}
            await self.post("/api/onboarding/users", person | {"client_id": self.client_id, "language": "en"})
        provider = {"client_id": self.client_id, "handler": ["homeassistant", None], "redirect_uri": self.client_id}
        async with self._http.post("/auth/login_flow", json=provider) as response:
            if not response.ok:
                return
            flow: dict[str, Any] = await response.json()
        answer = {"client_id": self.client_id, "username": self.username, "password": self.password}
        flow = await self.post(f"/auth/login_flow/{flow['flow_id']}", answer)
        if flow["type"] != "create_entry":
            # There is no user yet: what makes one is not there so soon.
            return
        grant = {"client_id": self.client_id, "grant_type": "authorization_code", "code": flow["result"]}
        async with self._http.post("/auth/token", data=grant) as response:
            response.raise_for_status()
            self.tokens = await response.json()

    @property
    def _http(self) -> aiohttp.ClientSession:
        assert self._session is not None, "not started"
        return self._session

    @property
    def _headers(self) -> dict[str, str]:
        return {} if self.tokens is None else {"Authorization": f"Bearer {self.tokens['access_token']}"}

    async def get(self, path: str) -> Any:
        """GET of the REST API, whose answers are Home Assistant's own JSON."""
        async with self._http.get(path, headers=self._headers) as response:
            response.raise_for_status()
            return await response.json()

    async def post(self, path: str, body: Json = None) -> Any:
        """POST of the REST API."""
        async with self._http.post(path, json=body, headers=self._headers) as response:
            response.raise_for_status()
            return await response.json()

    async def command(self, kind: str, **arguments: object) -> Any:
        """One websocket command and its result."""
        assert self.tokens is not None, "not signed in"
        async with self._http.ws_connect("/api/websocket", max_msg_size=0) as socket:
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": self.tokens["access_token"]})
            welcome = await socket.receive_json()
            if welcome["type"] != "auth_ok":
                raise CommandError(welcome["message"])
            await socket.send_json({"id": 1, "type": kind, **arguments})
            answer = await socket.receive_json()
        if not answer["success"]:
            raise CommandError(f"{kind}: {answer['error']}")
        return answer["result"]

    async def show_its_own_time(self) -> None:
        """Let its one user's screens have its time zone, not that of the machine that the browser runs on."""
        by_language = dict.fromkeys(("number_format", "time_format", "date_format", "first_weekday"), "language")
        await self.command("frontend/set_user_data", key="language", value={"language": "en", "time_zone": "server", **by_language})

    async def state(self, entity_id: str) -> State:
        """An entity's state as it is now."""
        state: State = await self.get(f"/api/states/{entity_id}")
        return state

    async def entities(self) -> list[RegistryEntry]:
        """This integration's entities. A unique id is unique in its platform: a switch and a sensor can share one."""
        entries: list[RegistryEntry] = await self.command("config/entity_registry/list")
        return [entry for entry in entries if entry["platform"] == configuration.DOMAIN]

    async def act(self, domain: str, service: str, **data: object) -> None:
        """Perform an action, and wait until it is done."""
        await self.post(f"/api/services/{domain}/{service}", data)

    async def start_flow(self) -> FlowStep:
        """Begin to add the integration."""
        step: FlowStep = await self.post("/api/config/config_entries/flow", {"handler": configuration.DOMAIN})
        return step

    async def continue_flow(self, step: FlowStep, answer: Mapping[str, object]) -> FlowStep:
        """Submit a step's form."""
        following: FlowStep = await self.post(f"/api/config/config_entries/flow/{step['flow_id']}", answer)
        return following
