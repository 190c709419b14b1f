"""The double-submit token that battery writes want (docs/cloud-api/battery.md §2)."""

import asyncio
from http.cookies import CookieError, SimpleCookie

from .parsing import read_secret
from .transport import Answer

COOKIE = "BP-XSRF-Token"
HEADER = "X-XSRF-Token"
_ANSWER_HEADER = "x-csrf-token"


class Xsrf:
    """The newest token of an account, and a lock: a request can invalidate the token of another that runs at the same time.

    `is_fresh` says that the last answer gave the token, or took it: only then it is sure to be the newest.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.token: str | None = None
        self.is_fresh = False

    def observe(self, answer: Answer, *, is_write: bool = False) -> None:
        """Take over the token that an answer sets, an answer to a refused request included.

        A write that is taken and sets none has shown that the one it carried is the newest.
        """
        token = read_secret(answer.headers.get(_ANSWER_HEADER)) or _cookie_token(answer)
        self.is_fresh = token is not None or (is_write and answer.status < 300)
        self.token = token or self.token


def _cookie_token(answer: Answer) -> str | None:
    for line in answer.set_cookies:
        try:
            cookie = SimpleCookie(line)
        except CookieError:
            continue
        if COOKIE in cookie and (token := read_secret(cookie[COOKIE].value)):
            return token
    return None
