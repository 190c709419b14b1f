"""A simulated cloud, and the accounts that talk to it as a plain asyncio program would."""

from dataclasses import dataclass, field
import json
from pathlib import Path
from socket import AF_INET
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from custom_components.enphase_ev.enlighten import Account, AccountState, Batteries, BatterySettings, BatteryWish, Chargers, Json, Transport
from simulator import Simulator

SAMPLES = Path(__file__).parents[1] / "fixtures" / "api"


def sample(name: str) -> Json:
    """A published answer of the cloud."""
    answer: Json = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return answer


@dataclass(frozen=True)
class Sent:
    """A request as it left the client."""

    method: str
    url: URL
    headers: dict[str, str]


@dataclass
class Cloud:
    """The simulator, the connections to it, and what was sent over them."""

    sim: Simulator
    sent: list[Sent] = field(default_factory=list)
    stored: AccountState | None = None
    """What the client wanted to be stored last."""
    stored_times: int = 0

    async def __aenter__(self) -> Self:
        await self.sim.start()
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._note)
        # As accounts.py opens them: a jar that keeps nothing, and for writes connections that are used once.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(family=AF_INET), cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[trace]
        )
        self._write_session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(family=AF_INET, force_close=True), cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[trace]
        )
        return self

    async def __aexit__(self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None) -> None:
        await self._session.close()
        await self._write_session.close()
        await self.sim.stop()

    async def _note(self, _session: object, _context: object, params: aiohttp.TraceRequestStartParams) -> None:
        self.sent.append(Sent(params.method, params.url, dict(params.headers)))

    def transport(self) -> Transport:
        """A transport of its own."""
        return Transport(self._session, self._write_session, url=URL(self.sim.url))

    def account(self, *, password: str | None = None, state: AccountState | None = None) -> Account:
        """An account that nobody has signed in to yet; `password` is the remembered one."""
        return Account(
            self.transport(),
            self.sim.account.email,
            password=password,
            state=state,
            on_change=self._store,
        )

    async def signed_in(self, *, remembers: bool = True) -> Account:
        """An account that a person has just signed in to; `remembers` the password unless told otherwise."""
        password = self.sim.account.password
        account = self.account(password=password if remembers else None)
        await account.sign_in(password)
        return account

    async def chargers(self) -> Chargers:
        """The chargers of the first site, of an account that was signed in to."""
        return Chargers(await self.signed_in(), self.sim.site.id)

    def restarted(self, account: Account) -> Account:
        """The same account in a new process: all it knows is what was stored, as text."""
        account.close()
        text = json.dumps(account.state.to_dict())
        return self.account(password=account.password, state=AccountState.from_dict(json.loads(text)))

    def _store(self, state: AccountState) -> None:
        self.stored = AccountState.from_dict(json.loads(json.dumps(state.to_dict())))
        self.stored_times += 1

    def restarted_chargers(self, chargers: Chargers) -> Chargers:
        """The same chargers in a new process."""
        return Chargers(self.restarted(chargers.account), chargers.site_id)

    def cookie(self, account: Account, name: str = "_enlighten_4_session") -> str | None:
        """The value that a cookie of the account has in its store."""
        lines = [line.partition("=") for line in account.state.cookies]
        return next((rest.partition(";")[0] for found, _, rest in lines if found == name), None)

    def sign_ins(self) -> int:
        """Tries to sign in that reached the cloud."""
        return self.sim.sign_ins

    def count(self, path: str, method: str | None = None) -> int:
        """Requests with this pattern in their path."""
        return self.sim.count(path=path, method=method)

    def forget(self) -> None:
        """Count anew."""
        self.sim.requests.clear()
        self.sent.clear()


async def set_level(batteries: Batteries, percent: int) -> None:
    """Write the shutdown level alone: the plainest of all writes."""
    await batteries.write_settings(BatteryWish(shutdown_level=percent), (), BatterySettings(), ())
