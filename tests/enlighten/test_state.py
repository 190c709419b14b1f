"""The session that another program kept, as an account goes on with it."""

from datetime import UTC, datetime

import jwt
import pytest

from custom_components.enphase_ev.enlighten import AccountState

_EXPIRY = datetime(2035, 1, 1, tzinfo=UTC)
_MANAGER = "enlighten_manager_token_production"


def _token(**claims: object) -> str:
    return jwt.encode({"exp": _EXPIRY.timestamp(), **claims}, "k" * 32, algorithm="HS256")


def test_cookies_and_token_become_a_session() -> None:
    access, manager = _token(user_id="77"), _token()
    cookies = f"_enlighten_4_session=abc==; {_MANAGER}={manager}; nonsense"
    state = AccountState.of_other_program(cookies=cookies, access_token=access, session_id="other")
    assert state.cookies == ["_enlighten_4_session=abc==; Path=/", f"{_MANAGER}={manager}; Path=/"]
    assert state.access_token is not None
    assert state.manager_token is not None
    assert (state.access_token.value, state.access_token.expires_at, state.user_id) == (access, _EXPIRY, "77")
    assert (state.manager_token.value, state.manager_token.expires_at) == (manager, _EXPIRY)
    assert state.has_session


@pytest.mark.parametrize(
    ("cookies", "session_id", "expected"),
    [
        ("", "abc", ["_enlighten_4_session=abc; Path=/"]),
        ("locale=en", "abc", ["locale=en; Path=/", "_enlighten_4_session=abc; Path=/"]),
        ("enlighten_session=own", "abc", ["enlighten_session=own; Path=/"]),
        ("", "", []),
    ],
)
def test_a_session_id_stands_for_a_cookie_that_is_missing(cookies: str, session_id: str, expected: list[str]) -> None:
    state = AccountState.of_other_program(cookies=cookies, access_token="", session_id=session_id)
    assert state.cookies == expected
    assert (state.access_token, state.manager_token, state.user_id) == (None, None, None)
    assert state.has_session is bool(expected)
