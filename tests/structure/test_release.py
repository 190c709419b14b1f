"""The release: one version, a changelog that knows it, and the zip that HACS takes."""

from pathlib import Path
import re
import subprocess
import zipfile

import pytest

from tests.structure.source import INTEGRATION, ROOT, load

VERSION: str = load("manifest.json")["version"]
BUILD = ROOT / "scripts" / "build"


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BUILD, *arguments], check=False, capture_output=True, text=True)  # noqa: S603 - our own script


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("release") / "built.zip"
    assert _run(target).returncode == 0
    return target


def test_the_zip_is_the_integration(packed: Path) -> None:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "."],  # noqa: S607 - git is wherever it is
        cwd=INTEGRATION,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    known = {name for name in listing.split("\0") if name and (INTEGRATION / name).exists()}
    with zipfile.ZipFile(packed) as files:
        assert set(files.namelist()) == known
        # HACS unpacks it into custom_components/enphase_ev.
        assert {"__init__.py", "manifest.json", "translations/en.json", "brand/icon.png", "enlighten/account.py"} <= known
        assert [name for name in known if files.read(name) != (INTEGRATION / name).read_bytes()] == []


def test_the_zip_is_the_same_every_time(packed: Path, tmp_path: Path) -> None:
    assert _run(tmp_path / "again.zip").returncode == 0
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


def test_the_changelog_begins_with_this_version_or_what_comes_after_it() -> None:
    sections = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    versions = [version for version, _ in sections if version != "Unreleased"]
    assert versions[0] == VERSION
    assert len(set(versions)) == len(versions)
    # Only what comes next has no date.
    assert [version for version, date in sections if not date] in ([], ["Unreleased"])
    assert "Unreleased" not in [version for version, _ in sections[1:]]


def test_a_tag_that_does_not_fit_is_refused() -> None:
    checked = _run("--check", "v99.0.0")
    assert checked.returncode != 0
    assert f"the manifest says {VERSION}" in checked.stdout


def test_a_release_wants_its_date() -> None:
    """Until then the tag of this very version is refused, and afterwards taken."""
    is_dated = (
        re.search(rf"^## \[{re.escape(VERSION)}\] - \d", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE) is not None
    )
    checked = _run("--check", f"v{VERSION}")
    assert (checked.returncode == 0) is is_dated
    assert ("has no dated section" in checked.stdout) is not is_dated


def test_the_version_stands_in_the_manifest_alone() -> None:
    sources = [*INTEGRATION.rglob("*.py"), ROOT / "pyproject.toml", ROOT / "hacs.json", *(ROOT / ".github").rglob("*.yml")]
    assert [path.name for path in sources if f'"{VERSION}"' in path.read_text(encoding="utf-8")] == []


def test_every_release_has_its_snapshot_for_upgrades() -> None:
    """Made by `python -m tests.live.snapshot` when it was released."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = set(re.findall(r"^## \[(.+?)\] - \d", changelog, re.MULTILINE))
    assert {path.stem for path in (ROOT / "tests" / "fixtures" / "releases").glob("*.json")} == released
