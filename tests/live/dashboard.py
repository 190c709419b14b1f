"""A dashboard of the site with its chargers and batteries, and the chargers in Home Assistant's Energy dashboard.

Only cards that come with Home Assistant. Entities are looked up by unique id, so that the dashboard knows no entity id.
"""

from collections.abc import Iterable
from typing import Any

from tests.live.home_assistant import HomeAssistant, RegistryEntry

URL_PATH = "ev-charging"

type Card = dict[str, Any]

# Of each charger: the key of the entity, its name on the card, what the card offers beside the value.
CONTROLS: tuple[tuple[str, str, str, tuple[Card, ...]], ...] = (
    ("switch", "charging", "Charging", ({"type": "toggle"},)),
    ("select", "charge_mode", "Charge mode", ({"type": "select-options"},)),
    ("number", "charging_amps", "Charging amps", ({"type": "numeric-input", "style": "buttons"},)),
)
BUTTONS = (("start_charging", "Start"), ("stop_charging", "Stop"))
READINGS = (
    ("sensor", "status", "Status"),
    ("binary_sensor", "plugged_in", "Cable"),
    ("sensor", "session_energy", "This session"),
    ("sensor", "session_duration", "Time"),
    ("sensor", "set_amps", "Set to"),
    ("sensor", "lifetime_energy", "Lifetime"),
)
# Of all batteries, where the site has them.
BATTERY_CONTROLS: tuple[tuple[str, str, str, tuple[Card, ...]], ...] = (
    ("select", "system_profile", "System profile", ({"type": "select-options"},)),
    ("number", "reserve", "Reserve", ({"type": "numeric-input", "style": "slider"},)),
    ("switch", "charge_from_grid", "Charge from grid", ()),
    ("switch", "discharge_to_grid", "Discharge to grid", ()),
    ("switch", "restrict_battery_discharge", "Restrict battery discharge", ()),
)
BATTERY_READINGS = (
    ("sensor", "battery_status", "Status"),
    ("sensor", "available_energy", "Energy"),
    ("sensor", "pending_change", "Change"),
    ("binary_sensor", "storm_alert", "Storm alert"),
)
BATTERY_SCHEDULES = ("charge_from_grid", "discharge_to_grid", "restrict_battery_discharge")
SITE_READINGS = (("binary_sensor", "cloud_reachable", "Cloud"),)


class Entities:
    """This integration's entities, found by platform and unique id."""

    def __init__(self, entries: Iterable[RegistryEntry]) -> None:
        self._entries = {
            (entry["entity_id"].partition(".")[0], entry["unique_id"]): entry for entry in entries if entry["disabled_by"] is None
        }

    def find(self, platform: str, owner: str, key: str) -> str | None:
        """The entity id of a charger's or the site's entity, if there is one."""
        entry = self._entries.get((platform, f"{owner}_{key}"))
        return None if entry is None else entry["entity_id"]

    def owners(self, platform: str, key: str) -> dict[str, RegistryEntry]:
        """Serial numbers (or site ids) that have such an entity."""
        return {
            unique_id.removesuffix(f"_{key}"): entry
            for (entry_platform, unique_id), entry in self._entries.items()
            if entry_platform == platform and unique_id.endswith(f"_{key}")
        }

    @property
    def chargers(self) -> dict[str, RegistryEntry]:
        """Chargers by serial number, each with its switch."""
        return dict(sorted(self.owners("switch", "charging").items()))


def _tile(entity_id: str | None, name: str, *features: Card, columns: int = 6) -> list[Card]:
    """A tile, or nothing where there is no such entity."""
    if entity_id is None:
        return []
    tile: Card = {"type": "tile", "entity": entity_id, "name": name, "grid_options": {"columns": columns}}
    if features:
        tile |= {"features": list(features), "features_position": "bottom"}
    return [tile]


def _press(entity_id: str | None, name: str) -> list[Card]:
    """A tile that presses a button where it is tapped."""
    press = {"action": "perform-action", "perform_action": "button.press", "target": {"entity_id": entity_id}}
    return [tile | {"hide_state": True, "tap_action": press} for tile in _tile(entity_id, name)]


