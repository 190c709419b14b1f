"""References to the notes on the cloud: each names a page and a section that there is."""

from pathlib import Path
import re

import pytest

from tests.structure.source import ROOT, tracked_texts

CONTRACT = ROOT / "docs" / "cloud-api"
PAGES = sorted(CONTRACT.glob("*.md"))
SAMPLES = ROOT / "tests" / "fixtures" / "api"
# docs/cloud-api/battery.md §1, §2 and §4; the page alone where a file is about all of it.
REFERENCE = re.compile(r"docs/cloud-api/(?P<page>[\w-]+\.md)(?P<sections>(?:(?:,| and| to)?\s+§\d+)*)")
OLD_FORM = re.compile(r"(?<![\w/-])(?:\.\./)*(?:shared/)?api/(?:\w+\.md|samples\b)")
# A comment or a string that goes on in the next line.
CONTINUED = re.compile(r"\n\s*(?:#|//)?\s*")
# On the pages themselves a section is a link: [§5](#5-charge-mode), [`live.md` §3](live.md#3-the-message).
SECTION_LINK = re.compile(r"\[(?:`[\w-]+\.md` )?§(?P<told>\d+)\]\([\w-]*(?:\.md)?#(?P<meant>\d+)-[^)]*\)")


def _sections(page: Path) -> set[str]:
    return set(re.findall(r"^## (\d+)\.", page.read_text(encoding="utf-8"), re.MULTILINE))


def _problems(text: str) -> list[str]:
    """What is wrong with the references in a text: no such page, no such section, a section of no page, an older form."""
    text = CONTINUED.sub(" ", text)
    found = []
    for reference in REFERENCE.finditer(text):
        page = CONTRACT / reference["page"]
        if page not in PAGES:
            found.append(f"no page {page.name}")
            continue
        found += [f"{page.name} has no §{number}" for number in re.findall(r"\d+", reference["sections"]) if number not in _sections(page)]
    rest = REFERENCE.sub("", text)
    found += [f"{bare}: of which page?" for bare in re.findall(r"§ ?\w*", rest)]
    return found + [f"{old}: an older form" for old in OLD_FORM.findall(rest)]


def test_every_reference_names_a_page_and_a_section_that_there_are() -> None:
    texts = {path: text for path, text in tracked_texts().items() if path != Path(__file__) and path not in PAGES}
    assert sum(len(REFERENCE.findall(text)) for text in texts.values()) > 100
    wrong = [f"{path.relative_to(ROOT)}: {problem}" for path, text in texts.items() for problem in _problems(text)]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("See docs/cloud-api/battery.md §4.", []),
        ("Sources: docs/cloud-api/chargers.md §5 and §7, docs/cloud-api/auth.md §1, §2.", []),
        ("# docs/cloud-api/battery.md\n    # §4", []),
        ("the batteries (docs/cloud-api/battery.md)", []),
        ("docs/cloud-api/battery.md §99", ["battery.md has no §99"]),
        ("docs/cloud-api/chargers.md §5 and §77", ["chargers.md has no §77"]),
        ("docs/cloud-api/solar.md §1", ["no page solar.md"]),
        ("as in §4", ["§4: of which page?"]),
        ("api/battery.md says so", ["api/battery.md: an older form"]),
        ("as in api/samples/tariff.json", ["api/samples: an older form"]),
    ],
)
def test_wrong_references_are_found(text: str, problems: list[str]) -> None:
    assert _problems(text) == problems


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sections_that_a_page_names_are_links_to_them(page: Path) -> None:
    """Whether the links lead somewhere is tested with those of all pages, in test_docs.py."""
    text = page.read_text(encoding="utf-8")
    assert [link.group() for link in SECTION_LINK.finditer(text) if link["told"] != link["meant"]] == []
    text = REFERENCE.sub("", SECTION_LINK.sub("", text))
    assert re.findall(r".{0,30}§.{0,10}", text) == []


def test_the_first_page_lists_all_others() -> None:
    text = (CONTRACT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if page.name != "README.md" and f"({page.name})" not in text] == []


def test_every_sample_is_named_on_a_page() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    samples = sorted(SAMPLES.glob("*.json"))
    assert samples
    assert [sample.name for sample in samples if f"(../../tests/fixtures/api/{sample.name})" not in text] == []
