"""Below JSON: broken HTTP, bodies without an end, packed bombs, and answers that want us to go elsewhere."""

from collections.abc import Awaitable
import gzip
from http.cookies import SimpleCookie
from itertools import product
import time
import tracemalloc
import zlib

import pytest
from yarl import URL

from custom_components.enphase_ev.enlighten import Account, AccountState, Chargers, EnlightenError, Family, ServiceUnavailable
from custom_components.enphase_ev.enlighten.transport import Request, Transport
from simulator.faults import FaultOptions
from tests.enlighten.cloud import Cloud
from tests.enlighten.conftest import OpenCloud
from tests.hostile.raw import Script, forever, http, listening, saying

_MB = 1024 * 1024
_TIMEOUT = 0.5
# Far from what a busy machine needs, and from the end of what goes on without one.
_IN_TIME = 60.0
# What is read of one answer, as bytes and as one body, and what a busy machine adds.
_MOST_MEMORY = 32 * _MB
_JSON = "application/json"

ANSWERS: dict[str, Script] = {
    "nothing": saying(),
    "no HTTP": saying(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "half a head": saying(b"HTTP/1.1 200 OK\r\nContent-Ty"),
    "status 999": saying(http(b"{}", status="999 What")),
    "status 0": saying(http(b"{}", status="0 What")),
    "no status": saying(http(b"{}", status="")),
    "another protocol": saying(http(status="101 Switching Protocols", Upgrade="websocket", Connection="Upgrade")),
    "long line": saying(http(b"{}", X_Long="x" * 200_000)),
    "many headers": saying(http(b"{}", **{f"X-{number}": "x" for number in range(20_000)})),
    "null in a header": saying(http(b"{}", X_Null="a\x00b")),
    "odd type": saying(http(b'{"data": {}}', Content_Type="application/json; charset=no-such; =;;")),
    "odd bytes in a header": saying(http(b"{}", Content_Type="\xff\xfe\x80")),
    "two lengths": saying(http(b"{}", Content_Length="2\r\nContent-Length: 5")),
    "negative length": saying(http(b"{}", Content_Length="-1")),
    "endless length": saying(http(b"{}", Content_Length="9" * 30)),
    "too long a length": saying(http(b"{}", Content_Length="5000")),
    "odd chunks": saying(http(b"zz\r\n{}\r\n", Transfer_Encoding="chunked")),
    "a chunk without an end": saying(http(b"ffffffffffffffffff\r\n{}\r\n", Transfer_Encoding="chunked")),
    "no gzip": saying(http(b"not packed", Content_Encoding="gzip")),
    "half a gzip": saying(http(gzip.compress(b"{}" * 5000)[:-9], Content_Encoding="gzip")),
    "no deflate": saying(http(b"\x00\x01\x02", Content_Encoding="deflate")),
    "unknown packing": saying(http(b"{}", Content_Encoding="zip, br;q=0, x")),
    "gzip bomb": saying(http(gzip.compress(bytes(64 * _MB)), Content_Encoding="gzip", Content_Type=_JSON)),
    "deflate bomb": saying(http(zlib.compress(bytes(64 * _MB)), Content_Encoding="deflate", Content_Type=_JSON)),
    "body of 50 MB": saying(http(b"[", Content_Length=str(50 * _MB)), *[b"1," * (_MB // 2)] * 50),
    "body without an end": forever(http(b"[", Content_Length=str(2**62)), b"1," * 50_000),
    "chunks without an end": forever(http(Transfer_Encoding="chunked"), b"10\r\n" + b"1," * 8 + b"\r\n"),
    "drop by drop": forever(http(b"[", Content_Length=str(2**62)), b"1,", every=0.02),
    "a head without an end": forever(b"HTTP/1.1 200 OK\r\n", b"X-More: x\r\n", every=0.01),
    "going on without an end": forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", every=0.01),
    "silence": forever(b"", b"", every=0.05),
}


def transport_to(cloud: Cloud, url: str) -> Transport:
    """A transport with the cloud's connections, to another origin."""
    transport = cloud.transport()
    transport.url = URL(url)
    transport.request_timeout = _TIMEOUT
    return transport


async def said(request: Awaitable[object]) -> str:
    """What an error of ours says about a request; nothing where there was none."""
    try:
        await request
    except EnlightenError as err:
        return f"{err}"
    return ""


@pytest.mark.parametrize("is_write", [False, True], ids=["read", "write"])
@pytest.mark.parametrize("script", ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_is_an_answer_or_an_error_of_ours_in_time(cloud: Cloud, script: Script, *, is_write: bool) -> None:
    async with listening(script) as raw:
        transport = transport_to(cloud, raw.url)
        account = Account(transport, "person@example.com")
        request = Request(family=Family.CONTROL, method="PUT" if is_write else "GET", path="/x", is_write=is_write)
        tracemalloc.start()
        began = time.monotonic()
        assert "127.0.0.1" not in await said(transport.send(request, headers={}, cookies=account.empty_jar()))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert time.monotonic() - began < _IN_TIME
        assert peak < _MOST_MEMORY
        # A write never goes out twice.
        assert len(raw.heard) == 1 or not is_write


async def test_the_next_answer_is_none_the_worse_for_it(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    chargers.account.transport.request_timeout = 5
    cloud.sim.faults.add(path="status$", endless=True)
    with pytest.raises(EnlightenError, match="too large"):
        await chargers.status()
    assert (await chargers.status()).chargers


# Elsewhere

PLACES = [
    "{trap}/web/7654321/x",
    "//{host}/web/7654321/x",
    "{here}//{host}/x",
    "/\\{host}/x",
    "\\\\{host}/x",
    "{here}@{host}/x",
]
TAKES_US: list[FaultOptions] = [{"status": status} for status in (302, 307, 200, 401)]


@pytest.mark.parametrize("fault", TAKES_US, ids=lambda fault: str(fault["status"]))
async def test_nothing_is_sent_elsewhere(open_cloud: OpenCloud, fault: FaultOptions) -> None:
    """Whatever the answer wants, to the start page alone or to every request."""
    cloud = await open_cloud("no_site_list")
    password = cloud.sim.account.password
    async with listening(saying(http(b"{}"))) as trap:
        host = URL(trap.url).authority
        for place, path in product(PLACES, ("^/$", "")):
            cloud.sim.faults.clear()
            account = await cloud.signed_in()
            account.state.known_sites.clear()
            location = place.format(trap=trap.url, host=host, here=cloud.sim.url)
            cloud.sim.faults.add(path=path, times=None, headers={"Location": location, "Refresh": f"0; url={location}"}, **fault)
            told = [await said(account.sites()), await said(Chargers(account, "1234567").status()), await said(account.sign_in(password))]
            assert not [words for words in told if host in words]
        assert trap.heard == []
        assert {str(sent.url.origin()) for sent in cloud.sent} == {cloud.sim.url}


@pytest.mark.parametrize("path", ["//127.0.0.1:9/x", "/..//127.0.0.1:9/x", "/@127.0.0.1:9/x", "/http://127.0.0.1:9/x", "/x?//127.0.0.1:9"])
async def test_no_path_names_another_host(cloud: Cloud, path: str) -> None:
    transport = cloud.transport()
    jar = Account(transport, "person@example.com").empty_jar()
    await transport.send(Request(family=Family.STATUS, path=path), headers={}, cookies=jar)
    assert str(cloud.sent[-1].url.origin()) == cloud.sim.url


FOREIGN = [
    "evil=1; Domain=example.org",
    "evil=1; Domain=.org",
    "evil=1; Domain=127.0.0.2",
    "evil=1; Domain=[::1]",
    "evil=1; Path=/elsewhere",
    "evil=1; Max-Age=0",
    "evil=1; Expires=Sat, 01 Jan 2000 00:00:00 GMT",
    "evil; =; ;;",
    'evil="a\\012X-Injected: 1"',
    "evil=\x7f\x80",
    "evil=" + "x" * 7000 + "x" * 900,
    "evil=",
]


async def test_cookies_for_others_are_not_kept(cloud: Cloud) -> None:
    chargers = await cloud.chargers()
    for line in FOREIGN[:-2]:
        cloud.sim.faults.add(path="status$", body={"data": {"chargers": []}}, headers={"Set-Cookie": line})
        await chargers.status()
        await chargers.status()
        assert "evil" not in SimpleCookie(cloud.sent[-1].headers["Cookie"]), line
    for line in FOREIGN[-2:]:
        cloud.sim.faults.add(path="status$", body={"data": {"chargers": []}}, headers={"Set-Cookie": line})
        await chargers.status()
        assert (await chargers.status()).chargers


async def test_what_no_header_can_carry_is_no_token(cloud: Cloud) -> None:
    """A line break in a token would end every later request before it left."""
    for odd in ("a\r\nX-Injected: yes", "a\x00b", "é", "x" * 20_000):
        cloud.sim.faults.add(path="^/login", body={"message": "success", "manager_token": odd, "system_id": odd})
        cloud.sim.faults.add(path="token", body={"token": odd}, times=None)
        account = cloud.account()
        with pytest.raises(ServiceUnavailable, match="no token"):
            await account.sign_in(cloud.sim.account.password)
        cloud.sim.faults.clear()
    cloud.sim.faults.add(path="^/login", body={"message": "success", "manager_token": "opaque"})
    cloud.sim.faults.add(path="token", headers={"Set-Cookie": 'enlighten_manager_token_production="a\\012b"'}, body={"token": "opaque"})
    account = cloud.account(state=AccountState())
    await account.sign_in(cloud.sim.account.password)
    assert cloud.stored is not None
    assert cloud.stored.manager_token is not None
    assert cloud.stored.manager_token.value == "opaque"
    assert await said(Chargers(account, cloud.sim.site.id).status())
