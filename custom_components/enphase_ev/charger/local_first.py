"""Asks the gateway in the house about each charger where it answers, else the cloud (docs/cloud-api/local.md)."""

from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed

from ..account_issues import clear_account_issues, clear_gateway_issues, raise_account_issue, raise_token_issue, set_certificate_issue
from ..const import CONF_CHARGERS, LOGGER
from ..enlighten import (
    Account,
    CertificateChanged,
    ChargeMode,
    ChargeModePreference,
    ChargerCalls,
    Chargers,
    ChargerStatus,
    ChargerSummary,
    CommandReply,
    EnlightenError,
    Gateway,
    Json,
    RateLimited,
    RequestRejected,
    ServiceUnavailable,
    SiteStatus,
    Unreachable,
)
from ..errors import update_error
from ..waiting import Due, growing_wait
from .devices import is_wanted
from .model import DataSource, LocalRefusal, SourceState
from .store import SiteStore

# A closed gateway, or charger, is probed again once a day, and when the gateway has another firmware.
_PROBE_EVERY = timedelta(days=1)
_FIRMWARE_EVERY = timedelta(hours=1)
# After a failure it is tried again with the next poll, then less and less often.
_AGAIN_AFTER = timedelta(seconds=50)
_AGAIN_AFTER_AT_MOST = timedelta(minutes=5)
_LASTING = {LocalRefusal.CLOSED, LocalRefusal.TOKEN_EXPIRED, LocalRefusal.NOT_LISTED}
# How often the cloud is asked while the gateway answers for every charger: only the cloud knows new chargers and the time zone.
_CLOUD_EVERY = timedelta(minutes=15)
# A gateway that answers a command like this has not carried it out, so the cloud may get it.
_DID_NOTHING = {401, 403, 404, 405}


@dataclass
class _Standing:
    """Whether the gateway, or one charger there, answers: if not, why, and when it is asked again."""

    refusal: LocalRefusal | None = None
    due: Due = field(default_factory=Due)
    failures: int = 0

    def refuse(self, refusal: LocalRefusal, now: datetime) -> None:
        self.failures = self.failures + 1 if refusal is self.refusal else 1
        self.refusal = refusal
        again = growing_wait(_AGAIN_AFTER, self.failures, _AGAIN_AFTER_AT_MOST)
        self.due.at = now + (_PROBE_EVERY if refusal in _LASTING else again)

    def accept(self) -> None:
        self.refusal, self.failures = None, 0


