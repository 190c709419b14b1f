"""Everything that a house can live through, and then every secret of it, searched for everywhere.

What may be where:

- A password, a one-time code, a cookie, a JWT, an XSRF token, a token of the battery: cookies and tokens in the private files of the
  integration (`.storage/enphase_ev.account.*`), the password in the config entry where a person wants it remembered. Nowhere else.
- The e-mail address: in the config entry, of which it is a part, and on the form where the person types it. The hash in the name of a file
  does not tell it.
- A serial number, the number of the site or of the person: where Home Assistant itself tells things apart, which is the config entry, the
  registries of devices and entities with their events, and the private files of the integration. An action answers with the number of the
  site, because that is how one names a site to it. In no log, state, attribute, other event, issue, trace, diagnostics or exception.
"""

from collections.abc import Awaitable, Iterable
import json
import logging
from pathlib import Path
import re
import traceback
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.trace.util import async_get_trace, async_list_traces
from homeassistant.config_entries import SOURCE_REAUTH, SOURCE_USER, ConfigFlowResult
from homeassistant.const import CONF_CODE, CONF_EMAIL, CONF_PASSWORD, MATCH_ALL
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.helpers.json import ExtendedJSONEncoder
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import get_system_health_info

from custom_components.enphase_ev import diagnostics
from custom_components.enphase_ev.const import CONF_CHARGERS, CONF_REMEMBER_PASSWORD, DOMAIN
from simulator import Simulator
from simulator.faults import FaultOptions
from tests.integration.house import CloudBuilder, House

_WRONG_PASSWORD, _WRONG_CODE = "hunter-2-hunter", "918273"
_AUTOMATION = "automation.evening"
_OF_REGISTRIES = ("device_registry_updated", "entity_registry_updated")
# No secret has any other character.
_WORD = re.compile(r"[\w.@+/=-]{4,}")
_LOGS_OF_TESTS = ("simulator", "pytest_homeassistant_custom_component")
_FAULTS: tuple[FaultOptions, ...] = (
    {"status": 503, "html": True},
    {"drop": True},
    {"html": True},
    {"broken_json": True},
    {"status": 429, "headers": {"Retry-After": "60"}},
    {"status": 401, "times": 1},
    {"status": 403, "headers": {"Set-Cookie": "_enlighten_4_session=anonymous; Path=/"}},
)


class Evidence:
    """What was said where during a story."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.found: dict[str, list[str]] = {"events": [], "states": [], "exceptions": [], "diagnostics": [], "flows": [], "answers": []}

        @callback
        def note(event: Event[Any]) -> None:
            if event.event_type not in _OF_REGISTRIES:
                self.add("states" if event.event_type == "state_changed" else "events", event.as_dict())

        hass.bus.async_listen(MATCH_ALL, note)

    def add(self, kind: str, value: object) -> None:
        """Keep what was said."""
        self.found.setdefault(kind, []).append(json.dumps(value, cls=ExtendedJSONEncoder, default=repr))

    async def listen_to(self, deed: Awaitable[object]) -> None:
        """Let something be done, and keep what it answers or what it raises, with all that led to it."""
        try:
            self.add("answers", await deed)
        except HomeAssistantError as err:
            self.add("exceptions", [*traceback.format_exception(err), repr(err), err.translation_placeholders])

    def told(self, values: Iterable[str]) -> set[tuple[str, str]]:
        """Return which of the values stands where. Each word is looked at once: the log says most of them thousands of times."""
        words = {kind: "\n".join({word for text in texts for word in _WORD.findall(text)}) for kind, texts in self.found.items()}
        return {(kind, value) for value in values for kind, text in words.items() if value in text}


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Let Home Assistant have a folder of its own."""
    return hass_tmp_config_dir


