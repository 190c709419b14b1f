"""Texts that Home Assistant does not translate where they are shown, such as the titles of events, in Home Assistant's language."""

from homeassistant.core import async_get_hass
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN


def text_of(category: str, *path: str) -> str | None:
    """Return a text of the translations, in English where the language does not have it; `None` where nothing is loaded."""
    hass = async_get_hass()
    key = ".".join((f"component.{DOMAIN}.{category}", *path))
    texts = (async_get_cached_translations(hass, language, category, DOMAIN) for language in (hass.config.language, "en"))
    return next((found[key] for found in texts if key in found), None)


def common_text(key: str, **placeholders: str) -> str:
    """Return a text of the category `common` with its gaps filled in; its key where nothing is loaded."""
    return (text_of("common", key) or key).format_map(placeholders)
