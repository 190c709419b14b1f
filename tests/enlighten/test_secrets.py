"""No password, token, cookie, code, address or serial number stands in a log, in an error, or in a representation."""

from collections.abc import Awaitable, Callable
import logging
import traceback

import pytest

from custom_components.enphase_ev.enlighten import (
    Account,
    ChargeMode,
    Chargers,
    CodeRequired,
    EnlightenError,
    Json,
    RequestRejected,
    ServiceUnavailable,
)
from custom_components.enphase_ev.enlighten.sign_in import SignedIn

from .cloud import Cloud
from .conftest import OpenCloud

type Act = Callable[[Cloud, Account], Awaitable[object]]


def site(cloud: Cloud, account: Account) -> Chargers:
    return Chargers(account, cloud.sim.site.id)


ACTS: dict[str, Act] = {
    "sign_in": lambda cloud, account: account.sign_in(cloud.sim.account.password),
    "sites": lambda _cloud, account: account.sites(),
    "status": lambda cloud, account: site(cloud, account).status(),
    "summary": lambda cloud, account: site(cloud, account).summary(cloud.sim.charger().serial),
    "start": lambda cloud, account: site(cloud, account).start(cloud.sim.charger().serial, mode=ChargeMode.MANUAL, level=16),
    "stop": lambda cloud, account: site(cloud, account).stop(cloud.sim.charger().serial),
    "mode": lambda cloud, account: site(cloud, account).set_charge_mode(cloud.sim.charger().serial, ChargeMode.GREEN),
}
FAULTS: dict[str, dict[str, object]] = {
    "drop": {"drop": True},
    "drop_after": {"drop": True, "after": True},
    "outage": {"status": 503, "html": True},
    "broken": {"broken_json": True},
    "throttled": {"status": 429, "headers": {"Retry-After": "5"}},
    "dead": {"status": 401, "headers": {"Set-Cookie": "_enlighten_4_session=anonymous; Path=/"}},
    "forbidden": {"status": 403, "body": {"message": "Forbidden"}},
    "page": {"html": True},
    "elsewhere": {"status": 302, "headers": {"Location": "/login?return=/web/1234567"}},
    "odd_cookie": {"status": 418, "headers": {"Set-Cookie": "bad cookie=\x01; Domain=[; Path=/"}},
}


def told(error: BaseException) -> str:
    """Everything that an error says of itself and of what led to it."""
    found: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        found += [str(seen), repr(seen), repr(seen.args), repr(vars(seen))]
        seen = seen.__cause__ or seen.__context__
    return "\n".join([*found, *traceback.format_exception(error)])


def leaks(cloud: Cloud, text: str) -> list[str]:
    return sorted(secret for secret in cloud.sim.secrets() if secret in text)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("act", ACTS)
async def test_whatever_goes_wrong_tells_nothing_secret(cloud: Cloud, caplog: pytest.LogCaptureFixture, act: str, fault: str) -> None:
    account = await cloud.signed_in()
    cloud.sim.faults.add(path="", times=None, **FAULTS[fault])
    try:
        await ACTS[act](cloud, account)
    except EnlightenError as err:
        text = told(err)
    else:
        text = ""
    assert leaks(cloud, text) == []
    # The log was written all the same (and is searched when every test is over).
    assert [record for record in caplog.records if record.name.startswith("custom_components.enphase_ev.enlighten")]


