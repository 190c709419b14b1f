"""The repairs that a person can make in Home Assistant."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, override

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir

from .account_issues import GATEWAY_CERTIFICATE
from .battery.coordinator import BatteryCoordinator
from .battery.issues import NOT_PUT_BACK
from .battery.not_put_back import async_drop
from .battery.settings import async_restore_schedules
from .charger.devices import including, is_new
from .charger.issues import NEW_CHARGERS, PLAN_WAITS, STOP_FAILED
from .const import DOMAIN
from .enlighten import BatteryFamily, ChargeMode
from .options import CONF_GATEWAY_FINGERPRINT
from .runtime import EnphaseConfigEntry, EnphaseRuntimeData
from .site.activation import INACTIVE, async_activate_battery, async_activate_charger, schedules_of_battery, schedules_of_charger
from .site.history_import import IMPORT_HISTORY, day_before


class _EntryRepairsFlow(RepairsFlow):
    """A repair of an entry, by its id: the entry can be gone, or not loaded, by the time a person answers."""

    def __init__(self, entry_id: str) -> None:
        super().__init__()
        self._entry_id = entry_id

    def _loaded_entry(self) -> EnphaseConfigEntry | None:
        entry: EnphaseConfigEntry | None = self.hass.config_entries.async_get_entry(self._entry_id)
        return entry if entry is not None and entry.state is ConfigEntryState.LOADED else None


class _ConfirmedRepairsFlow(_EntryRepairsFlow):
    """A repair that a person confirms."""

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Ask, then act."""
        if user_input is None:
            return self.async_show_form(step_id="confirm", description_placeholders=self._told())
        return await self._act()

    def _told(self) -> dict[str, str]:
        """Return what fills in the question."""
        return _placeholders(self)

    @abstractmethod
    async def _act(self) -> RepairsFlowResult:
        """Do what was confirmed."""


class AddChargersFlow(_ConfirmedRepairsFlow):
    """Adds the chargers that have come to the account."""

    @override
    async def _act(self) -> RepairsFlowResult:
        """Add them."""
        if (entry := self._loaded_entry()) is not None:
            new = [serial for serial in entry.runtime_data.site_facts.account_chargers if is_new(entry.data, serial)]
            self.hass.config_entries.async_update_entry(entry, data={**entry.data, **including(entry.data, new)})
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return self.async_create_entry(data={})


class AcceptCertificateFlow(_ConfirmedRepairsFlow):
    """Lets a person accept the certificate that the gateway in the house shows now."""

    def __init__(self, entry_id: str, fingerprint: str) -> None:
        super().__init__(entry_id)
        self._fingerprint = fingerprint

    @override
    async def _act(self) -> RepairsFlowResult:
        """Accept the fingerprint that was shown, even if the gateway has another one by now."""
        if (entry := self.hass.config_entries.async_get_entry(self._entry_id)) is not None:
            options = {**entry.options, CONF_GATEWAY_FINGERPRINT: self._fingerprint}
            self.hass.config_entries.async_update_entry(entry, options=options)
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return self.async_create_entry(data={})


class ImportHistoryFlow(_ConfirmedRepairsFlow):
    """Brings the past into the statistics, up to the day before Home Assistant began to count itself."""

    @override
    async def _act(self) -> RepairsFlowResult:
        """Begin; it goes on while nobody waits."""
        if (entry := self._loaded_entry()) is None:
            return self.async_abort(reason="not_loaded")
        entry.runtime_data.site.history.async_begin(day_before(entry.created_at, entry.runtime_data.site_facts.time_zone))
        return self.async_create_entry(data={})


