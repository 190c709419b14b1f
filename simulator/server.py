"""The simulator as tests and the command line use it."""

import re
from types import TracebackType
from typing import Self, TypedDict, Unpack

from aiohttp import web

from .accounts import Account
from .app import make_app
from .battery.battery import Battery
from .broker import StreamBroker
from .charger import Charger
from .clock import Clock
from .faults import Faults
from .gateway import Gateway
from .grid_services import GridServices
from .live import LiveStreams
from .mqtt import AnswerStreams
from .received import ReceivedRequest
from .routes.sim_hosts import add_gateway_controls, add_grid_controls
from .scenarios import DEFAULT, build_world
from .site import Site
from .switches.battery import STRICT
from .world import World


class Extras(TypedDict, total=False):
    """What listens beside the cloud, each only where it is asked for."""

    mqtt: bool
    """A broker tells what the batteries' gateways have taken over, and battery sites say that there is one."""
    live: bool
    """A broker tells once a second what the sites draw and give."""
    gateway: bool
    """The first site has a local gateway that can be talked to."""
    grid_services: bool
    """The host of the grid events, on a port of its own."""


class Simulator:
    """A simulated cloud that listens on an address of this machine.

    ``async with Simulator("two_chargers") as sim: …`` or ``start`` and ``stop``. The world can be changed before it
    listens and while it does. What else listens beside it, `Extras` says.
    """

    def __init__(
        self,
        scenario: str = DEFAULT,
        *,
        speed: float = 1.0,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        seed: int = 0,
        world: World | None = None,
        **extras: Unpack[Extras],
    ) -> None:
        if clock is None:
            clock = Clock(speed)
        self.world: World = world or build_world(scenario, clock, seed)
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self._broker: StreamBroker | None = None
        self._mqtt, self._live = extras.get("mqtt", False), extras.get("live", False)
        self._gateway = Gateway(self.world, self.site, host=host) if extras.get("gateway", False) else None
        self._grid = GridServices(self.world, host) if extras.get("grid_services", False) else None
        if self._mqtt:
            for battery in self._batteries():
                battery.features.supports_mqtt = True

    def be_strict(self) -> None:
        """Keep every rule that some real site keeps; without this everything is taken that real sites take."""
        self.world.deployment.battery.update(STRICT)

    async def start(self) -> None:
        """Listen."""
        app = make_app(self.world)
        app.router.add_get("/mqtt", self._listen)
        if self._gateway is not None:
            add_gateway_controls(app, self._gateway)
            await self._gateway.plug_in()
        if self._grid is not None:
            add_grid_controls(app, self._grid)
            await self._grid.start()
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        # Stays the same when it is stopped and started again.
        self._port = self._runner.addresses[0][1]
        if self._mqtt or self._live:
            self._broker = self._make_broker()
            await self._broker.start()

    def _make_broker(self) -> StreamBroker:
        """One broker for both kinds of streams; those that were not asked for are never signed."""
        world, endpoint, secret = self.world, f"{self._host}:{self._port}", self.world.doorkeeper.draw_secret
        answers = world.streams or AnswerStreams(endpoint, self.clock, world.draw_id, secret)
        live = world.live_streams or LiveStreams(endpoint, self.clock, world.deployment.live, world.sites, secret)
        world.streams = answers if self._mqtt else None
        world.live_streams = live if self._live else None
        return StreamBroker(answers, live, self._batteries())

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        """The broker's door; 404 where there is none."""
        return web.Response(status=404) if self._broker is None else await self._broker.serve(request)

    def _batteries(self) -> list[Battery]:
        return [site.battery for site in self.world.sites.values() if site.battery]

    async def stop(self) -> None:
        """Close every connection and the port; the world goes on and can be started again at the same address."""
        if self._broker is not None:
            await self._broker.stop()
            self._broker = None
        if self._grid is not None:
            await self._grid.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def close(self) -> None:
        """Stop, and pull the local gateway out."""
        await self.stop()
        if self._gateway is not None:
            await self._gateway.pull_out()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """Origin, for example ``http://127.0.0.1:41234``."""
        return f"http://{self._host}:{self._port}"

    @property
    def clock(self) -> Clock:
        """The clock that everything lives by."""
        return self.world.clock

    @property
    def account(self) -> Account:
        """The scenario's first account."""
        return self.world.accounts[0]

    @property
    def site(self) -> Site:
        """The scenario's first site."""
        return next(iter(self.world.sites.values()))

    def charger(self, serial: str | None = None) -> Charger:
        """A charger by serial number; the first one without."""
        charger = self.world.find_charger(serial)
        if charger is None:
            raise LookupError("No such charger")
        return charger

    @property
    def battery(self) -> Battery:
        """The batteries of the first site that has some."""
        found = self._batteries()
        if not found:
            raise LookupError("No battery in this scenario")
        return found[0]

    @property
    def gateway(self) -> Gateway:
        """The local gateway of the first site; only with ``gateway=True``. It goes on while the cloud is stopped."""
        if self._gateway is None:
            raise LookupError("No gateway: start the simulator with gateway=True")
        return self._gateway

    @property
    def grid_services(self) -> GridServices:
        """The host of the grid events; only with ``grid_services=True``."""
        if self._grid is None:
            raise LookupError("No grid events: start the simulator with grid_services=True")
        return self._grid

    @property
    def streams(self) -> AnswerStreams:
        """The MQTT streams that were signed, and who listened; only with ``mqtt=True``, once it has started."""
        if self.world.streams is None:
            raise LookupError("No broker: start the simulator with mqtt=True")
        return self.world.streams

    @property
    def live(self) -> LiveStreams:
        """The live streams that were signed, and who listened; only with ``live=True``, once it has started."""
        if self.world.live_streams is None:
            raise LookupError("No live stream: start the simulator with live=True")
        return self.world.live_streams

    @property
    def listeners(self) -> int:
        """How many listen to a live stream now."""
        return self._broker.listeners if self._broker else 0

    async def hang_up(self) -> None:
        """Let the broker break every connection without a word."""
        if self._broker is not None:
            await self._broker.hang_up()

    @property
    def faults(self) -> Faults:
        """What to break."""
        return self.world.faults

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Every request but those to ``/_sim``, oldest first."""
        return self.world.requests

    def count(self, family: str | None = None, path: str | None = None, method: str | None = None) -> int:
        """How many requests came, of a family, in whose path a regular expression is found, with a method."""
        return sum(
            (family is None or one.family == family)
            and (path is None or re.search(path, one.path) is not None)
            and (method is None or one.method == method.upper())
            for one in self.requests
        )

    @property
    def sign_ins(self) -> int:
        """Sign-in attempts, as JSON and as form."""
        return self.world.doorkeeper.sign_ins

    @property
    def failed_sign_ins(self) -> int:
        """Those that were refused."""
        return self.world.doorkeeper.failed_sign_ins

    @property
    def codes_sent(self) -> int:
        """One-time codes sent."""
        return self.world.doorkeeper.codes_sent

    def expire_sessions(self) -> None:
        """Every session cookie is dead."""
        self.world.doorkeeper.expire_sessions()

    def expire_tokens(self) -> None:
        """Every JWT is dead; the cookies are still good."""
        self.world.doorkeeper.expire_tokens()

    def secrets(self) -> set[str]:
        """Every secret or personal value used so far, for tests that search logs."""
        return self.world.secrets()
