"""services.yaml: Home Assistant's schema, the actions that are really registered, their fields, texts and icons."""

from collections.abc import Iterator

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import _SERVICES_SCHEMA  # the schema that Home Assistant reads the file with
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
import pytest
import voluptuous as vol

from custom_components.enphase_ev.battery.validation import lowest_limit
from custom_components.enphase_ev.enlighten import BatteryFamily
from tests.structure.action_calls import flat
from tests.structure.source import INTEGRATION, load

DOMAIN = INTEGRATION.name
# Registered only where an entry was taken over: tests/integration/test_old_actions.py.
OLDER_NAMES = {"add_schedule", "update_schedule", "delete_schedule", "validate_schedule"}


@pytest.fixture
def described() -> dict[str, dict[str, object]]:
    return load_yaml_dict(str(INTEGRATION / "services.yaml"))


@pytest.fixture
async def registered(hass: HomeAssistant, enable_custom_integrations: None) -> dict[str, object]:
    """The actions by name, each with the schema that its data must have."""
    assert await async_setup_component(hass, DOMAIN, {})
    return {name: service.schema for name, service in hass.services.async_services_for_domain(DOMAIN).items()}


def _fields(service: dict[str, object] | None) -> dict[str, dict[str, object]]:
    """The fields of an action, those in sections too."""
    return flat((service or {}).get("fields") or {})


def _keys(schema: object) -> Iterator[str]:
    """The keys that a schema knows, however its validators are nested."""
    match schema:
        case dict():
            for key in schema:
                yield str(key.schema if isinstance(key, vol.Marker) else key)
        case _:
            for inner in ("schema", "validators"):
                nested = getattr(schema, inner, None)
                for part in nested if isinstance(nested, list | tuple) else [nested]:
                    if part is not None and part is not schema:
                        yield from _keys(part)


def test_file_is_valid(described: dict[str, dict[str, object]]) -> None:
    assert set(_SERVICES_SCHEMA(described)) == set(described)


def test_targets_are_those_that_hassfest_takes(described: dict[str, dict[str, object]]) -> None:
    """It refuses a `device` filter, which Home Assistant's own schema lets pass."""
    targets = {name: service["target"] for name, service in described.items() if service and "target" in service}
    assert targets
    assert [name for name, target in targets.items() if set(target) - {"entity", "primary_entities_only"}] == []


def test_targets_name_an_entity_that_only_some_devices_have(described: dict[str, dict[str, object]]) -> None:
    """One that names nothing but the integration is offered on every device: tests/integration/test_offered_actions.py."""
    filters = {name: service["target"]["entity"] for name, service in described.items() if service and "target" in service}
    assert [name for name, asked in filters.items() if set(asked) != {"integration", "domain", "device_class"}] == []


def _limits(fields: object) -> Iterator[dict[str, dict[str, object]]]:
    """The selectors of the fields `limit`, those inside of an object too."""
    if isinstance(fields, dict):
        if "limit" in fields:
            yield fields["limit"]["selector"]
        for inner in fields.values():
            yield from _limits(inner)


def test_forms_take_the_limits_that_a_battery_can_have(described: dict[str, dict[str, object]]) -> None:
    limits = list(_limits(described))
    assert len(limits) == 4
    assert [(one["number"]["min"], one["number"]["max"]) for one in limits] == [
        (lowest_limit(BatteryFamily.CHARGE_FROM_GRID, None), 100)
    ] * 4


async def test_actions_are_the_registered_ones(described: dict[str, dict[str, object]], registered: dict[str, object]) -> None:
    assert registered
    assert set(described) - OLDER_NAMES == set(registered)


async def test_fields_are_those_of_the_schema(described: dict[str, dict[str, object]], registered: dict[str, object]) -> None:
    # Targets, and what the front end adds for itself, are no fields.
    targets = {"metadata", *(str(key) for key in cv.ENTITY_SERVICE_FIELDS)}
    for name, schema in registered.items():
        assert set(_fields(described[name])) == set(_keys(schema)) - targets, name


def test_actions_and_their_texts_match(described: dict[str, dict[str, object]]) -> None:
    texts = load("translations/en.json").get("services", {})
    assert set(texts) == set(described)
    for name, service in described.items():
        assert texts[name]["name"], name
        assert texts[name]["description"], name
        assert set(texts[name].get("fields", {})) == set(_fields(service)), name
        sections = {field for field, content in ((service or {}).get("fields") or {}).items() if "fields" in content}
        assert set(texts[name].get("sections", {})) == sections, name
        for field, text in texts[name].get("fields", {}).items():
            assert text["name"], f"{name}.{field}"
            assert text["description"], f"{name}.{field}"


def test_every_action_has_an_icon(described: dict[str, dict[str, object]]) -> None:
    icons = load("icons.json")["services"]
    assert set(icons) == set(described)
    assert [name for name, icon in icons.items() if not icon.get("service", "").startswith("mdi:")] == []
