"""Write down what this version leaves on the disk of a real Home Assistant, for the upgrade tests of the versions after it.

Usage: python -m tests.live.snapshot   writes tests/fixtures/releases/<version>.json
Everything in it comes from the simulator, so there is nothing to redact.
"""

import asyncio
from contextlib import AsyncExitStack
import json
from pathlib import Path
import tempfile
from typing import Any

from tests.live.configuration import CUSTOM_COMPONENTS, DOMAIN, ROOT
from tests.live.home_assistant import HomeAssistant
from tests.live.onboarding import add_integration
from tests.live.process import free_port
from tests.live.simulator import Simulator

FOLDER = ROOT / "tests" / "fixtures" / "releases"
_SECONDS = 60
# In these are other integrations' things, too: the list in question, and what tells whose its items are.
_SHARED = {"core.config_entries": ("entries", "domain"), "core.entity_registry": ("entities", "platform")}


async def live(folder: Path) -> None:
    """Add the integration, change what a person changes, let some minutes pass, and stop."""
    async with AsyncExitStack() as servers:
        simulator = await servers.enter_async_context(Simulator(port=free_port(), log=folder / "simulator.log", scenario="home"))
        home_assistant = HomeAssistant(folder, port=free_port(), log=folder / "home-assistant.log", cloud=simulator.url)
        await servers.enter_async_context(home_assistant)
        await add_integration(home_assistant, await simulator.account())
        serial = min(await simulator.chargers())
        found = {f"{one['entity_id'].partition('.')[0]}.{one['unique_id']}": one for one in await home_assistant.entities()}
        power, phase_mode, amps = (
            found[f"{key}"] for key in (f"sensor.{serial}_power", f"sensor.{serial}_phase_mode", f"number.{serial}_charging_amps")
        )
        await home_assistant.command("config/area_registry/create", name="Garage")
        await home_assistant.command(
            "config/device_registry/update", device_id=power["device_id"], name_by_user="Wallbox", area_id="garage"
        )
        await home_assistant.command(
            "config/entity_registry/update", entity_id=power["entity_id"], new_entity_id="sensor.wallbox_draws", name="Draws"
        )
        await home_assistant.command("config/entity_registry/update", entity_id=phase_mode["entity_id"], disabled_by="user")
        await home_assistant.act("number", "set_value", entity_id=amps["entity_id"], value=17)
        await asyncio.sleep(_SECONDS)


def read(storage: Path) -> dict[str, Any]:
    """The files of the storage that are ours, and our part of those that are shared."""
    files = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(storage.iterdir()) if path.suffix != ".backup"}
    kept = {name: content for name, content in files.items() if name.startswith(f"{DOMAIN}.") or name == "core.area_registry"}
    for name, (items, whose) in _SHARED.items():
        kept[name] = files[name]
        files[name]["data"][items] = [item for item in files[name]["data"][items] if item[whose] == DOMAIN]
    entries = {entry["entry_id"] for entry in files["core.config_entries"]["data"]["entries"]}
    registry = kept["core.device_registry"] = files["core.device_registry"]
    registry["data"]["devices"] = [device for device in registry["data"]["devices"] if device["config_entry_id"] in entries]
    return kept


def main() -> None:
    """Make the snapshot of the version in the manifest."""
    version = json.loads((CUSTOM_COMPONENTS / DOMAIN / "manifest.json").read_text(encoding="utf-8"))["version"]
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live(Path(folder)))
        files = read(Path(folder) / ".storage")
    # A line a file: it is not for reading, and a change shows where it is.
    lines = (f"{json.dumps(name)}: {json.dumps(content, separators=(',', ':'))}" for name, content in files.items())
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{version}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
