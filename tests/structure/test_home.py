"""Where the project lives on GitHub: it stands in the manifest, everything else agrees, and one script changes it."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
import shutil
import subprocess
from urllib.parse import unquote

import pytest

from tests.structure.source import ROOT, load, tracked, tracked_texts

HOME: str = load("manifest.json")["documentation"].removeprefix("https://github.com/")
OWNER = HOME.partition("/")[0]
# In parts, for this file is moved as well.
ELSEWHERE = "somebody-else*ha.enphase_ev".replace("*", "/")
ADDRESS = re.compile(r"(?:github\.com|raw\.githubusercontent\.com|img\.shields\.io/github/(?:v/)?[a-z]+)/([\w-]+/[\w.-]*[\w-])")
REDIRECT = re.compile(r"owner=([\w-]+)&repository=([\w.-]*[\w-])")


def _named(text: str) -> set[str]:
    """The repositories that a text names, also inside another address."""
    plain = unquote(text)
    return set(ADDRESS.findall(plain)) | {"/".join(found) for found in REDIRECT.findall(plain)}


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([folder / "scripts" / "repository", *arguments], check=False, capture_output=True, text=True)  # noqa: S603 - our own script


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The repository as it lies there, in a folder of its own."""
    for path in tracked():
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)  # noqa: S603, S607 - git is wherever it is
    return tmp_path


def _texts(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in tracked():
        name = path.relative_to(ROOT)
        yield name, (folder / name).read_bytes()


def test_all_places_agree() -> None:
    named = {path.relative_to(ROOT).as_posix(): _named(text) for path, text in tracked_texts().items() if path != Path(__file__)}
    assert {name: found - {HOME} for name, found in named.items() if found - {HOME}} == {}
    assert {"README.md", "CHANGELOG.md", "custom_components/enphase_ev/manifest.json"} <= {name for name, found in named.items() if found}


def test_the_manifest_agrees_with_itself() -> None:
    manifest = load("manifest.json")
    assert manifest["issue_tracker"] == f"https://github.com/{HOME}/issues"
    assert manifest["codeowners"] == [f"@{OWNER}"]


def test_the_script_says_where() -> None:
    assert _run(ROOT).stdout.strip() == HOME


def test_the_script_changes_every_place_and_back(clone: Path) -> None:
    """Nothing keeps the old name, in whatever form it is written, and nothing else changes: the way back leads to the same bytes."""
    before = dict(_texts(clone))
    assert _run(clone, ELSEWHERE).returncode == 0
    manifest = json.loads((clone / "custom_components" / "enphase_ev" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["documentation"] == f"https://github.com/{ELSEWHERE}"
    assert manifest["codeowners"] == ["@" + ELSEWHERE.partition("/")[0]]
    kept = [name.as_posix() for name, content in _texts(clone) if HOME in unquote(content.decode(errors="replace"))]
    assert kept == []
    assert _run(clone).stdout.strip() == ELSEWHERE
    assert _run(clone, HOME).returncode == 0
    assert [name for name, content in _texts(clone) if content != before[name]] == []


@pytest.mark.parametrize("wrong", ["nobody", "https://github.com/a/b", "a/b/c", "-a/b", ""])
def test_what_is_no_repository_is_refused(clone: Path, wrong: str) -> None:
    before = dict(_texts(clone))
    assert _run(clone, wrong).returncode != 0
    assert dict(_texts(clone)) == before