class LocalFirstChargers:
    """The chargers of a site, each answered for by the gateway or the cloud; without a gateway it is always the cloud."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, cloud: Chargers, gateway: Gateway | None, store: SiteStore) -> None:
        self.cloud = cloud
        self.gateway = gateway
        self.cloud_answers = True
        self.firmware: str | None = None
        self._hass = hass
        self._entry = entry
        self._store = store
        # The last answer of the cloud, and when it is asked again.
        self._told: SiteStatus | None = None
        self._cloud_due, self._cloud_retry = Due(), Due()
        self._cloud_failures = 0
        self._gateway_standing = _Standing()
        self._standings: dict[str, _Standing] = {}
        self._answered: set[str] = set()
        self._looked_for: set[str] = set()
        self._discovery_due, self._firmware_due = Due(), Due()

    @property
    def account(self) -> Account:
        """Return the account at the cloud."""
        return self.cloud.account

    @property
    def site_id(self) -> str:
        """Return the site's number."""
        return self.cloud.site_id

    def state_of(self, serial: str) -> SourceState | None:
        """Return what answers for a charger; `None` where no gateway is set up."""
        if self.gateway is None:
            return None
        if serial in self._answered:
            return SourceState(DataSource.LOCAL, None)
        standing = self._standings.get(serial)
        refusal = self._gateway_standing.refusal or (standing.refusal if standing else LocalRefusal.NOT_LISTED)
        return SourceState(DataSource.CLOUD, refusal)

    # --- Reading ---

    async def status(self) -> SiteStatus:
        """Return what the chargers are doing; the cloud is asked only about what the gateway does not know.

        Raises:
            EnlightenError: Neither answers.
        """
        if self.gateway is None:
            return await self._cloud_status()
        now = datetime.now(UTC)
        local, server_time = await self._ask_gateway(self.gateway, now)
        self._answered = set(local)
        told = await self._ask_cloud(now, is_needed=not self._is_enough(local.keys(), now), is_all=not local)
        if told is None:
            # The cloud's last answer is old: only chargers that a person does not use may be passed on from it.
            rest = {serial: one for serial, one in (self._told.chargers if self._told else {}).items() if not self._is_wanted(serial)}
            return SiteStatus({**rest, **local}, server_time=server_time)
        return replace(told, chargers={**told.chargers, **local})

    async def summaries(self) -> list[ChargerSummary]:
        """Return what the chargers are.

        Raises:
            EnlightenError: The cloud does not answer, and is needed.
        """
        found = [summary for serial in sorted(self._answered) if (summary := await self._local_summary(serial)) is not None]
        there = {summary.serial for summary in found}
        if self._told is None or not self._wanted_of_cloud <= there:
            try:
                found += [summary for summary in await self._live_cloud().summaries() if summary.serial not in there]
            except EnlightenError:
                if not found:
                    raise
        return found

    async def charge_mode(self, serial: str) -> ChargeModePreference:
        """Return how a charger decides when to charge."""
        if self.gateway is not None and serial in self._answered:
            try:
                return await self.gateway.charge_mode(serial)
            except EnlightenError as err:
                LOGGER.debug("The gateway does not tell the charge mode: %s", err)
        return await self._live_cloud().charge_mode(serial)

    async def _local_summary(self, serial: str) -> ChargerSummary | None:
        try:
            return await self.gateway.summary(serial) if self.gateway else None
        except EnlightenError as err:
            LOGGER.debug("The gateway does not tell the summary: %s", err)
            return None

    # --- Commands go to where the data comes from ---

    async def start(self, serial: str, *, mode: ChargeMode | None, level: float | None, connector_id: int = 1) -> CommandReply:
        """Start charging."""
        return await self._tell(serial, lambda calls: calls.start(serial, mode=mode, level=level, connector_id=connector_id))

    async def stop(self, serial: str) -> CommandReply:
        """Stop charging."""
        return await self._tell(serial, lambda calls: calls.stop(serial))

    async def set_charge_mode(self, serial: str, mode: ChargeMode) -> ChargeModePreference | None:
        """Choose a mode."""
        return await self._tell(serial, lambda calls: calls.set_charge_mode(serial, mode))

    async def trigger_message(self, serial: str, message: str) -> dict[str, Json]:
        """Ask the charger for an OCPP message."""
        return await self._tell(serial, lambda calls: calls.trigger_message(serial, message))

    async def _tell[T](self, serial: str, tell: Callable[[ChargerCalls], Awaitable[T]]) -> T:
        """Send a command to the gateway if it answers for the charger; else, or if it surely did nothing, send it to the cloud."""
        if self.gateway is not None and serial in self._answered:
            try:
                return await tell(self.gateway)
            except (Unreachable, RateLimited) as err:
                self._lose_gateway(err, datetime.now(UTC))
            except RequestRejected as err:
                if err.status not in _DID_NOTHING:
                    raise
                self._answered.discard(serial)
                self._standings.setdefault(serial, _Standing()).refuse(self._reason(err), datetime.now(UTC))
        return await tell(self.cloud)

    # --- The gateway ---

    async def _ask_gateway(self, gateway: Gateway, now: datetime) -> tuple[dict[str, ChargerStatus], datetime | None]:
        """Return what the gateway tells about each charger that it answers for, and its own time."""
        found: dict[str, ChargerStatus] = {}
        server_time: datetime | None = None
        try:
            await self._look_at_firmware(gateway, now)
            if not self._gateway_standing.due.has_come(now):
                return {}, None
            if self._discovery_due.has_come(now):
                await self._discover(gateway, now)
            # Chargers without an answer come last: their silence must not count as the gateway's.
            for serial, standing in sorted(self._standings.items(), key=lambda item: item[1].failures):
                if not standing.due.has_come(now) or not self._is_ours(serial):
                    continue
                try:
                    status = await gateway.status(serial)
                except EnlightenError as err:
                    if isinstance(err, Unreachable) or (reason := self._reason(err)) is LocalRefusal.TOKEN_EXPIRED:
                        # Such a failure is one of the gateway, not only of this charger.
                        raise
                    standing.refuse(reason, now)
                    if not found and isinstance(err, ServiceUnavailable) and err.may_have_arrived:
                        # Waiting for one charger after another would delay the question to the cloud.
                        raise
                    LOGGER.debug("The gateway does not answer for a charger: %s", err)
                    continue
                standing.accept()
                found |= status.chargers
                server_time = status.server_time or server_time
        except EnlightenError as err:
            self._lose_gateway(err, now)
            return {}, None
        if self._gateway_standing.refusal is not None:
            LOGGER.info("The gateway answers")
            self._gateway_standing.accept()
            clear_gateway_issues(self._hass, self._entry)
        return found, server_time

    async def _discover(self, gateway: Gateway, now: datetime) -> None:
        """Ask which chargers the gateway has, and ask each of them again."""
        self.firmware = await gateway.firmware()
        self._firmware_due.at = now + _FIRMWARE_EVERY
        before = self._standings
        self._standings = {
            serial: _Standing(failures=before[serial].failures if serial in before else 0) for serial in await gateway.serials()
        }
        self._discovery_due.at = now + _PROBE_EVERY

    async def _look_at_firmware(self, gateway: Gateway, now: datetime) -> None:
        """If a path is closed, check for a new firmware of the gateway, which may have opened it."""
        standings = (self._gateway_standing, *self._standings.values())
        if not self._firmware_due.has_come(now) or all(standing.refusal not in _LASTING for standing in standings):
            return
        self._firmware_due.at = now + _FIRMWARE_EVERY
        firmware = await gateway.firmware()
        if firmware is not None and firmware != self.firmware:
            LOGGER.info("The gateway has another firmware: it is asked again whether it is open")
            self._gateway_standing.due.at_once()
            self._discovery_due.at_once()

    def _lose_gateway(self, err: EnlightenError, now: datetime) -> None:
        """Use the cloud for every charger."""
        standing, reason = self._gateway_standing, self._reason(err)
        if standing.refusal is not reason:
            LOGGER.info("The gateway cannot be used, the cloud is asked instead: %s", reason)
        standing.refuse(reason, now)
        self._answered.clear()
        # When the gateway comes back, its chargers may be others.
        self._discovery_due.at_once()
        if isinstance(err, CertificateChanged):
            set_certificate_issue(self._hass, self._entry, err.fingerprint)
        elif reason is LocalRefusal.TOKEN_EXPIRED:
            raise_token_issue(self._hass, self._entry)

    def _reason(self, err: EnlightenError) -> LocalRefusal:
        match err:
            case CertificateChanged():
                return LocalRefusal.CERTIFICATE_CHANGED
            case Unreachable():
                return LocalRefusal.UNREACHABLE
            case RequestRejected(status=401 | 403) if self.gateway is not None and not self.gateway.has_live_token:
                return LocalRefusal.TOKEN_EXPIRED
            case RequestRejected(status=status) if status in _DID_NOTHING:
                return LocalRefusal.CLOSED
            case _:
                return LocalRefusal.NO_ANSWER

    # --- The cloud beside a gateway ---

    def _is_wanted(self, serial: str) -> bool:
        return is_wanted(self._entry.data, serial)

    def _is_ours(self, serial: str) -> bool:
        """Return whether a charger that the gateway lists belongs to this entry; it may belong to another entry, or to a neighbor."""
        told = self._told.chargers if self._told else ()
        return self._is_wanted(serial) and (serial in told or serial in self._store.serials or serial in self._entry.data[CONF_CHARGERS])

    @property
    def _wanted_of_cloud(self) -> Set[str]:
        return {serial for serial in (self._told.chargers if self._told else ()) if self._is_wanted(serial)}

    def _is_enough(self, local: Set[str], now: datetime) -> bool:
        """Return whether the gateway answers for every charger, and the cloud has listed the chargers not long ago."""
        return not self._cloud_due.has_come(now) and self._wanted_of_cloud <= local

    async def _ask_cloud(self, now: datetime, *, is_needed: bool, is_all: bool) -> SiteStatus | None:
        """Return the cloud's answer; `None` where it is not needed, or fails while the gateway answers.

        Raises:
            EnlightenError: It fails, and the gateway does not answer either.
        """
        if not is_all and (not is_needed or not self._cloud_retry.has_come(now)):
            return None
        try:
            told = await self._cloud_status()
        except EnlightenError as err:
            if is_all:
                raise
            self._cloud_failed(err, now)
            return None
        if not self.cloud_answers:
            LOGGER.info("The cloud answers again")
            clear_account_issues(self._hass, self._entry)
        self.cloud_answers, self._cloud_failures = True, 0
        if not told.chargers and not is_all:
            # A missed answer (docs/cloud-api/chargers.md §1).
            return None
        self._told, self._cloud_due.at = told, now + _CLOUD_EVERY
        new = self._wanted_of_cloud - self._standings.keys() - self._looked_for
        if new:
            self._looked_for |= new
            self._discovery_due.at_once()
        return told

    async def _cloud_status(self) -> SiteStatus:
        self.account.budget.check_poll()
        return await self.cloud.status()

    def _live_cloud(self) -> Chargers:
        """Return the cloud, if it answered the last poll.

        Raises:
            ServiceUnavailable: It did not; that was logged already, and the gateway answers instead.
        """
        if not self.cloud_answers:
            raise ServiceUnavailable("The cloud does not answer")
        return self.cloud

    def _cloud_failed(self, err: EnlightenError, now: datetime) -> None:
        """Note a failure of the cloud while the gateway answers; a person still gets to know what to do about it."""
        if self.cloud_answers:
            LOGGER.warning("The cloud does not answer: %s", err)
        self.cloud_answers = False
        self._cloud_failures += 1
        self._cloud_retry.at = now + growing_wait(_AGAIN_AFTER, self._cloud_failures, _AGAIN_AFTER_AT_MOST)
        raise_account_issue(self._hass, self._entry, err)
        if isinstance(update_error(err), ConfigEntryAuthFailed):
            self._entry.async_start_reauth(self._hass)
