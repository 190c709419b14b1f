"""Follows what the chargers of a site charge, and tells what it costs by Enphase or else by the tariff."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

from homeassistant.core import CALLBACK_TYPE, callback

from ..charger.coordinator import ChargerCoordinator
from ..charger.costs import ChargerCosts, SessionCost, cost_of, month_of
from ..charger.model import Charger
from ..charger.store import SiteStore
from .prices import TariffCoordinator

# Beginnings that differ by less than this are of one session: the cloud does not always tell the same second.
_SAME_BEGINNING = timedelta(seconds=90)


class ChargingCosts:
    """The costs of each charger by serial number, worked out whenever the chargers were read."""

    def __init__(self, chargers: ChargerCoordinator, tariff: TariffCoordinator, store: SiteStore, zone: Callable[[], tzinfo]) -> None:
        self._chargers = chargers
        self._tariff = tariff
        self._store = store
        self._zone = zone
        self.present: Mapping[str, ChargerCosts] = {}

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Follow the chargers; return what ends that."""
        self._update()
        return self._chargers.async_add_listener(self._update)

    @property
    def currency(self) -> str:
        """Return the currency of all costs."""
        return self._tariff.currency

    @callback
    def _update(self) -> None:
        self.present = {serial: self._costs_of(charger) for serial, charger in (self._chargers.data or {}).items()}

    def _costs_of(self, charger: Charger) -> ChargerCosts:
        now = datetime.now(UTC)
        prices = self._tariff.data if self._tariff.data is not None and self._tariff.data.has_import else None
        session = charger.status.session
        cost = self._session_cost(charger)
        sessions = charger.details.sessions
        last = charger.details.last_session
        costs = ChargerCosts() if sessions is None else month_of(now, self._zone(), sessions, session, cost, prices)
        return replace(costs, session=cost, last_session=cost_of(last, prices) if last else None)

    def _session_cost(self, charger: Charger) -> float | None:
        """Return what Enphase says that the running, or the last, session costs; where it says nothing, what it costs by the price."""
        session = charger.status.session
        if session is None:
            return None
        memory = self._store.charger(charger.serial)
        started_at = session.started_at or session.plugged_in_at
        if session.cost is not None or session.energy is None or started_at is None:
            return session.cost
        prices = self._tariff.data
        if prices is None or not prices.has_import:
            return None
        known = memory.session_cost
        if known is None or abs(known.started_at - started_at) > _SAME_BEGINNING or session.energy < known.energy:
            known = SessionCost.start(started_at)
        taken = known.take(session.energy, charger.status.last_reported or datetime.now(UTC), prices)
        if taken != memory.session_cost:
            memory.session_cost = taken
            self._store.save()
        return taken.cost
