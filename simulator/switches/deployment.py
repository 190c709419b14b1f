"""Switches: how this deployment of the cloud differs from another one.

The pages under `docs/cloud-api/` list what was seen to differ; each switch names its section. All can be changed while the
simulator runs, also over ``POST /_sim/deployment``.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from ..house.answers import EnergySwitches, EventsSwitches
from ..live import LiveSwitches
from ..tariff import TariffSwitches
from . import Switches
from .battery import BatteryDeployment


class StartForm(StrEnum):
    """Forms of a start (docs/cloud-api/chargers.md §3)."""

    POST = "post"
    PUT = "put"
    POST_SINGULAR = "post_singular"
    SNAKE_CASE = "snake_case"
    LEVEL_ONLY = "level_only"
    CONNECTOR_ONLY = "connector_only"
    NO_BODY = "no_body"


class StopForm(StrEnum):
    """Forms of a stop (docs/cloud-api/chargers.md §3)."""

    PUT = "put"
    POST = "post"
    PUT_SINGULAR = "put_singular"
    POST_SINGULAR = "post_singular"


class WrongForm(StrEnum):
    """What a form gets that this deployment does not take; fitting: 405 the verb, 404 the path, 400 the body."""

    FITTING = "fitting"
    BAD_REQUEST = "400"
    NOT_FOUND = "404"
    NOT_ALLOWED = "405"
    NO_RESOURCE = "no_resource"
    """404 whose text says that there is no static resource: the route is gone (docs/cloud-api/chargers.md §3)."""


class AlreadyCharging(StrEnum):
    """What a start gets while the charger charges (docs/cloud-api/chargers.md §3)."""

    REASON = "400"
    NOT_FOUND = "404"
    """Without a reason (told)."""


class StatusShape(StrEnum):
    """Shapes of the status answer (docs/cloud-api/chargers.md §1)."""

    ENVELOPE = "envelope"
    LEGACY = "legacy"
    MAP = "map"


class SitesShape(StrEnum):
    """Wrappers of the list of sites (docs/cloud-api/auth.md §5)."""

    SITES = "sites"
    LIST = "list"
    DATA = "data"
    ITEMS = "items"
    SYSTEMS = "systems"
    EMPTY = "empty"


class HomePath(StrEnum):
    """Where ``GET /`` leads (docs/cloud-api/auth.md §5)."""

    WEB = "web"
    PV_SYSTEMS = "pv_systems"
    SYSTEMS = "systems"


class UserIdShape(StrEnum):
    """Where ``data.json`` has the user id (docs/cloud-api/auth.md §5)."""

    CAMEL = "userId"
    SNAKE = "user_id"
    NESTED = "user.id"


class MfaAnswer(StrEnum):
    """How the sign-in asks for a one-time code (docs/cloud-api/auth.md §1)."""

    REQUIRES_MFA = "requires_mfa"
    SUCCESS_NONCE = "success_nonce"


class JsonSignIn(StrEnum):
    """Whether ``/login/login.json`` can be used (docs/cloud-api/auth.md §1)."""

    AVAILABLE = "available"
    NOT_ACCEPTABLE = "406"
    NOT_FOUND = "404"
    HTML = "html"


class SignInBody(StrEnum):
    """What a successful sign-in says; the short ones leave only the cookies (docs/cloud-api/auth.md §1)."""

    FULL = "full"
    EMPTY_OBJECT = "empty_object"
    EMPTY = "empty"


class WrongPasswordAnswer(StrEnum):
    """What a wrong password gets (docs/cloud-api/auth.md §1)."""

    SUCCESS_FALSE = "success_false"
    UNAUTHORIZED = "401"


class ManagerToken(StrEnum):
    """Where a sign-in leaves the manager JWT (docs/cloud-api/auth.md §3)."""

    COOKIE = "cookie"
    BODY = "body"
    BOTH = "both"


class TokenEndpoint(StrEnum):
    """Where access JWTs come from (docs/cloud-api/auth.md §3)."""

    USERS_SELF = "users_self"
    JWT_TOKEN = "jwt_token"  # noqa: S105 - the name of an address, no secret
    AUTH_MS = "auth_ms"


class DeadSession(StrEnum):
    """What a dead session gets (docs/cloud-api/auth.md §3)."""

    REDIRECT = "redirect"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    HTML = "html"
    JSON = "json"
    """200 with a JSON object of a login page in place of the payload (told)."""
    WORDS = "words"
    """The same with nothing but words: ``{"message": "Invalid"}``."""


class RetryAfter(StrEnum):
    """How a 429 tells when to come back (docs/cloud-api/README.md)."""

    SECONDS = "seconds"
    DATE = "date"
    NONE = "none"


class StopIdle(StrEnum):
    """What a stop gets when nothing is charging (docs/cloud-api/chargers.md §3)."""

    CONFLICT = "409"
    UNPROCESSABLE = "422"
    REASON = "400"


class NotPlugged(StrEnum):
    """What a start gets without a vehicle (docs/cloud-api/chargers.md §3)."""

    REASON = "400"
    CONFLICT = "409"
    UNPROCESSABLE = "422"


class SchedulerDown(StrEnum):
    """What the scheduler service answers when it is down (docs/cloud-api/chargers.md §5, docs/cloud-api/README.md)."""

    INTERNAL = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    TIMEOUT = "504"
    HTML = "html"


@dataclass
class Deployment(Switches):
    """The switches, at what most deployments have."""

    # Sign-in (docs/cloud-api/auth.md §1)
    json_sign_in: JsonSignIn = JsonSignIn.AVAILABLE
    sign_in_body: SignInBody = SignInBody.FULL
    wrong_password_answer: WrongPasswordAnswer = WrongPasswordAnswer.SUCCESS_FALSE
    session_quota_status: int = 200
    """HTTP status of the answer that names too many active sessions."""
    refused_user_agents: set[str] = field(default_factory=lambda: {"HomeAssistant"})
    """406 on every path for a user agent that contains one of these."""

    # One-time codes (docs/cloud-api/auth.md §2)
    mfa_answer: MfaAnswer = MfaAnswer.REQUIRES_MFA
    wrong_code_status: int = 200
    """200, or one of 400, 404, 409, 422."""
    code_blocked_status: int = 200
    """200 with ``isBlocked``, or 429."""
    code_lifetime_s: float = 300.0

    # Sessions and tokens (docs/cloud-api/auth.md §3)
    session_cookie: str = "_enlighten_4_session"
    session_lifetime_s: float = 7 * 86400.0
    manager_token: ManagerToken = ManagerToken.BOTH
    token_endpoints: set[TokenEndpoint] = field(default_factory=lambda: set(TokenEndpoint))
    token_key: str = "token"  # noqa: S105 - the name of a key, no secret
    """Key of ``/users/self/token``: token, auth_token or access_token."""
    token_expiry_key: str = "expires_at"  # noqa: S105 - the name of a key, no secret
    """expires_at or expiresAt."""
    rotate_session_on_token: bool = False
    """``/users/self/token`` sets a new session cookie and the old one is dead."""
    renews_manager_token: bool = False
    """``/users/self/token`` sets a new manager JWT as a cookie (docs/cloud-api/events.md §1). Open."""
    reads_need_access_token: bool = False
    """Charger and site reads want a live ``e-auth-token`` beside the session."""
    dead_session_answer: DeadSession = DeadSession.REDIRECT
    """Sets a fresh, anonymous session cookie as well."""
    jwt_lifetime_s: float = 12 * 3600.0
    jwt_claims_under_data: bool = False
    jwt_user_claim: str = "user_id"
    """user_id, userId, userid or sub."""
    jwt_session_claim: str = "session_id"
    """session_id or sessionId."""

    # Sites (docs/cloud-api/auth.md §5)
    sites_shape: SitesShape = SitesShape.SITES
    site_id_key: str = "id"
    site_name_key: str = "title"
    site_ids_as_text: bool = False
    duplicate_sites: bool = False
    empty_site_lists: int = 0
    """So many of the next lists of sites are empty."""
    home_path: HomePath = HomePath.WEB
    user_id_shape: UserIdShape = UserIdShape.CAMEL
    unknown_site_status: int = 468

    # How much it allows, docs/cloud-api/README.md
    requests_per_hour: int | None = None
    """More in a rolling hour from one session get 429."""
    retry_after: RetryAfter = RetryAfter.SECONDS

    # Charger status and summary (docs/cloud-api/chargers.md §1 and §2)
    status_shape: StatusShape = StatusShape.ENVELOPE
    """envelope and legacy: of the plain path; map: only the ``api/v2`` path exists."""
    empty_charger_lists: int = 0
    """So many of the next status answers have no charger."""
    missing_level_details: int = 0
    """So many of the next summaries lack ``chargeLevelDetails``."""
    missing_level_details_s: float = 0.0
    """Summaries lack ``chargeLevelDetails`` for so long after the first one, simulated seconds."""

    # Start and stop (docs/cloud-api/chargers.md §3)
    start_forms: set[StartForm] = field(
        default_factory=lambda: {StartForm.POST, StartForm.LEVEL_ONLY, StartForm.CONNECTOR_ONLY, StartForm.NO_BODY}
    )
    stop_forms: set[StopForm] = field(default_factory=lambda: {StopForm.PUT})
    wrong_form: WrongForm = WrongForm.FITTING
    not_plugged_answer: NotPlugged = NotPlugged.REASON
    already_charging_answer: AlreadyCharging = AlreadyCharging.REASON
    stop_idle_answer: StopIdle = StopIdle.CONFLICT
    start_delay_s: float = 0.0
    """Until an accepted start is carried out, simulated seconds."""
    start_ignored: bool = False
    """A start is accepted and nothing comes of it."""
    stop_ignored: bool = False
    """A stop is accepted and the charger goes on."""
    level_change_ignored: bool = False
    """A start with another level during a session is accepted and the level stays."""
    level_change_refused: bool = False
    """A start during a session is refused with "already in charging state", whatever its level."""
    invalid_level_500: bool = False
    """500 "Invalid charge level" to a start with a level (older IQ 40/50)."""

    # Live stream (docs/cloud-api/chargers.md §4)
    stop_stream_accepted: bool = False
    """stop_live_stream answers ``{"status":"accepted"}`` instead of null data."""

    # The scheduler service, docs/cloud-api/chargers.md §5 and §6
    scheduler_up: bool = True
    scheduler_down_answer: SchedulerDown = SchedulerDown.UNAVAILABLE
    false_400_on_mode: bool = False
    """A mode change is carried out and answered with 400."""
    left_out_slots_deleted: bool = True
    """A PATCH of several slots deletes those that it leaves out."""
    modes_without_word: bool = False
    """An older preference: its modes lack ``chargingMode`` (docs/cloud-api/chargers.md §5)."""
    unknown_mode: str | None = None
    """A word that nobody knows is the mode that is enabled."""
    slots_lost_by_writes: int = 0
    """So many of the next requests for a single slot lose the first of the other slots."""

    # Configuration and history (docs/cloud-api/chargers.md §7 and §8)
    default_level_as_text: bool = True
    """False: ``DefaultChargeLevel`` is written as a number only; text gets 400."""
    history_overlap: int = 0
    """Pages of the session history begin so many sessions before their offset."""
    history_repeats: bool = False
    """Every session is there twice."""

    # Batteries, docs/cloud-api/battery.md
    battery: BatteryDeployment = field(default_factory=BatteryDeployment)

    # Live stream of a site, docs/cloud-api/live.md
    live: LiveSwitches = field(default_factory=LiveSwitches)

    # Energy of a site, docs/cloud-api/energy.md
    energy: EnergySwitches = field(default_factory=EnergySwitches)

    # Prices, docs/cloud-api/tariff.md
    tariff: TariffSwitches = field(default_factory=TariffSwitches)

    # Outages and the owner's events, docs/cloud-api/events.md §2 and §3
    events: EventsSwitches = field(default_factory=EventsSwitches)
