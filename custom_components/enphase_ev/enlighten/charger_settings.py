"""The settings, features and firmware of the chargers of one site (docs/cloud-api/chargers.md §5 and §7)."""

from .account import Account
from .exceptions import InvalidResponse, RequestRejected
from .models.charger_configuration import (
    ChargerConfiguration,
    ConfigurationKey,
    Feature,
    FirmwareDetails,
    battery_help_json,
    read_battery_help,
    read_features,
    read_firmware,
    value_json,
)
from .parsing import Json, read_list
from .transport import Family, Request

_GREEN = "/service/evse_scheduler/api/v1/iqevc/charging-mode/GREEN_CHARGING"
_NOT_AVAILABLE = {401, 403, 404}


class ChargerSettings:
    """Reads and writes settings."""

    def __init__(self, account: Account, site_id: str) -> None:
        self.account = account
        self.site_id = site_id

    async def configuration(self, serial: str) -> ChargerConfiguration:
        """Return the configuration of a charger; the request is a POST, and reads.

        Raises:
            InvalidResponse: The answer holds nothing, which is no proof that everything is off.
        """
        keys: list[Json] = [{"key": key.value} for key in ConfigurationKey]
        request = Request(family=Family.CONFIGURATION, method="POST", path=self._configuration_path(serial), json=keys, is_optional=True)
        found = ChargerConfiguration.read(await self.account.request(request, site_id=self.site_id))
        if not found.keys:
            raise InvalidResponse("The charger's configuration holds nothing")
        return found

    async def set_configuration(self, serial: str, key: ConfigurationKey, value: bool | float) -> None:
        """Write one key: on or off, or a level (A); the charger applies it a little later."""
        request = Request(
            family=Family.CONFIGURATION,
            method="PUT",
            path=self._configuration_path(serial),
            json=[{"key": key.value, "value": value_json(value)}],
            is_write=True,
        )
        await self.account.request(request, site_id=self.site_id)

    async def battery_help(self, serial: str) -> bool | None:
        """Return whether the battery helps in green mode, `None` where the charger has no such setting.

        Raises:
            InvalidResponse: The answer has no list of settings at all.
        """
        request = Request(family=Family.CHARGE_MODE, path=f"{_GREEN}/{self.site_id}/{serial}/settings", is_optional=True)
        body = await self.account.request(request, site_id=self.site_id)
        if read_list(body) is None:
            raise InvalidResponse("The answer holds no list of settings")
        return read_battery_help(body)

    async def set_battery_help(self, serial: str, *, is_enabled: bool) -> None:
        """Choose whether the battery helps in green mode."""
        request = Request(
            family=Family.CHARGE_MODE,
            method="PUT",
            path=f"{_GREEN}/{self.site_id}/{serial}/settings",
            json=battery_help_json(is_enabled=is_enabled),
            is_write=True,
        )
        await self.account.request(request, site_id=self.site_id)

    async def features(self) -> dict[str, frozenset[Feature]]:
        """Return the features of each charger by serial number; those of the whole site stand under ``""``."""
        request = Request(
            family=Family.MANAGEMENT,
            path="/service/evse_management/api/v1/config/feature-flags",
            params={"site_id": self.site_id},
            is_optional=True,
        )
        return read_features(await self.account.request(request, site_id=self.site_id))

    async def firmware(self) -> dict[str, FirmwareDetails]:
        """Return the firmware of each charger by serial number; empty where the site does not tell."""
        request = Request(family=Family.MANAGEMENT, path=f"/service/evse_management/fwDetails/{self.site_id}", is_optional=True)
        try:
            return read_firmware(await self.account.request(request, site_id=self.site_id))
        except RequestRejected as err:
            if err.status not in _NOT_AVAILABLE:
                raise
            return {}

    def _configuration_path(self, serial: str) -> str:
        return f"/service/evse_controller/api/v1/{self.site_id}/ev_chargers/{serial}/ev_charger_config"
