from __future__ import annotations

import re
import subprocess
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from scripts.tables import PAGES, filled
from tap_targetads.config.schema import CONFIG_SCHEMA
from targetads_sandbox import Fault, Sandbox, World, counts
from tests.conftest import PROJECT
from tests.support.insight_running import ask
from tests.support.places import ROOT
from tests.support.records import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

JANUARY = date(2024, 1, 1), date(2024, 1, 31)
REPORT = "/v1/reports/raw_reports"
PAIRS = {
    "README.md": "README.ru.md",
    **{
        f"docs/{page.name}": f"docs/ru/{page.name}"
        for page in sorted((ROOT / "docs" / "ru").glob("*.md"))
        if page.name not in {"index.md", "settings.md"}
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


def demo(
    output: Path, environment: Mapping[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run the README's first command."""
    command = ["uv", "run", "--no-project", str(ROOT / "demo.py")]
    return subprocess.run(
        [*command, "--output", str(output), *arguments],
        env={**environment, "MELTANO_SYS_DIR_ROOT": str(output)},
        check=False,
        capture_output=True,
        text=True,
    )


def account(sandbox: Sandbox, first: str, last: str) -> dict[str, str]:
    """The variables of an account in a sandbox."""
    return {
        "TAP_TARGETADS_API_URL": sandbox.url,
        "TAP_TARGETADS_PROJECT_ID": str(PROJECT),
        "TAP_TARGETADS_AUTH_TOKEN": sandbox.tokens[PROJECT],
        "TAP_TARGETADS_START_DATE": first,
        "TAP_TARGETADS_END_DATE": last,
    }


@pytest.mark.slow
@pytest.mark.meltano
def test_the_demo_tells_why_it_failed_and_goes_on_the_next_time(
    tmp_path: Path, meltano_environment: Mapping[str, str]
) -> None:
    world = World(rows_per_day=40)
    with Sandbox(world) as sandbox:
        own = account(sandbox, *map(str, JANUARY))
        environment = {**meltano_environment, **own}
        fault = Fault("forbidden", path=REPORT, date="2024-01-08", times=1)
        sandbox.faults.set([fault])
        failed = demo(tmp_path, environment, "--environment=prod")
        done = demo(tmp_path, environment, "--environment=prod")

    assert failed.returncode == 1
    assert "403" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert failed.stderr.endswith(f"The log of the run: {tmp_path / 'demo.log'}\n")
    assert done.returncode == 0, done.stderr
    assert_loaded(tmp_path, world, [PROJECT], done.stdout)


@pytest.mark.slow
@pytest.mark.meltano
def test_the_demo_prints_the_counts_of_the_sandboxs_truth(
    tmp_path: Path, meltano_environment: Mapping[str, str]
) -> None:
    world = World.demo()

    for _ in range(2):
        done = demo(tmp_path, meltano_environment)
        assert done.returncode == 0, done.stderr

    assert_loaded(tmp_path, world, world.projects, done.stdout)
    assert str(tmp_path / "targetads.duckdb") in done.stdout
    lines = [x for x in done.stdout.splitlines() if str(tmp_path) not in x]
    assert max(map(len, lines)) <= 80


@pytest.mark.slow
@pytest.mark.meltano
def test_the_demo_shows_a_day_without_rows(
    tmp_path: Path, meltano_environment: Mapping[str, str]
) -> None:
    world = World(rows_per_day=40)
    (empty,) = (d for d, types in counts(world, PROJECT, *JANUARY).items() if not types)
    with Sandbox(world) as sandbox:
        environment = {**meltano_environment, **account(sandbox, empty, empty)}
        done = demo(tmp_path, environment, "--environment=prod")

    assert done.returncode == 0, done.stderr
    assert re.search(r"^clicks +0$", done.stdout, re.MULTILINE)
    assert re.search(r"^campaigns +12$", done.stdout, re.MULTILINE)


def assert_loaded(
    output: Path, world: World, projects: Iterable[int], printed: str
) -> None:
    """The counts per day in the database, and those that were printed."""
    days = """
        SELECT InteractionDate AS day, count(*) AS rows FROM {} GROUP BY day
    """
    for stream, (name,) in STREAMS.items():
        truth: Counter[str] = Counter()
        for project in projects:
            for day, types in counts(world, project, *JANUARY).items():
                truth[day] += types.get(name, 0)
        (found,) = ask(output, days.format(stream))
        assert {row["day"]: row["rows"] for row in found} == +truth
        assert re.search(rf"^{stream} +{truth.total():,}\b", printed, re.MULTILINE)
