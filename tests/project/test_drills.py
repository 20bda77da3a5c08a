from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from targetads_sandbox.server.faults import KINDS
from targetads_sandbox.server.sandbox import Sandbox
from tests.drills import nights
from tests.drills.__main__ import main
from tests.drills.catalogue import DRILLS
from tests.drills.checks import leaks_of, problems_of
from tests.drills.comparison import compare, true_rows
from tests.drills.drill import PATHS, Blow, Drill, Result
from tests.drills.harness import run_drill
from tests.drills.pipeline import Outcome
from tests.drills.table import table
from tests.drills.warehouse import Warehouse
from tests.support.postgres import database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROW = {"_row_key": "a", "InteractionTime": datetime(2024, 1, 1), "Amount": 1.5}  # noqa: DTZ001
OTHER_ROW = {**ROW, "_row_key": "b"}
DRILL = Drill("test", "v1")
SHORT = [drill for drill in DRILLS if drill.short][:2]


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    with database() as url:
        yield url


@pytest.mark.slow
@pytest.mark.meltano
@pytest.mark.parametrize("drill", SHORT, ids=str)
def test_nothing_is_lost_or_doubled_whatever_goes_wrong(drill: Drill, url: str) -> None:
    result = run_drill(drill, url)

    assert not result.skipped
    assert result.expected == result.found > 0
    assert (result.lost, result.doubled) == (0, 0)
    assert not result.problems
    for fault in drill.decoded_faults()[0]:
        assert result.happened[fault.kind]
    if drill.blow:
        assert result.blows == drill.blow.rounds


@pytest.mark.slow
@pytest.mark.meltano
def test_a_drill_notices_a_row_that_is_changed_in_the_warehouse(url: str) -> None:
    drill = Drill("honest", "v1", streams=["clicks"], end=DRILL.start, rows_per_day=50)

    assert run_drill(drill, url).passed

    rows = Warehouse(url, f"drill_{drill}").rows("clicks")
    truth = list(true_rows(drill, drill.world(), "clicks"))
    assert compare(truth, rows)[2:] == (0, 0)
    rows[0]["InteractionDomain"] = "elsewhere.example"
    assert compare(truth, rows)[2:] == (1, 1)


def test_equal_rows_in_another_order_are_no_difference() -> None:
    found = [OTHER_ROW, {**ROW, "Amount": Decimal("1.5")}]

    assert compare([ROW, OTHER_ROW], found) == (2, 2, 0, 0)


@pytest.mark.parametrize(
    ("found", "lost", "doubled"),
    [
        ([ROW], 1, 0),
        ([], 2, 0),
        ([ROW, OTHER_ROW, OTHER_ROW], 0, 1),
        ([ROW, OTHER_ROW, {**ROW, "_row_key": "c"}], 0, 1),
        ([ROW, {**OTHER_ROW, "Amount": 1.4}], 1, 1),
        ([ROW, {**OTHER_ROW, "Amount": None}], 1, 1),
        ([ROW, {**OTHER_ROW, "_row_key": "c"}], 1, 1),
        ([ROW, {**OTHER_ROW, "more": 1}], 1, 1),
    ],
)
@pytest.mark.parametrize("keys_apart", [False, True])
def test_a_lost_a_doubled_and_a_changed_row_are_found(
    found: list[dict[str, Any]],
    lost: int,
    doubled: int,
    keys_apart: bool,  # noqa: FBT001
) -> None:
    difference = compare([ROW, OTHER_ROW], found, keys_apart=keys_apart)

    assert difference == (2, len(found), lost, doubled)


def test_keys_apart_two_rows_may_have_changed_their_keys_only() -> None:
    truth = [{**ROW, "Weight_MLI": 0.25}, {**OTHER_ROW, "Weight_MLI": 0.75}]
    found = [{**OTHER_ROW, "Weight_MLI": 0.25}, {**ROW, "Weight_MLI": 0.75}]

    assert compare(truth, found, keys_apart=True)[2:] == (0, 0)
    assert compare(truth, found)[2:] == (2, 2)


