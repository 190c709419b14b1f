"""Names that more than one room uses."""

import logging
from typing import Final

DOMAIN: Final = "enphase_ev"
LOGGER = logging.getLogger(__package__)
MANUFACTURER: Final = "Enphase"

CONF_CHARGERS: Final = "chargers"
CONF_DECLINED: Final = "declined"
CONF_FOLLOWS_ACCOUNT: Final = "follows_account"
CONF_REMEMBER_PASSWORD: Final = "remember_password"  # noqa: S105 - the name of a form field
CONF_SITE: Final = "site"
