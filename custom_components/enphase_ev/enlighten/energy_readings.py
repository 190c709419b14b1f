"""The energy of one site (docs/cloud-api/energy.md), and the times at which the grid was away (docs/cloud-api/events.md §2)."""

from .account import Account
from .models.energy_channels import EnergyOfDays, EnergyOfToday
from .models.grid_events import Outage, read_outages
from .transport import Family, Request


class SiteEnergy:
    """Reads what a site made, used, took and gave. Not every site has it."""

    def __init__(self, account: Account, site_id: str) -> None:
        self.account = account
        self.site_id = site_id

    async def today(self) -> EnergyOfToday:
        """Return the day so far, by quarter hour; new values come as often."""
        request = Request(family=Family.ENERGY, path=f"/pv/systems/{self.site_id}/today", is_optional=True)
        return EnergyOfToday.read(await self.account.request(request, site_id=self.site_id))

    async def all_days(self) -> EnergyOfDays:
        """Return every day since the site was switched on."""
        request = Request(family=Family.ENERGY, path=f"/pv/systems/{self.site_id}/lifetime_energy", is_optional=True)
        return EnergyOfDays.read(await self.account.request(request, site_id=self.site_id))

    async def outages(self) -> tuple[Outage, ...]:
        """Return the times at which the batteries backed the house up, the oldest first."""
        request = Request(family=Family.OUTAGES, path=f"/app-api/{self.site_id}/battery_backup_history.json", is_optional=True)
        return read_outages(await self.account.request(request, site_id=self.site_id))
