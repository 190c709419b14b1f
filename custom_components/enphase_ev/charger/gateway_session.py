"""The gateway in the house as Home Assistant reaches it: its connections, and where it may be found."""

import socket
from typing import override

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import HomeAssistantTCPConnector, async_create_clientsession

from ..enlighten import Gateway, Transport, gateway_url
from ..options import SiteOptions

_ENVOY = "enphase_envoy"


class _Resolver(AbstractResolver):
    """Resolves names the way Home Assistant does, such as `envoy.local`."""

    def __init__(self, connector: HomeAssistantTCPConnector) -> None:
        self._connector = connector

    @override
    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        found = await self._connector.async_resolve_host(host)
        return [{**one, "port": port} for one in found]

    @override
    async def close(self) -> None:
        """Leave Home Assistant's connector alone."""


def open_gateway(hass: HomeAssistant, entry: ConfigEntry, options: SiteOptions) -> Gateway | None:
    """Return the gateway that was named, over connections of its own that end with the entry; `None` where there is none."""
    if options.gateway_address is None or options.gateway_token is None or options.gateway_fingerprint is None:
        return None
    # The pinned fingerprint decides which certificate is accepted.
    session = async_create_clientsession(hass, verify_ssl=False, cookie_jar=aiohttp.DummyCookieJar())
    shared = session.connector
    # Writes must not reuse connections: it has to be certain whether a command got through.
    connector = aiohttp.TCPConnector(
        force_close=True, ssl=False, resolver=_Resolver(shared) if isinstance(shared, HomeAssistantTCPConnector) else None
    )
    write_session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    entry.async_on_unload(write_session.close)
    transport = Transport(
        session,
        write_session,
        url=gateway_url(options.gateway_address),
        request_timeout=options.request_timeout,
        certificate=bytes.fromhex(options.gateway_fingerprint),
    )
    return Gateway(transport, options.gateway_token)


def known_address(hass: HomeAssistant) -> str | None:
    """Return the address of a gateway that Home Assistant's own integration uses or has discovered."""
    for entry in hass.config_entries.async_entries(_ENVOY, include_ignore=False):
        if isinstance(host := entry.data.get(CONF_HOST), str):
            return host
    for flow in hass.config_entries.flow.async_progress_by_handler(_ENVOY):
        host = flow["context"].get("title_placeholders", {}).get(CONF_HOST)
        if host is not None:
            return host
    return None
