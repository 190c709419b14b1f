"""One signed-in account for all its sites: config entries and flows share it, and its session is kept across restarts."""

from dataclasses import dataclass
from hashlib import sha256

import aiohttp
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers.aiohttp_client import async_create_clientsession
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.ssl import get_default_context

from .const import DOMAIN
from .enlighten import Account, AccountState, Transport

_STORAGE_VERSION = 1
# A new cookie is stored soon: without it a restart costs a sign-in.
_SAVE_DELAY = 2.0


@dataclass
class _Shared:
    """An account that is in use, and by how many."""

    account: Account
    session: aiohttp.ClientSession
    write_session: aiohttp.ClientSession
    users: int = 0


class AccountRegistry:
    """Hands out accounts by e-mail address.

    An account belongs to no single config entry, so it can live in none of their runtime data: ten sites of one account sign in once.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass
        self._shared: dict[str, _Shared] = {}
        self._states: dict[str, AccountState] = {}
        self._stores: dict[str, Store[dict[str, object]]] = {}
        # A restart right after this must know which requests were sent just before it.
        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_FINAL_WRITE, self._async_save_all)

    async def async_acquire(self, email: str) -> Account:
        """Return the account of this e-mail address with its stored session. Each call needs a matching `async_release`."""
        key = account_key(email)
        await self._async_load(key)
        if key not in self._shared:
            self._shared[key] = self._open(key, email)
        shared = self._shared[key]
        shared.users += 1
        return shared.account

    async def async_release(self, account: Account) -> None:
        """Give an account back; the last release closes its connections."""
        key = account_key(account.email)
        shared = self._shared[key]
        shared.users -= 1
        if shared.users:
            return
        del self._shared[key]
        account.close()
        shared.session.detach()
        await shared.write_session.close()
        await self._async_save(key)

    async def async_adopt(self, email: str, state: AccountState) -> None:
        """Store a session that another program has opened, unless the account already has one."""
        key = account_key(email)
        if not (await self._async_load(key)).cookies and key not in self._shared:
            self._states[key] = state
            await self._store(key).async_save(state.to_dict())

    async def async_forget(self, email: str) -> None:
        """Remove the stored session of an account that nobody uses any more."""
        key = account_key(email)
        self._states.pop(key, None)
        await self._store(key).async_remove()

    async def _async_load(self, key: str) -> AccountState:
        if key not in self._states:
            stored = await self._store(key).async_load()
            # Another call may have loaded it while the file was read.
            self._states.setdefault(key, AccountState.from_dict(stored) if stored else AccountState())
        return self._states[key]

    def _open(self, key: str, email: str) -> _Shared:
        # Home Assistant must not close it with the entry that happens to be first: others may still use it.
        session = async_create_clientsession(self._hass, auto_cleanup=False, cookie_jar=aiohttp.DummyCookieJar())
        # Home Assistant's shared connector reuses connections, which writes must not (docs/cloud-api/README.md).
        write_session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, ssl=get_default_context()), cookie_jar=aiohttp.DummyCookieJar()
        )
        account = Account(
            Transport(session, write_session),
            email,
            state=self._states[key],
            on_change=lambda state: self._save_soon(key, state),
        )
        return _Shared(account, session, write_session)

    def _save_soon(self, key: str, state: AccountState) -> None:
        self._store(key).async_delay_save(state.to_dict, _SAVE_DELAY)

    async def _async_save(self, key: str) -> None:
        await self._store(key).async_save(self._states[key].to_dict())

    async def _async_save_all(self, _event: Event) -> None:
        for key in self._shared:
            await self._async_save(key)

    def _store(self, key: str) -> Store[dict[str, object]]:
        """Return the account's file; there is one object for each, so that nothing is written after the file was removed."""
        if key not in self._stores:
            self._stores[key] = Store(self._hass, _STORAGE_VERSION, f"{DOMAIN}.account.{key}", private=True, atomic_writes=True)
        return self._stores[key]


_REGISTRY: HassKey[AccountRegistry] = HassKey(f"{DOMAIN}_accounts")


def async_get_accounts(hass: HomeAssistant) -> AccountRegistry:
    """Return the accounts of this Home Assistant."""
    if _REGISTRY not in hass.data:
        hass.data[_REGISTRY] = AccountRegistry(hass)
    return hass.data[_REGISTRY]


def account_key(email: str) -> str:
    """Return a name for an account that does not reveal the e-mail address."""
    return sha256(email.strip().lower().encode()).hexdigest()[:16]
