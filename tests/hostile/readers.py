"""Everything that reads what the cloud sends, each with answers to begin from."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
import json
import math

from aiohttp import CookieJar
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from custom_components.enphase_ev.enlighten import (
    ChargedDays,
    ChargeModePreference,
    EnergyOfDays,
    EnergyOfToday,
    EnlightenError,
    Json,
    SiteStatus,
    Tariff,
)
from custom_components.enphase_ev.enlighten.access_token import _read_token
from custom_components.enphase_ev.enlighten.battery_answers import _ANSWERS, _kind_of
from custom_components.enphase_ev.enlighten.battery_bodies import entry_body
from custom_components.enphase_ev.enlighten.broker import broker_of
from custom_components.enphase_ev.enlighten.live_streams import _serials_of_gateways
from custom_components.enphase_ev.enlighten.models.battery_status import BatteryStatus
from custom_components.enphase_ev.enlighten.models.broker_access import AnswerStream, LiveAccess
from custom_components.enphase_ev.enlighten.models.charger_configuration import (
    ChargerConfiguration,
    read_battery_help,
    read_features,
    read_firmware,
)
from custom_components.enphase_ev.enlighten.models.charging_slots import ChargingSchedule
from custom_components.enphase_ev.enlighten.models.gateway_readings import charger_meters, read_mains, read_meters
from custom_components.enphase_ev.enlighten.models.grid_events import read_grid_events, read_outages, read_program
from custom_components.enphase_ev.enlighten.models.home_battery import (
    BatteryProfile,
    BatterySchedules,
    BatterySettings,
    SiteSettings,
    read_storm_alerts,
)
from custom_components.enphase_ev.enlighten.models.live_power import LiveFrame, LivePower
from custom_components.enphase_ev.enlighten.models.past_sessions import EnergyOfDay, SessionPage
from custom_components.enphase_ev.enlighten.models.summary import read_summaries
from custom_components.enphase_ev.enlighten.models.tariff import read_export_prices
from custom_components.enphase_ev.enlighten.parsing import read_mapping
from custom_components.enphase_ev.enlighten.recorder import shape_of
from custom_components.enphase_ev.enlighten.sign_in import _form_token, _read_sign_in, keep_cookies
from custom_components.enphase_ev.enlighten.sites import read_sites, read_user_id, site_in_path
from custom_components.enphase_ev.enlighten.start_stop import accepted
from custom_components.enphase_ev.enlighten.tokens import Token
from custom_components.enphase_ev.enlighten.transport import Answer
from custom_components.enphase_ev.enlighten.xsrf import Xsrf
from tests.enlighten.cloud import sample
from tests.enlighten.test_gateway_readings import METERS, READINGS
from tests.enlighten.test_live_power import FRAME_A, FRAME_B

ORIGIN = URL("https://enlighten.example.com")
_JWT = "eyJhbGciOiJub25lIn0.eyJleHAiOjE4MDAwMDAwMDAsInVzZXJfaWQiOiI5ODc2NTQzIiwic2Vzc2lvbl9pZCI6ImFiYyJ9."
_DAY = date(2026, 5, 20)
# No honest text comes near to this.
_LONGEST_TEXT = 20_000
_MOST_DEPTH = 40


@dataclass(frozen=True)
class Reader:
    """A reader of answers, and what it usually reads."""

    read: Callable[[Answer], object]
    seeds: tuple[bytes, ...]


def answer(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer of the cloud."""
    return Answer(status, CIMultiDictProxy(CIMultiDict(headers or {})), body, ORIGIN / "service", 0.1)


def _of_samples(read: Callable[[Json], object], *names: str) -> Reader:
    return Reader(lambda given: read(given.json), tuple(json.dumps(sample(name)).encode() for name in names))


def _of_values(read: Callable[[Json], object], *values: Json) -> Reader:
    return Reader(lambda given: read(given.json), tuple(json.dumps(value).encode() for value in values))


def _schedule(body: Json) -> object:
    schedule = ChargingSchedule.read(body)
    # What is sent back is as it came.
    return schedule and (schedule, [slot.short_id for slot in schedule.slots if slot.to_json()])


def _battery_settings(body: Json) -> object:
    settings = BatterySettings.read(body)
    return settings, settings.expected


def _battery_schedules(body: Json) -> object:
    schedules = BatterySchedules.read(body)
    return schedules, [entry_body(entry).keys() for entry in schedules.entries]


def _site_status(body: Json) -> object:
    status = SiteStatus.read(body)
    return status, [one.looks_green for one in status.chargers.values()]


def _summaries(body: Json) -> object:
    found = read_summaries(body)
    levels = [(one.limits.nearest_below(32), one.limits.allows(32)) for one in found if one.limits]
    return found, [one.phase_mode for one in found], levels


def _energy(body: Json) -> object:
    energy = EnergyOfDay.read(body, _DAY)
    return energy, energy.of("EV000000000001", is_only=True)


