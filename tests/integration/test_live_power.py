"""Live power in Home Assistant: over a real broker and in real time (docs/cloud-api/live.md)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
import json
import logging
from pathlib import Path
import re
import time
from unittest.mock import patch

from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.helpers.json import ExtendedJSONEncoder
from homeassistant.util.yaml import load_yaml_dict
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from custom_components.enphase_ev import diagnostics
from custom_components.enphase_ev.const import DOMAIN
from custom_components.enphase_ev.enlighten import GridRelay, broker
from custom_components.enphase_ev.enlighten.transport import URL_VARIABLE
from custom_components.enphase_ev.site import live_stream
from custom_components.enphase_ev.site.live import LiveCoordinator
from simulator import Simulator
from simulator.clock import Clock
from simulator.live import Door, FrameKind, StreamEnd
from tests.integration.house import entry_of
from tests.structure.action_calls import texts

_DASHBOARD = Path(__file__).parents[2] / "docs" / "dashboard.yaml"
_POWERS = ("solar_power", "grid_power", "battery_power", "house_power")


@dataclass
class LiveHome:
    """A home that is watched, in real time."""

    hass: HomeAssistant
    sim: Simulator
    entry: MockConfigEntry

    @property
    def live(self) -> LiveCoordinator:
        live: LiveCoordinator = self.entry.runtime_data.live
        return live

    def entity_id(self, platform: str, key: str) -> str | None:
        return er.async_get(self.hass).async_get_entity_id(platform, DOMAIN, f"{self.sim.site.id}_{key}")

    def state(self, key: str, platform: str = "sensor") -> State | None:
        entity_id = self.entity_id(platform, key)
        return self.hass.states.get(entity_id) if entity_id else None

    def shown(self, key: str, platform: str = "sensor") -> str | None:
        state = self.state(key, platform)
        return state.state if state else None

    async def until(self, is_so: Callable[[], bool], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, "It has not come to that"
            await asyncio.sleep(0.02)

    def asked(self, path: str) -> int:
        return self.sim.count(path=path)


type HomeBuilder = Callable[..., Awaitable[LiveHome]]


@pytest.fixture
async def build_home(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HomeBuilder]:
    """Return a function that sets up a home with a stream, ten times as fast as a real one."""
    async with AsyncExitStack() as stack:

        async def build(
            scenario: str = "home", *, prepare: Callable[[Simulator], None] = lambda _: None, live: bool = True, **options: object
        ) -> LiveHome:
            sim = await stack.enter_async_context(Simulator(scenario, live=live, clock=Clock()))
            sim.world.deployment.live.rhythm_s = 0.1
            prepare(sim)
            monkeypatch.setenv(URL_VARIABLE, sim.url)
            entry = entry_of(sim, sim.site.id)
            entry.add_to_hass(hass)
            hass.config_entries.async_update_entry(entry, options={"live_interval": 1, **options})
            assert await hass.config_entries.async_setup(entry.entry_id)
            stack.push_async_callback(hass.config_entries.async_unload, entry.entry_id)
            return LiveHome(hass, sim, entry)

        yield build


async def _seen(home: LiveHome) -> LiveHome:
    await home.until(lambda: home.shown("house_power") is not None)
    return home


async def test_the_power_of_a_site_is_shown(build_home: HomeBuilder) -> None:
    home = await _seen(await build_home())

    shown = {key: float(home.shown(key) or "nan") for key in _POWERS}
    power = home.sim.site.house.now()
    assert shown["solar_power"] == pytest.approx(power.solar, rel=0.02, abs=10)
    assert shown["battery_power"] == pytest.approx(power.battery, rel=0.02, abs=10)
    assert shown["house_power"] == pytest.approx(shown["solar_power"] + shown["grid_power"] + shown["battery_power"], abs=25)
    assert home.shown("on_grid", "binary_sensor") == "on"
    assert home.shown("grid_relay") == "on_grid"
    assert home.entity_id("sensor", "generator_power") is None
    # Phases are off until somebody enables them.
    phase = er.async_get(home.hass).async_get(home.entity_id("sensor", "solar_power_l1") or "")
    assert phase is not None
    assert phase.disabled_by is er.RegistryEntryDisabler.INTEGRATION
    assert phase.original_name == "Solar power L1"
    # The number of the gateway came with the summary of a charger.
    assert (home.asked("show_livestream"), home.asked("livestream.json"), home.asked("devices.json")) == (1, 1, 0)
    assert home.asked("off_grid_due") == 0


async def test_the_dashboard_shows_it(build_home: HomeBuilder) -> None:
    home = await _seen(await build_home())
    named = {text for text in texts(load_yaml_dict(str(_DASHBOARD))) if re.fullmatch(r"[a-z_]+\.main_site_(grid|[a-z]+_power)", text)}
    assert len(named) == 5
    shown = {entity_id: home.hass.states.get(entity_id) for entity_id in named}
    assert {entity_id for entity_id, state in shown.items() if state is None or state.state in {"unknown", "unavailable"}} == set()


async def test_a_site_without_a_charger_finds_its_gateway_and_has_no_phases(build_home: HomeBuilder) -> None:
    home = await _seen(await build_home("battery_only"))
    assert home.asked("livestream.json") >= 1
    assert home.shown("on_grid", "binary_sensor") == "on"
    assert home.entity_id("sensor", "solar_power_l1") is None


async def test_the_state_of_charge_comes_from_here_while_it_is_fresh(build_home: HomeBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_components.enphase_ev.site.live._STALE_AFTER", 2.0)
    home = await _seen(await build_home("home"))
    battery = home.entry.runtime_data.battery
    told = round(home.sim.battery.state_of_charge)

    def charge() -> float:
        return float(home.shown("state_of_charge") or "nan")

    await home.until(lambda: charge() == told)
    live = home.live
    assert live.power is not None
    home.sim.world.deployment.live.frame = FrameKind.NONE
    await asyncio.sleep(0.3)

    live._shown_at = None  # noqa: SLF001 - as if the interval were over
    live.take(replace(live.power, state_of_charge=told - 7))
    assert charge() == told - 7
    # What the cloud tells lags behind.
    battery.refresh_soon()
    await battery.async_refresh()
    assert charge() == told - 7
    # Without frames it is the cloud's again.
    await home.until(lambda: not live.is_fresh and home.shown("house_power") == "unavailable")
    battery.refresh_soon()
    await battery.async_refresh()
    assert charge() == told


async def test_states_come_now_and_then_and_the_relay_at_once(build_home: HomeBuilder) -> None:
    home = await _seen(await build_home(live_interval=60))
    changes = async_capture_events(home.hass, "state_changed")
    await asyncio.sleep(2)
    ours = {home.entity_id("sensor", key) for key in _POWERS}
    assert [event.data["entity_id"] for event in changes if event.data["entity_id"] in ours] == []

    home.sim.site.house.grid_lost = True
    lost_at = time.monotonic()
    await home.until(lambda: home.shown("on_grid", "binary_sensor") == "off")
    # Long before the next states are due, on a slow machine, too.
    assert time.monotonic() - lost_at < 30
    assert home.shown("grid_relay") == "off_grid"
    # What is shown is of one moment.
    assert float(home.shown("grid_power") or "nan") == 0

    home.sim.site.house.grid_lost = False
    await home.until(lambda: home.shown("on_grid", "binary_sensor") == "on")


async def test_a_small_change_is_no_state(build_home: HomeBuilder) -> None:
    home = await _seen(await build_home())
    live = home.live
    power = live.power
    assert power is not None
    sensor = home.entity_id("sensor", "house_power") or ""
    before = home.hass.states.get(sensor)
    assert before is not None
    home.sim.world.deployment.live.frame = FrameKind.NONE
    await asyncio.sleep(0.3)
    watts = round(power.house.power)

    def show(value: float) -> str:
        channel = type(power.house)(power=value, phases=power.house.phases)
        live._shown_at = None  # noqa: SLF001 - as if the interval were over
        live.take(type(power)(**{**vars(power), "house": channel}))
        return home.shown("house_power") or ""

    base = show(1000 + watts)
    assert show(1000 + watts + 9) == base if 1000 + watts > 900 else True
    assert show(1000 + watts + 11) != base


async def test_a_stream_is_renewed_without_a_gap(build_home: HomeBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.world.deployment.live.duration_s = 4

    home = await _seen(await build_home(prepare=prepare))
    times: list[float] = []
    is_wanted = home.live._stream.is_wanted  # noqa: SLF001 - of every frame it is asked

    def note(relay: GridRelay | None) -> bool:
        times.append(time.monotonic())
        return is_wanted(relay)

    with patch.object(home.live._stream, "is_wanted", note):  # noqa: SLF001 - as above
        began = time.monotonic()
        await home.until(lambda: home.asked("livestream.json") >= 4)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    # Each lives for 4 s and is renewed halfway, before the frames of the old one end.
    assert max(gaps) < 4.0
    assert home.asked("livestream.json") <= 3 + (time.monotonic() - began) / 2
    # The old one is hung up once the new one brings frames.
    await home.until(lambda: home.sim.listeners == 1)


@pytest.mark.parametrize("end", [StreamEnd.HANG_UP, StreamEnd.SILENCE])
async def test_it_comes_back_after_the_broker_was_away(
    build_home: HomeBuilder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, end: StreamEnd
) -> None:
    monkeypatch.setattr(live_stream, "_AGAIN_AFTER", 0.5)
    monkeypatch.setattr(live_stream, "_DEAD_AFTER", 1.0)
    home = await _seen(await build_home())
    switches = home.sim.world.deployment.live
    caplog.clear()
    if end is StreamEnd.HANG_UP:
        switches.door = Door.CLOSED
        switches.hang_up_after = 1
    else:
        switches.frame = FrameKind.NONE
    await home.until(lambda: "does not answer" in caplog.text)
    await asyncio.sleep(3)
    switches.door, switches.hang_up_after, switches.frame = Door.OPEN, None, FrameKind.GOOD
    await home.until(lambda: "The live stream is back" in caplog.text)
    said = [record.getMessage() for record in caplog.records if "live stream" in record.getMessage() and record.levelno >= logging.INFO]
    assert len(said) == 2, said
    assert home.live.is_fresh


@pytest.mark.parametrize("door", [Door.OTHER_PROTOCOL, Door.MUTE])
async def test_a_broker_that_is_none_leaves_the_rest_alone(
    build_home: HomeBuilder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, door: Door
) -> None:
    """One that answers another protocol, and one that says nothing: one line down, one line up, and no repair issue."""
    monkeypatch.setattr(live_stream, "_AGAIN_AFTER", 0.5)
    monkeypatch.setattr(live_stream, "_DEAD_AFTER", 1.0)
    monkeypatch.setattr(broker, "_TIMEOUT", 1.0)

    def prepare(sim: Simulator) -> None:
        sim.world.deployment.live.door = door

    home = await build_home(prepare=prepare)
    await home.until(lambda: "does not answer" in caplog.text, 30)
    assert home.shown("on_grid", "binary_sensor") == "on", "a charger tells it without a stream"
    assert home.shown("state_of_charge") not in {None, "unavailable", "unknown"}
    await asyncio.sleep(3)
    home.sim.world.deployment.live.door = Door.OPEN
    await home.until(lambda: "The live stream is back" in caplog.text, 30)
    said = [one.getMessage() for one in caplog.records if "live stream" in one.getMessage() and one.levelno >= logging.INFO]
    assert len(said) == 2, said
    assert list(ir.async_get(home.hass).issues) == []


@pytest.mark.parametrize(
    "kind", [FrameKind.TRUNCATED, FrameKind.EMPTY, FrameKind.NOISE, FrameKind.HUGE, FrameKind.OTHER_TOPIC, FrameKind.NONE]
)
async def test_without_a_good_frame_the_values_are_gone_after_a_while(
    build_home: HomeBuilder, monkeypatch: pytest.MonkeyPatch, kind: FrameKind
) -> None:
    monkeypatch.setattr("custom_components.enphase_ev.site.live._STALE_AFTER", 2.0)
    home = await _seen(await build_home())
    home.sim.world.deployment.live.frame = kind
    await home.until(lambda: home.shown("house_power") == "unavailable")
    assert home.shown("grid_relay") == "unavailable"
    # The charger goes on to tell that there is a grid.
    assert home.shown("on_grid", "binary_sensor") == "on"
    home.sim.world.deployment.live.frame = FrameKind.GOOD
    await home.until(lambda: home.shown("house_power") != "unavailable")


async def test_a_frame_from_tomorrow_is_read(build_home: HomeBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.world.deployment.live.frame = FrameKind.UNKNOWN_FIELD

    home = await _seen(await build_home(prepare=prepare))
    assert home.shown("on_grid", "binary_sensor") == "on"


async def test_off_is_off(build_home: HomeBuilder) -> None:
    home = await _seen(await build_home())
    assert home.hass.config_entries.async_update_entry(home.entry, options={"live_power": "off"})
    assert await home.hass.config_entries.async_reload(home.entry.entry_id)
    home.sim.requests.clear()
    await asyncio.sleep(1)
    assert [home.entity_id("sensor", key) for key in _POWERS] == [None] * 4
    assert home.asked("livestream") == 0
    assert home.sim.listeners == 0
    assert home.shown("on_grid", "binary_sensor") == "on"


async def test_while_something_happens(build_home: HomeBuilder) -> None:
    home = await build_home(live_power="when_active")
    charger = home.sim.charger()
    charger.stop()
    await home.entry.runtime_data.chargers.async_refresh()
    await home.until(lambda: home.sim.listeners == 0)
    home.sim.requests.clear()
    await asyncio.sleep(0.5)
    assert home.asked("livestream.json") == 0

    charger.plug_in()
    charger.start(16)
    await home.entry.runtime_data.chargers.async_refresh()
    await home.until(lambda: home.sim.listeners == 1)
    await _seen(home)

    charger.stop()
    await home.entry.runtime_data.chargers.async_refresh()
    await home.until(lambda: home.sim.listeners == 0)
    # The credentials live on: the next session costs nothing.
    charger.start(16)
    await home.entry.runtime_data.chargers.async_refresh()
    await home.until(lambda: home.sim.listeners == 1)
    assert home.asked("livestream.json") == 1


async def test_where_home_assistant_shows_the_gateway_it_waits_for_something_to_happen(
    hass: HomeAssistant, build_home: HomeBuilder
) -> None:
    MockConfigEntry(domain="enphase_envoy").add_to_hass(hass)
    home = await build_home("battery_only")
    assert home.live.mode.value == "when_active"
    await asyncio.sleep(0.5)
    assert home.asked("livestream") == 0
    # Without a charger and a stream the cloud is asked whether there is a grid.
    assert home.asked("off_grid_due") == 1
    assert home.shown("on_grid", "binary_sensor") == "on"
    home.sim.site.house.grid_lost = True
    await home.live.async_refresh()
    assert home.shown("on_grid", "binary_sensor") == "off"
    # Then something happens.
    await home.until(lambda: home.sim.listeners == 1)


async def test_a_site_without_a_stream_is_not_asked_again(build_home: HomeBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_stream, "_AGAIN_AFTER_AT_MOST", 0.3)

    def prepare(sim: Simulator) -> None:
        sim.world.deployment.live.supported = False

    home = await build_home(prepare=prepare)
    await home.until(lambda: home.live.is_offered is False)
    asked = len([request for request in home.sim.requests if "livestream" in request.path or "devices.json" in request.path])
    await asyncio.sleep(1)
    assert len([request for request in home.sim.requests if "livestream" in request.path or "devices.json" in request.path]) == asked
    assert home.entity_id("sensor", "house_power") is None


async def test_no_secret_gets_about(build_home: HomeBuilder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    home = await _seen(await build_home())
    found = await diagnostics.async_get_config_entry_diagnostics(home.hass, home.entry)
    assert found["live"]["mode"] == "always"
    assert found["live"]["is_fresh"] is True
    text = json.dumps(found, cls=ExtendedJSONEncoder)
    secrets = home.sim.secrets() | {home.sim.site.gateway_serial}
    assert [secret for secret in secrets if secret in text] == []
    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith(("custom_components", "aiomqtt", "paho")))
    assert [secret for secret in secrets if secret in said] == []


async def test_it_goes_with_the_entry(build_home: HomeBuilder, caplog: pytest.LogCaptureFixture) -> None:
    home = await _seen(await build_home())
    assert home.sim.listeners == 1
    assert await home.hass.config_entries.async_unload(home.entry.entry_id)
    await home.until(lambda: home.sim.listeners == 0)
    await asyncio.sleep(0.2)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert await home.hass.config_entries.async_setup(home.entry.entry_id)


# --- The chargers' own topics (docs/cloud-api/live.md §5) ---


def _power_of_charger(home: LiveHome) -> State:
    entity_id = er.async_get(home.hass).async_get_entity_id("sensor", DOMAIN, f"{home.sim.charger().serial}_power")
    state = home.hass.states.get(entity_id or "")
    assert state is not None
    return state


async def _stream_of_chargers(home: LiveHome, *, on: bool) -> None:
    await home.hass.services.async_call(DOMAIN, "start_live_stream" if on else "stop_live_stream", {}, blocking=True, return_response=True)


async def test_a_charger_that_speaks_tells_its_power_while_a_stream_runs(build_home: HomeBuilder) -> None:
    def prepare(sim: Simulator) -> None:
        sim.world.deployment.live.chargers_speak = True

    home = await build_home(prepare=prepare, live_power="off")
    assert home.sim.listeners == 0, "nobody listens as long as no stream runs"
    assert _power_of_charger(home).attributes["source"] in {"energy", "level"}
    await _stream_of_chargers(home, on=True)
    await home.until(lambda: _power_of_charger(home).attributes["source"] == "charger_stream")
    assert float(_power_of_charger(home).state) == pytest.approx(home.sim.charger().power_w, abs=2)
    assert home.asked("aws_sigv4/livestream") == 1, "it costs one request"

    await _stream_of_chargers(home, on=False)
    await home.until(lambda: home.sim.listeners == 0)
    assert home.asked("aws_sigv4/livestream") == 1


@pytest.mark.parametrize("can_stream", [True, False])
async def test_chargers_that_say_nothing_change_nothing(
    build_home: HomeBuilder, caplog: pytest.LogCaptureFixture, can_stream: bool
) -> None:
    def prepare(sim: Simulator) -> None:
        sim.world.deployment.live.supported = can_stream

    home = await build_home(prepare=prepare, live_power="off")
    await _stream_of_chargers(home, on=True)
    await home.until(lambda: home.asked("aws_sigv4/livestream") == 1)
    await asyncio.sleep(1)
    assert home.sim.listeners == (len(home.sim.site.chargers) if can_stream else 0)
    assert _power_of_charger(home).attributes["source"] in {"energy", "level"}
    assert [one for one in caplog.records if one.levelno >= logging.WARNING and one.name.startswith("custom_components")] == []