def _charger_section(entities: Entities, serial: str, name: str) -> Card:
    cards: list[Card] = [{"type": "heading", "heading": name, "icon": "mdi:ev-station"}]
    cards += _tile(entities.find("sensor", serial, "power"), "Power", {"type": "trend-graph", "hours_to_show": 1}, columns=12)
    for platform, key, label, features in CONTROLS:
        cards += _tile(entities.find(platform, serial, key), label, *features, columns=12)
    for key, label in BUTTONS:
        cards += _press(entities.find("button", serial, key), label)
    for platform, key, label in READINGS:
        cards += _tile(entities.find(platform, serial, key), label)
    return {"type": "grid", "cards": cards}


def _battery_section(entities: Entities, site: str) -> Card:
    cards: list[Card] = [{"type": "heading", "heading": "Battery", "icon": "mdi:home-battery"}]
    graph: Card = {"type": "trend-graph", "hours_to_show": 1}
    cards += _tile(entities.find("sensor", site, "state_of_charge"), "State of charge", graph, columns=12)
    for platform, key, label, features in BATTERY_CONTROLS:
        cards += _tile(entities.find(platform, site, key), label, *features, columns=12)
    for platform, key, label in BATTERY_READINGS:
        cards += _tile(entities.find(platform, site, key), label)
    calendars = [calendar for key in BATTERY_SCHEDULES if (calendar := entities.find("calendar", site, key))]
    if calendars:
        cards.append({"type": "calendar", "initial_view": "listWeek", "entities": calendars})
    return {"type": "grid", "cards": cards}


def _site_section(entities: Entities) -> Card:
    cards: list[Card] = [{"type": "heading", "heading": "Site", "icon": "mdi:home-lightning-bolt"}]
    for site in entities.owners("binary_sensor", "cloud_reachable"):
        for platform, key, label in SITE_READINGS:
            cards += _tile(entities.find(platform, site, key), label, columns=12)
    power = [entities.find("sensor", serial, "power") for serial in entities.chargers]
    energy = [entities.find("sensor", serial, "session_energy") for serial in entities.chargers]
    for title, lines in (("Power", power), ("Energy of the session", energy)):
        rows = [{"entity": line} for line in lines if line]
        if rows:
            cards.append({"type": "history-graph", "title": title, "hours_to_show": 1, "entities": rows})
    return {"type": "grid", "cards": cards}


async def install(home_assistant: HomeAssistant) -> None:
    """Make the dashboard, show it first, and put the chargers into the Energy dashboard."""
    entities = Entities(await home_assistant.entities())
    devices = {device["id"]: device for device in await home_assistant.command("config/device_registry/list")}
    sections = [_site_section(entities)]
    for serial, switch in entities.chargers.items():
        device = devices[switch["device_id"]]
        sections.append(_charger_section(entities, serial, device["name_by_user"] or device["name"]))
    sections += [_battery_section(entities, site) for site in entities.owners("calendar", BATTERY_SCHEDULES[0])]
    view = {"type": "sections", "title": "EV charging", "path": "chargers", "max_columns": 4, "sections": sections}

    dashboards = await home_assistant.command("lovelace/dashboards/list")
    if URL_PATH not in {dashboard["url_path"] for dashboard in dashboards}:
        await home_assistant.command(
            "lovelace/dashboards/create", url_path=URL_PATH, title="EV charging", icon="mdi:ev-station", mode="storage"
        )
    await home_assistant.command("lovelace/config/save", url_path=URL_PATH, config={"views": [view]})
    await home_assistant.command("frontend/set_system_data", key="core", value={"default_panel": URL_PATH})

    meters = [entities.find("sensor", serial, "lifetime_energy") for serial in entities.chargers]
    consumption = [{"stat_consumption": meter} for meter in meters if meter]
    await home_assistant.command("energy/save_prefs", device_consumption=consumption)
