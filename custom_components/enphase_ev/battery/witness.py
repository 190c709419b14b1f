"""Asks the gateway in the house whether it has taken over a setting that was written to the cloud (docs/cloud-api/local.md §2).

It shows a write after 10 to 20 s, the cloud after 5 to 15 minutes. What it confirms is applied. Anything else that it says decides nothing:
then the cloud's own view does. Schedules are compared by what the cloud lists, however soon a setting is applied.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from homeassistant.core import callback

from ..enlighten import BatteryWish
from ..waiting import async_rest
from .coordinator import BatteryCoordinator
from .ledger import Intent

_EVERY = 5.0
_ASKED_FOR = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class GatewayView:
    """What the gateway says is so now, by the names of `BatteryWish`; `None` is what it does not know.

    Attributes:
        charge_from_grid: whether it is allowed at all.
        shutdown_level, reserve: %.
    """

    charge_from_grid: bool | None = None
    shutdown_level: float | None = None
    reserve: float | None = None

    @classmethod
    def knows(cls, wish: BatteryWish) -> bool:
        """Return whether a gateway can say if everything that is wished for is so."""
        return bool(wish.named) and wish.named.keys() <= cls.__dataclass_fields__.keys()

    def confirms(self, wish: BatteryWish) -> bool | None:
        """Return whether everything is as wished for; `None` where the gateway does not know that."""
        told = {name: getattr(self, name) for name in wish.named}
        return None if None in told.values() else told == wish.named


class Witness(Protocol):
    """Who can say what the gateway has."""

    async def view(self) -> GatewayView | None:
        """Return what the gateway says now; `None` where it says nothing. A gateway that is away or refuses raises nothing."""


class WitnessWatch:
    """Asks the gateway after each write of a setting that it knows."""

    def __init__(self, coordinator: BatteryCoordinator, witness: Witness) -> None:
        self._coordinator = coordinator
        self._witness = witness
        self._is_asking = False
        # The intents whose opposite the gateway has shown: only a value that changes afterwards proves that the write has arrived.
        self._seen_otherwise: set[str] = set()

    @callback
    def async_start(self) -> None:
        """Watch for writes, for as long as the entry is loaded."""
        self._coordinator.config_entry.async_on_unload(self._coordinator.async_add_listener(self._look))

    @callback
    def _look(self) -> None:
        if self._is_asking or not self._open_intents():
            return
        self._is_asking = True
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass, self._ask(), name="Enphase battery: gateway as a witness"
        )

    def _open_intents(self) -> list[Intent]:
        """Return what was written in the last minute and can be confirmed by the gateway alone."""
        since = datetime.now(UTC) - _ASKED_FOR
        ledger = self._coordinator.keeper.ledger
        sent = [one for one in ledger.open_intents if one.is_sent and one.sent_at is not None and one.sent_at >= since]
        return [one for one in sent if _can_be_confirmed(one)]

    async def _ask(self) -> None:
        try:
            while self._open_intents():
                view = await self._witness.view()
                if view is not None:
                    self._take(view)
                await async_rest(self._coordinator.hass, _EVERY)
        finally:
            self._is_asking = False
            self._seen_otherwise &= {intent.id for intent in self._coordinator.keeper.ledger.open_intents}

    @callback
    def _take(self, view: GatewayView) -> None:
        keeper = self._coordinator.keeper
        for intent in self._open_intents():
            is_so = view.confirms(intent.wish)
            if is_so is False:
                self._seen_otherwise.add(intent.id)
            elif is_so and intent.id in self._seen_otherwise:
                keeper.ledger.confirm_at_gateway(intent)
                keeper.show()


def _can_be_confirmed(intent: Intent) -> bool:
    is_plain = not intent.is_override and not intent.entries_count
    return is_plain and not intent.wants_retry and not intent.is_at_gateway and GatewayView.knows(intent.wish)
