"""What charging costs, by Enphase and by the price."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from custom_components.enphase_ev.charger.costs import SessionCost, cost_of, month_of
from custom_components.enphase_ev.enlighten import ChargingSession, PastSession, Tariff
from custom_components.enphase_ev.site.prices import SitePrices
from tests.enlighten.cloud import sample

BERLIN = ZoneInfo("Europe/Berlin")
PRICES = SitePrices(Tariff.read(sample("tariff")), BERLIN)
NOON = datetime(2026, 11, 16, 11, tzinfo=UTC)


def _past(day: int, energy: float, cost: float | None, hours: float = 2) -> PastSession:
    start = datetime(2026, 11, day, 11, tzinfo=UTC) if day > 0 else datetime(2026, 10, 31 + day, 11, tzinfo=UTC)
    return PastSession.from_dict(
        {
            "startTime": start.isoformat(),
            "endTime": (start + timedelta(hours=hours)).isoformat(),
            "aggEnergyValue": energy,
            "sessionCost": cost,
        }
    )


def test_energy_costs_what_the_price_is_when_it_comes() -> None:
    """Until ten in the evening a kWh costs 0.312, then 0.189."""
    begin = datetime(2026, 11, 16, 20, tzinfo=UTC)
    cost = SessionCost.start(begin).take(5.0, begin + timedelta(hours=1), PRICES)
    assert cost.cost == pytest.approx(5 * 0.312)
    cost = cost.take(5.0, begin + timedelta(hours=1, minutes=5), PRICES).take(9.0, begin + timedelta(hours=2), PRICES)
    assert cost.cost == pytest.approx(5 * 0.312 + 4 * 0.189)
    assert SessionCost.from_dict(cost.to_dict()) == cost


def test_what_enphase_says_comes_first() -> None:
    assert cost_of(_past(3, 10, 1.5), PRICES) == 1.5
    assert cost_of(_past(3, 10, None), PRICES) == pytest.approx(3.12)
    assert cost_of(_past(3, 10, None), None) is None


def test_a_month_is_the_sites_and_holds_the_running_session_once() -> None:
    past = [_past(15, 10, 2.0), _past(1, 5, 1.0), _past(0, 50, 9.0)]
    running = ChargingSession.read({"strt_chrg": NOON.timestamp() * 1000, "e_c": 4000}, is_in_wh=True)
    costs = month_of(NOON + timedelta(hours=1), BERLIN, past, running, 1.25, PRICES)
    assert (costs.month, costs.unpriced) == (4.25, 0)
    assert costs.month_began_at == datetime(2026, 11, 1, tzinfo=BERLIN)
    # Once the history has it, it counts there.
    assert month_of(NOON + timedelta(hours=3), BERLIN, [_past(16, 4, 1.3), *past], running, 1.25, PRICES).month == pytest.approx(4.3)
    assert month_of(datetime(2026, 12, 1, tzinfo=UTC), BERLIN, past, None, None, PRICES).month == 0


def test_what_nobody_knows_is_said() -> None:
    costs = month_of(NOON, BERLIN, [_past(15, 10, 2.0), _past(14, 10, None)], None, None, None)
    assert (costs.month, costs.unpriced) == (2.0, 1)
    assert month_of(NOON, BERLIN, [_past(14, 10, None)], None, None, None).month is None
