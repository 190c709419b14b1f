"""Sign-in, one-time codes, tokens and sites as docs/cloud-api/auth.md tells them."""

from base64 import b64encode
import re

import jwt
import pytest

from .conftest import Client, Opener

STATUS = "/service/evse_controller/1234567/ev_chargers/status"


async def test_success_leaves_session_and_manager_token(visit: Opener) -> None:
    client = await visit(signed_in=False)
    status, body = await client.sign_in()
    assert status == 200
    assert body["message"] == "success"
    assert body["session_id"] == client.cookie("_enlighten_4_session")
    assert body["manager_token"] == client.cookie("enlighten_manager_token_production")
    assert body["system_id"] == client.sim.site.id
    assert (await client.ask("GET", STATUS))[0] == 200


@pytest.mark.parametrize(("source", "in_cookie", "in_body"), [("cookie", True, False), ("body", False, True)])
async def test_where_the_manager_token_comes_from(visit: Opener, source: str, in_cookie: bool, in_body: bool) -> None:
    client = await visit(signed_in=False)
    client.sim.world.deployment.update({"manager_token": source})
    _, body = await client.sign_in()
    assert ("manager_token" in body) is in_body
    assert (client.cookie("enlighten_manager_token_production") is not None) is in_cookie


async def test_wrong_passwords_are_counted_and_lock(visit: Opener) -> None:
    client = await visit(signed_in=False)
    client.sim.account.lock_after = 3
    for _ in range(2):
        status, body = await client.sign_in("wrong")
        assert (status, body["success"], body["isBlocked"]) == (200, False, False)
    client.sim.world.deployment.update({"wrong_password_answer": "401"})
    assert (await client.sign_in("wrong"))[1]["isBlocked"] is True
    assert (await client.sign_in())[1]["isBlocked"] is True
    assert (client.sim.sign_ins, client.sim.failed_sign_ins) == (4, 4)


async def test_wrong_password_as_401(visit: Opener) -> None:
    client = await visit(signed_in=False)
    client.sim.world.deployment.update({"wrong_password_answer": "401"})
    assert await client.sign_in("wrong") == (401, {"message": "Invalid"})


async def test_sessions_are_counted(visit: Opener) -> None:
    client = await visit()
    client.sim.account.session_quota = 1
    _, body = await client.sign_in()
    assert "too many active sessions" in body["message"]


@pytest.mark.parametrize(("unavailable", "status"), [("406", 406), ("404", 404), ("html", 200)])
async def test_json_sign_in_that_is_not_there(visit: Opener, unavailable: str, status: int) -> None:
    client = await visit(signed_in=False)
    client.sim.world.deployment.update({"json_sign_in": unavailable})
    found, body = await client.sign_in()
    assert found == status
    assert "<html>" in body


async def test_refused_user_agent_on_every_path(visit: Opener) -> None:
    client = await visit()
    headers = {"User-Agent": "HomeAssistant/2026.10.4 aiohttp/3.14"}
    for path in ("/", "/login", STATUS, "/nowhere"):
        assert (await client.ask("GET", path, headers=headers))[0] == 406
    assert (await client.ask("GET", "/_sim/state", headers=headers))[0] == 200


async def form_sign_in(client: Client, password: str) -> tuple[int, str]:
    _, page = await client.ask("GET", "/login")
    token = re.search(r'name="authenticity_token" value="([^"]+)"', page)
    assert token
    form = {
        "utf8": "✓",
        "authenticity_token": token[1],
        "user[email]": client.sim.account.email,
        "user[password]": password,
    }
    return await client.ask("POST", "/login/login", data=form)


async def test_form_sign_in(visit: Opener) -> None:
    client = await visit("form_sign_in", signed_in=False)
    status, page = await form_sign_in(client, "wrong")
    assert status == 200
    assert "authenticity_token" in page
    assert (await client.ask("GET", "/app-api/jwt_token.json"))[0] == 302
    assert (await form_sign_in(client, client.sim.account.password))[0] == 302
    assert "token" in (await client.ask("GET", "/app-api/jwt_token.json"))[1]
    assert client.sim.sign_ins == 2


async def test_form_needs_the_authenticity_token_of_its_page(visit: Opener) -> None:
    client = await visit("form_sign_in", signed_in=False)
    form = {"user[email]": client.sim.account.email, "user[password]": client.sim.account.password}
    assert (await client.ask("POST", "/login/login", data=form))[0] == 422
    assert client.sim.sign_ins == 0


async def send_code(client: Client) -> tuple[int, object]:
    return await client.ask("POST", "/app-api/generate_mfa_login_otp", data={"locale": "en"})


