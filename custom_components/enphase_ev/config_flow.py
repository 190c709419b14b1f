"""Adds a site: sign-in, one-time code, site, chargers; and signs in again when the session is gone."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_DHCP,
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    SOURCE_ZEROCONF,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
)
from homeassistant.const import CONF_CODE, CONF_EMAIL, CONF_PASSWORD
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
import voluptuous as vol

from .accounts import async_get_accounts
from .charger.devices import choice_of_chargers
from .const import CONF_CHARGERS, CONF_FOLLOWS_ACCOUNT, CONF_REMEMBER_PASSWORD, CONF_SITE, DOMAIN, ENTRY_VERSION
from .enlighten import (
    Account,
    AccountBlocked,
    AuthError,
    Chargers,
    CodeRequired,
    EnlightenError,
    InvalidCredentials,
    RateLimited,
    RequestCeiling,
    RequestRejected,
    RetryLater,
    ServiceUnavailable,
    SessionExpired,
    Site,
    TooManySessions,
)
from .options.options_flow import EnphaseOptionsFlow
from .runtime import EnphaseConfigEntry
from .site.discovery import async_follow_gateway, is_known_charger, serial_of

CONF_RESEND = "resend"

_FOUND = "charger_"
_GATEWAY_TYPE = "_enphase-envoy."

_EMAIL = TextSelector(TextSelectorConfig(type=TextSelectorType.EMAIL, autocomplete="username"))
_PASSWORD = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password"))
_CODE = TextSelector(TextSelectorConfig(autocomplete="one-time-code"))


# What a form shows for an error: the first kind that matches decides.
_ERROR_KEYS: tuple[tuple[type[EnlightenError], str], ...] = (
    (RetryLater, "retry_later"),
    (InvalidCredentials, "invalid_auth"),
    (AccountBlocked, "account_locked"),
    (TooManySessions, "too_many_sessions"),
    (RequestRejected, "refused"),
    (AuthError, "cannot_connect"),
    (RequestCeiling, "request_ceiling"),
    (RateLimited, "cannot_connect"),
    (ServiceUnavailable, "cannot_connect"),
)


class EnphaseConfigFlow(ConfigFlow, domain=DOMAIN):
    """Handles the forms."""

    VERSION = ENTRY_VERSION

    def __init__(self) -> None:
        self._account: Account | None = None
        self._password = ""
        # E-mail address and password of the session that this flow has opened: if a later request fails, there is no second sign-in.
        self._signed_in_with: tuple[str, str] | None = None
        self._remembers_password = True
        self._sites: list[Site] = []
        self._site: Site | None = None
        self._names: dict[str, str] = {}
        self._chosen: list[str] = []

    # --- What is found in the network ---

    @override
    async def async_step_dhcp(self, discovery_info: DhcpServiceInfo) -> ConfigFlowResult:
        """Offer to add the site of a charger that has joined the network."""
        return await self._async_offer(discovery_info.hostname)

    @override
    async def async_step_zeroconf(self, discovery_info: ZeroconfServiceInfo) -> ConfigFlowResult:
        """Offer to add the site of a charger that announces itself; a gateway only tells where it is."""
        if discovery_info.type.startswith(_GATEWAY_TYPE):
            is_known = discovery_info.ip_address.version == 4 and await async_follow_gateway(self.hass, discovery_info.host)
            return self.async_abort(reason="already_configured" if is_known else "no_devices_found")
        return await self._async_offer(discovery_info.name)

    async def _async_offer(self, host_name: str) -> ConfigFlowResult:
        if (serial := serial_of(host_name)) is None:
            return self.async_abort(reason="no_devices_found")
        # The same charger can be found in two ways, and a person can choose to ignore it.
        await self.async_set_unique_id(f"{_FOUND}{serial}")
        self._abort_if_unique_id_configured()
        if is_known_charger(self.hass, serial):
            return self.async_abort(reason="already_configured")
        self.context["title_placeholders"] = {"name": f"IQ EV Charger {serial[-4:]}"}
        return await self.async_step_user()

    # --- Sign-in ---

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for e-mail address and password."""
        errors: dict[str, str] = {}
        if user_input is not None:
            self._remembers_password = user_input[CONF_REMEMBER_PASSWORD]
            try:
                return await self._async_sign_in(user_input[CONF_EMAIL].strip(), user_input[CONF_PASSWORD])
            except EnlightenError as err:
                errors["base"] = _error_key(err)
        schema = vol.Schema(
            {
                vol.Required(CONF_EMAIL): _EMAIL,
                vol.Required(CONF_PASSWORD): _PASSWORD,
                vol.Required(CONF_REMEMBER_PASSWORD, default=True): BooleanSelector(),
            }
        )
        shown = self.add_suggested_values_to_schema(schema, _without_password(user_input))
        return self.async_show_form(step_id="user", data_schema=shown, errors=errors)

    async def async_step_code(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the one-time code, which is sent when the form opens and again on request."""
        account = self._signed_in_account
        errors: dict[str, str] = {}
        code = (user_input or {}).get(CONF_CODE, "").strip()
        try:
            if self._signed_in_with is not None:
                return await self._async_signed_in()
            if user_input is None or (user_input.get(CONF_RESEND) and not code):
                await account.request_code()
            elif not code:
                errors[CONF_CODE] = "code_missing"
            else:
                await account.submit_code(code)
                return await self._async_signed_in()
        except CodeRequired:
            errors[CONF_CODE] = "code_wrong"
        except AccountBlocked:
            errors["base"] = "code_blocked"
        except SessionExpired:
            return self.async_abort(reason="code_expired")
        except EnlightenError as err:
            errors["base"] = _error_key(err)
        schema = vol.Schema({vol.Optional(CONF_CODE): _CODE, vol.Optional(CONF_RESEND, default=False): BooleanSelector()})
        return self.async_show_form(step_id="code", data_schema=schema, errors=errors, description_placeholders={"email": account.email})

    async def _async_sign_in(self, email: str, password: str) -> ConfigFlowResult:
        await self._async_use_account(email)
        account = self._signed_in_account
        self._password = password
        is_open_elsewhere = self.source != SOURCE_REAUTH and account.password == password and account.state.has_session
        if is_open_elsewhere or self._signed_in_with == (account.email, password):
            # Another site of this account has a session, which serves this one, too; or only a request after the sign-in has failed.
            return await self._async_signed_in()
        try:
            await account.sign_in(password)
        except CodeRequired:
            return await self.async_step_code()
        return await self._async_signed_in()

    async def _async_signed_in(self) -> ConfigFlowResult:
        self._signed_in_with = (self._signed_in_account.email, self._password)
        if self.source == SOURCE_REAUTH:
            return self._finish_reauth()
        if self.source == SOURCE_RECONFIGURE:
            return await self._async_finish_reconfigure()
        self._sites = await self._signed_in_account.sites()
        if len(self._sites) == 1:
            return await self._async_use_site(self._sites[0])
        return await self.async_step_site()

    # --- Site and chargers ---

    async def async_step_site(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which of the account's sites; where Enphase lists none, for the number of one."""
        errors: dict[str, str] = {}
        if user_input is not None:
            number = user_input[CONF_SITE].strip()
            try:
                if number.isdigit():
                    return await self._async_use_site(next((site for site in self._sites if site.id == number), Site(number)))
                errors[CONF_SITE] = "site_invalid"
            except RequestRejected:
                errors[CONF_SITE] = "site_unknown"
            except EnlightenError as err:
                errors["base"] = _error_key(err)
        options = [SelectOptionDict(value=site.id, label=f"{site.name} ({site.id})" if site.name else site.id) for site in self._sites]
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST)) if options else TextSelector()
        schema = vol.Schema({vol.Required(CONF_SITE): selector})
        return self.async_show_form(
            step_id="site" if options else "site_number",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
        )

    async_step_site_number = async_step_site

    async def async_step_chargers(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which chargers; all are ticked."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if user_input[CONF_CHARGERS]:
                return self._create(user_input[CONF_CHARGERS])
            errors[CONF_CHARGERS] = "no_charger_chosen"
        schema = vol.Schema({vol.Required(CONF_CHARGERS, default=list(self._names)): _charger_selector(self._names)})
        return self.async_show_form(step_id="chargers", data_schema=schema, errors=errors)

    async def _async_use_site(self, site: Site) -> ConfigFlowResult:
        await self.async_set_unique_id(site.id, raise_on_progress=False)
        self._abort_if_unique_id_configured()
        client = Chargers(self._signed_in_account, site.id)
        status = await client.status()
        is_named = status.chargers and all(charger.name for charger in status.chargers.values())
        try:
            summaries = {} if is_named else {summary.serial: summary for summary in await client.summaries()}
        except AuthError:
            raise
        except EnlightenError:
            if not status.chargers:
                raise
            # The chargers are known, and their names can be read later.
            summaries = {}
        self._site = site
        self._names = {
            serial: charger.name or (summaries[serial].name if serial in summaries else None) or "IQ EV Charger"
            for serial, charger in status.chargers.items()
        } | {serial: summary.name or "IQ EV Charger" for serial, summary in summaries.items() if serial not in status.chargers}
        if not self._names:
            return self._create([])
        return await self.async_step_chargers()

    def _create(self, chosen: list[str]) -> ConfigFlowResult:
        site = self._site or Site("")
        data = {
            CONF_EMAIL: self._signed_in_account.email,
            CONF_SITE: site.id,
            **choice_of_chargers(chosen, self._names),
            **self._password_data(),
        }
        for flow in self._async_in_progress(include_uninitialized=True):
            is_found = flow["context"].get("source") in {SOURCE_DHCP, SOURCE_ZEROCONF}
            if is_found and (flow["context"].get("unique_id") or "").removeprefix(_FOUND) in {one.upper() for one in self._names}:
                # The site brings this charger, too.
                self.hass.config_entries.flow.async_abort(flow["flow_id"])
        return self.async_create_entry(title=site.name or f"Enphase {site.id}", data=data)

    # --- Signing in again ---

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Start to sign in again."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the password of the account."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            self._remembers_password = user_input[CONF_REMEMBER_PASSWORD]
            try:
                return await self._async_sign_in(entry.data[CONF_EMAIL], user_input[CONF_PASSWORD])
            except EnlightenError as err:
                errors["base"] = _error_key(err)
        remembers = CONF_PASSWORD in entry.data if user_input is None else self._remembers_password
        schema = vol.Schema(
            {
                vol.Required(CONF_PASSWORD): _PASSWORD,
                vol.Required(CONF_REMEMBER_PASSWORD, default=remembers): BooleanSelector(),
            }
        )
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=schema,
            errors=errors,
            description_placeholders={"email": entry.data[CONF_EMAIL], "site": entry.title},
        )

    def _finish_reauth(self) -> ConfigFlowResult:
        entry = self._get_reauth_entry()
        # Sites that are not reloaded at once use the account as it is now.
        self._signed_in_account.password = self._password if self._remembers_password else None
        self._share_password(entry)
        return self.async_update_reload_and_abort(entry, data=self._with_password(entry))

    # --- Changing what was set up ---

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for other chargers, another password, or whether it is remembered."""
        entry = self._get_reconfigure_entry()
        self._names = _known_chargers(entry)
        errors: dict[str, str] = {}
        if user_input is not None:
            password = user_input.get(CONF_PASSWORD)
            self._remembers_password = user_input[CONF_REMEMBER_PASSWORD]
            self._chosen = user_input.get(CONF_CHARGERS, [])
            if user_input[CONF_EMAIL].strip().lower() != entry.data[CONF_EMAIL].lower():
                errors[CONF_EMAIL] = "wrong_account"
            elif self._names and not self._chosen:
                errors[CONF_CHARGERS] = "no_charger_chosen"
            elif self._remembers_password and not password and CONF_PASSWORD not in entry.data:
                errors[CONF_PASSWORD] = "password_missing"
            elif not password:
                self._password = entry.data.get(CONF_PASSWORD, "")
                return await self._async_finish_reconfigure()
            else:
                try:
                    return await self._async_sign_in(entry.data[CONF_EMAIL], password)
                except EnlightenError as err:
                    errors["base"] = _error_key(err)
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(self._reconfigure_schema(entry), _without_password(user_input)),
            errors=errors,
            description_placeholders={"email": entry.data[CONF_EMAIL], "site": entry.title},
        )

    def _reconfigure_schema(self, entry: ConfigEntry) -> vol.Schema:
        chosen = [serial for serial in entry.data[CONF_CHARGERS] if serial in self._names]
        if entry.data[CONF_FOLLOWS_ACCOUNT]:
            chosen = list(self._names)
        fields: dict[vol.Marker, object] = {
            vol.Required(CONF_EMAIL, default=entry.data[CONF_EMAIL]): _EMAIL,
            vol.Optional(CONF_PASSWORD): _PASSWORD,
            vol.Required(CONF_REMEMBER_PASSWORD, default=CONF_PASSWORD in entry.data): BooleanSelector(),
        }
        if self._names:
            fields[vol.Required(CONF_CHARGERS, default=chosen)] = _charger_selector(self._names)
        return vol.Schema(fields)

    async def _async_finish_reconfigure(self) -> ConfigFlowResult:
        entry = self._get_reconfigure_entry()
        self._share_password(entry)
        if not self._remembers_password:
            account = await self._async_use_account(entry.data[CONF_EMAIL])
            account.password = None
        data = self._with_password(entry) | choice_of_chargers(self._chosen, self._names)
        return self.async_update_reload_and_abort(entry, data=data)

    # --- Signing in again and changing ---

    def _share_password(self, entry: ConfigEntry) -> None:
        """Give the other sites of the account the new password and session."""
        for other in self.hass.config_entries.async_entries(DOMAIN, include_ignore=False):
            if other.entry_id != entry.entry_id and other.data.get(CONF_EMAIL) == entry.data[CONF_EMAIL]:
                self.hass.config_entries.async_update_entry(other, data=self._with_password(other))
                self.hass.config_entries.async_schedule_reload(other.entry_id)

    def _with_password(self, entry: ConfigEntry) -> dict[str, Any]:
        return {key: value for key, value in entry.data.items() if key != CONF_PASSWORD} | self._password_data()

    def _password_data(self) -> dict[str, str]:
        return {CONF_PASSWORD: self._password} if self._remembers_password else {}

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> EnphaseOptionsFlow:
        """Return the form of the options."""
        return EnphaseOptionsFlow()

    # --- The account ---

    @property
    def _signed_in_account(self) -> Account:
        if self._account is None:
            raise SessionExpired("The sign-in has to start over")
        return self._account

    async def _async_use_account(self, email: str) -> Account:
        """Use the same account as the sites that are set up; its limits on sign-ins apply to this form, too."""
        if self._account is None or self._account.email != email:
            await self._async_release_account()
            self._account = await async_get_accounts(self.hass).async_acquire(email)
        return self._account

    async def _async_release_account(self) -> None:
        if self._account is not None:
            account, self._account = self._account, None
            await async_get_accounts(self.hass).async_release(account)

    @callback
    @override
    def async_remove(self) -> None:
        """Give the account back when the flow ends, however it ends."""
        self.hass.async_create_task(self._async_release_account())


def _without_password(user_input: dict[str, Any] | None) -> dict[str, Any]:
    """Return what a form shows again after an error."""
    return {key: value for key, value in (user_input or {}).items() if key != CONF_PASSWORD}


def _charger_selector(names: Mapping[str, str]) -> SelectSelector:
    options = [SelectOptionDict(value=serial, label=f"{name} ({serial})") for serial, name in names.items()]
    return SelectSelector(SelectSelectorConfig(options=options, multiple=True, mode=SelectSelectorMode.LIST))


def _known_chargers(entry: EnphaseConfigEntry) -> dict[str, str]:
    """Return the names of the account's chargers by serial number; while the entry is not loaded, only those that were chosen."""
    if entry.state is ConfigEntryState.LOADED:
        return dict(entry.runtime_data.site_facts.account_chargers)
    return dict.fromkeys(entry.data[CONF_CHARGERS], "IQ EV Charger")


def _error_key(err: EnlightenError) -> str:
    """Return the translation key under which a form shows an error."""
    return next((key for kind, key in _ERROR_KEYS if isinstance(err, kind)), "unknown")
