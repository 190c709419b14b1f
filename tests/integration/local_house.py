"""What tests of a gateway in the house look at: where the values come from, and who was asked for what."""

from datetime import datetime

from homeassistant.helpers import issue_registry as ir

from custom_components.enphase_ev.const import DOMAIN
from simulator import Charger
from tests.integration.house import House

DAY = 24 * 3600
# Options for what takes days.
SELDOM = {"slow_interval": 1800, "fast_interval": 1800}


def source_of(house: House, charger: Charger | None = None) -> tuple[str, str | None]:
    """Return where a charger's values come from, and why not from the gateway."""
    state = house.state("sensor", "data_source", charger)
    return state.state, state.attributes["local_refused"]


def cloud_polls(house: House, since: datetime) -> int:
    """Return how often the cloud's status was asked for."""
    return sum(request.family == "status" and request.at > since for request in house.sim.requests)


def local_paths(house: House, since: datetime | None = None) -> list[str]:
    """Return what the gateway was asked for, but for its meters."""
    of_chargers = (one for one in house.sim.gateway.requests if not one.path.startswith("/ivp/meters"))
    return [one.path for one in of_chargers if since is None or one.at > since]


def issue_of(house: House, key: str) -> ir.IssueEntry | None:
    """Return a repair issue of the house's entry."""
    return ir.async_get(house.hass).async_get_issue(DOMAIN, f"{key}_{house.entry.entry_id}")


def commands_of(house: House) -> tuple[list[str], list[str]]:
    """Return the commands that the gateway and the cloud have got."""

    def of(paths: list[tuple[str, str]]) -> list[str]:
        return [path.rpartition("/")[2] for method, path in paths if method != "GET" and path.endswith("_charging")]

    return (
        of([(one.method, one.path) for one in house.sim.gateway.requests]),
        of([(one.method, one.path) for one in house.sim.requests]),
    )