async def test_the_clouds_words_are_kept_without_what_is_personal(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    serial, email = cloud.sim.charger().serial, cloud.sim.account.email
    words = f"Charger {serial} of {email} at {cloud.sim.site.id} is busy"
    for status, name in ((466, "iqevc_ms-10099"), (503, "")):
        body = {"error": {"displayMessage": words, "errorMessageCode": name}}
        cloud.sim.faults.add(path="start_charging$", status=status, body=body)
        with pytest.raises(EnlightenError) as error:
            await chargers.start(serial, mode=None, level=16)
        text = told(error.value)
        assert leaks(cloud, text) == []
        assert cloud.sim.site.id not in text
        assert "is busy" in text


@pytest.mark.parametrize("status", [466, 503])
@pytest.mark.parametrize("where", ["message", "code", "status", "key"])
async def test_what_the_session_holds_is_not_repeated(cloud: Cloud, where: str, status: int) -> None:
    """A gateway on the way that echoes the request's headers, a cookie or a token in a refusal."""
    chargers = await cloud.chargers()
    state = chargers.account.state
    assert state.access_token is not None
    values = [state.access_token.value, cloud.cookie(chargers.account) or "", state.user_id or "", "a" * 24, "person@example.com"]
    for value in values:
        error = {"displayMessage": f"Token {value} is stale"} if where == "message" else {"errorMessageCode": value, "code": value}
        body: Json = (
            {value: "stale"} if where == "key" else {"error": error} if where != "status" else {"status": value, "message": "stale"}
        )
        cloud.sim.faults.add(path="start_charging$", status=status, body=body)
        with pytest.raises(EnlightenError) as raised:
            await chargers.start(cloud.sim.charger().serial, mode=None, level=16)
        diagnostics = repr([*chargers.account.recorder.errors, chargers.account.recorder.shapes()])
        assert value not in told(raised.value) + diagnostics
        assert where != "message" or "is stale" in told(raised.value) or status == 503


@pytest.mark.parametrize("status", [466, 503])
async def test_the_clouds_words_are_one_line_and_short(cloud: Cloud, status: int) -> None:
    chargers = await cloud.chargers()
    forged = "Charger is busy\r\n2026-05-20 03:00:00 ERROR \x1b[31mSigned out\u2028 at home " + "again and " * 100
    cloud.sim.faults.add(path="start_charging$", status=status, body={"error": {"displayMessage": forged}})
    with pytest.raises(EnlightenError) as error:
        await chargers.start(cloud.sim.charger().serial, mode=None, level=16)
    words = error.value.message if isinstance(error.value, RequestRejected) else error.value.cloud_message
    assert words is not None
    assert words.startswith("Charger is busy 2026-05-20 03:00:00 ERROR [31mSigned out at home again")
    assert len(words) <= 200
    assert words.isprintable()


async def test_the_words_of_a_command_that_was_taken_are_short_too(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path="start_charging$", status=200, body={"status": f"accepted\nby {'x' * 40}"})
    assert (await chargers.start(cloud.sim.charger().serial, mode=None, level=16)).message == "accepted by …"


async def test_reasons_in_capitals_are_no_secrets(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    reason = "BATTERY_SCHEDULE_CONFLICT_ERROR"
    cloud.sim.faults.add(path="start_charging$", status=466, body={"error": {"message": f"({reason})", "code": reason}})
    with pytest.raises(RequestRejected) as error:
        await chargers.start(cloud.sim.charger().serial, mode=None, level=16)
    assert (error.value.message, error.value.code) == (f"({reason})", reason)


async def test_refused_sign_ins_tell_nothing_secret(open_cloud: OpenCloud) -> None:
    cloud = await open_cloud("mfa_account")
    account = cloud.account()
    errors: list[EnlightenError] = []
    for password in ("hunter-2-hunter", cloud.sim.account.password):
        with pytest.raises(EnlightenError) as error:
            await account.sign_in(password)
        errors.append(error.value)
    await account.request_code()
    with pytest.raises(CodeRequired) as wrong:
        await account.submit_code("000000")
    errors.append(wrong.value)
    text = "\n".join(map(told, errors))
    assert leaks(cloud, text) == []
    assert "hunter" not in text


async def test_what_the_log_does_tell(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    """Verb, family, status and time: enough to see what happened."""
    chargers = await cloud.chargers()
    cloud.sim.faults.add(path="status$", drop=True, times=None)
    with pytest.raises(ServiceUnavailable):
        await chargers.status()
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("enlighten.transport")]
    assert lines[0].startswith("POST sign_in: HTTP 200 in ")
    assert lines[-1].startswith("GET status: no answer (")
    assert all(record.levelno == logging.DEBUG for record in caplog.records if record.name.endswith("enlighten.transport"))


async def test_representations_tell_nothing_secret(cloud: Cloud) -> None:
    account = await cloud.signed_in()
    assert leaks(cloud, f"{account!r} {account.transport!r} {account.state!r}") == []
    assert "secret" not in repr(SignedIn(manager_token="secret", system_id="1234567"))
