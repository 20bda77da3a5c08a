from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from scripts.changelog import section_of
from tap_targetads.tap import TapTargetADS
from tests.support.places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def workflow(name: str) -> dict[Any, Any]:
    file = ROOT / ".github" / "workflows" / f"{name}.yml"
    content: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content


def test_the_pythons_that_the_package_names_are_those_that_are_tested() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text)
    tested = workflow("test")["jobs"]["pytest"]["strategy"]["matrix"]

    assert len(named) >= 3
    assert tested["python-version"] == named
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f'pythons="{" ".join(named)}"' in script
    assert f'requires-python = ">={named[0]}"' in text
    # What `tap-targetads --about` says comes from the package that is installed.
    assert TapTargetADS.get_supported_python_versions() == named


def test_the_changelog_has_a_place_for_what_is_not_released() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *released = re.findall(r"^## (.*)$", text, re.MULTILINE)

    assert first == "Unreleased"
    for heading in released:
        assert re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", heading)
    kinds = set(re.findall(r"^### (.*)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


CHANGELOG = """# Changelog

## Unreleased

- later

## 0.2.0 - 2026-12-01

### Fixed

- second

## 0.1.0 - 2026-11-01

- first

## 0.0.1 - 2026-10-01
"""


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("v0.2.0", "### Fixed\n\n- second"),
        ("0.2.0", "### Fixed\n\n- second"),
        ("v0.1.0", "- first"),
    ],
)
def test_a_release_is_told_by_its_section_of_the_changelog(
    version: str, text: str
) -> None:
    assert section_of(CHANGELOG, version) == text


@pytest.mark.parametrize("version", ["v0.0.1", "v0.2", "v0x2x0", "Unreleased", "v1.0"])
def test_a_version_of_which_the_changelog_says_nothing_is_not_released(
    version: str,
) -> None:
    with pytest.raises(ValueError, match="says nothing of"):
        section_of(CHANGELOG, version)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_what_others_wrote_runs_as_it_was_read(file: Path) -> None:
    used = re.findall(r"uses: (\S+)", file.read_text(encoding="utf-8"))

    assert used
    for action in used:
        assert action.startswith("./") or re.fullmatch(r"\S+@[0-9a-f]{40}", action)


def test_only_a_tag_that_was_tested_is_published_and_only_there_is_the_right_to() -> (
    None
):
    release = workflow("release")

    # YAML reads the key `on` as true.
    assert release[True] == {"push": {"tags": ["v*"]}}
    assert release["permissions"] == {"contents": "read"}
    rights = {
        n: j["permissions"] for n, j in release["jobs"].items() if j.get("permissions")
    }
    assert rights == {
        "publish": {"id-token": "write"},
        "announce": {"contents": "write"},
    }
    assert release["jobs"]["publish"]["needs"] == ["test", "build"]
    assert release["jobs"]["announce"]["needs"] == ["publish"]