async def validate(client: Client, code: str, **headers: str) -> tuple[int, dict[str, object]]:
    form = {
        "email": b64encode(client.sim.account.email.encode()).decode(),
        "otp": b64encode(code.encode()).decode(),
        "xhrFields[withCredentials]": "true",
    }
    headers = headers or {"X-CSRF-Token": client.cookie("XSRF-TOKEN") or ""}
    return await client.ask("POST", "/app-api/validate_login_otp", data=form, headers=headers)


@pytest.mark.parametrize("answer", ["requires_mfa", "success_nonce"])
async def test_one_time_code(visit: Opener, answer: str) -> None:
    client = await visit("mfa_account", signed_in=False)
    client.sim.world.deployment.update({"mfa_answer": answer})
    _, body = await client.sign_in()
    assert body == ({"requires_mfa": True} if answer == "requires_mfa" else {"success": True, "isBlocked": False})
    nonce = client.cookie("login_otp_nonce")
    assert (await client.ask("GET", STATUS))[0] == 302
    # The sign-in alone sends no code: the right one is not yet good.
    assert client.sim.codes_sent == 0
    assert await validate(client, client.sim.account.one_time_code) == (200, {"isValid": False, "isBlocked": False})

    assert await send_code(client) == (200, {"success": True, "isBlocked": False})
    assert client.cookie("login_otp_nonce") != nonce
    status, body = await validate(client, client.sim.account.one_time_code)
    assert (status, body["message"], body["isValidMobileNumber"]) == (200, "success", True)
    assert (await client.ask("GET", STATUS))[0] == 200


async def test_codes_live_five_minutes_and_are_replaced_by_the_next(visit: Opener) -> None:
    client = await visit("mfa_account", signed_in=False)
    await client.sign_in()
    await send_code(client)
    old = client.sim.account.one_time_code
    client.sim.clock.advance(301)
    assert (await validate(client, old))[1]["isValid"] is False
    await send_code(client)
    assert client.sim.account.one_time_code != old
    assert (await validate(client, old))[1]["isValid"] is False
    assert (await validate(client, client.sim.account.one_time_code))[1]["message"] == "success"
    assert client.sim.codes_sent == 2


async def test_too_many_wrong_codes_block(visit: Opener) -> None:
    client = await visit("mfa_account", signed_in=False)
    await client.sign_in()
    await send_code(client)
    answers = [await validate(client, "000000") for _ in range(5)]
    assert [body["isBlocked"] for _, body in answers] == [False] * 4 + [True]
    assert await send_code(client) == (200, {"success": False, "isBlocked": True})
    client.sim.world.deployment.code_blocked_status = 429
    assert (await validate(client, client.sim.account.one_time_code))[0] == 429


async def test_code_wants_its_cookies(visit: Opener) -> None:
    client = await visit("mfa_account", signed_in=False)
    await client.sign_in()
    await send_code(client)
    code = client.sim.account.one_time_code
    assert (await validate(client, code, **{"X-CSRF-Token": "no"}))[0] == 403
    client.session.cookie_jar.clear()
    assert (await validate(client, code))[0] == 401
    assert (await send_code(client))[0] == 401


async def test_access_tokens_and_their_claims(visit: Opener) -> None:
    client = await visit()
    session_id = client.cookie("_enlighten_4_session")
    _, body = await client.ask("GET", "/users/self/token")
    claims = jwt.decode(body["token"], options={"verify_signature": False})
    assert claims["exp"] == body["expires_at"] == int(client.sim.clock.wall_time() + 12 * 3600)
    assert claims["user_id"] == client.sim.account.user_id
    assert "session_id" in claims
    headers = {"e-auth-token": session_id or "", "X-Requested-With": "XMLHttpRequest"}
    assert "token" in (await client.ask("GET", "/service/auth_ms_enho/api/v1/session/token", headers=headers))[1]

    client.sim.world.deployment.update({"token_key": "auth_token", "token_expiry_key": "expiresAt", "jwt_claims_under_data": True})
    _, body = await client.ask("GET", "/users/self/token")
    claims = jwt.decode(body["auth_token"], options={"verify_signature": False})
    assert claims["data"]["exp"] == body["expiresAt"]

    client.sim.world.deployment.update({"token_endpoints": ["jwt_token"]})
    assert (await client.ask("GET", "/users/self/token"))[0] == 404
    assert (await client.ask("GET", "/app-api/jwt_token.json"))[0] == 200


