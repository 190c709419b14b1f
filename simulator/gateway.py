"""A local IQ Gateway: the chargers of a site without the cloud, over HTTPS with a certificate of its own (docs/cloud-api/local.md)."""

from types import TracebackType
from typing import Self

from aiohttp import web

from .gateway_certificate import Certificate
from .gateway_inside import GatewayInside
from .gateway_routes import make_gateway_app
from .site import Site
from .world import World


class Gateway(GatewayInside):
    """A gateway of one site, with the chargers that its cloud has: what is done to them here is seen there.

    `plug_in` and `pull_out`, or ``async with``; role, address, certificate and firmware can be changed while it runs.
    """

    def __init__(self, world: World, site: Site, *, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(world, site)
        self.certificate = Certificate()
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.plug_in()
        return self

    async def __aexit__(self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None) -> None:
        await self.pull_out()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self._host}:{self._port}"

    @property
    def url(self) -> str:
        """Origin."""
        return f"https://{self.address}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, hex."""
        return self.certificate.fingerprint

    @property
    def plugged_in(self) -> bool:
        """Whether it answers."""
        return self._runner is not None

    async def plug_in(self) -> None:
        """Listen."""
        if self._runner is not None:
            return
        self._runner = web.AppRunner(make_gateway_app(self), access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, ssl_context=self.certificate.context()).start()
        self._port = self._runner.addresses[0][1]

    async def pull_out(self) -> None:
        """Break every connection; nobody answers until it is plugged in again."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def renew_certificate(self) -> None:
        """Start again with another certificate."""
        self.certificate = Certificate()
        await self._restart()

    async def move(self, *, host: str | None = None, port: int = 0) -> None:
        """Start again at another address; a free port unless one is named."""
        was_listening = self._runner is not None
        await self.pull_out()
        self._host, self._port = host or self._host, port
        if was_listening:
            await self.plug_in()

    async def update_firmware(self, version: str) -> None:
        """Start again with another firmware."""
        self.switches.firmware = version
        self.close_sessions()
        await self._restart()

    async def _restart(self) -> None:
        if self._runner is not None:
            await self.pull_out()
            await self.plug_in()
