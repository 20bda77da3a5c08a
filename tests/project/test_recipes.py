"""No recipe without a test, or a word on why there is none."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.support.places import ROOT

TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
UNTESTED = "Not tested here, because"
TESTS = {
    "Several projects": (
        "tests/promises/test_records.py"
        "::test_two_projects_with_their_own_tokens_arrive_in_one_run"
    ),
    "Backfill": (
        "tests/promises/test_start_date.py"
        "::test_a_move_of_the_start_date_that_is_interrupted_goes_on_where_it_stopped"
    ),
    "Rows that arrive late": (
        "tests/promises/test_lookback.py::test_lookback_finds_rows_that_arrived_late"
    ),
    "Hash the device ids": (
        "tests/promises/test_stream_maps.py"
        "::test_the_recipe_leaves_no_device_id_in_any_stream"
    ),
    "From rows to insight": (
        "tests/targets/test_insight.py"
        "::test_the_marts_of_one_command_are_the_sandboxs_truth"
    ),
    "Scale-out": (
        "tests/targets/test_scale_out.py"
        "::test_loaded_a_second_time_nothing_is_lost_or_doubled"
    ),
    "Batches": (
        "tests/targets/test_postgres.py"
        "::test_postgresql_loads_batches_with_the_same_rows"
    ),
    "Append only": (
        "tests/targets/test_postgres.py"
        "::test_the_key_and_not_load_method_says_whether_rows_are_replaced_or_appended"
    ),
}
"""What follows each recipe of the page; the page on warehouses names its own."""


def recipes_of(page: str) -> list[tuple[str, str]]:
    """The heading and text of each recipe."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    _, *parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    return [*zip(parts[::2], parts[1::2], strict=True)]


@cache
def names_of_tests(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(
    ("heading", "text"), [*TESTS.items(), *recipes_of("warehouses.md")]
)
def test_a_recipe_has_tests_that_exist_or_says_why_there_are_none(
    heading: str, text: str
) -> None:
    named = TEST.findall(text)

    assert named or UNTESTED in " ".join(text.split()), heading
    for file, name in named:
        assert name.startswith("test_")
        assert name in names_of_tests(file)


def test_all_recipes_are_looked_at() -> None:
    assert [heading for heading, _ in recipes_of("recipes.md")] == [*TESTS]
    headings = {heading for heading, _ in recipes_of("warehouses.md")}
    assert {"PostgreSQL", "ClickHouse"} <= headings