def test_the_truth_holds_rows_of_every_stream() -> None:
    drill = Drill("paths", "v1", streams=[*DRILL.streams, PATHS], rows_per_day=40)

    for stream in drill.streams:
        assert list(true_rows(drill, drill.world(), stream))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"tap_code": 1, "tap_log": "ERROR one line"}, None),
        ({"tap_code": 1, "tap_log": "Traceback\nERROR x"}, "a traceback that ends"),
        ({"tap_code": 1, "tap_log": "no reason"}, "exit code 1 and the last line"),
        ({"tap_code": 3, "tap_log": "ERROR x"}, "exit code 3 and the last line"),
        ({"target_code": 1, "target_log": "no"}, "the target has failed: no"),
    ],
)
def test_a_run_has_to_end_in_one_clear_line(
    tmp_path: Path, changes: dict[str, Any], problem: str | None
) -> None:
    problems = problems_of(Outcome(**changes), DRILL, tmp_path, limited=False)

    assert [p[: len(problem or "")] for p in problems] == ([problem] if problem else [])


def test_a_run_that_was_struck_must_not_look_like_a_success(tmp_path: Path) -> None:
    drill = replace(DRILL, blow=Blow("target"))

    problems = problems_of(Outcome(struck=True), drill, tmp_path, limited=False)

    assert problems == [
        "exit code 0 instead of 1",
        "that the target has died was told 0 times",
    ]


def test_files_that_are_left_and_a_disk_that_was_never_full_are_found(
    tmp_path: Path,
) -> None:
    (tmp_path / "left.csv").touch()

    problems = problems_of(Outcome(), DRILL, tmp_path, limited=True)

    assert len(problems) == 2


def test_a_secret_is_found_wherever_it_is() -> None:
    sandbox = Sandbox(DRILL.world())
    token = next(iter(sandbox.tokens.values()))
    seen: dict[str, Any] = {"arguments": {"tap"}}

    assert leaks_of(Outcome(**seen), sandbox) == []
    assert leaks_of(Outcome(), sandbox) == ["nobody saw the command line"]
    changes: list[dict[str, Any]] = [
        {"tap_log": f"Bearer {token}"},
        {"target_log": token},
        {"confirmed": f'{{"token": "{token}"}}'},
        {"messages": bytearray(token.encode())},
        {"arguments": {f"tap --token {token}"}},
    ]
    for change in changes:
        assert len(leaks_of(Outcome(**{**seen, **change}), sandbox)) == 1
    address: dict[str, Any] = {
        "tap_log": "https://storage.example/file?X-Signature=f00"
    }
    assert leaks_of(Outcome(**seen, **address), sandbox) == [
        "a signature is in the tap's log"
    ]


def test_every_fault_that_the_sandbox_knows_has_a_drill_of_its_own() -> None:
    alone = {d.faults[0]["kind"] for d in DRILLS if len(d.faults) == 1}

    assert set(KINDS) <= alone


def test_no_two_drills_share_a_schema() -> None:
    names = [str(drill) for drill in DRILLS]

    assert len(names) == len(set(names))
    assert max(map(len, names)) + len("drill_") < 63, "PostgreSQL's longest name"


def test_the_table_has_a_line_for_every_drill_and_what_was_wrong_below() -> None:
    result = Result(DRILL, runs=2, requests=1234, expected=9, found=8, lost=1)
    result.happened["cut"] = 3
    result.problems.append("run 1: too bad")
    unknown = Result(DRILL, notes=["without what is not there"])

    text = table([result, unknown])

    assert not result.passed
    assert "| test | v1 | 1,234 | cut: 3 | 2 | 9 | 8 | 1 | 0 | 0.0 |" in text
    assert "- test, v1: PROBLEM: run 1: too bad" in text
    assert "- test, v1: SKIPPED" in text
    assert text.count("| test |") == 1


def test_an_unknown_drill_is_told_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "no such"])

    assert "there is no drill 'no such'; there are: " in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.meltano
def test_nights_in_a_row_end_with_what_could_be_read(url: str) -> None:
    found = nights.run(url, seed=2, count=14)

    assert set(nights.CHANGES.values()) <= set(found.tallies)
    assert sum(tally.nights for tally in found.tallies.values()) == 14
    assert sum(tally.lost + tally.doubled for tally in found.tallies.values()) == 0
    assert found.late > 0
    assert not found.problems