async def test_rotated_session_cookie_replaces_the_old_one(visit: Opener) -> None:
    client = await visit()
    client.sim.world.deployment.rotate_session_on_token = True
    old = client.cookie("_enlighten_4_session")
    await client.ask("GET", "/users/self/token")
    assert client.cookie("_enlighten_4_session") != old
    assert (await client.ask("GET", STATUS))[0] == 200
    headers = {"Cookie": f"_enlighten_4_session={old}"}
    client.session.cookie_jar.clear()
    assert (await client.ask("GET", STATUS, headers=headers))[0] == 302


@pytest.mark.parametrize(("answer", "status"), [("redirect", 302), ("401", 401), ("403", 403), ("html", 200)])
async def test_dead_session_leaves_an_anonymous_cookie(visit: Opener, answer: str, status: int) -> None:
    client = await visit()
    client.sim.world.deployment.update({"dead_session_answer": answer})
    good = client.cookie("_enlighten_4_session")
    client.sim.expire_sessions()
    assert (await client.ask("GET", STATUS))[0] == status
    assert client.cookie("_enlighten_4_session") not in {good, None}
    assert (await client.ask("GET", STATUS))[0] == status


async def test_sessions_and_tokens_run_out(visit: Opener) -> None:
    client = await visit()
    start = {"json": {"chargingLevel": 16, "connectorId": 1}}
    client.sim.clock.advance(12 * 3600 + 1)
    assert (await client.ask("GET", STATUS))[0] == 200
    assert (await client.charger("POST", "start_charging", **start))[0] == 401
    client.manager_token = (await client.ask("GET", "/app-api/jwt_token.json"))[1]["token"]
    assert (await client.charger("POST", "start_charging", **start))[0] == 200
    client.sim.expire_tokens()
    assert (await client.charger("POST", "start_charging", **start))[0] == 401
    client.sim.clock.advance(7 * 86400)
    assert (await client.ask("GET", STATUS))[0] == 302


async def test_token_alone_is_not_enough(visit: Opener) -> None:
    client = await visit()
    client.session.cookie_jar.clear()
    assert (await client.charger("POST", "start_charging", json={"chargingLevel": 16}))[0] == 302


async def test_reads_can_want_an_access_token(visit: Opener) -> None:
    client = await visit()
    client.sim.world.deployment.reads_need_access_token = True
    assert (await client.ask("GET", STATUS))[0] == 401
    _, body = await client.ask("GET", "/users/self/token")
    assert (await client.ask("GET", STATUS, headers={"e-auth-token": body["token"]}))[0] == 200


SITES = "/app-api/search_sites.json?searchText=&favourite=false"


async def test_list_of_sites_in_its_shapes(visit: Opener) -> None:
    client = await visit("multi_site")
    _, body = await client.ask("GET", SITES)
    assert body["sites"][0] == {"id": 1234567, "title": "Main Site", "path": "/web/1234567?v=3.4.0", "favourite": False}
    assert len(body["sites"]) == 3
    client.sim.world.deployment.update({"sites_shape": "list", "site_id_key": "siteId", "site_ids_as_text": True, "duplicate_sites": True})
    _, body = await client.ask("GET", SITES)
    assert [entry["siteId"] for entry in body][:3] == ["1234567", "1234567", "1234568"]
    client.sim.world.deployment.update({"empty_site_lists": 1})
    assert (await client.ask("GET", SITES))[1] == []
    assert len((await client.ask("GET", SITES))[1]) == 6


async def test_site_and_user_without_the_list(visit: Opener) -> None:
    client = await visit("no_site_list")
    assert (await client.ask("GET", SITES))[1] == {"sites": []}
    async with client.session.get("/") as response:
        assert response.url.path == "/web/1234567/today/graph/hours"
    path = "/app-api/1234567/data.json?app=1&device_status=non_retired&is_mobile=0"
    assert (await client.ask("GET", path))[1]["app"] == {"userId": client.sim.account.user_id}


async def test_sites_of_others_are_unknown(visit: Opener) -> None:
    client = await visit("multi_site")
    client.sim.account.site_ids.remove("1234568")
    assert (await client.ask("GET", "/service/evse_controller/1234568/ev_chargers/status"))[0] == 468
    assert (await client.ask("GET", "/service/evse_controller/42/ev_chargers/status"))[0] == 468


async def test_more_requests_than_allowed(visit: Opener) -> None:
    client = await visit()
    client.sim.world.deployment.requests_per_hour = 3
    statuses = [(await client.ask("GET", STATUS))[0] for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    async with client.session.get(STATUS) as response:
        assert 3590 < int(response.headers["Retry-After"]) <= 3601
    client.sim.world.deployment.update({"retry_after": "date"})
    async with client.session.get(STATUS) as response:
        assert response.headers["Retry-After"].endswith("GMT")
    client.sim.clock.advance(3601)
    assert (await client.ask("GET", STATUS))[0] == 200
