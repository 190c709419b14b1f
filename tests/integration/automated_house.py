"""A house with an automation made of a blueprint, as a person makes one."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from homeassistant.core import CoreState, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

from simulator.battery.physics import Doing
from tests.integration.battery_house import BatteryHouse

BLUEPRINTS = Path(__file__).parents[2] / "blueprints"


@dataclass
class AutomatedHouse(BatteryHouse):
    """A house in Melbourne at ten past one in the afternoon: a battery, a charger, a car on its cable that does not charge.

    Attributes:
        told: what was sent to the phone.
    """

    told: list[ServiceCall] = field(default_factory=list)

    async def automate(self, blueprint: str, **inputs: object) -> None:
        """Make an automation of a blueprint; inputs that are not named have their defaults."""
        automation = {"id": blueprint, "use_blueprint": {"path": f"enphase_ev/{blueprint}.yaml", "input": inputs}}
        assert await async_setup_component(self.hass, "automation", {"automation": automation})
        (entity_id,) = self.hass.states.async_entity_ids("automation")
        assert self.hass.states.is_state(entity_id, "on")

    async def automate_and_start(self, blueprint: str, **inputs: object) -> None:
        """Let Home Assistant start with an automation of a blueprint."""
        self.hass.set_state(CoreState.not_running)
        await self.automate(blueprint, **inputs)
        await self.lived_through(self.hass.async_start())

    async def pass_until(self, moment: str) -> None:
        """Let time pass until some seconds after the next such time of the day."""
        then = dt_util.parse_time(moment)
        assert then is not None
        now = dt_util.now()
        due = now.replace(hour=then.hour, minute=then.minute, second=5, microsecond=0)
        await self.pass_time(minutes=((due if due > now else due + timedelta(days=1)) - now).total_seconds() / 60)

    async def at(self, look: Callable[[], object], *moments: str) -> list[object]:
        """Look at something at each of these times of the day."""
        seen = []
        for moment in moments:
            await self.pass_until(moment)
            seen.append(look())
        return seen

    def charges(self) -> bool:
        """Return whether the car charges."""
        return self.sim.charger().charging

    def battery_does(self) -> Doing:
        """Return why the battery does what it does."""
        return self.battery.flow.doing


type AutomatedHouseBuilder = Callable[..., Coroutine[object, object, AutomatedHouse]]
