"""No recipe without a test, or a word on why there is none."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.support.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
UNTESTED = "Not tested here, because"


def recipes() -> Iterator[tuple[str, str]]:
    """The heading and text of each recipe."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## Recipes\n")[2].partition("\n## ")[0]
    page = (ROOT / "docs" / "warehouses.md").read_text(encoding="utf-8")
    for text, heading in ((section, r"^\*\*([^*]+)\*\*"), (page, r"^## (.*)$")):
        _, *parts = re.split(heading, text, flags=re.MULTILINE)
        yield from zip(parts[::2], parts[1::2], strict=True)


@cache
def names_of_tests(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("heading", "text"), [*recipes()])
def test_a_recipe_names_tests_that_exist_or_says_why_there_are_none(
    heading: str, text: str
) -> None:
    named = TEST.findall(text)

    assert named or UNTESTED in " ".join(text.split()), heading
    for file, name in named:
        assert name.startswith("test_")
        assert name in names_of_tests(file)


def test_all_recipes_are_looked_at() -> None:
    headings = [heading for heading, _ in recipes()]

    assert {"PostgreSQL.", "Backfill.", "Append only.", "ClickHouse"} <= set(headings)
    assert len(headings) > 12
