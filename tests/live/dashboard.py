"""The dashboard of docs/dashboard.yaml for the site that is there."""

from collections.abc import Iterable, Mapping
import json
from typing import Any

from homeassistant.util.yaml import load_yaml_dict

from tests.live.configuration import ROOT
from tests.live.home_assistant import HomeAssistant, RegistryEntry

URL_PATH = "ev-charging"
SOURCE = ROOT / "docs" / "dashboard.yaml"
# What stands for a charger, the batteries and the site in the ids of docs/dashboard.yaml; and an entity that each of them has.
# What stands there for the charger's name is the word "Charger".
_CHARGER, _BATTERY, _SITE = ".iq_ev_charger_abcd_", ".battery_", ".main_site_"
_SIGNS = {_CHARGER: ("switch", "charging"), _BATTERY: ("sensor", "capacity"), _SITE: ("binary_sensor", "cloud_reachable")}

_NAME = json.dumps("Charger")

type Card = dict[str, Any]


class Entities:
    """This integration's entities, found by platform and unique id."""

    def __init__(self, entries: Iterable[RegistryEntry]) -> None:
        self._entries = {
            (entry["entity_id"].partition(".")[0], entry["unique_id"]): entry for entry in entries if entry["disabled_by"] is None
        }

    @property
    def ids(self) -> set[str]:
        """All entity ids."""
        return {entry["entity_id"] for entry in self._entries.values()}

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


class _Site:
    """Puts the entities of the site that is there in place of those of docs/dashboard.yaml."""

    def __init__(self, entities: Entities, names: Mapping[str, str]) -> None:
        self._ids = entities.ids
        # By sign: what stands in its place, and the name of what has it.
        self._found = {
            sign: [
                (entry["entity_id"].removeprefix(platform).removesuffix(key), names.get(owner, "Charger"))
                for owner, entry in sorted(entities.owners(platform, key).items())
            ]
            for sign, (platform, key) in _SIGNS.items()
        }

    def sections(self, sections: list[Card]) -> list[Card]:
        """A section for each charger and for each site's batteries; in those that only list entities, a card or a row for each."""
        filled = [
            one for section in sections for one in (self._each(section) if _has_tiles(section) else []) or [self._with_cards(section)]
        ]
        return [section for section in map(self._without_gaps, filled) if len(section["cards"]) > 1]

    def _each(self, item: Any) -> list[Any]:
        """What is about one kind of thing alone, once for each of them that there is."""
        text = json.dumps(item)
        signs = [sign for sign in self._found if sign in text]
        if len(signs) != 1:
            return []
        return [json.loads(text.replace(signs[0], prefix).replace(_NAME, json.dumps(name))) for prefix, name in self._found[signs[0]]]

    def _with_cards(self, section: Card) -> Card:
        return section | {"cards": [one for card in section["cards"] for one in self._cards(card)]}

    def _cards(self, card: Card) -> list[Card]:
        """A card for each thing, or, where its rows or badges name what they are about, one card with those of all."""
        rows = card.get("entities")
        if rows and all(isinstance(row, str) for row in rows):
            return self._each(card) or [card]
        return [card | {name: [one for row in card[name] for one in self._each(row)] for name in ("badges", "entities") if name in card}]

    def _without_gaps(self, section: Card) -> Card:
        """Without cards and rows whose entity there is not."""

        def is_there(item: Any) -> bool:
            return (item if isinstance(item, str) else item["entity"]) in self._ids

        cards = [
            card | {name: [row for row in card[name] if is_there(row)] for name in ("badges", "entities") if name in card}
            for card in section["cards"]
            if "entity" not in card or is_there(card)
        ]
        return section | {"cards": [card for card in cards if card.get("entities") != []]}


def _has_tiles(section: Card) -> bool:
    return any("entity" in card for card in section["cards"])


def filled(entities: Entities, names: Mapping[str, str]) -> Card:
    """Return docs/dashboard.yaml with the entities that are there; `names` are those of the chargers, by serial number."""
    config = load_yaml_dict(str(SOURCE))
    for view in config["views"]:
        view["sections"] = _Site(entities, names).sections(view["sections"])
    return config


async def install(home_assistant: HomeAssistant) -> None:
    """Make the dashboard, and show it first."""
    entities = Entities(await home_assistant.entities())
    devices = {device["id"]: device for device in await home_assistant.command("config/device_registry/list")}
    of_chargers = {serial: devices[switch["device_id"]] for serial, switch in entities.chargers.items()}
    config = filled(entities, {serial: device["name_by_user"] or device["name"] for serial, device in of_chargers.items()})

    dashboards = await home_assistant.command("lovelace/dashboards/list")
    if URL_PATH not in {dashboard["url_path"] for dashboard in dashboards}:
        await home_assistant.command(
            "lovelace/dashboards/create", url_path=URL_PATH, title="EV charging", icon="mdi:ev-station", mode="storage"
        )
    await home_assistant.command("lovelace/config/save", url_path=URL_PATH, config=config)
    await home_assistant.command("frontend/set_system_data", key="core", value={"default_panel": URL_PATH})
