"""The README as GitHub and HACS show it: short, and readable where relative addresses lead nowhere and HTML is dropped."""

from pathlib import Path
import re

import pytest

from tests.structure.source import ROOT
from tests.structure.test_docs import FENCED, PAGES, anchors
from tests.structure.test_home import HOME

README = ROOT / "README.md"
TARGET = re.compile(r"\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
PAGE = f"https://github.com/{HOME}/blob/main/"
RAW = f"https://raw.githubusercontent.com/{HOME}/main/"


def _text() -> str:
    return README.read_text(encoding="utf-8")


def _is_there(address: str) -> bool:
    """Whether an address into the repository names a file that there is, and a heading in it."""
    name, _, anchor = address.removeprefix(PAGE).removeprefix(RAW).partition("#")
    path = ROOT / name
    return path.is_file() and (not anchor or anchor in anchors(path))


def test_is_short() -> None:
    assert len(_text().splitlines()) < 150


def test_has_no_html() -> None:
    """HACS drops `<picture>` and `<img>`."""
    assert re.findall(r"<\w+", FENCED.sub("", _text())) == []


def test_every_address_is_absolute() -> None:
    targets = TARGET.findall(_text())
    assert targets
    assert [target for target in targets if not target.startswith("https://")] == []


def test_every_picture_says_what_it_shows() -> None:
    pictures = PICTURE.findall(_text())
    assert [target for text, target in pictures if not text.strip()] == []
    # At least one of them is ours.
    assert [target for _, target in pictures if target.startswith(RAW)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_addresses_into_the_repository_lead_somewhere(page: Path) -> None:
    targets = [target for target in TARGET.findall(page.read_text(encoding="utf-8")) if target.startswith((PAGE, RAW))]
    assert page != README or targets
    assert [target for target in targets if not _is_there(target)] == []


def test_every_page_of_the_docs_is_found_from_here() -> None:
    pages = {path.relative_to(ROOT).as_posix() for path in PAGES if path.parent == ROOT / "docs"}
    assert pages
    assert pages - {target.removeprefix(PAGE).partition("#")[0] for target in TARGET.findall(_text())} == set()


def test_the_first_screen_says_what_it_is_and_how_to_get_it() -> None:
    """A sentence, a picture, five lines of what it gives, and the buttons: in this order, before any table."""
    text = _text()
    buttons = ["redirect/hacs_repository/", "redirect/config_flow_start/?domain=enphase_ev"]
    order = [text.index(part) for part in ("same cloud as the Enphase app", RAW, "\n- **", *buttons, "scripts/demo", "\n| ")]
    assert order == sorted(order)
    assert len(re.findall(r"^- \*\*", text[: text.index("## Install")], re.MULTILINE)) == 5
