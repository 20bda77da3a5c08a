from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tap_targetads.bookmarks import Bookmark
from tap_targetads.sandbox.faults import Fault
from tap_targetads.sandbox.server import Sandbox
from tap_targetads.sandbox.world import World
from tap_targetads.settings import Settings
from tap_targetads.tap import TapTargetADS
from tap_targetads.windows import Calendar, Window, tile
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.running import Output, bookmark, run_tap, select

if TYPE_CHECKING:
    from pathlib import Path

MOSCOW = Calendar(ZoneInfo("Europe/Moscow"))
END_OF_JANUARY = "2024-01-31T20:59:59+00:00"
NOON = datetime(2024, 1, 20, 9, 0, tzinfo=timezone.utc)


def state_at(value: Any, stream: str = "clicks") -> dict[str, Any]:
    partition = {
        "context": {"project_id": PROJECT},
        "replication_key": "InteractionTime",
        "replication_key_value": value,
    }
    return {"bookmarks": {stream: {"partitions": [partition]}}}


@pytest.fixture
def clicks(config: dict[str, Any]) -> dict[str, Any]:
    """Settings that read clicks only."""
    return {**config, "interaction_types": ["Click"]}


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon of 20 January 2024 in Moscow."""
    real = Settings.last_complete_day
    monkeypatch.setattr(Settings, "last_complete_day", lambda self: real(self, NOON))


def days_read(sandbox: Sandbox) -> set[str]:
    """The days that were asked for since the log of requests was cleared."""
    days = set()
    for request in sandbox.requests:
        if request.body:
            window = request.body["InteractionFilter"]
            day = date.fromisoformat(window["DateFrom"])
            while day <= date.fromisoformat(window["DateTo"]):
                days.add(day.isoformat())
                day += timedelta(days=1)
    sandbox.clear_requests()
    return days


def ids(output: Output) -> set[str]:
    return {r["_row_key"] for r in output.records.get("clicks", [])}


def test_the_state_has_one_entry_per_stream_and_project(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**clicks, "window_days": 1})

    expected = state_at(END_OF_JANUARY)
    (entry,) = expected["bookmarks"]["clicks"]["partitions"]
    entry["complete_from"] = "2023-12-31T21:00:00+00:00"
    assert output.state == expected
    assert len(json.dumps(output.state)) < 250


def test_the_state_moves_after_every_window_and_never_back(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**clicks, "window_days": 1})

    values = [bookmark(state, "clicks", PROJECT) for state in output.states]
    assert values == [f"2024-01-{day:02d}T20:59:59+00:00" for day in range(1, 32)]


def test_a_state_covers_only_records_that_were_written_before_it(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**clicks, "page_size": 10})

    written_up_to = ""
    for message in output.messages:
        if message["type"] == "STATE":
            written_up_to = bookmark(message["value"], "clicks", PROJECT) or ""
        elif message["type"] == "RECORD":
            assert message["record"]["InteractionTime"] > written_up_to


def test_the_state_moves_over_days_without_rows(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    world = World(rows_per_day=40)
    for day in range(10, 32):
        world.replace_day(PROJECT, date(2024, 1, day), [])
    with Sandbox(world) as sandbox:
        output = run_tap(tmp_path, {**clicks, "api_url": sandbox.url})

    assert output.bookmark("clicks", PROJECT) == END_OF_JANUARY


def test_a_second_run_asks_for_nothing(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    first = run_tap(tmp_path, clicks)
    days_read(sandbox)

    second = run_tap(tmp_path, clicks, state=first.state)

    assert days_read(sandbox) == set()
    assert second.exit_code == 0
    assert second.records == {}
    assert second.state == first.state
    assert "nothing to read" in second.log


def test_a_run_goes_on_where_the_last_one_ended(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    first = run_tap(tmp_path, {**clicks, "end_date": "2024-01-20"})
    days_read(sandbox)

    second = run_tap(tmp_path, clicks, state=first.state)

    assert days_read(sandbox) == {f"2024-01-{d}" for d in range(21, 32)}
    whole = run_tap(tmp_path, clicks)
    assert ids(first) | ids(second) == ids(whole)
    assert not ids(first) & ids(second)


def test_lookback_reads_the_days_before_the_bookmark_with_the_same_keys(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    first = run_tap(tmp_path, clicks)
    days_read(sandbox)

    second = run_tap(tmp_path, {**clicks, "lookback_days": 3}, state=first.state)

    assert days_read(sandbox) == {"2024-01-29", "2024-01-30", "2024-01-31"}
    assert ids(second)
    assert ids(second) < ids(first)
    assert second.state == first.state


def test_lookback_never_moves_the_state_back(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    state = state_at(END_OF_JANUARY)

    output = run_tap(
        tmp_path, {**clicks, "lookback_days": 20, "window_days": 2}, state=state
    )

    marks = {bookmark(s, "clicks", PROJECT) for s in output.states}
    assert marks == {END_OF_JANUARY}


def test_lookback_does_not_go_before_the_start_date(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    short = {**clicks, "start_date": "2024-01-30", "lookback_days": 10}

    run_tap(tmp_path, short, state=state_at(END_OF_JANUARY))

    assert days_read(sandbox) == {"2024-01-30", "2024-01-31"}


def test_lookback_finds_rows_that_arrived_late(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    world = World(rows_per_day=40)
    with Sandbox(world) as sandbox:
        late = {**clicks, "api_url": sandbox.url, "lookback_days": 2}
        first = run_tap(tmp_path, late)
        row = {
            "InteractionTime": "2024-01-30 12:00:00",
            "InteractionDate": "2024-01-30",
            "InteractionType": "Click",
            "InteractionDeviceID": "latecomer",
        }
        world.add_rows(PROJECT, [row])
        second = run_tap(tmp_path, late, state=first.state)

    new = [
        r["InteractionDeviceID"]
        for r in second.records["clicks"]
        if r["_row_key"] not in ids(first)
    ]
    assert new == ["latecomer"]


def test_each_project_has_a_bookmark_of_its_own(
    tmp_path: Path, config: dict[str, Any], sandbox: Sandbox
) -> None:
    del config["project_id"]
    config["projects"] = [
        {"project_id": p, "auth_token": sandbox.tokens[p]}
        for p in (PROJECT, OTHER_PROJECT)
    ]

    output = run_tap(tmp_path, config, state=state_at("2024-01-20T20:59:59+00:00"))

    asked: dict[int, str] = {}
    for request in sandbox.requests:
        if (
            request.body
            and "Click" in request.body["InteractionFilter"]["InteractionType"]
        ):
            first_day = request.body["InteractionFilter"]["DateFrom"]
            project = request.project_id or 0
            asked[project] = min(first_day, asked.get(project, first_day))
    assert asked == {PROJECT: "2024-01-21", OTHER_PROJECT: "2024-01-01"}
    assert output.bookmark("clicks", PROJECT) == END_OF_JANUARY
    assert output.bookmark("clicks", OTHER_PROJECT) == END_OF_JANUARY


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-20T20:59:59+00:00",
        "2024-01-20T20:59:59Z",
        "2024-01-20T23:59:59+03:00",
        "2024-01-20T20:59:59",
        "2024-01-21T10:00:00+00:00",
    ],
)
def test_a_bookmark_in_any_form_leads_to_the_first_day_that_is_not_complete(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox, value: str
) -> None:
    run_tap(tmp_path, clicks, state=state_at(value))

    assert min(days_read(sandbox)) == "2024-01-21"


@pytest.mark.parametrize("value", ["yesterday", "2024-13-01", 17, ["x"], ""])
def test_a_bookmark_that_is_no_time_is_one_clear_line(
    tmp_path: Path, clicks: dict[str, Any], value: Any
) -> None:
    output = run_tap(tmp_path, clicks, state=state_at(value))

    assert output.exit_code == 1
    assert "Stream clicks, project 12486: the state's bookmark" in output.log
    assert "Traceback" not in output.log
    assert not output.records


BROKEN: list[Any] = [
    {"bookmarks": None},
    {"bookmarks": []},
    {"bookmarks": {"clicks": []}},
    {"bookmarks": {"clicks": {"partitions": {}}}},
    {"bookmarks": {"clicks": {"partitions": [1]}}},
    {"bookmarks": {"clicks": {"partitions": [{"context": 5}]}}},
    {"bookmarks": {"clicks": {"partitions": [{}]}}},
    {"type": "STATE", "value": {"bookmarks": {}}},
    {"bookmarks": {"clicks": {"partitions": [{"context": {"project_id": 1}}] * 2}}},
]


@pytest.mark.parametrize("state", BROKEN)
def test_a_state_without_the_form_of_one_is_one_clear_line(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox, state: Any
) -> None:
    output = run_tap(tmp_path, clicks, state=state)

    assert output.exit_code == 1
    assert "The state is not one of this tap" in output.log
    assert "Traceback" not in output.log
    assert not sandbox.requests


@pytest.mark.parametrize("option", ["--state", "--catalog"])
@pytest.mark.parametrize(
    "text", ["", "{", "nonsense", "[1,", "[]", "17", "{\udcff}", "\ufeff{}x"]
)
def test_a_file_that_is_no_json_is_one_clear_line(
    tmp_path: Path, clicks: dict[str, Any], option: str, text: str
) -> None:
    # A surrogate stands for a byte that is no UTF-8.
    content = text.encode(errors="surrogateescape")
    (tmp_path / "file").write_bytes(content)

    output = run_tap(tmp_path, clicks, option, str(tmp_path / "file"))

    assert output.exit_code == 1
    assert f"Setting `{option}`: the file cannot be used" in output.log
    assert "Traceback" not in output.log


@pytest.mark.parametrize(
    "catalog", [{"streams": None}, {"streams": [1]}, {"streams": [{"schema": {}}]}]
)
def test_a_catalog_without_the_form_of_one_is_one_clear_line(
    tmp_path: Path, clicks: dict[str, Any], catalog: Any
) -> None:
    output = run_tap(tmp_path, clicks, catalog=catalog)

    assert output.exit_code == 1
    assert "Setting `--catalog`: the file cannot be used" in output.log
    assert "Traceback" not in output.log


@pytest.mark.parametrize("state", [{}, {"bookmarks": {}}])
def test_an_empty_state_is_none(
    tmp_path: Path, clicks: dict[str, Any], state: Any
) -> None:
    output = run_tap(tmp_path, clicks, state=state)

    assert output.bookmark("clicks", PROJECT) == END_OF_JANUARY


def test_what_is_not_read_any_more_keeps_its_place_in_the_state(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    # A project and a stream of former times, which may come back.
    state = state_at("2024-01-20T20:59:59+00:00", stream="gone")
    (entry,) = state["bookmarks"]["gone"]["partitions"]
    other = {**entry, "context": {"project_id": 99}}
    state["bookmarks"]["clicks"] = {"partitions": [other]}

    output = run_tap(tmp_path, clicks, state=state)

    assert output.state["bookmarks"]["gone"] == state["bookmarks"]["gone"]
    assert output.bookmark("clicks", 99) == "2024-01-20T20:59:59+00:00"
    assert output.bookmark("clicks", PROJECT) == END_OF_JANUARY


def test_a_bookmark_after_the_end_reads_nothing_and_stays(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    state = state_at("2024-06-30T20:59:59+00:00")

    output = run_tap(tmp_path, clicks, state=state)

    assert output.exit_code == 0
    assert days_read(sandbox) == set()
    assert output.state == state
    assert "nothing to read" in output.log


@pytest.mark.usefixtures("noon")
def test_without_an_end_date_the_run_reads_up_to_yesterday(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    del clicks["end_date"]

    output = run_tap(tmp_path, clicks)

    assert max(days_read(sandbox)) == "2024-01-19"
    assert output.bookmark("clicks", PROJECT) == "2024-01-19T20:59:59+00:00"


@pytest.mark.usefixtures("noon")
def test_an_end_date_in_the_future_is_cut_to_yesterday_and_said_so(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    output = run_tap(tmp_path, clicks)

    assert max(days_read(sandbox)) == "2024-01-19"
    assert output.bookmark("clicks", PROJECT) == "2024-01-19T20:59:59+00:00"
    assert "`end_date` 2024-01-31 is not over yet" in output.log


@pytest.mark.usefixtures("noon")
def test_the_unfinished_day_is_read_but_never_marked_as_complete(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    today = {**clicks, "include_today": True}

    first = run_tap(tmp_path, today)
    assert max(days_read(sandbox)) == "2024-01-20"
    second = run_tap(tmp_path, today, state=first.state)

    assert days_read(sandbox) == {"2024-01-20"}
    assert first.bookmark("clicks", PROJECT) == "2024-01-19T20:59:59+00:00"
    assert second.state == first.state
    assert ids(second) < ids(first)


@pytest.mark.usefixtures("noon")
def test_a_start_date_in_the_future_reads_nothing_and_leaves_no_bookmark(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**clicks, "start_date": "2024-01-25"})

    assert output.exit_code == 0
    assert "nothing to read" in output.log
    assert output.bookmark("clicks", PROJECT) is None


def test_full_table_replication_ignores_the_state_and_leaves_it_alone(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    catalog = select(TapTargetADS(config=clicks).catalog_dict, streams=["clicks"])
    for entry in catalog["streams"]:
        entry["replication_method"] = "FULL_TABLE"
    state = state_at(END_OF_JANUARY)

    output = run_tap(tmp_path, clicks, state=state, catalog=catalog)

    assert len(days_read(sandbox)) == 31
    assert output.state == state


def test_a_run_that_fails_keeps_the_windows_that_were_finished(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    world = World(rows_per_day=40)
    bad = {
        "InteractionTime": "2024-01-17 12:00:00",
        "InteractionDate": "soon",
        "InteractionType": "Click",
    }
    world.add_rows(PROJECT, [bad])
    with Sandbox(world) as sandbox:
        output = run_tap(tmp_path, {**clicks, "api_url": sandbox.url, "window_days": 1})

    assert output.exit_code == 1
    assert "field InteractionDate, day 2024-01-17: 'soon' is not a date" in output.log
    assert output.bookmark("clicks", PROJECT) == "2024-01-16T20:59:59+00:00"


DAYS = st.integers(0, 40).map(lambda n: date(2024, 1, 1) + timedelta(days=n))
WINDOWS = st.tuples(DAYS, st.integers(0, 6)).map(
    lambda pair: Window(pair[0], pair[0] + timedelta(days=pair[1]))
)


def days_of(*windows: Window) -> set[date]:
    return {w.start + timedelta(days=n) for w in windows for n in range(w.days)}


@given(st.lists(WINDOWS, min_size=1))
def test_whatever_is_written_in_whatever_order_the_state_never_covers_more(
    windows: list[Window],
) -> None:
    entry: dict[str, Any] = {"context": {"project_id": 1}}
    mark = Bookmark(entry, "InteractionTime", MOSCOW, date(2024, 1, 1), "Stream clicks")
    end = date.min

    for number, window in enumerate(windows, start=1):
        mark.cover(window)
        assert mark.covered
        assert days_of(mark.covered) <= days_of(*windows[:number])
        assert mark.covered.end >= end, "the bookmark went back"
        end = mark.covered.end
    assert entry["replication_key"] == "InteractionTime"


@given(DAYS, DAYS, st.integers(1, 7), st.randoms())
def test_windows_that_tile_a_period_are_covered_as_a_whole(
    start: date, middle: date, days: int, random: Any
) -> None:
    # A later part forwards, then what lies before it, each window cut anywhere.
    entry: dict[str, Any] = {}
    mark = Bookmark(entry, "InteractionTime", MOSCOW, start, "Stream clicks")
    start, middle = min(start, middle), max(start, middle)
    for window in tile(middle, date(2024, 3, 1), days):
        mark.cover(window)
    for window in reversed(list(tile(start, middle - timedelta(days=1), days))):
        for piece in tile(window.start, window.end, random.randint(1, days)):
            mark.cover(piece)

    assert mark.covered == Window(start, date(2024, 3, 1))


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
