"""The form of the options of a site."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.const import UnitOfElectricPotential, UnitOfTime
from homeassistant.helpers.selector import BooleanSelector, NumberSelector, NumberSelectorConfig, NumberSelectorMode
import voluptuous as vol

from .options import (
    CONF_FAST_INTERVAL,
    CONF_FAST_WHILE_STREAMING,
    CONF_NOMINAL_VOLTAGE,
    CONF_REQUEST_TIMEOUT,
    CONF_SESSION_HISTORY,
    CONF_SLOW_INTERVAL,
    SiteOptions,
)


def _number(lowest: float, highest: float, unit: str) -> NumberSelector:
    return NumberSelector(NumberSelectorConfig(min=lowest, max=highest, step=1, unit_of_measurement=unit, mode=NumberSelectorMode.BOX))


_FIELDS = {
    CONF_SLOW_INTERVAL: _number(60, 3600, UnitOfTime.SECONDS),
    CONF_FAST_INTERVAL: _number(30, 3600, UnitOfTime.SECONDS),
    CONF_FAST_WHILE_STREAMING: BooleanSelector(),
    CONF_REQUEST_TIMEOUT: _number(5, 120, UnitOfTime.SECONDS),
    CONF_NOMINAL_VOLTAGE: _number(100, 500, UnitOfElectricPotential.VOLT),
    CONF_SESSION_HISTORY: BooleanSelector(),
}


class EnphaseOptionsFlow(OptionsFlowWithReload):
    """Shows the options; a change reloads the site."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for all of them."""
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        now = SiteOptions.read(self.config_entry.options, self.hass.config.country)
        shown: dict[str, object] = {key: getattr(now, key) for key in _FIELDS}
        schema = vol.Schema({vol.Required(key, default=shown[key]): selector for key, selector in _FIELDS.items()})
        return self.async_show_form(step_id="init", data_schema=schema)
