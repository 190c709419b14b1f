"""The documentation is in step with the code."""

from pathlib import Path
import re

import pytest

from tests.structure.descriptions import declared_entities
from tests.structure.source import INTEGRATION, ROOT, leaves, load, tracked

PAGES = sorted(path for path in tracked() if path.suffix == ".md" and ".github" not in path.parts)
LINK = re.compile(r"\]\((?!https?://)([^)\s]+)|(?:src|srcset)=\"(?!https?://)([^\"]+)\"")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LOGGED = re.compile(r'LOGGER\.\w+\(\s*"([^"]+)"')
# What Home Assistant fills in, or what a page leaves out.
GAP = "…"

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """What a link can name after the #: headings in lower case, without punctuation, with a hyphen for each space."""
    headings = HEADING.findall(FENCED.sub("", _text(page)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


def _is_said(quoted: str, texts: list[str]) -> bool:
    """Whether a quoted message is one of these texts, whose names in braces stand for anything."""
    sought = re.compile(".+".join(re.escape(part) for part in quoted.split(GAP)))
    for text in texts:
        shown = re.compile(re.sub(r"\\\{\w+\\\}", ".+?", re.escape(text)))
        if shown.fullmatch(quoted) or sought.fullmatch(text):
            return True
    return False


def _sections(page: Path) -> dict[str, str]:
    """The text under each heading."""
    parts = HEADING.split(_text(page))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    links = [first or second for first, second in LINK.findall(FENCED.sub("", _text(page)))]
    assert [link for link in links if not _leads_somewhere(page, link)] == []


def test_pictures_are_shown_and_are_small() -> None:
    pictures = list((ROOT / "docs" / "images").glob("*.png"))
    text = "\n".join(_text(page) for page in PAGES)
    assert [path.name for path in pictures if path.stat().st_size >= 200_000] == []
    assert [path.name for path in pictures if path.name not in text] == []


@each_page
def test_quoted_messages_are_those_that_people_see(page: Path) -> None:
    """Messages are quoted in curly quotes."""
    texts = [text for _, text in leaves(load("translations/en.json"))]
    source = "\n".join(_text(path) for path in INTEGRATION.rglob("*.py"))
    texts += [logged.replace("%s", "{it}") for logged in LOGGED.findall(source)]
    quoted = re.findall(r"“([^”]+)”", re.sub(r"\s+", " ", _text(page)))
    messages = [text for text in quoted if text.endswith((".", GAP))]
    assert [text for text in messages if not _is_said(text, texts) and text not in source] == []


def test_every_message_is_told() -> None:
    """What is refused, and why."""
    texts = load("translations/en.json")
    messages = [text["message"] for text in texts["exceptions"].values()]
    flows = [texts["config"], texts["options"], *(issue["fix_flow"] for issue in texts["issues"].values() if "fix_flow" in issue)]
    messages += [text for flow in flows for kind in ("error", "abort") for text in flow.get(kind, {}).values()]
    pages = [re.sub(r"\s+", " ", _text(page)) for page in PAGES]
    quoted = {text for page in pages for text in re.findall(r"“([^”]+)”", page)}
    assert [message for message in messages if not any(_is_said(text, [message]) for text in quoted)] == []


def test_every_entity_is_told() -> None:
    rows = [line for line in _text(ROOT / "docs" / "entities.md").splitlines() if line.startswith("|")]
    told = {key for row in rows for key in re.findall(r"`([a-z_]+)`", row)}
    assert {entity.key for entity in declared_entities()} - told == set()


def test_every_repair_note_is_told() -> None:
    page = _text(ROOT / "docs" / "options.md")
    titles = [issue["title"] for issue in load("translations/en.json")["issues"].values()]
    assert [title for title in titles if not re.search("“" + re.sub(r"\\\{\w+\\\}", "[^”]+", re.escape(title)) + "”", page)] == []


@pytest.mark.parametrize(("action", "content"), load("translations/en.json")["services"].items())
def test_every_action_is_told_with_its_fields(action: str, content: dict[str, dict[str, object]]) -> None:
    told = [text for heading, text in _sections(ROOT / "docs" / "actions.md").items() if f"`enphase_ev.{action}`" in heading]
    assert len(told) == 1
    assert [field for field in content.get("fields", {}) if f"`{field}`" not in told[0]] == []


def test_every_option_is_told() -> None:
    form = load("translations/en.json")["options"]["step"]["init"]
    names = [name for group in (form, *form["sections"].values()) for name in group.get("data", {"": group.get("name")}).values()]
    page = _text(ROOT / "docs" / "options.md")
    assert [name for name in names if f"**{name}**" not in page] == []