class Story:
    """One house from its first sign-in to its last."""

    def __init__(self, hass: HomeAssistant, sim: Simulator, freezer: FrozenDateTimeFactory, evidence: Evidence) -> None:
        self.hass, self.sim, self.freezer, self.evidence = hass, sim, freezer, evidence

    async def submit(self, flow: ConfigFlowResult, **data: object) -> ConfigFlowResult:
        """Fill in a form."""
        flow = await self.hass.config_entries.flow.async_configure(flow["flow_id"], data)
        await self.hass.async_block_till_done()
        self.evidence.add("flows", {key: flow.get(key) for key in ("errors", "description_placeholders", "reason", "title")})
        return flow

    async def sign_in(self) -> House:
        """Sign in with slips of all kinds."""
        account = self.sim.account
        flow = await self.hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
        data = {CONF_EMAIL: account.email, CONF_REMEMBER_PASSWORD: True}
        flow = await self.submit(flow, **data, **{CONF_PASSWORD: _WRONG_PASSWORD})
        flow = await self.submit(flow, **data, **{CONF_PASSWORD: account.password})
        flow = await self.submit(flow, **{CONF_CODE: _WRONG_CODE})
        flow = await self.submit(flow, **{CONF_CODE: account.one_time_code})
        flow = await self.submit(flow, **{CONF_CHARGERS: list(self.sim.site.chargers)})
        return House(self.hass, self.sim, flow["result"], self.freezer)

    async def sign_in_again(self) -> None:
        """Sign in again after the session was lost."""
        (flow,) = [one for one in self.hass.config_entries.flow.async_progress() if one["context"]["source"] == SOURCE_REAUTH]
        flow = await self.submit(flow, **{CONF_PASSWORD: _WRONG_PASSWORD, CONF_REMEMBER_PASSWORD: True})
        flow = await self.submit(flow, **{CONF_PASSWORD: self.sim.account.password, CONF_REMEMBER_PASSWORD: True})
        flow = await self.submit(flow, **{CONF_CODE: self.sim.account.one_time_code})
        assert flow["reason"] == "reauth_successful"


async def _use_chargers(house: House, evidence: Evidence) -> None:
    """Do what can be done with chargers, and let the cloud refuse some of it in words that name everything."""
    sim, switch = house.sim, house.entity_id("switch", "charging")
    serial = sim.charger().serial
    words = f"{serial} of {sim.account.email} at {sim.site.id} for {sim.account.user_id} is busy"
    faults: tuple[FaultOptions | None, ...] = (
        None,
        {"status": 400, "body": {"error": {"displayMessage": words, "errorMessageCode": "iqevc_ms-10099"}}, "times": None},
        {"status": 503, "body": {"message": words}, "times": None},
        {"drop": True, "times": None},
    )
    for fault in faults:
        if fault:
            sim.faults.add(path="charging|trigger|stream|preference|schedule|history|config|Settings|stormGuard|profile", **fault)
        await evidence.listen_to(house.see_through(house.call("switch", "turn_on", entity_id=switch)))
        await evidence.listen_to(house.see_through(house.call("switch", "turn_off", entity_id=switch)))
        device = {"device_id": house.device_id()}
        await evidence.listen_to(house.ask("start_live_stream", **device))
        await evidence.listen_to(house.ask("trigger_message", **device))
        await evidence.listen_to(house.ask("get_charging_sessions", **device, **{"from": "2020-01-01"}))
        await evidence.listen_to(house.see_through(house.ask("get_charging_schedules", **device)))
        select = house.entity_id("select", "charge_mode")
        await evidence.listen_to(house.see_through(house.call("select", "select_option", entity_id=select, option="green")))
        await evidence.listen_to(house.see_through(_change_battery(house)))
        await evidence.listen_to(house.see_through(house.ask("get_battery_schedules", device_id=_battery_device(house))))
        await evidence.listen_to(house.see_through(house.ask("export_battery_schedules", device_id=_battery_device(house))))
        await evidence.listen_to(house.call("automation", "trigger", entity_id=_AUTOMATION))
        await house.live(200)
        sim.faults.clear()
        await house.live(130)


async def _change_battery(house: House) -> None:
    if not any(entry.family.value == "rbd" for entry in house.sim.battery.schedules):
        house.sim.battery.add_schedule("rbd", "16:30", "17:00")
    await house.call("switch", "turn_on", entity_id=house.site_entity_id("switch", "restrict_battery_discharge"))
    await house.call("number", "set_value", entity_id=house.site_entity_id("number", "reserve"), value=33)


def _battery_device(house: House) -> str:
    devices = dr.async_entries_for_config_entry(dr.async_get(house.hass), house.entry.entry_id)
    return next(one.id for one in devices if any(name.endswith("_battery") for _, name in one.identifiers))


