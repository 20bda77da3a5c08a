"""The page on targets says what the trials find, and the trials find what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.places import ROOT
from tests.targets.trials.__main__ import PAGE, lines, table
from tests.targets.trials.comparing import summary, verdict
from tests.targets.trials.declared import NOT_TRIED, TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROWS: list[dict[str, Any]] = [
    {
        "_row_key": key,
        "InteractionTime": "2024-01-15T07:30:45+00:00",
        "InteractionDate": "2024-01-15",
        "InteractionNewCookie": False,
        "InteractionEcomAmount": 0.1,
        "InteractionPlacementId": None,
        "InteractionUtmSource": "007",
    }
    for key in ("a", "b", "c")
]
FINE = {"First load": "exact", "Lookback": "exact", "Batches": "exact"}
HERE = ["meltanolabs-target-postgres", "target-jsonl", "meltanolabs-target-csv"]
HERE += ["target-duckdb"]
"""Those that run on the Python that is needed for the tap."""


def changed(name: str, value: object) -> list[dict[str, Any]]:
    return [*ROWS[:2], {**ROWS[2], name: value}]


SAME: list[Sequence[dict[str, Any]]] = [
    ROWS[::-1],
    changed("InteractionTime", "2024-01-15 10:30:45+03:00"),
    changed("InteractionTime", "2024-01-15 07:30:45"),
    changed("InteractionNewCookie", 0),
    changed("InteractionNewCookie", "False"),
    changed("InteractionEcomAmount", "0.1"),
    changed("InteractionPlacementId", ""),
    changed("_sdc_batched_at", "2024-01-15 07:30:45"),
    [{name.lower(): value for name, value in row.items()} for row in ROWS],
]
OTHERS: list[tuple[Sequence[dict[str, Any]], str]] = [
    (ROWS[:2], "LOST: 1 of 3 rows"),
    ([], "LOST: all rows"),
    ([*ROWS, ROWS[0]], "appends"),
    ([*ROWS, {**ROWS[0], "_row_key": "d"}], "WRONG: rows of other keys"),
    ([*ROWS, {**ROWS[0], "InteractionEcomAmount": 0.2}], "CHANGED: `0.1` is `0.2`"),
    (changed("InteractionUtmSource", "7"), "CHANGED: `'007'` is `'7'`"),
    (changed("InteractionUtmSource", None), "CHANGED: `'007'` is `None`"),
    (changed("InteractionNewCookie", None), "CHANGED: `False` is `None`"),
    (changed("InteractionPlacementId", 0), "CHANGED: `None` is `'0'`"),
]


@pytest.mark.parametrize("found", SAME)
def test_the_same_values_in_other_types_and_spellings_are_exact(
    found: Sequence[dict[str, Any]],
) -> None:
    assert verdict(found, ROWS) == "exact"


@pytest.mark.parametrize(("found", "word"), OTHERS)
def test_rows_that_are_lost_doubled_or_changed_are_told(
    found: Sequence[dict[str, Any]], word: str
) -> None:
    assert verdict(found, ROWS) == word


def test_a_time_that_is_three_hours_off_is_told() -> None:
    found = changed("InteractionTime", "2024-01-15 10:30:45")

    assert verdict(found, ROWS).startswith("CHANGED: ")


def test_rows_without_keys_are_counted() -> None:
    keyless = [{"InteractionUtmSource": text} for text in "aab"]

    assert verdict(keyless, keyless) == "exact"
    assert verdict(keyless[1:], keyless) == "WRONG: 2 rows instead of 3"
    assert verdict([*keyless, keyless[0]], keyless) == "appends"


@pytest.mark.parametrize(
    ("step", "verdict", "told"),
    [
        ("Lookback", "exact", "exact, replaces"),
        ("Lookback", "appends", "exact, appends"),
        ("Batches", "LOST: all rows", "exact, replaces, but loses batches"),
        ("Batches", "refuses", "exact, replaces"),
        ("Lookback", "LOST: 3 of 4 rows", "loses rows"),
        ("First load", "CHANGED: `0` is `None`", "changes values"),
        ("First load", "refuses", "refuses"),
        ("First load", "not installed", "not installed"),
    ],
)
def test_the_worst_step_is_the_verdict(step: str, verdict: str, told: str) -> None:
    assert summary({**FINE, step: verdict}) == told


def test_the_page_has_every_target_with_its_version() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert len(TARGETS) > 8
    for target in TARGETS:
        assert f"| {target} | " in page
        assert target.note in page
    for name, reason in NOT_TRIED.items():
        assert f"- {name}. {reason}\n" in page


def test_the_versions_of_meltano_yml_are_those_that_are_tried() -> None:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    tried = {f"{target.package}=={target.version}" for target in TARGETS}

    # The bulk loaders are this repository's own scripts: no package is installed.
    packages = (e.get("pip_url") for e in project["plugins"]["loaders"])
    loaders = {package for package in packages if package}
    assert {loader for loader in loaders if "snowflake" not in loader} <= tried


@pytest.mark.long
def test_the_targets_do_what_the_page_says(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8").splitlines()
    chosen = [target for target in TARGETS if target.package in HERE]

    head, _, *rows = [
        line for line in table(lines(chosen, tmp_path)) if line.startswith("|")
    ]

    assert head in page
    assert len(rows) == len(HERE)
    for row in rows:
        assert row in page
