"""Names that several modules use."""

import logging
from typing import Final

DOMAIN: Final = "enphase_ev"
# Version of config entries; version 1 can also be the other integration's.
ENTRY_VERSION: Final = 2
LOGGER = logging.getLogger(__package__)
MANUFACTURER: Final = "Enphase"

# What has happened to a change or a schedule of a battery, for the logbook.
EVENT_BATTERY_CHANGE: Final = f"{DOMAIN}_battery_change"

CONF_CHARGERS: Final = "chargers"
CONF_DECLINED: Final = "declined"
CONF_FOLLOWS_ACCOUNT: Final = "follows_account"
CONF_REMEMBER_PASSWORD: Final = "remember_password"  # noqa: S105 - the name of a form field
CONF_SITE: Final = "site"