def _energy_of_today(body: Json) -> object:
    today = EnergyOfToday.read(body)
    return today, dict(today.by_day(UTC)), today.is_all_zero


def _tariff(body: Json) -> object:
    tariff = Tariff.read(body)
    prices = [prices.of_day(_DAY) for prices in (tariff.purchase, tariff.buyback) if prices]
    return tariff, tariff.currency_code, prices


def _broker(body: Json) -> object:
    """Return where is listened; it may only be the cloud's own broker, or in development the host that stands for the cloud."""
    stream = AnswerStream.from_dict(read_mapping(body))
    with suppress(EnlightenError):
        assert broker_of(stream, URL("http://127.0.0.1:8377")).host == "127.0.0.1", "A secret would go elsewhere"
    broker = broker_of(stream, ORIGIN)
    assert (broker.host or "").endswith(".amazonaws.com"), "A secret would go elsewhere"
    return broker


def _live_access(body: Json) -> object:
    access = LiveAccess.from_dict(read_mapping(body))
    return access.topic, access.lives_for, access.event_mode


def _jwt(given: Answer) -> object:
    """Return what a token says whose claims are the body."""
    parts = (urlsafe_b64encode(part).rstrip(b"=").decode() for part in (b'{"alg":"none"}', given.body))
    token = Token.read(f"{'.'.join(parts)}.", obtained_at=datetime(2026, 5, 20, tzinfo=UTC))
    # The token itself is as long as its claims.
    return token.expires_at, token.user_id, token.session_id, token.wants_renewal(), repr(token)


def _refusal(given: Answer) -> object:
    """Return what is made of the same body with statuses of all kinds."""
    rejection = given.rejection()
    return rejection.code, rejection.message, given.is_html, given.text[:1]


def _in_loop(read: Callable[[Answer], object]) -> Callable[[Answer], object]:
    """Read where a cookie jar can be made."""

    async def inner(given: Answer) -> object:
        return read(given)

    return lambda given: asyncio.run(inner(given))


def _cookies(given: Answer) -> object:
    """Return what is kept of cookies that are given line by line."""
    headers = CIMultiDict[str]()
    for line in given.text.splitlines()[:20]:
        headers.add("Set-Cookie", line[:8000])
    held = Answer(200, CIMultiDictProxy(headers), b"", ORIGIN / "service", 0.1)
    jar, xsrf = CookieJar(quote_cookie=False), Xsrf()
    keep_cookies(jar, held)
    xsrf.observe(held)
    elsewhere = jar.filter_cookies(URL("https://example.org/"))
    assert not elsewhere, "A cookie would go elsewhere"
    return [morsel.OutputString() for morsel in jar], xsrf.is_fresh, jar.filter_cookies(ORIGIN).output(header="", sep=";")


def _headers(given: Answer) -> object:
    line = given.text.replace("\r", "").replace("\n", "")[:8000]
    target = answer(b"", 302, {"Location": line}).redirect_target
    return answer(b"", 429, {"Retry-After": line}).retry_after, target, target and site_in_path(target.path)


