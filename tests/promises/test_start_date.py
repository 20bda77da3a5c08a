from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from targetads_sandbox.server.faults import Fault
from tests.conftest import END_OF_JANUARY, PROJECT
from tests.support.running import bookmark, run_tap
from tests.support.state_of_clicks import days_read, ids, state_at

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.server.sandbox import Sandbox


def test_a_start_date_that_was_moved_back_is_read_from_there_and_only_that(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    later = run_tap(tmp_path, {**clicks, "start_date": "2024-01-15"})
    sandbox.clear_requests()

    output = run_tap(tmp_path, clicks, state=later.state)

    assert days_read(sandbox) == {f"2024-01-{n:02d}" for n in range(1, 15)}
    assert "reading what is missing before it" in output.log
    assert ids(later) | ids(output) == ids(run_tap(tmp_path, clicks))
    assert output.bookmark("clicks", PROJECT) == END_OF_JANUARY
    sandbox.clear_requests()
    run_tap(tmp_path, clicks, state=output.state)
    assert days_read(sandbox) == set()


def test_a_move_of_the_start_date_that_is_interrupted_goes_on_where_it_stopped(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    clicks |= {"window_days": 3, "max_retries": 0, "concurrent_requests": 1}
    later = run_tap(tmp_path, {**clicks, "start_date": "2024-01-22"})
    sandbox.faults.set([Fault("forbidden", after=3, times=1)])
    stopped = run_tap(tmp_path, clicks, state=later.state)
    done = days_read(sandbox) and ids(stopped)
    sandbox.faults.clear()

    output = run_tap(tmp_path, clicks, state=stopped.state)

    assert stopped.exit_code == 1
    assert days_read(sandbox) == {f"2024-01-{n:02d}" for n in range(1, 13)}
    assert ids(later) | done | ids(output) == ids(run_tap(tmp_path, clicks))
    assert done.isdisjoint(ids(output))


def test_days_that_a_later_start_date_left_out_are_read_when_it_moves_back(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    first = run_tap(tmp_path, {**clicks, "end_date": "2024-01-05"})
    later = run_tap(tmp_path, {**clicks, "start_date": "2024-01-20"}, state=first.state)
    sandbox.clear_requests()

    output = run_tap(tmp_path, clicks, state=later.state)

    assert {f"2024-01-{n:02d}" for n in range(6, 20)} <= days_read(sandbox)
    found = ids(first) | ids(later) | ids(output)
    assert found == ids(run_tap(tmp_path, clicks))


def test_a_state_of_another_version_counts_as_complete_from_the_start_date(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    output = run_tap(tmp_path, clicks, state=state_at("2024-01-20T20:59:59+00:00"))

    assert min(days_read(sandbox)) == "2024-01-21"
    (entry,) = output.state["bookmarks"]["clicks"]["partitions"]
    assert entry["complete_from"] == "2023-12-31T21:00:00+00:00"


@hypothesis_settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 31), st.integers(1, 31), st.integers(0, 9), st.integers(1, 9)
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_sequence_of_runs_reads_everything_and_never_goes_back(
    tmp_path: Path, clicks: dict[str, Any], runs: list[tuple[int, int, int, int]]
) -> None:
    state: dict[str, Any] = {}
    keys: set[str] = set()
    mark = ""
    for one, other, lookback, window in [*runs, (1, 31, 0, 7)]:
        start, end = min(one, other), max(one, other)
        changes = {
            "start_date": f"2024-01-{start:02d}",
            "end_date": f"2024-01-{end:02d}",
            "lookback_days": lookback,
            "window_days": window,
        }
        output = run_tap(tmp_path, {**clicks, **changes}, state=state)
        for later in output.states:
            now = bookmark(later, "clicks", PROJECT) or ""
            assert now >= mark
            mark = now
        state = output.state
        keys |= ids(output)

    assert keys == ids(run_tap(tmp_path, clicks))
    assert mark == END_OF_JANUARY
