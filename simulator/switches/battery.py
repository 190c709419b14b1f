"""How this deployment's battery service differs from another one, and what it does wrong.

Each switch names its section of docs/cloud-api/battery.md. All times are simulated seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..battery.settings import ControlFamily
from . import Switches


class XsrfSource(StrEnum):
    """Where a client finds the XSRF token (docs/cloud-api/battery.md §2)."""

    COOKIE = "cookie"
    """``BP-XSRF-Token``, set by every answer."""
    HEADER = "header"
    """The response header ``x-csrf-token``."""
    BOTH = "both"


class HeaderShape(StrEnum):
    """Shapes of a request's headers (docs/cloud-api/battery.md §1)."""

    SESSION = "session"
    SESSION_TOKEN = "session_token"  # noqa: S105 - the name of a shape, no secret
    TOKEN_ONLY = "token_only"  # noqa: S105 - the name of a shape, no secret


class EnhoRule(StrEnum):
    """What ``source=enho`` in the query of a write does (docs/cloud-api/battery.md §4)."""

    INDIFFERENT = "indifferent"
    IGNORED = "ignored"
    """A write with it is answered with success and changes nothing, at sites with ``supportsMqtt``."""
    NEEDED = "needed"
    """A write without it is answered with success and changes nothing."""


class NothingPending(StrEnum):
    """How ``requestedConfig`` says that nothing is pending (docs/cloud-api/battery.md §6)."""

    EMPTY = "empty"
    HOLDS_EMPTY = "holds_empty"
    NULL = "null"
    ABSENT = "absent"


class EmptyDetails(StrEnum):
    """What ``details`` of a group without entries is (docs/cloud-api/battery.md §3)."""

    LIST = "list"
    NULL = "null"
    ABSENT = "absent"


class DeleteForm(StrEnum):
    """Forms of a delete (docs/cloud-api/battery.md §4)."""

    POST = "post"
    """``POST S/<id>/delete``."""
    PUT = "put"
    """``PUT S/<id>`` with ``isDeleted``."""


class SerialKey(StrEnum):
    """Where ``battery_status.json`` has a battery's serial (docs/cloud-api/battery.md §3)."""

    SERIAL_NUMBER = "serial_number"
    SERIAL_NUM = "serial_num"
    ID = "id"
    """Nowhere but in ``id``."""


class UnknownKeys(StrEnum):
    """What a write of settings with keys gets that cannot be written (docs/cloud-api/battery.md §4)."""

    IGNORED = "ignored"
    """They are; the others count."""
    REFUSED = "refused"
    """400."""
    LOST = "lost"
    """The whole write is answered with success and lost."""


class StormRefusal(StrEnum):
    """What a write of "the battery may feed the car" gets (docs/cloud-api/battery.md §8)."""

    NEVER = "never"
    IN_A_STORM = "in_a_storm"
    """``STORM_GUARD_ACTIVE`` while an alert is in force and storm guard is on; nothing comes of it."""
    FALSE = "false"
    """``STORM_GUARD_ACTIVE`` without a storm, and the new state is in force all the same (seen once)."""


class MissingGroup(StrEnum):
    """How a group of schedules that is missing for a while is told (docs/cloud-api/battery.md §3): it is no answer."""

    GROUP_ABSENT = "group_absent"
    GROUP_NULL = "group_null"
    DETAILS_ABSENT = "details_absent"
    """``count`` and ``scheduleStatus`` are there."""
    DETAILS_NULL = "details_null"


class DropMoment(StrEnum):
    """From when `BatteryDeployment.drop_after_s` counts (docs/cloud-api/battery.md §4 and §5, open)."""

    WRITE = "write"
    TAKE_OVER = "take_over"
    """When the gateway takes the change over; one that it never takes over drops nothing."""


class BatteryRequest(StrEnum):
    """What a client asks the battery service to do (docs/cloud-api/battery.md §4)."""

    TOGGLE = "toggle"
    """The part of a write of settings that changes a family's state."""
    APPLY = "apply"
    """The part that sends a family the state that it has."""
    SETTINGS = "settings"
    """The part that belongs to no family: reserve, shutdown level, …"""
    PROFILE = "profile"
    STORM = "storm"
    IS_VALID = "is_valid"
    ADD = "add"
    CHANGE = "change"
    DELETE = "delete"


class WriteKind(StrEnum):
    """Kinds of writes that can drop schedules (docs/cloud-api/battery.md §5)."""

    CFG = "cfg"
    """Charge from grid or its schedules change their state."""
    DTG = "dtg"
    RBD = "rbd"
    PROFILE = "profile"
    APPLY = "apply"
    """A toggle write with the state that is already there."""


def _since_june_2026() -> set[HeaderShape]:
    return {HeaderShape.SESSION, HeaderShape.SESSION_TOKEN}


