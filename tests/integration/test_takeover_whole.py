"""Coming from the other integration with all that it has of chargers, batteries and site: row by row, as its 3.0 and its 5.0 leave it."""

from dataclasses import dataclass

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.enphase_ev.const import DOMAIN
from simulator import Simulator
from tests.integration.house import CloudBuilder, House
from tests.integration.the_other import (
    BATTERY_COUNTERPARTS,
    COUNTERPARTS,
    ENERGY_COUNTERPARTS,
    LATER_COUNTERPARTS,
    OF_ANOTHER_PLATFORM,
    POWER_COUNTERPARTS,
    REMOVED_BUTTONS,
    SITE_COUNTERPARTS,
    UNIT_COUNTERPARTS,
    entry_of_the_other,
)

# What is listed without a counterpart, of the site.
_ONLY_THERE = ("last_error_code", "backoff_ends", "battery_average_age")


@dataclass(frozen=True)
class _Row:
    """An entity of the other integration, and what it is here: unique id and the device's identifier."""

    platform: str
    theirs: str
    ours: str | None
    device: str | None


def _rows(sim: Simulator, release: str) -> list[_Row]:
    """The table of all that both have, with what only the other one has at its end."""
    site, battery = sim.site.id, f"{sim.site.id}_battery"
    assert sim.site.battery is not None
    of_chargers = {**COUNTERPARTS, **LATER_COUNTERPARTS}
    if release == "5.0":
        of_chargers = {key: ours for key, ours in of_chargers.items() if key not in REMOVED_BUTTONS}
    rows = [
        _Row(platform, f"enphase_ev_{serial}_{old}", f"{serial}_{ours}", serial)
        for serial in sim.site.chargers
        for (platform, old), ours in of_chargers.items()
    ]
    of_site = {**SITE_COUNTERPARTS, **{("sensor", old): ours for old, ours in {**ENERGY_COUNTERPARTS, **POWER_COUNTERPARTS}.items()}}
    rows += [_Row(platform, f"enphase_ev_site_{site}_{old}", f"{site}_{ours}", site) for (platform, old), ours in of_site.items()]
    rows += [
        _Row(platform, f"enphase_ev_site_{site}_{old}", f"{site}_{ours}", battery) for (platform, old), ours in BATTERY_COUNTERPARTS.items()
    ]
    rows += [
        _Row("sensor", f"enphase_ev_site_{site}_battery_{unit.serial}_{old}", f"{unit.serial}_{ours}", unit.serial)
        for unit in sim.site.battery.units
        for old, ours in UNIT_COUNTERPARTS.items()
    ]
    # One at each charger there, one for the site here.
    first, *others = sim.site.chargers
    rows.append(_Row("switch", f"enphase_ev_{first}_storm_guard_evse_charge", f"{site}_storm_guard_ev", battery))
    rows += [_Row("switch", f"enphase_ev_{serial}_storm_guard_evse_charge", None, None) for serial in others]
    rows += [_Row(platform, f"enphase_ev_site_{site}_{old}", None, None) for platform, old in OF_ANOTHER_PLATFORM]
    rows += [_Row("sensor", f"enphase_ev_site_{site}_{old}", None, None) for old in _ONLY_THERE]
    return rows


def _left_behind(hass: HomeAssistant, sim: Simulator, entry: MockConfigEntry, rows: list[_Row]) -> dict[tuple[str, str], str]:
    """Fill the registries with the rows; return entity ids by platform and unique id."""
    devices, entities = dr.async_get(hass), er.async_get(hass)
    cloud = devices.async_get_or_create(config_entry_id=entry.entry_id, identifiers={(DOMAIN, f"site:{sim.site.id}")}, name="Cloud")
    encharge = devices.async_get_or_create(config_entry_id=entry.entry_id, identifiers={(DOMAIN, f"type:{sim.site.id}:encharge")})
    chargers = {
        serial: devices.async_get_or_create(config_entry_id=entry.entry_id, identifiers={(DOMAIN, serial)}) for serial in sim.site.chargers
    }
    ids = {}
    for row in rows:
        charger = next((device for serial, device in chargers.items() if f"_{serial}_" in row.theirs), None)
        is_of_battery = row.device not in {None, sim.site.id}
        device = charger or (encharge if is_of_battery else cloud)
        made = entities.async_get_or_create(
            row.platform,
            DOMAIN,
            row.theirs,
            config_entry=entry,
            device_id=device.id,
            suggested_object_id=row.theirs.replace("enphase_ev", "the_other"),
        )
        ids[row.platform, row.theirs] = made.entity_id
    return ids


@pytest.mark.parametrize("release", ["3.0", "5.0"])
async def test_every_row_keeps_its_entity_id_and_works(
    hass: HomeAssistant, build_cloud: CloudBuilder, freezer: FrozenDateTimeFactory, release: str
) -> None:
    sim = await build_cloud("home")
    entry = entry_of_the_other(hass, sim, **({"auth_blocked_until": None} if release == "5.0" else {}))
    rows = _rows(sim, release)
    before = _left_behind(hass, sim, entry, rows)

    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await House(hass, sim, entry, freezer).live(600)

    assert entry.state is ConfigEntryState.LOADED
    entities, devices = er.async_get(hass), dr.async_get(hass)
    wrong = []
    for row in (row for row in rows if row.ours is not None and row.device is not None):
        entity = entities.async_get(before[row.platform, row.theirs])
        device = devices.async_get_device_by_identifier((DOMAIN, row.device), entry.entry_id)
        if entity is None or device is None or (entity.unique_id, entity.device_id) != (row.ours, device.id):
            wrong.append(f"{row.theirs}: {entity.unique_id if entity else 'gone'}")
        elif row.ours.removeprefix(f"{row.device}_") in POWER_COUNTERPARTS.values():
            # Live power has states once somebody listens to it.
            continue
        elif (state := hass.states.get(entity.entity_id)) is None or state.attributes.get("restored"):
            wrong.append(f"{row.theirs}: nothing stands behind it")
    assert wrong == []


async def test_what_is_here_on_another_platform_is_told(hass: HomeAssistant, build_cloud: CloudBuilder) -> None:
    sim = await build_cloud("home")
    entry = entry_of_the_other(hass, sim)
    rows = _rows(sim, "5.0")
    before = _left_behind(hass, sim, entry, rows)

    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()

    told = {f"enphase_ev_site_{sim.site.id}_{old}": f" → {ours}" for (_, old), ours in OF_ANOTHER_PLATFORM.items()}
    gone = {before[row.platform, row.theirs]: told.get(row.theirs, "") for row in rows if row.ours is None}
    note = ir.async_get(hass).async_get_issue(DOMAIN, f"taken_over_{entry.entry_id}")
    assert note is not None
    assert note.translation_placeholders is not None
    assert note.translation_placeholders["entities"].splitlines() == [f"- `{entity_id}`{ours}" for entity_id, ours in sorted(gone.items())]
    assert [entity_id for entity_id in gone if er.async_get(hass).async_get(entity_id)] == []
