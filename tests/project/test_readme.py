from __future__ import annotations

import re
import subprocess
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from scripts.tables import PAGES, filled
from tap_targetads.config.schema import CONFIG_SCHEMA
from targetads_sandbox import World, counts
from tests.support.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

JANUARY = date(2024, 1, 1), date(2024, 1, 31)
STREAMS = ["clicks", "impressions", "page_views", "purchases"]
PAIRS = {
    "README.md": "README.ru.md",
    **{
        f"docs/{page.name}": f"docs/ru/{page.name}"
        for page in sorted((ROOT / "docs" / "ru").glob("*.md"))
        if page.name not in {"index.md", "settings.md", "warehouses.md"}
    },
}
"""Pages that say the same in both languages. (The others are shorter in Russian.)"""
ONLY_ENGLISH = {
    "docs/guarantees.md": "What is tested",
    "docs/reports.md": "Keys",
    "docs/streams.md": "Fields",
}
"""The last section of a page, where only the English one has it."""


@pytest.mark.parametrize(("name", "russian"), PAGES.items())
def test_the_tables_are_what_the_tap_says_about_itself(
    name: str,
    russian: bool,  # noqa: FBT001
) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    assert filled(text, russian=russian) == text
    assert "<!-- /" in text


def test_the_readmes_can_be_read_in_two_minutes() -> None:
    for name in ("README.md", "README.ru.md"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 150


def sections(name: str) -> list[dict[str, Any]]:
    """What does not depend on the language, section by section."""
    text = (ROOT / name).read_text(encoding="utf-8")
    block = re.compile(r"^```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
    heading = re.compile(r"^(#+) .*$", re.MULTILINE)
    # A comment in a block begins like a heading: blocks are taken out before.
    blocks = block.findall(text)
    prose = block.sub("BLOCK", text)
    levels = [0, *(len(mark) for mark in heading.findall(prose))]
    found = []
    for level, part in zip(levels, heading.sub("\0", prose).split("\0"), strict=True):
        taken, blocks = blocks[: part.count("BLOCK")], blocks[part.count("BLOCK") :]
        rows = re.findall(r"^\|.*\|$", part, re.MULTILINE)
        links = re.findall(r"\]\(([^)]+)\)", part)
        found.append(
            {
                "level": level,
                "commands": [re.sub(r" *#.*", "", text) for text in taken],
                "columns of each row": [row.count(" | ") for row in rows],
                "names in the first column": [
                    row.split("|")[1] for row in rows if row.startswith("| `")
                ],
                "links": [link_of_both(link) for link in links],
                "names": Counter(re.findall(r"`[^`]+`", part)),
                "points": len(re.findall(r"^- \*\*", part, re.MULTILINE)),
            }
        )
    return found


def link_of_both(link: str) -> str:
    """What a link names, whatever the language and the folder of its page."""
    place = re.sub(r"^(\.\./)*(docs/)?(ru/)?", "", link).partition("#")[0]
    return place.replace("README.ru.md", "README.md")


@pytest.mark.parametrize(("english", "russian"), PAIRS.items())
def test_both_languages_have_the_same_sections_commands_tables_names_and_links(
    english: str, russian: str
) -> None:
    ours, theirs = sections(english), sections(russian)

    assert len(ours) - len(theirs) == int(english in ONLY_ENGLISH)
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        assert one == other, f"section {number}"


def test_every_variable_in_the_example_is_a_setting() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = re.findall(r"TAP_TARGETADS_(\w+)=", example)

    assert names
    assert {name.lower() for name in names} <= set(
        CONFIG_SCHEMA.to_dict()["properties"]
    )


@pytest.mark.long
@pytest.mark.meltano
def test_the_demo_goes_on_after_a_run_that_was_killed(
    tmp_path: Path, meltano_environment: Mapping[str, str]
) -> None:
    def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["uv", "run", "--no-project", str(ROOT / "demo.py")]
        return subprocess.run(
            [*command, "--output", str(tmp_path), *arguments],
            env={**meltano_environment, "MELTANO_SYS_DIR_ROOT": str(tmp_path)},
            check=False,
            capture_output=True,
            text=True,
        )

    file = tmp_path / "clicks.jsonl"
    file.write_text('{"_row_key": "to')
    mended = demo("--force")
    assert mended.returncode == 0, mended.stderr
    assert f"{file}: removed its last row, which a killed run left torn." in (
        mended.stdout
    )

    file.write_text('{"_row_key": "to{"_row_key": "a"}\n')
    refused = demo()
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    last = refused.stderr.splitlines()[-1]
    assert last.startswith(f"{file} cannot be loaded: ")
    assert f"Remove the folder {tmp_path}, and run the demo again" in last


@pytest.mark.slow
@pytest.mark.meltano
def test_the_demo_prints_the_counts_of_the_sandboxs_truth(
    tmp_path: Path, meltano_environment: Mapping[str, str]
) -> None:
    command = ["uv", "run", "--no-project", str(ROOT / "demo.py")]
    where = ["--output", str(tmp_path)]

    for _ in range(2):
        demo = subprocess.run(
            [*command, *where],
            env={**meltano_environment, "MELTANO_SYS_DIR_ROOT": str(tmp_path)},
            check=True,
            capture_output=True,
            text=True,
        )

    world = World()
    truth: dict[str, dict[str, int]] = {}
    for project in world.projects:
        for day, types in counts(world, project, *JANUARY).items():
            for name, count in types.items():
                days = truth.setdefault(name, {})
                days[day] = days.get(day, 0) + count
    columns = ["Click", "Impression", "PageView", "Purchase"]
    number = r"\s*│\s*\d+\s*│\s*"
    for day in truth["Click"]:
        click, *others = (str(truth[name].get(day, 0)) for name in columns)
        # Between clicks and impressions stand the paths, after them the media report.
        impression, page_view, purchase = others
        cells = rf"{day}\s*│\s*{click}{number}{impression}{number}{page_view}\s*│\s*"
        assert re.search(cells + purchase, demo.stdout), day
    for name, table in zip(columns, STREAMS, strict=True):
        total = sum(truth[name].values())
        assert re.search(rf"{table}\s*│\s*{total}\b", demo.stdout)
    assert str(tmp_path / "targetads.duckdb") in demo.stdout
