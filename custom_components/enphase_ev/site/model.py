"""What is known about a site as a whole."""

from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from homeassistant.util import dt as dt_util

from ..enlighten import Account
from ..waiting import async_zone


@dataclass
class SiteFacts:
    """What is known about a site, whichever of its services has told it.

    Attributes:
        account: the account that the site is read with.
        time_zone: Home Assistant's own until the cloud names one.
        last_success: when the cloud, or the gateway in the house, last answered a poll (UTC).
        latency: s that the cloud took to answer.
        account_chargers: the names of all chargers that the account has at the site, wanted or not, by serial number.
    """

    site_id: str
    account: Account
    time_zone: tzinfo = field(default_factory=dt_util.get_default_time_zone)
    last_success: datetime | None = None
    latency: float | None = None
    account_chargers: dict[str, str] = field(default_factory=dict)

    async def async_take_time_zone(self, name: str | None) -> None:
        """Take in the name of the time zone; a name that is missing or unknown changes nothing."""
        if name is not None:
            self.time_zone = await async_zone(name) or self.time_zone
