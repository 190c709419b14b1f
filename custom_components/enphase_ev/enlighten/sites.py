"""Finds the sites of an account (docs/cloud-api/auth.md §5)."""

from dataclasses import dataclass
import re

from .parsing import Json, first_of, read_digits, read_label, read_mapping, read_records
from .transport import DEFAULT_URL

_SITE_IN_PATH = re.compile(r"/(?:web|pv/systems|systems)/(\d+)(?:/|$)")


@dataclass(frozen=True)
class Site:
    """A site: its number as text, and its name where it has one."""

    id: str
    name: str | None = None


def read_sites(body: Json) -> list[Site]:
    """Return the sites of a list in any of its shapes, each once, with its name where one of its entries has it."""
    names: dict[str, str | None] = {}
    for record in read_records(body):
        site_id = read_digits(first_of(record, "id", "site_id", "siteId", "system_id"))
        if site_id is None:
            continue
        name = read_label(first_of(record, "title", "name", "site_name", "siteName", "displayName"))
        names[site_id] = names.get(site_id) or name
    return [Site(site_id, name) for site_id, name in names.items()]


def site_in_path(path: str) -> str | None:
    """Return the site that a path of the web pages names."""
    found = _SITE_IN_PATH.search(path)
    return found.group(1) if found else None


def site_page(site_id: str) -> str:
    """Return the address of a site's page at Enphase, for a person to open."""
    return f"{DEFAULT_URL}/web/{site_id}"


def read_user_id(body: Json) -> str | None:
    """Return the numeric user id of the app's data."""
    app = read_mapping(read_mapping(body).get("app"))
    return read_digits(first_of(app, "userId", "user_id")) or read_digits(read_mapping(app.get("user")).get("id"))
