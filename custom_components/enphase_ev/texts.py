"""Texts that Home Assistant does not translate where they are shown, such as the titles of events, in Home Assistant's language."""

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby

from homeassistant.const import WEEKDAYS
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


def option_name(selector: str, option: str) -> str:
    """Return the name of an option of a form; the option where nothing is loaded."""
    return text_of("selector", selector, "options", option) or option


def days_text(days: Collection[int]) -> str:
    """Return days of the week (1 = Monday) by their names, three and more in a row as the first and the last."""
    return ", ".join(_runs(option_name("weekday", WEEKDAYS[day - 1]) if day in days else None for day in range(1, 8)))


def _runs(days: Iterable[str | None]) -> Iterator[str]:
    for is_there, row in groupby(days, bool):
        names = [name for name in row if name]
        if is_there:
            yield from names if len(names) < 3 else (f"{names[0]} - {names[-1]}",)
