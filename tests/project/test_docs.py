from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from scripts import mistakes
from scripts.reference import PLACES, places_in, with_places_filled
from tap_targetads.config.report_schema import REPORT_SCHEMA
from tap_targetads.config.schema import CONFIG_SCHEMA
from tap_targetads.tap import TapTargetADS
from tests.support.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCS = ROOT / "docs"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]
SETTINGS = CONFIG_SCHEMA.to_dict()["properties"]

MISSPELT = "window_day"
"""The one of the common mistakes."""

SAID_DIFFERENTLY = {
    "is not a number": "is not …",  # the type
    "Fields fails": " fails ",  # the field
}
SAID_BY_MELTANO = {"Another", "pipeline is already running"}


def text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def filled(page: str) -> str:
    """A page with its part of the reference."""
    return with_places_filled(text(DOCS / page))


def test_every_setting_is_in_the_reference_with_its_variable_and_default() -> None:
    parts = re.split(r"^## ", filled("settings.md"), flags=re.MULTILINE)
    sections = {part.partition("\n")[0]: part for part in parts}

    for name, schema in SETTINGS.items():
        section = sections[f"`{name}`"]
        assert schema["description"] in section
        assert f"`TAP_TARGETADS_{name.upper()}`" in section
        assert ("- Default: `" in section) == ("default" in schema)
    secret = {name for name in SETTINGS if "Secret:" in sections[f"`{name}`"]}
    assert secret == {"auth_token", "projects"}


def test_every_field_of_every_stream_is_in_the_reference() -> None:
    page = filled("streams.md")
    tap = TapTargetADS(config={"sandbox": True, "start_date": "2024-01-01"})

    assert len(tap.streams) > 10
    for name, stream in tap.streams.items():
        heads = re.findall(rf"^### Fields of .*`{name}`.*$", page, re.MULTILINE)
        assert len(heads) == 1, name
        table = page.partition(heads[0])[2].partition("\n### ")[0]
        rows = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
        assert rows == set(stream.schema["properties"]), name


def rows_of(text: str) -> Iterator[list[str]]:
    """The rows of a page's tables."""
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("| ").split(" | ")]


def test_the_reference_knows_which_kind_of_report_takes_which_key() -> None:
    page = filled("reports.md")
    kinds = {row[0].strip("`"): row[2] for row in rows_of(page)}

    assert set(REPORT_SCHEMA.to_dict()["properties"]) <= set(kinds)
    assert kinds["lookback_days"] == "`raw`, `path`, `aggregate`"
    assert kinds["window_days"] == "`raw`, `aggregate`"
    assert kinds["target_event_types"] == "`path`, `aggregate`"
    assert kinds["date_grouping"] == "`aggregate`"


def test_every_part_of_the_reference_is_on_one_page() -> None:
    places = [name for page in DOCS.glob("*.md") for name in places_in(text(page))]

    assert sorted(places) == sorted(PLACES)


def test_what_the_pages_include_is_in_the_readme_once() -> None:
    includes = [
        match[1]
        for page in DOCS.rglob("*.md")
        for match in re.finditer(r"{% include-markdown (.*?) %}", text(page))
    ]

    assert len(includes) >= 10
    for include in includes:
        start, end = re.findall(r'(?:start|end)="([^"]+)"', include)
        readme = text(ROOT / re.findall(r"README[.\w]*", include)[0])
        # At the beginning of a line, where "## Streams" is not in "### Streams".
        for mark in (start, end):
            assert len(re.findall(rf"^{re.escape(mark)}", readme, re.MULTILINE)) == 1
        assert readme.index(f"\n{end}") > f"\n{readme}".index(f"\n{start}"), include


@pytest.mark.parametrize("folder", [DOCS, DOCS / "ru"])
def test_the_overview_names_every_page(folder: Path) -> None:
    overview = text(folder / "index.md")

    pages = {page.name for page in folder.glob("*.md")} - {"index.md"}
    assert pages <= set(re.findall(r"\]\(([\w-]+\.md)\)", overview))


def test_the_lines_that_are_explained_are_lines_that_the_tap_says() -> None:
    said = "\n".join(sayings())
    explained = [
        row[0]
        for row in rows_of(text(DOCS / "errors.md"))
        if "The log says" not in row and not row[0].startswith(":")
    ]

    assert len(explained) > 25
    for line in explained:
        pieces = re.sub(r"\(or [^)]*\)", "…", line).split("…")
        for piece in {piece.strip(" .()") for piece in pieces} - {"", *SAID_BY_MELTANO}:
            assert SAID_DIFFERENTLY.get(piece, piece) in said, line


def sayings() -> Iterator[str]:
    """All texts in the tap's code but docstrings, with … for what is filled in."""
    for file in (ROOT / "tap_targetads").rglob("*.py"):
        tree = ast.parse(text(file))
        docstrings = {n.value for n in ast.walk(tree) if isinstance(n, ast.Expr)}
        for node in {*ast.walk(tree)} - docstrings:
            match node:
                case ast.JoinedStr():
                    parts = (getattr(part, "value", None) for part in node.values)
                    yield "".join(p if isinstance(p, str) else "…" for p in parts)
                case ast.Constant(value=str(saying)):
                    yield re.sub(r"%[.\d]*[sdfg]", "…", saying)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_variables_and_links_that_are_written_down_exist(page: Path) -> None:
    written = text(page)

    for name in re.findall(r"\bTAP_TARGETADS_([A-Z0-9_]*[A-Z0-9])\b", written):
        assert name.lower() in {*SETTINGS, "test_postgres", MISSPELT}
    for link in re.findall(r"\]\((\w+:[^)\s]*)\)", written):
        assert urlsplit(link).scheme == "https"
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", urlsplit(link).netloc)
    if page.parent == ROOT:  # those of the pages are for MkDocs to check
        for link in re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", written):
            assert (ROOT / link).exists(), link


def test_the_tasks_that_are_explained_are_those_that_there_are() -> None:
    explained = re.findall(r"^\| `uv run poe (\w+)`", text(CONTRIBUTING), re.MULTILINE)
    _, _, section = text(ROOT / "pyproject.toml").partition("[tool.poe.tasks]\n")
    tasks = re.findall(r"^(\w+) = ", section.partition("\n[")[0], re.MULTILINE)

    assert len(tasks) > 5
    assert sorted(explained) == sorted(tasks)


def test_the_tasks_run_what_has_to_pass_before_a_merge() -> None:
    commands = re.findall(
        r'^.*cmd = "([^"]+)"', text(ROOT / "pyproject.toml"), re.MULTILINE
    )
    continuous = text(ROOT / ".ci" / "run")

    for command in ("ruff check", "ruff format --check", "mypy", "pytest -m slow"):
        assert command in commands
        assert f"uv run {command}\n" in continuous
    assert "mkdocs build --strict" in continuous


def test_what_the_tap_says_to_common_mistakes_is_what_the_page_says() -> None:
    answers = mistakes.said()

    for name, russian in mistakes.PAGES.items():
        page = text(ROOT / name)
        assert mistakes.filled(page, answers, russian=russian) == page
