"""triggers.yaml and conditions.yaml: what is really there, its texts, icons and documentation.

That Home Assistant takes the files is seen where it offers what is in them: tests/integration/test_offered_triggers.py.
"""

from homeassistant.core import HomeAssistant
from homeassistant.util.yaml import load_yaml_dict
import pytest

from custom_components.enphase_ev.condition import async_get_conditions
from custom_components.enphase_ev.event import SessionEvent
from custom_components.enphase_ev.trigger import async_get_triggers
from tests.structure.source import INTEGRATION, ROOT, load

each_kind = pytest.mark.parametrize("kind", ["triggers", "conditions"])


def _described(kind: str) -> dict[str, dict[str, dict[str, object]]]:
    return load_yaml_dict(str(INTEGRATION / f"{kind}.yaml"))


async def test_what_is_described_is_there(hass: HomeAssistant) -> None:
    assert set(await async_get_triggers(hass)) == set(_described("triggers"))
    assert set(await async_get_conditions(hass)) == set(_described("conditions"))


@each_kind
def test_texts_and_icons_match(kind: str) -> None:
    described, texts = _described(kind), load("translations/en.json")[kind]
    assert {name: set(content["fields"]) for name, content in described.items()} == {
        name: set(content["fields"]) for name, content in texts.items()
    }
    assert [name for name, content in texts.items() if not (content["name"] and content["description"])] == []
    assert set(load("icons.json")[kind]) == set(described)


@each_kind
def test_each_is_told(kind: str) -> None:
    page = (ROOT / "docs" / "actions.md").read_text(encoding="utf-8")
    assert [content["name"] for content in load("translations/en.json")[kind].values() if f"**{content['name']}**" not in page] == []


def test_every_event_of_a_session_is_told() -> None:
    page = (ROOT / "docs" / "energy.md").read_text(encoding="utf-8").partition("## Session events")[2]
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert {name.strip("` ") for row in rows for name in row.split(",")} == {*SessionEvent}
