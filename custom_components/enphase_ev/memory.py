"""What the integration remembers about a site across restarts."""

from dataclasses import dataclass, field

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from mashumaro import DataClassDictMixin

from .const import DOMAIN

_STORAGE_VERSION = 1
_SAVE_DELAY = 5.0


@dataclass
class SiteMemory(DataClassDictMixin):
    """`wished_levels` is what a person set each charger's number to, in A by serial number."""

    wished_levels: dict[str, float] = field(default_factory=dict)


class SiteMemoryStore:
    """Keeps the memory of one config entry on disk."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._store: Store[dict[str, object]] = Store(hass, _STORAGE_VERSION, f"{DOMAIN}.site.{entry_id}", private=True, atomic_writes=True)
        self.memory = SiteMemory()

    async def async_load(self) -> None:
        """Read what was kept."""
        if stored := await self._store.async_load():
            self.memory = SiteMemory.from_dict(stored)

    def save(self) -> None:
        """Write soon what is remembered now."""
        self._store.async_delay_save(self.memory.to_dict, _SAVE_DELAY)

    async def async_remove(self) -> None:
        """Forget everything."""
        await self._store.async_remove()