class NotPutBackFlow(_EntryRepairsFlow):
    """Tries again to put back the battery schedules that were lost, or drops them."""

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Ask which."""
        return self.async_show_menu(step_id="init", menu_options=["try_again", "drop"], description_placeholders=_placeholders(self))

    async def async_step_try_again(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Try again."""
        coordinator = self._battery()
        if coordinator is None:
            return self.async_abort(reason="not_loaded")
        try:
            await async_restore_schedules(coordinator)
        except HomeAssistantError:
            return self.async_abort(reason="still_left")
        return self.async_create_entry(data={})

    async def async_step_drop(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Drop them."""
        if (coordinator := self._battery()) is None:
            return self.async_abort(reason="not_loaded")
        await async_drop(coordinator.keeper)
        return self.async_create_entry(data={})

    def _battery(self) -> BatteryCoordinator | None:
        entry = self._loaded_entry()
        return entry.runtime_data.battery if entry is not None else None


class StopAgainFlow(_EntryRepairsFlow):
    """Sends a stop once more to a charger that has not stopped."""

    def __init__(self, entry_id: str, serial: str) -> None:
        super().__init__(entry_id)
        self._serial = serial

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Offer it."""
        return self.async_show_menu(step_id="init", menu_options=["try_again"], description_placeholders=_placeholders(self))

    async def async_step_try_again(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Send it; whether the charger stops is seen with the next polls."""
        entry = self._loaded_entry()
        if entry is None or self._serial not in entry.runtime_data.chargers.data:
            return self.async_abort(reason="not_loaded")
        try:
            await entry.runtime_data.charger_commands.async_stop(self._serial)
        except HomeAssistantError as err:
            return self.async_abort(reason="not_stopped", description_placeholders={"error": str(err)})
        return self.async_create_entry(data={})


class ActivateFlow(_ConfirmedRepairsFlow):
    """Turns on what something that a person wants has to wait for."""

    def __init__(self, entry_id: str, activate: Callable[[EnphaseRuntimeData], Awaitable[object]]) -> None:
        super().__init__(entry_id)
        self._activate = activate

    @override
    async def _act(self) -> RepairsFlowResult:
        """Turn it on."""
        if (entry := self._loaded_entry()) is None:
            return self.async_abort(reason="not_loaded")
        try:
            await self._activate(entry.runtime_data)
        except HomeAssistantError as err:
            return self.async_abort(reason="not_activated", description_placeholders={"error": str(err)})
        return self.async_create_entry(data={})


class ActivateSchedulesFlow(ActivateFlow):
    """Lets the schedules of a charger, or of one kind of the battery, count."""

    def __init__(
        self,
        entry_id: str,
        activate: Callable[[EnphaseRuntimeData], Awaitable[object]],
        schedules: Callable[[EnphaseRuntimeData], list[str]],
    ) -> None:
        super().__init__(entry_id, activate)
        self._schedules = schedules

    @override
    def _told(self) -> dict[str, str]:
        """Name all schedules that run then: what lets one count lets the others count, too."""
        entry = self._loaded_entry()
        lines = self._schedules(entry.runtime_data) if entry is not None else []
        return {**_placeholders(self), "schedules": "\n".join(f"- {line}" for line in lines)}


def _activation(entry_id: str, data: dict[str, Any]) -> ActivateSchedulesFlow:
    """Return the repair of an issue about schedules that do not count."""
    if "serial" in data:
        serial = str(data["serial"])
        return ActivateSchedulesFlow(
            entry_id, lambda runtime: async_activate_charger(runtime, serial), lambda runtime: schedules_of_charger(runtime, serial)
        )
    family = BatteryFamily[str(data["family"])]
    return ActivateSchedulesFlow(
        entry_id,
        lambda runtime: async_activate_battery(runtime.battery, family),
        lambda runtime: schedules_of_battery(runtime.battery, family),
    )


def _manual_mode(data: dict[str, Any]) -> Callable[[EnphaseRuntimeData], Awaitable[object]]:
    """Return what an issue about a plan that waits offers to do."""
    return lambda runtime: runtime.charger_commands.async_set_mode(str(data["serial"]), ChargeMode.MANUAL)


def _placeholders(flow: RepairsFlow) -> dict[str, str]:
    issue = ir.async_get(flow.hass).async_get_issue(DOMAIN, flow.issue_id)
    return dict(issue.translation_placeholders or {}) if issue else {}


async def async_create_fix_flow(hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None) -> RepairsFlow:
    """Return the flow of an issue; an issue that only informs has a confirmation."""
    if data is None:
        return ConfirmRepairFlow()
    entry_id = str(data.get("entry_id"))
    flows: dict[str, Callable[[], RepairsFlow]] = {
        NEW_CHARGERS: lambda: AddChargersFlow(entry_id),
        GATEWAY_CERTIFICATE: lambda: AcceptCertificateFlow(entry_id, str(data["fingerprint"])),
        IMPORT_HISTORY: lambda: ImportHistoryFlow(entry_id),
        NOT_PUT_BACK: lambda: NotPutBackFlow(entry_id),
        STOP_FAILED: lambda: StopAgainFlow(entry_id, str(data["serial"])),
        INACTIVE: lambda: _activation(entry_id, data),
        PLAN_WAITS: lambda: ActivateFlow(entry_id, _manual_mode(data)),
    }
    return next((begin() for kind, begin in flows.items() if issue_id.startswith(kind)), ConfirmRepairFlow())
