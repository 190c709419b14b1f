"""Repair issues: the ways of setting an entry's, and those of an account, of its gateway, and of an entry that was taken over.

All are raised only where a person can act, and removed as soon as there is nothing left to do.
"""

from collections.abc import Mapping
from datetime import timedelta

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.const import CONF_EMAIL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .accounts import account_key
from .const import DOMAIN
from .enlighten import MOST_PER_HOUR, Account, AccountBlocked, EnlightenError, TooManySessions
from .options import CONF_GATEWAY_FINGERPRINT
from .texts import text_of

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
def set_entry_issue(
    hass: HomeAssistant,
    entry: ConfigEntry,
    *,
    translation_key: str,
    is_so: bool = True,
    placeholders: Mapping[str, str] | None = None,
    severity: ir.IssueSeverity = ir.IssueSeverity.WARNING,
    is_persistent: bool = False,
    data: Mapping[str, str] | None = None,
) -> None:
    """Tell a person something about an entry, or withdraw it where it is not so; an entry has one issue of each text.

    The text can name `{site}`, the entry's title, and `placeholders`. An issue with `data`, which its repair gets together with the
    entry's id, can be repaired; one that outlives a restart can be confirmed; others only inform.
    """
    issue_id = f"{translation_key}_{entry.entry_id}"
    if not is_so:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data=None if data is None else {"entry_id": entry.entry_id, **data},
        is_fixable=data is not None or is_persistent,
        is_persistent=is_persistent,
        severity=severity,
        translation_key=translation_key,
        translation_placeholders={"site": entry.title, **(placeholders or {})},
    )


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
    set_entry_issue(hass, entry, translation_key=key, severity=ir.IssueSeverity.ERROR)


@callback
def raise_throttled_issue(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Tell a person that Enphase has been throttling an account for a long time."""
    set_entry_issue(hass, entry, translation_key=_THROTTLED)


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
        set_entry_issue(hass, entry, translation_key=key, is_so=False)
    # Home Assistant removes its repair issue together with the flow.
    for flow in list(entry.async_get_active_flows(hass, {SOURCE_REAUTH})):
        hass.config_entries.flow.async_abort(flow["flow_id"])


@callback
def set_certificate_issue(hass: HomeAssistant, entry: ConfigEntry, fingerprint: str) -> None:
    """Ask a person whether the new certificate of the gateway in the house is its own."""
    set_entry_issue(
        hass,
        entry,
        translation_key=GATEWAY_CERTIFICATE,
        placeholders={"old": fingerprint_shown(entry.options[CONF_GATEWAY_FINGERPRINT]), "new": fingerprint_shown(fingerprint)},
        data={"fingerprint": fingerprint},
    )


@callback
def raise_token_issue(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Tell a person that the token of the gateway in the house has run out."""
    set_entry_issue(hass, entry, translation_key=_GATEWAY_TOKEN)


@callback
def set_token_refused_issue(hass: HomeAssistant, entry: ConfigEntry, *, is_refused: bool) -> None:
    """Tell a person that the gateway in the house refuses the token for everything, or take that back."""
    set_entry_issue(hass, entry, translation_key=_TOKEN_REFUSED, is_so=is_refused)


@callback
def offer_repair(
    hass: HomeAssistant,
    entry: ConfigEntry,
    issue_id: str,
    *,
    translation_key: str,
    placeholders: Mapping[str, str],
    data: Mapping[str, str],
) -> None:
    """Offer to repair one of several things of an entry, each with an issue of its own; the repair gets `data` and the entry's id."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={"entry_id": entry.entry_id, **data},
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=translation_key,
        translation_placeholders=dict(placeholders),
    )


@callback
def clear_gateway_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove the issues of the gateway in the house."""
    for key in (GATEWAY_CERTIFICATE, _GATEWAY_TOKEN, _TOKEN_REFUSED):
        set_entry_issue(hass, entry, translation_key=key, is_so=False)


def fingerprint_shown(fingerprint: str) -> str:
    """Return a fingerprint as it is shown elsewhere: pairs of hex digits."""
    return bytes.fromhex(fingerprint).hex(":").upper()


@callback
def raise_taken_over_issue(hass: HomeAssistant, entry: ConfigEntry, left: Mapping[str, tuple[str, str] | None]) -> None:
    """Tell a person once which entities of the other integration were removed, by entity id.

    They have no counterpart, or one of another platform, which is then given with its translation key.
    """
    lines = [f"- `{entity_id}`{_elsewhere(ours)}" for entity_id, ours in sorted(left.items())]
    set_entry_issue(
        hass,
        entry,
        translation_key=_TAKEN_OVER,
        placeholders={"entities": "\n".join(lines)},
        is_persistent=True,
    )


def _elsewhere(ours: tuple[str, str] | None) -> str:
    """Return what stands behind the name of an entity that has a counterpart of another kind."""
    if ours is None:
        return ""
    platform, key = ours
    return f" → {text_of('entity', platform, key, 'name') or key} (`{platform}`)"