async def _download(house: House, evidence: Evidence) -> None:
    """Download all diagnostics."""
    evidence.add("diagnostics", await diagnostics.async_get_config_entry_diagnostics(house.hass, house.entry))
    for device in dr.async_entries_for_config_entry(dr.async_get(house.hass), house.entry.entry_id):
        evidence.add("diagnostics", await diagnostics.async_get_device_diagnostics(house.hass, house.entry, device))
    evidence.add("system health", await get_system_health_info(house.hass, DOMAIN))


async def _break(house: House, evidence: Evidence) -> None:
    """Let the cloud go wrong in every way."""
    for fault in _FAULTS:
        house.sim.faults.add(path="service|pv/settings", **{"times": 6, **fault})
        await house.live(130)
        await _download(house, evidence)
        house.sim.faults.clear()
        await house.live(130)
    house.sim.expire_tokens()
    await house.live(310)
    await house.restart(hours=1)
    await house.sim.stop()
    await house.live(400)
    await _download(house, evidence)
    await house.sim.start()
    await house.live(310)


async def test_no_secret_is_anywhere(
    hass: HomeAssistant,
    build_cloud: CloudBuilder,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
    hass_storage: dict[str, Any],
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.DEBUG)
    assert await async_setup_component(hass, "system_health", {})
    sim = await build_cloud("home")
    sim.account.mfa = True
    evidence = Evidence(hass)
    story = Story(hass, sim, freezer, evidence)
    house = await story.sign_in()
    start = {"action": "enphase_ev.start_charging", "data": {"device_id": house.device_id()}, "response_variable": "answer"}
    automation = {"id": "evening", "alias": "Evening", "triggers": {"trigger": "event", "event_type": "evening"}, "actions": [start]}
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await house.live(300)

    await _use_chargers(house, evidence)
    await _break(house, evidence)
    sim.expire_sessions()
    await house.live(400)
    await story.sign_in_again()
    await house.live(400)
    gone = sim.site.chargers.pop(list(sim.site.chargers)[-1])
    sim.account.locked = True
    await house.live(4000)
    sim.expire_sessions()
    await house.live(400)
    await _download(house, evidence)

    runs = await async_list_traces(hass, "automation", "automation.evening")
    for run in runs:
        evidence.add("traces", await async_get_trace(hass, "automation.evening", run["run_id"]))
    for issue in ir.async_get(hass).issues.values():
        evidence.add("issues", [issue.issue_id, issue.translation_key, issue.translation_placeholders, issue.data])
    formatter = logging.Formatter("%(name)s %(message)s")
    for record in caplog.records:
        line = formatter.format(record)
        if not record.name.startswith(_LOGS_OF_TESTS) and not any(f"<Event {kind}" in line for kind in _OF_REGISTRIES):
            evidence.found.setdefault("logs", []).append(line)

    for kind in ("events", "states", "exceptions", "diagnostics", "flows", "answers", "traces", "issues", "logs", "system health"):
        assert evidence.found[kind], f"The story has no {kind}"
    personal = {sim.site.id, str(sim.account.user_id), gone.serial, *(unit.serial for unit in sim.battery.units)}
    secrets = sim.secrets() | {_WRONG_PASSWORD, _WRONG_CODE}
    assert len(secrets) > 50
    may_be_told = {("flows", sim.account.email), ("answers", sim.site.id)}
    assert evidence.told(secrets | personal) - may_be_told == set()
    assert _in_files(tmp_path, secrets | personal) == []
    assert _in_storage(hass_storage, secrets, sim) == set()


def _in_files(folder: Path, values: set[str]) -> list[tuple[str, str]]:
    """Return what stands in a file beside Home Assistant's own storage."""
    files = [path for path in folder.rglob("*") if path.is_file() and ".storage" not in path.parts]
    return [(path.name, value) for path in files for value in values if value.encode() in path.read_bytes()]


def _in_storage(stored: dict[str, Any], secrets: set[str], sim: Simulator) -> set[str]:
    """Return the files of the storage that hold a secret and may not."""
    names = {sim.account.email, *sim.site.chargers, *(unit.serial for unit in sim.battery.units)}
    names |= {one.serial for one in sim.world.sites[sim.site.id].chargers.values()}
    hidden = secrets - names - {sim.account.password}
    texts = {key: json.dumps(value, cls=ExtendedJSONEncoder, default=repr) for key, value in stored.items()}
    allowed = {key for key in texts if key.startswith(f"{DOMAIN}.account.")}
    assert allowed
    return {key for key, text in texts.items() if key not in allowed and any(secret in text for secret in hidden)}
