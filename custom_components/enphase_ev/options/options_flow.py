"""The form of the options of a site."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlowWithReload
from homeassistant.const import UnitOfElectricPotential, UnitOfTime
from homeassistant.data_entry_flow import section
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from ..account_issues import fingerprint_shown
from ..charger.gateway_session import known_address
from ..enlighten import EnlightenError, gateway_url, shown_certificate
from ..runtime import EnphaseConfigEntry
from ..site.plan_prices import list_prices
from ..site.start import wants_energy
from . import (
    CONF_FAST_INTERVAL,
    CONF_FAST_WHILE_STREAMING,
    CONF_GATEWAY_ADDRESS,
    CONF_GATEWAY_FINGERPRINT,
    CONF_GATEWAY_TOKEN,
    CONF_LIVE_INTERVAL,
    CONF_LIVE_POWER,
    CONF_NOMINAL_VOLTAGE,
    CONF_POWER_SENSORS,
    CONF_PRICE_SENSORS,
    CONF_REQUEST_TIMEOUT,
    CONF_SESSION_HISTORY,
    CONF_SITE_ENERGY,
    CONF_SLOW_INTERVAL,
    LivePowerMode,
    SiteOptions,
)

_GATEWAY = "gateway"
_PRICES = "prices"
_ADVANCED = "advanced"
_USE_GATEWAY = "use_gateway"
_POWER_SENSOR = EntitySelector(EntitySelectorConfig(domain="sensor", device_class="power"))
# Octopus lists the rates of a day in an event.
_PRICE_SENSORS = EntitySelector(EntitySelectorConfig(domain=["sensor", "event"], multiple=True))


def _number(lowest: float, highest: float, unit: str) -> NumberSelector:
    return NumberSelector(NumberSelectorConfig(min=lowest, max=highest, step=1, unit_of_measurement=unit, mode=NumberSelectorMode.BOX))


_FIELDS = {
    CONF_SLOW_INTERVAL: _number(60, 3600, UnitOfTime.SECONDS),
    CONF_FAST_INTERVAL: _number(30, 3600, UnitOfTime.SECONDS),
    CONF_SESSION_HISTORY: BooleanSelector(),
    CONF_LIVE_POWER: SelectSelector(SelectSelectorConfig(options=[mode.value for mode in LivePowerMode], translation_key=CONF_LIVE_POWER)),
    CONF_SITE_ENERGY: BooleanSelector(),
}
# What few people ever change.
_RARE_FIELDS = {
    CONF_FAST_WHILE_STREAMING: BooleanSelector(),
    CONF_LIVE_INTERVAL: _number(1, 60, UnitOfTime.SECONDS),
    CONF_REQUEST_TIMEOUT: _number(5, 120, UnitOfTime.SECONDS),
    CONF_NOMINAL_VOLTAGE: _number(100, 500, UnitOfElectricPotential.VOLT),
}
_TOKEN = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))


class EnphaseOptionsFlow(OptionsFlowWithReload):
    """Shows the options; a change reloads the site."""

    def __init__(self) -> None:
        self._chosen: dict[str, Any] = {}

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for all options."""
        now = SiteOptions.read(self.config_entry.options, self.hass.config.country)
        errors: dict[str, str] = {}
        shown: dict[str, Any] = {key: getattr(now, key) for key in (*_FIELDS, *_RARE_FIELDS, CONF_POWER_SENSORS)} | {
            CONF_LIVE_POWER: self._live_power(now),
            CONF_SITE_ENERGY: wants_energy(self.hass, now),
            _PRICES: {CONF_PRICE_SENSORS: list(now.price_sensors)},
        }
        gateway: dict[str, Any] = {
            _USE_GATEWAY: now.gateway_address is not None,
            CONF_GATEWAY_ADDRESS: now.gateway_address or known_address(self.hass),
        }
        if user_input is not None:
            shown_before = shown[CONF_LIVE_POWER]
            rare = {key: shown[key] for key in _RARE_FIELDS} | user_input.get(_ADVANCED, {})
            shown, gateway = {**user_input, **rare}, user_input[_GATEWAY]
            self._chosen = {key: user_input[key] for key in _FIELDS} | rare | self._power_sensors(user_input, now)
            self._chosen |= self._price_sensors(user_input)
            if now.live_power is None and self._chosen[CONF_LIVE_POWER] == shown_before:
                # Nobody has chosen: it goes on to depend on what the site has.
                del self._chosen[CONF_LIVE_POWER]
            if not list_prices(self.hass, self._chosen.get(CONF_PRICE_SENSORS, ())):
                errors["base"] = "price_sensors_unreadable"
            elif not gateway[_USE_GATEWAY]:
                return self.async_create_entry(data=self._chosen)
            elif (end := await self._take_gateway(gateway, now, errors)) is not None:
                return end
        return self._form(shown, gateway, errors)

    async def _take_gateway(self, gateway: dict[str, Any], now: SiteOptions, errors: dict[str, str]) -> ConfigFlowResult | None:
        """Take in what was typed about the gateway; return what comes next, `None` with an error for the form."""
        self._chosen |= {
            CONF_GATEWAY_ADDRESS: gateway.get(CONF_GATEWAY_ADDRESS, "").strip(),
            CONF_GATEWAY_TOKEN: gateway.get(CONF_GATEWAY_TOKEN, "").strip() or now.gateway_token,
        }
        if self._chosen[CONF_GATEWAY_TOKEN] is None:
            errors["base"] = "gateway_token_missing"
        elif self._chosen[CONF_GATEWAY_ADDRESS] == now.gateway_address:
            return self.async_create_entry(data={**self._chosen, CONF_GATEWAY_FINGERPRINT: now.gateway_fingerprint})
        else:
            try:
                url = gateway_url(self._chosen[CONF_GATEWAY_ADDRESS])
                session = async_get_clientsession(self.hass, verify_ssl=False)
                self._chosen[CONF_GATEWAY_FINGERPRINT] = await shown_certificate(session, url)
                return await self.async_step_certificate()
            except ValueError:
                errors["base"] = "gateway_address_invalid"
            except EnlightenError:
                errors["base"] = "gateway_unreachable"
        return None

    def _form(self, shown: dict[str, Any], gateway: dict[str, Any], errors: dict[str, str]) -> ConfigFlowResult:
        address = {"suggested_value": gateway.get(CONF_GATEWAY_ADDRESS)}
        of_gateway = vol.Schema(
            {
                vol.Required(_USE_GATEWAY, default=gateway[_USE_GATEWAY]): BooleanSelector(),
                vol.Optional(CONF_GATEWAY_ADDRESS, description=address): TextSelector(),
                vol.Optional(CONF_GATEWAY_TOKEN): _TOKEN,
            }
        )
        fields: dict[vol.Marker, object] = {vol.Required(key, default=shown[key]): selector for key, selector in _FIELDS.items()}
        if chargers := self._chargers():
            sensors = shown.get(CONF_POWER_SENSORS, {})
            suggested = {
                vol.Optional(name, description={"suggested_value": sensors.get(name, sensors.get(serial))}): _POWER_SENSOR
                for serial, name in chargers.items()
            }
            fields[vol.Optional(CONF_POWER_SENSORS, default=dict)] = section(vol.Schema(suggested), {"collapsed": not sensors})
        listing = shown.get(_PRICES, {}).get(CONF_PRICE_SENSORS, [])
        of_prices = vol.Schema({vol.Optional(CONF_PRICE_SENSORS, description={"suggested_value": listing}): _PRICE_SENSORS})
        fields[vol.Optional(_PRICES, default=dict)] = section(of_prices, {"collapsed": not listing})
        rare = {vol.Required(key, default=shown[key]): selector for key, selector in _RARE_FIELDS.items()}
        fields[vol.Optional(_ADVANCED)] = section(vol.Schema(rare), {"collapsed": True})
        fields[vol.Required(_GATEWAY)] = section(of_gateway, {"collapsed": not gateway[_USE_GATEWAY]})
        return self.async_show_form(step_id="init", data_schema=vol.Schema(fields), errors=errors)

    def _chargers(self) -> dict[str, str]:
        """Return how the chargers are called in the form, by serial number; two of one name are told apart by its end."""
        entry: EnphaseConfigEntry = self.config_entry
        names = {serial: charger.name for serial, charger in entry.runtime_data.chargers.data.items()} if _is_loaded(entry) else {}
        found = list(names.values())
        return {serial: name if found.count(name) == 1 else f"{name} {serial[-4:]}" for serial, name in names.items()}

    def _power_sensors(self, user_input: dict[str, Any], now: SiteOptions) -> dict[str, dict[str, str]]:
        """Return the power sensors that were chosen, by serial number; those of chargers that the form does not show stay."""
        chargers = self._chargers()
        typed = user_input.get(CONF_POWER_SENSORS, {})
        kept = {serial: entity_id for serial, entity_id in now.power_sensors.items() if serial not in chargers}
        chosen = kept | {serial: typed[name] for serial, name in chargers.items() if typed.get(name)}
        return {CONF_POWER_SENSORS: chosen} if chosen else {}

    def _price_sensors(self, user_input: dict[str, Any]) -> dict[str, list[str]]:
        """Return the sensors of prices that were chosen."""
        chosen = user_input.get(_PRICES, {}).get(CONF_PRICE_SENSORS)
        return {CONF_PRICE_SENSORS: chosen} if chosen else {}

    def _live_power(self, options: SiteOptions) -> LivePowerMode:
        """Return when live power is listened to now."""
        entry: EnphaseConfigEntry = self.config_entry
        if _is_loaded(entry):
            return entry.runtime_data.live.mode
        return options.live_power or LivePowerMode.WHEN_ACTIVE

    async def async_step_certificate(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the certificate of the gateway; once accepted, no other one is."""
        if user_input is not None:
            return self.async_create_entry(data=self._chosen)
        placeholders = {
            "address": self._chosen[CONF_GATEWAY_ADDRESS],
            "fingerprint": fingerprint_shown(self._chosen[CONF_GATEWAY_FINGERPRINT]),
        }
        return self.async_show_form(step_id="certificate", data_schema=vol.Schema({}), description_placeholders=placeholders)


def _is_loaded(entry: EnphaseConfigEntry) -> bool:
    return entry.state is ConfigEntryState.LOADED