STRICT: Mapping[str, object] = {
    "xsrf_only_newest": True,
    "token_only_status": 403,
    "token_checked": True,
    "requested_with_needed": True,
    "authorization_refused": True,
    "origin_needed": True,
    "request_id_needed": True,
    "user_id_needed": True,
    "strict_disclaimer_time": True,
    "is_enabled_needed": True,
    "rbd_limit_refused": True,
}
"""Rules that some site keeps, or is told to (docs/cloud-api/battery.md §1, §2); what holds for the product holds with and without them."""


@dataclass
class BatteryDeployment(Switches):
    """The battery switches of one deployment; the defaults are a cloud that does what it is told after 20 s."""

    # Who is let in, docs/cloud-api/battery.md §1 and §2
    xsrf_source: XsrfSource = XsrfSource.COOKIE
    xsrf_header_everywhere: bool = False
    """The header comes with every answer, not only with that of siteSettings."""
    xsrf_cookie_names_path: bool = True
    """False: the cookie comes without a path, so that it belongs to the folder of what was asked for."""
    xsrf_rotates: bool = True
    """Every answer that carries a token, errors included, carries a new one."""
    xsrf_only_newest: bool = False
    """Only the newest token counts; else every one that this user was given."""
    xsrf_own_pairs: bool = False
    """A pair that a client made up itself is taken as well (weak evidence)."""
    xsrf_on_reads: bool = True
    """False: only the answers to writes carry a token, a refused isValid among them."""
    write_shapes: set[HeaderShape] = field(default_factory=_since_june_2026)
    """Shapes that writes are taken in; others get 403, with a fresh token. On older sites a token alone is taken, too."""
    read_shapes: set[HeaderShape] = field(default_factory=_since_june_2026)
    token_only_status: int = 401
    """What a token alone gets where it is not taken."""
    token_checked: bool = False
    """``e-auth-token`` beside a session must be a live JWT of the same account; else it may be anything."""
    requested_with_needed: bool = False
    """``e-auth-token`` beside a session must come with ``X-Requested-With``."""
    authorization_refused: bool = False
    """403 for a request with ``Authorization``."""
    origin_needed: bool = False
    """``Origin`` and ``Referer`` must be those of the battery's web page."""
    request_id_needed: bool = False
    """400 without ``requestid``."""
    user_id_needed: bool = False
    """403 without ``userId`` in the query of reads and writes that the pages write so."""
    username_needed: bool = True
    """False: a request without ``Username`` is taken (weak evidence); one with another user's never is."""

    # When a write takes effect, docs/cloud-api/battery.md §6
    gateway_delay_s: float | None = 20.0
    """Until the gateway takes a change over; None: it never does."""
    gateway_gives_up_s: float | None = 0.0
    """How long a change that is never taken over stays pending; None: for ever."""
    nothing_pending: NothingPending = NothingPending.EMPTY
    gateway_offline: bool = False
    """What is pending stays so; it is taken over when the gateway is back. For some hours: `Battery.lose_gateway`."""
    lost_while_pending: bool = False
    """A write that comes while another is pending is answered with success and lost (docs/cloud-api/battery.md §5)."""
    collision_s: float | None = None
    """So long after a write it makes the next one be lost; None: as long as it is pending (docs/cloud-api/battery.md §5, open)."""
    earlier_is_lost: bool = False
    """Of two that collide the earlier one is lost, not the later one."""
    entries_lost_while_pending: bool = False
    """Adds, changes and deletes of entries that come while a write is pending are answered with success and lost."""
    settings_lag_s: float = 0.0
    """Site settings, battery settings and profile read as they were so long ago, with what was pending (docs/cloud-api/battery.md §4)."""
    ignored_writes: int = 0
    """So many of the next writes of settings, profile and storm guard are answered with success and lost."""

    # Writing settings (docs/cloud-api/battery.md §4)
    source_enho: EnhoRule = EnhoRule.INDIFFERENT
    """Of writes of settings, profile and storm guard."""
    source_enho_of: dict[BatteryRequest, EnhoRule] = field(default_factory=dict)
    """Of one kind of request, in place of `source_enho`."""
    error_in_200: set[BatteryRequest] = field(default_factory=set)
    """Requests that get ``{"error": {…}}`` with 200, and come to nothing."""
    error_in_200_times: int | None = None
    """So many of them; None: all."""
    toggle_needs_is_valid: bool = False
    """A toggle that no isValid of its family preceded is answered with success and ignored."""
    cfg_schedule_flag_needed: bool = False
    """CFG on leaves its schedules off until ``chargeFromGridScheduleEnabled`` is sent as well."""
    unknown_keys: UnknownKeys = UnknownKeys.IGNORED
    rbd_needs_entry: bool = False
    """RBD on without any entry is answered with success and stays off; else it is on and has no effect."""
    partial_rbd_off_ignored: bool = False
    """RBD goes off only where the whole data is sent."""
    dtg_needs_window: bool = True
    """DTG on without any entry and without times is ignored."""
    toggle_off_after_delete_ignored_s: float = 0.0
    """Switching a family off so soon after a delete in it is ignored (docs/cloud-api/battery.md §5)."""
    profiles_bring_reserve: bool = True
    """A profile that is chosen without a reserve brings the one that it had."""
    profile_reserve_wins: bool = False
    """It brings that one also where another one was sent."""
    profiles_bring_cfg: bool = True
    """A profile brings the CFG state that it had."""

    strict_disclaimer_time: bool = False
    """``acceptedItcDisclaimer`` must have milliseconds and a Z."""

    # The house battery and the car, docs/cloud-api/battery.md §8
    storm_refusal: StormRefusal = StormRefusal.IN_A_STORM
    devices_need_enho: bool = False
    """Where the site has the setting, settings tell ``devices`` only with ``source=enho``."""
    off_reads_zero: bool = False
    """``batteryLimit`` reads 0 while it is off; else it reads the last one."""
    car_setting_pends: bool = False
    """A write passes through ``requestedConfig`` and the gateway; else it is in force at once."""

    # Reading, docs/cloud-api/battery.md §3
    storm_guard_active: bool = True
    """``stormGuardState`` is ``active`` while an alert is in force and storm guard is on."""
    serial_key: SerialKey = SerialKey.SERIAL_NUMBER
    shows_available_power: bool = True
    """False: only the most power is told, not what there is now."""
    charge_as_number: bool = False
    """``current_charge`` is a number, not text with a percent sign."""

    # Schedules, docs/cloud-api/battery.md §3 to §5
    is_enabled_needed: bool = False
    """409 for an entry without ``isEnabled`` (seen once)."""
    rbd_limit_refused: bool = False
    """400 for an entry to restrict the discharge with a limit other than 100."""
    drops: dict[WriteKind, set[ControlFamily]] = field(default_factory=dict)
    """Which families a write of a kind drops."""
    drop_from: DropMoment = DropMoment.WRITE
    drop_after_s: float = 0.0
    """How long after the write, or after the gateway has taken it over."""
    drops_left: int | None = None
    """So many more writes drop; None: all that are listed in `drops`."""
    apply_drops_every: int = 1
    """Of so many applies one drops: where every one did, nothing could ever be put back."""
    unapplied_lifetime_s: float = 3600.0
    """How long an entry that nobody applied stays."""
    pending_while_off: bool = False
    """Entries of a family that is off stay pending after the apply."""
    lying_is_enabled: bool = False
    """``isEnabled`` reads as the opposite of what was written."""
    flipping_details: bool = True
    """``details`` turns round with every write."""
    empty_details: EmptyDetails = EmptyDetails.LIST
    missing_groups: dict[ControlFamily, MissingGroup] = field(default_factory=dict)
    """Groups that reads of schedules lack. For some seconds from now: `Battery.hide_groups`."""
    missing_after_write_s: float | None = None
    """Only so long after each write; None: always."""
    schedules_lag_s: float = 0.0
    """Schedules read as they were so long ago (docs/cloud-api/battery.md §4)."""
    empty_schedule_reads: int = 0
    """So many of the next reads of schedules show none."""
    empty_schedules_every: int = 0
    """Of so many reads of schedules one shows none; 0: never."""
    entries_without_days: bool = False
    """Entries are told without ``days`` and ``timezone`` where they are of every day and of the site's zone."""
    upper_case_status: bool = False
    seconds_in_times: bool = False
    """``HH:MM:SS``."""
    answer_holds_id: bool = True
    """The answer to a new entry holds its ``scheduleId``."""
    delete_status: int = 200
    """200 or 204."""
    delete_forms: set[DeleteForm] = field(default_factory=lambda: set(DeleteForm))
    deleted_stay_listed: bool = False
    """Deleted entries stay in ``details`` with ``isDeleted``."""
    own_family_conflicts: bool = True
    """Entries of one family may not overlap; False: whatever comes is taken, twice if it comes twice."""
    cross_family_conflicts: bool = True
    """Entries of different families may not overlap either."""
    wrong_family_named: bool = False
    """A conflict across families names a family that is not in the way."""

    def enho_rule(self, request: BatteryRequest) -> EnhoRule:
        """What ``source=enho`` does to a kind of request."""
        of_entries = {BatteryRequest.IS_VALID, BatteryRequest.ADD, BatteryRequest.CHANGE, BatteryRequest.DELETE}
        return self.source_enho_of.get(request, EnhoRule.INDIFFERENT if request in of_entries else self.source_enho)