READERS: dict[str, Reader] = {
    "status": _of_samples(_site_status, "status_charging", "status_idle", "status_legacy", "status_v2_map"),
    "summary": _of_samples(_summaries, "summary"),
    "charge_mode": _of_samples(ChargeModePreference.read, "charge_mode", "charge_mode_smart"),
    "schedule": _of_samples(_schedule, "charge_schedules"),
    "configuration": _of_samples(ChargerConfiguration.read, "charger_config"),
    "battery_help": _of_samples(read_battery_help, "green_settings"),
    "sessions": _of_samples(SessionPage.read, "session_history"),
    "energy": _of_samples(_energy, "evse_lifetime"),
    "energy_today": _of_samples(_energy_of_today, "energy_today"),
    "energy_of_days": _of_values(
        lambda body: list(EnergyOfDays.read(body).by_day()), {"start_date": "2026-10-24", "production": [1000, None], "solar_grid": [1, 2]}
    ),
    "charged_days": _of_samples(lambda body: list(ChargedDays.read(body).by_day()), "evse_lifetime"),
    "tariff": _of_samples(_tariff, "tariff"),
    "export_prices": _of_values(read_export_prices, {"data": {"buyback": [{"start": 0, "end": 1439, "rate": "0.07"}]}}),
    "grid_events": _of_samples(read_grid_events, "grid_events"),
    "program": _of_values(read_program, {"data": "aaaabbbbccccddddeeeeffff"}, {"data": {"program_id": "aaaabbbbccccddddeeeeffff"}}),
    "outages": _of_values(read_outages, {"histories": [{"start_time": "2026-10-03T14:11:00+02:00", "duration": 3600}]}),
    "battery_settings": _of_samples(_battery_settings, "battery_settings", "battery_settings_pending"),
    "battery_schedules": _of_samples(_battery_schedules, "battery_schedules"),
    "battery_profile": _of_samples(BatteryProfile.read, "battery_profile"),
    "battery_status": _of_samples(BatteryStatus.read, "battery_status"),
    "site_settings": _of_samples(SiteSettings.read, "site_settings"),
    "storm_alerts": _of_samples(read_storm_alerts, "storm_alert"),
    "answer_stream": _of_samples(_broker, "mqtt_signed_url"),
    "live_access": _of_samples(_live_access, "live_signed_url"),
    "live_frame": Reader(lambda given: LiveFrame(given.body).read(), (FRAME_A, FRAME_B)),
    "live_gateway": _of_values(
        LivePower.read_gateway, {"meters": {**{name: {"agg_p_mw": 1} for name in ("pv", "storage", "grid", "load")}, "soc": 64}}
    ),
    "gateway_meters": _of_values(lambda body: (charger_meters(body), read_meters(body)), METERS, READINGS),
    "gateway_mains": _of_values(read_mains, {"mains_oper_state": "closed"}),
    "devices": _of_values(
        lambda body: list(_serials_of_gateways(body)), {"result": [{"type": "envoy", "devices": [{"serial_number": "120000000001"}]}]}
    ),
    "shape": _of_samples(shape_of, "status_charging", "battery_settings"),
    "refusal": Reader(_refusal, (json.dumps(sample("error_already_charging")).encode(), b'{"message": "a@b.example 12345 is busy"}')),
    "firmware": _of_values(read_firmware, {"data": [{"serialNumber": "EV000000000001", "currentFwVersion": "1", "isAutoOta": "true"}]}),
    "features": _of_values(read_features, {"data": {"iqevse_rfid": True, "EV000000000001": {"evse_authentication": "true"}}}),
    "sites": _of_values(read_sites, {"sites": [{"id": 1234567, "title": "Main Site"}]}, [{"siteId": "1", "displayName": None}]),
    "user": _of_values(read_user_id, {"app": {"userId": 9876543}}, {"app": {"user": {"id": "9876543"}}}),
    "command": _of_values(accepted, {"status": "accepted", "chargingLevel": 16}),
    "token": Reader(_read_token, (json.dumps({"token": _JWT, "expires_at": 1800000000}).encode(), b'{"data": {"auth_token": "opaque"}}')),
    "jwt": Reader(_jwt, (json.dumps({"exp": 1800000000, "data": {"user_id": "9876543", "session_id": "abc"}}).encode(),)),
    "sign_in": Reader(
        _in_loop(lambda given: _read_sign_in(read_mapping(given.json), CookieJar(), status=200)),
        (
            json.dumps({"message": "success", "session_id": "abc", "manager_token": _JWT, "system_id": "1234567"}).encode(),
            json.dumps({"success": False, "isBlocked": False, "requires_mfa": True}).encode(),
        ),
    ),
    "form": Reader(lambda given: _form_token(given.text), (b'<form><input type="hidden" name="authenticity_token" value="abc"/></form>',)),
    "mqtt": Reader(lambda given: _kind_of(given.body) in _ANSWERS, (b'{"messageType": "profile_change_response"}',)),
    "cookies": Reader(
        _in_loop(_cookies),
        (
            b"_enlighten_4_session=abc; Path=/; HttpOnly; SameSite=Lax",
            b'BP-XSRF-Token="a\\012b"; Domain=.example.com; Max-Age=99999999999; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
            b"other=1; Domain=example.org",
        ),
    ),
    "headers": Reader(_headers, (b"120", b"Wed, 21 Oct 2026 07:28:00 GMT", b"/web/1234567?v=3.4.0", b"//example.org/web/1/x")),
}


def probe(reader: Reader, body: bytes) -> bool:
    """Let a reader read a body; return whether it could. It may refuse with an error of ours, and what it returns has to be sound."""
    try:
        found = reader.read(answer(body))
    except EnlightenError:
        return False
    for value in _parts(found):
        _check(value)
    return True


def _check(value: object) -> None:
    match value:
        case float():
            assert math.isfinite(value), "A number has no end"
        case int() if not isinstance(value, bool):
            assert abs(value) < 10**20, "A whole number has no end"
        case datetime():
            assert value.tzinfo is UTC, "A time is not in UTC"
        case str():
            assert len(value) <= _LONGEST_TEXT, "A text has no end"


def _parts(value: object, depth: int = 0) -> Iterator[object]:
    """Yield what a result is made of; answers that are kept as they came are nobody's promise."""
    yield value
    if depth > _MOST_DEPTH:
        return
    inner: Iterator[object] = iter(())
    if is_dataclass(value) and not isinstance(value, type):
        inner = (getattr(value, one.name) for one in fields(value) if one.name not in {"record", "data", "requested", "stamp"})
    elif isinstance(value, Mapping):
        inner = iter(value.values())
    elif isinstance(value, list | tuple):
        inner = iter(value)
    for item in inner:
        yield from _parts(item, depth + 1)
