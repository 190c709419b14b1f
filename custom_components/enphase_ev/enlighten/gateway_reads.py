"""What an owner's token may read from a gateway in the house (docs/cloud-api/local.md §2).

Nothing is written there. The slow paths, some of which take a minute, are never asked for.
"""

from contextlib import suppress

from .exceptions import RequestRejected
from .gateway import Gateway
from .models.gateway_readings import ChargerMeter, GatewayScheduler, GatewayStorage, charger_meters, read_mains, read_meters
from .models.live_power import LivePower
from .parsing import Json, read_mapping
from .transport import Family, Request


class GatewayReads:
    """Asks for it. Each path can be open or closed by itself."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._is_streaming = False
        self._meters: list[str] | None = None

    async def live_power(self) -> LivePower:
        """Return what the site draws and gives now. The gateway keeps it up to date after it was asked to once.

        Raises:
            RequestRejected: 401 or 404 where the token may not read it.
            InvalidResponse: It does not know yet, as after a restart.
        """
        if not self._is_streaming:
            # Not a setting: it tells the gateway that somebody looks.
            request = Request(family=Family.GATEWAY_LIVE, method="POST", path="/ivp/livedata/stream", json={"enable": 1}, is_write=True)
            with suppress(RequestRejected):
                await self.gateway.request(request)
            self._is_streaming = True
        return LivePower.read_gateway(await self._read(Family.GATEWAY_LIVE, "/ivp/livedata/status"))

    def start_anew(self) -> None:
        """Let the gateway be told again that somebody looks: it may have been restarted."""
        self._is_streaming = False

    async def charger_meters(self) -> list[ChargerMeter]:
        """Return the readings of the meters on the circuits of chargers; empty where there is none."""
        if self._meters is None:
            self._meters = charger_meters(await self._read(Family.GATEWAY_METERS, "/ivp/meters"))
        if not self._meters:
            return []
        readings = read_meters(await self._read(Family.GATEWAY_METERS, "/ivp/meters/readings"))
        return [readings[number] for number in self._meters if number in readings]

    @property
    def has_meters(self) -> bool:
        """Return whether there is such a meter, as far as was asked."""
        return bool(self._meters)

    def look_for_meters(self) -> None:
        """Ask again which meters there are."""
        self._meters = None

    async def scheduler(self) -> GatewayScheduler:
        """Return what the scheduler goes by."""
        return GatewayScheduler.from_dict(read_mapping(await self._read(Family.GATEWAY_BATTERY, "/ivp/sc/sched")))

    async def storage(self) -> GatewayStorage:
        """Return what the gateway knows of the batteries."""
        return GatewayStorage.from_dict(read_mapping(await self._read(Family.GATEWAY_BATTERY, "/ivp/ensemble/secctrl")))

    async def is_on_grid(self) -> bool | None:
        """Return whether the home is connected to the grid; `None` where the gateway does not know."""
        return read_mains(await self._read(Family.GATEWAY_BATTERY, "/ivp/ensemble/relay"))

    async def _read(self, family: Family, path: str) -> Json:
        return await self.gateway.request(Request(family=family, path=path))
