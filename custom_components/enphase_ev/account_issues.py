"""Repair issues of an account, of the gateway in the house, and of an entry that was taken over.

All are raised only where a person can act, and removed as soon as there is nothing left to do.
"""

from collections.abc import Collection
from datetime import timedelta

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.const import CONF_EMAIL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .accounts import account_key
from .const import DOMAIN
from .enlighten import MOST_PER_HOUR, Account, AccountBlocked, EnlightenError, TooManySessions
from .options import CONF_GATEWAY_FINGERPRINT

GATEWAY_CERTIFICATE = "gateway_certificate"
_TOKEN_REFUSED = "gateway_token_refused"  # noqa: S105 - the name of a repair issue
_GATEWAY_TOKEN = "gateway_token"  # noqa: S105 - the name of a note
_TAKEN_OVER = "taken_over"
_THROTTLED = "throttled"
_CEILING = "request_ceiling"
_ACCOUNT_ISSUES = ("account_locked", "too_many_sessions", _THROTTLED)
# Throttling usually passes by itself; after this long a person should know about it.
THROTTLED_FOR = timedelta(minutes=30)


@callback
def raise_account_issue(hass: HomeAssistant, entry: ConfigEntry, err: EnlightenError) -> None:
    """Tell a person that Enphase does not let an account in; Home Assistant itself asks to sign in again."""
    match err:
        case AccountBlocked():
            key = "account_locked"
        case TooManySessions():
            key = "too_many_sessions"
        case _:
            return
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{key}_{entry.entry_id}",
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key=key,
        translation_placeholders={"site": entry.title},
    )


@callback
def raise_throttled_issue(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Tell a person that Enphase has been throttling an account for a long time."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{_THROTTLED}_{entry.entry_id}",
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=_THROTTLED,
        translation_placeholders={"site": entry.title},
    )


@callback
def set_ceiling_issue(hass: HomeAssistant, account: Account) -> None:
    """Tell a person, once for all sites of the account, that they need more requests than an account may send; withdraw it afterwards."""
    issue_id = f"{_CEILING}_{account_key(account.email)}"
    if not account.budget.is_strained:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    sites = [entry.title for entry in hass.config_entries.async_loaded_entries(DOMAIN) if entry.data[CONF_EMAIL] == account.email]
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=_CEILING,
        translation_placeholders={"sites": ", ".join(sites), "limit": str(MOST_PER_HOUR)},
    )


@callback
def clear_account_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the account's issues, and the request to sign in again."""
    for key in _ACCOUNT_ISSUES:
        ir.async_delete_issue(hass, DOMAIN, f"{key}_{entry.entry_id}")
    # Home Assistant removes its repair issue together with the flow.
    for flow in list(entry.async_get_active_flows(hass, {SOURCE_REAUTH})):
        hass.config_entries.flow.async_abort(flow["flow_id"])


@callback
def set_certificate_issue(hass: HomeAssistant, entry: ConfigEntry, fingerprint: str) -> None:
    """Ask a person whether the new certificate of the gateway in the house is its own."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{GATEWAY_CERTIFICATE}_{entry.entry_id}",
        data={"entry_id": entry.entry_id, "fingerprint": fingerprint},
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=GATEWAY_CERTIFICATE,
        translation_placeholders={
            "site": entry.title,
            "old": fingerprint_shown(entry.options[CONF_GATEWAY_FINGERPRINT]),
            "new": fingerprint_shown(fingerprint),
        },
    )


@callback
def raise_token_issue(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Tell a person that the token of the gateway in the house has run out."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{_GATEWAY_TOKEN}_{entry.entry_id}",
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=_GATEWAY_TOKEN,
        translation_placeholders={"site": entry.title},
    )


@callback
def set_token_refused_issue(hass: HomeAssistant, entry: ConfigEntry, *, is_refused: bool) -> None:
    """Tell a person that the gateway in the house refuses the token for everything, or take that back."""
    issue_id = f"{_TOKEN_REFUSED}_{entry.entry_id}"
    if not is_refused:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=_TOKEN_REFUSED,
        translation_placeholders={"site": entry.title},
    )


@callback
def clear_gateway_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the issues of the gateway in the house."""
    for key in (GATEWAY_CERTIFICATE, _GATEWAY_TOKEN, _TOKEN_REFUSED):
        ir.async_delete_issue(hass, DOMAIN, f"{key}_{entry.entry_id}")


def fingerprint_shown(fingerprint: str) -> str:
    """Return a fingerprint as it is shown elsewhere: pairs of hex digits."""
    return bytes.fromhex(fingerprint).hex(":").upper()


@callback
def raise_taken_over_issue(hass: HomeAssistant, entry: ConfigEntry, left: Collection[str]) -> None:
    """Tell a person once which entities of the other integration have no counterpart and were removed."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{_TAKEN_OVER}_{entry.entry_id}",
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=_TAKEN_OVER,
        translation_placeholders={"site": entry.title, "entities": "\n".join(f"- `{entity_id}`" for entity_id in sorted(left))},
    )
