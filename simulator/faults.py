"""Faults by rule: what to break, on which path, how often."""

from contextlib import suppress
from dataclasses import dataclass, field
import json
from random import Random
import re
from typing import TypedDict, Unpack

from aiohttp import hdrs, web

from .mutation import mutate_body
from .wire import Json

HTML_PAGE = "<!DOCTYPE html>\n<html><head><title>Enlighten</title></head><body><h1>Enlighten</h1></body></html>\n"
BROKEN_JSON = '{"meta": {"serverTimeStamp": 17'


class FaultOptions(TypedDict, total=False):
    """What a rule can say."""

    path: str
    """Regular expression, searched in the path; every path without it."""
    method: str | None
    status: int | None
    body: Json
    """Text as it is, anything else as JSON."""
    headers: dict[str, str] | None
    content_type: str | None
    delay: float
    """Real seconds before anything happens."""
    drop: bool
    """Cut the connection instead of answering."""
    html: bool
    """An HTML page, with 200 unless a status is given."""
    broken_json: bool
    """JSON that ends in the middle."""
    times: int | None
    """So often; None until cleared."""
    after: bool
    """The request is processed first, only then is its answer lost or replaced."""
    mutate: int | None
    """The answer as it would be, with parts of it broken at random (`mutation.py`): the seed."""
    endless: bool
    """An answer that has no end."""
    echo: str | None
    """The error's text has a line break, and then the value that this header of the request had."""


@dataclass
class Fault:
    """A rule."""

    path: str = ""
    method: str | None = None
    status: int | None = None
    body: Json = None
    headers: dict[str, str] | None = None
    content_type: str | None = None
    delay: float = 0.0
    drop: bool = False
    html: bool = False
    broken_json: bool = False
    times: int | None = 1
    after: bool = False
    mutate: int | None = None
    endless: bool = False
    echo: str | None = None
    used: int = 0
    """How often it was used."""

    def matches(self, method: str, path: str) -> bool:
        """Whether it is for this request and has times left."""
        if self.times is not None and self.used >= self.times:
            return False
        if self.method is not None and self.method.upper() != method:
            return False
        return re.search(self.path, path) is not None

    @property
    def answers(self) -> bool:
        """Whether it answers in the handler's place; else it only delays."""
        return (
            self.drop
            or self.html
            or self.broken_json
            or self.endless
            or self.echo is not None
            or self.status is not None
            or self.body is not None
        )

    def response(self, request: web.Request) -> web.Response:
        """The answer that it gives; a dropped connection is not one."""
        if self.echo is not None:
            return self._echoed(request.headers.get(self.echo, ""))
        headers = self.headers or {}
        if self.html:
            return web.Response(status=self.status or 200, text=HTML_PAGE, content_type="text/html", headers=headers)
        if self.broken_json:
            text, content_type = BROKEN_JSON, "application/json"
        elif self.body is None:
            text, content_type = "", "text/plain"
        elif isinstance(self.body, str):
            text, content_type = self.body, "text/plain"
        else:
            text, content_type = json.dumps(self.body), "application/json"
        return web.Response(status=self.status or 200, text=text, content_type=self.content_type or content_type, headers=headers)

    def _echoed(self, value: str) -> web.Response:
        """An error in the words of every service, with a second line that holds what the client sent."""
        status = self.status or 400
        text = f"Request was rejected\nERROR (MainThread) [homeassistant] {value}"
        error = {"status": text, "message": text, "displayMessage": text, "code": str(status), "errorMessageCode": ""}
        body = json.dumps({"message": text, "error": error})
        return web.Response(status=status, text=body, content_type="application/json", headers=self.headers or {})

    def broken(self, response: web.StreamResponse) -> web.StreamResponse:
        """An answer with parts of it broken, where that was asked for; another time that it is used, others."""
        if self.mutate is not None and isinstance(response, web.Response) and isinstance(response.body, bytes):
            response.body = mutate_body(response.body, Random(f"{self.mutate}:{self.used}"))
        return response

    async def pour(self, request: web.Request) -> web.StreamResponse:
        """Answer without an end, until the other side has had enough."""
        response = web.StreamResponse(status=self.status or 200, headers={hdrs.CONTENT_TYPE: self.content_type or "application/json"})
        await response.prepare(request)
        with suppress(ConnectionError):
            await response.write(b"[")
            while True:
                await response.write(b"1," * 32_768)
        return response


@dataclass
class Faults:
    """The rules in force; the first one that matches is used."""

    rules: list[Fault] = field(default_factory=list)

    def add(self, **options: Unpack[FaultOptions]) -> Fault:
        """Add a rule, see `FaultOptions`."""
        rule = Fault(**options)
        re.compile(rule.path)
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Mend everything."""
        self.rules.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The rule for a request, counted as used."""
        rule = next((one for one in self.rules if one.matches(method, path)), None)
        if rule is not None:
            rule.used += 1
        return rule
