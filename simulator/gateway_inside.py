"""What a local gateway knows: its switches, whom it lets in, and what it was asked (docs/cloud-api/local.md)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from aiohttp import web
import jwt

from .charger import Charger
from .faults import Faults
from .gateway_readings import OwnerSwitches
from .received import ReceivedRequest
from .report import Report
from .site import Site
from .switches import Switches
from .world import World

# The firmware of the notes.
FIRMWARE = "7.6.175"
_SIGNING_KEY = "a gateway knows the key of the token service, which this is not"


class Role(StrEnum):
    """Whose session it is; the charger's paths are open to installers alone."""

    OWNER = "owner"
    INSTALLER = "installer"


class SignIn(StrEnum):
    """How a token is shown. Open: ``Authorization: Bearer``, or the cookie of a session that it has opened."""

    BEARER = "bearer"
    COOKIE = "cookie"


class ListShape(StrEnum):
    """Shapes of the list of chargers. Open."""

    SERIAL_NUMS = "serial_nums"
    OBJECTS = "objects"
    ENVELOPE = "envelope"


class LocalShape(StrEnum):
    """Shapes of a charger's status: as the cloud's, with one charger in it, or that one alone. Open."""

    ENVELOPE = "envelope"
    OBJECT = "object"
    LEGACY = "legacy"


@dataclass
class GatewaySwitches(Switches):
    """What docs/cloud-api/local.md leaves open, and what else differs; all of it can be changed while the gateway runs."""

    role: Role = Role.OWNER
    """What a token is worth where owner and installer tokens do not differ."""
    tokens_differ: bool = False
    """Each token has the role that it was issued for."""
    sign_in: SignIn = SignIn.BEARER
    session_lifetime_s: float = 600.0
    """How long the session of a cookie lives without being used."""
    list_shape: ListShape = ListShape.SERIAL_NUMS
    status_shape: LocalShape = LocalShape.ENVELOPE
    tells_now: bool = True
    """Status and summary tell what is now; else the charger's last report to the cloud."""
    closed_chargers: set[str] = field(default_factory=set)
    """Serial numbers for which every role gets 401."""
    absent_chargers: set[str] = field(default_factory=set)
    """Serial numbers that hang on another gateway: not listed, 404."""
    firmware: str = FIRMWARE
    owner: OwnerSwitches = field(default_factory=OwnerSwitches)
    """What owners may read."""


class GatewayInside:
    """A gateway of one site, whether or not it is plugged in."""

    def __init__(self, world: World, site: Site) -> None:
        self.world = world
        self.site = site
        self.switches = GatewaySwitches()
        self.faults = Faults()
        self.requests: list[ReceivedRequest] = []
        """Everything that was asked, oldest first."""
        self.heard: list[str] = []
        """Every header and body as it came: nothing may be in them that belongs to the cloud."""
        self.streams_live_data = False
        """Whether somebody has switched the stream of the live data on."""
        self._tokens: dict[str, tuple[Role, float]] = {}
        self._sessions: dict[str, tuple[str, float]] = {}

    @property
    def chargers(self) -> dict[str, Charger]:
        """Those that hang on it, by serial number."""
        return {serial: charger for serial, charger in self.site.chargers.items() if serial not in self.switches.absent_chargers}

    def report_of(self, charger: Charger) -> Report:
        """What it tells about a charger."""
        return charger.present if self.switches.tells_now else charger.reported

    # Tokens and sessions

    def issue_token(self, role: Role = Role.OWNER, lifetime_s: float = 365 * 86400.0) -> str:
        """A token for this gateway, as the token service of Enphase would give it to an owner or an installer."""
        expires_at = self.world.clock.wall_time() + lifetime_s
        claims = {
            "aud": self.site.gateway_serial,
            "iss": "Entrez",
            "enphaseUser": role.value,
            "exp": int(expires_at),
            "iat": int(self.world.clock.wall_time()),
            "jti": str(self.world.draw_uuid()),
        }
        token = self.world.known_secrets.keep(jwt.encode(claims, _SIGNING_KEY, algorithm="HS256"))
        self._tokens[token] = (role, expires_at)
        return token

    def role_of_token(self, token: str | None) -> Role | None:
        """The role that a token has here now; None for one that is unknown or has run out."""
        role, expires_at = self._tokens.get(token or "", (None, 0.0))
        if role is None or expires_at <= self.world.clock.wall_time():
            return None
        return role if self.switches.tokens_differ else self.switches.role

    def open_session(self, token: str) -> str:
        """Open a session with a token, and return its cookie."""
        cookie = self.world.doorkeeper.draw_secret()
        self._sessions[cookie] = (token, self.world.clock.wall_time())
        return cookie

    def role_of_session(self, cookie: str | None) -> Role | None:
        """The role of the session that a cookie names; looking keeps it alive."""
        now = self.world.clock.wall_time()
        token, used_at = self._sessions.get(cookie or "", ("", 0.0))
        if not cookie or now > used_at + self.switches.session_lifetime_s:
            return None
        self._sessions[cookie] = (token, now)
        return self.role_of_token(token)

    def close_sessions(self) -> None:
        """Forget every session; the tokens stay good."""
        self._sessions.clear()


GATEWAY: Final = web.AppKey("gateway", GatewayInside)
