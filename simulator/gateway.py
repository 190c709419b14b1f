"""A gateway in the house: its address, the certificate that it has signed itself, its tokens and firmware."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
import ssl
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from .gateway_inside import GatewayInside
from .gateway_routes import make_gateway_app
from .site import Site
from .world import World


class Certificate:
    """A key and a certificate for `envoy.local`, new with every object."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "envoy.local")])
        begin = datetime(2020, 1, 1, tzinfo=UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=36500))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("envoy.local")]), critical=False)
            .sign(key, SHA256())
        )
        self.fingerprint = sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
        """SHA-256 of the certificate, hex."""
        self._certificate = certificate.public_bytes(Encoding.PEM)
        self._key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def context(self) -> ssl.SSLContext:
        """What a server shows it with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "gateway.pem"
            path.write_bytes(self._key + self._certificate)
            context.load_cert_chain(path)
        return context


# The library keeps the class of the first date that it meets; in a test whose clock is frozen that would be one which fits no other test.
Certificate()


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
