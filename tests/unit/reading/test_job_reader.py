from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_targetads.errors import ApiError
from tap_targetads.reports.days import Window
from tap_targetads.reports.fields import fields_of
from tap_targetads.reports.kinds import PathReport
from tests.support.job_api import (
    DAY,
    NAMES,
    ROWS,
    WEEK,
    Api,
    days_of,
    raw_report,
    read,
    read_pages,
)

TYPES = ["Click", "PageView", "Impression"]


def test_a_job_is_made_waited_for_and_its_file_becomes_typed_rows() -> None:
    assert read(Api(), DAY) == ROWS


def test_windows_are_cut_into_jobs_of_at_most_three_days() -> None:
    api = Api()

    read(api, WEEK)

    periods = [tuple(b["InteractionFilter"].values())[:2] for b in api.bodies]
    assert periods == [
        ("2024-01-15", "2024-01-17"),
        ("2024-01-18", "2024-01-20"),
        ("2024-01-21", "2024-01-21"),
    ]


def test_the_documented_body_has_filter_objects_and_stable() -> None:
    api = Api()

    read(api, DAY)

    assert api.bodies == [
        {
            "Fields": NAMES,
            "InteractionFilter": {
                "DateFrom": "2024-01-15",
                "DateTo": "2024-01-15",
                "InteractionType": ["Click"],
            },
            "Stable": 1,
        }
    ]


def test_the_flat_body_has_dates_and_one_type_at_the_top() -> None:
    api = Api(shape="flat")

    read(api, DAY, shape="flat", stable=False)

    assert api.bodies == [
        {
            "Fields": NAMES,
            "DateFrom": "2024-01-15",
            "DateTo": "2024-01-15",
            "InteractionType": "Click",
        }
    ]


def test_with_a_flat_body_each_type_is_a_job_of_its_own() -> None:
    api = Api(shape="flat")

    rows = read(api, DAY, report=raw_report(["Click", "PageView"]), shape="flat")

    assert [b["InteractionType"] for b in api.bodies] == ["Click", "PageView"]
    assert rows == ROWS * 2


@pytest.mark.parametrize(("sent", "wanted"), [("nested", "flat"), ("flat", "nested")])
def test_the_form_of_the_body_changes_over_once_when_the_server_asks_for_it(
    sent: str, wanted: str
) -> None:
    api = Api(shape=wanted)

    read(api, WEEK, shape=sent)

    assert len(api.bodies) == 4, "one refused, three made"
    assert len(api.made) == 3


def test_weights_are_asked_for_by_their_name_in_version_2() -> None:
    report = PathReport(
        name="paths",
        fields=fields_of("path"),
        window_days=1,
        lookback_days=0,
        path_days=30,
    )
    api = Api(row_count=1)
    api.files[0] = lambda _: b"FTDM30,InteractionTime\n0.25,2024-01-15 10:00:00\n"

    rows = read(api, DAY, report=report, names=["InteractionTime", "Weight_FTDM_30"])

    assert api.bodies[0]["Fields"] == ["InteractionTime", "FTDM30"]
    assert "Stable" not in api.bodies[0]
    assert rows[0]["Weight_FTDM_30"] == 0.25


@pytest.mark.parametrize("ahead", [1, 4])
def test_jobs_are_made_ahead_of_the_one_that_is_read(ahead: int) -> None:
    api = Api(seconds=100, estimate=100)
    days = [Window(date(2024, 1, d), date(2024, 1, d)) for d in range(1, 13)]

    rows = read(api, *days, ahead=ahead)

    assert len(rows) == 24
    assert [m for m in api.made if m == 0] == [0] * ahead
    assert api.now < 12 * 100 / ahead * 1.3
    polled = [number for number, _ in api.polls]
    assert polled == sorted(polled), "in the order of the windows"


@pytest.mark.parametrize("at_once", [1, 2, 4])
@pytest.mark.parametrize("lost", [{}, {1: "FAILED", 4: "EXPIRED"}])
def test_no_more_jobs_are_under_way_than_the_setting_allows(
    at_once: int, lost: dict[int, str]
) -> None:
    api = Api(shape="flat", seconds=100, by_day=True, statuses=dict(lost))

    rows = read(api, WEEK, report=raw_report(TYPES), shape="flat", ahead=at_once)

    assert len(rows) == 7 * len(TYPES)
    assert api.most == at_once


def test_jobs_of_later_windows_are_made_while_a_window_waits_for_its_last_ones() -> (
    None
):
    api = Api(shape="flat", seconds=100, estimate=100)

    read(api, WEEK, report=raw_report(TYPES), shape="flat", ahead=4)

    assert len(api.made) == 9
    assert api.now < 9 / 4 * 100 * 1.5


def test_a_window_whose_jobs_cannot_be_made_is_halved_down_to_a_day(
    caplog: pytest.LogCaptureFixture,
) -> None:
    api = Api(makes=1, by_day=True)

    rows = read(api, WEEK)

    assert [row["InteractionTime"][:10] for row in rows] == [
        f"2024-01-{day}" for day in range(15, 22)
    ]
    assert "Asking for 2 days at a time" in caplog.text
    assert "Asking for 1 day at a time" in caplog.text


def test_a_size_that_failed_is_not_tried_again_for_a_window_made_before() -> None:
    api = Api(finishes=1, by_day=True)

    read(api, WEEK)

    lengths = [len(days_of(body)) for body in api.jobs]
    assert lengths.count(2) == 3, "three tries of one job"


@given(
    limits=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    at_once=st.integers(1, 5),
    window_days=st.integers(1, 4),
    types=st.integers(1, 3).map(lambda n: TYPES[:n]),
)
def test_whatever_jobs_the_api_can_do_every_row_comes_once_and_in_order(
    limits: tuple[int, int, int], at_once: int, window_days: int, types: list[str]
) -> None:
    makes, finishes, limit = limits
    api = Api(
        makes=makes,
        finishes=finishes,
        limit=limit,
        shape="flat",
        seconds=50,
        by_day=True,
    )
    report = replace(raw_report(types), window_days=window_days)

    rows = read(api, WEEK, report=report, shape="flat", ahead=at_once)

    for kind in types:
        days = [
            row["InteractionTime"][:10]
            for row in rows
            if row["InteractionDeviceID"] == kind
        ]
        assert days == [f"2024-01-{day}" for day in range(15, 22)]
    assert len(rows) == 7 * len(types)


def test_polling_begins_soon_and_grows_to_half_a_minute() -> None:
    api = Api(seconds=1000)

    read(api, DAY)

    times = [0.0, *(time for _, time in api.polls)]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert 1 <= gaps[0] <= 2
    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(gaps))
    assert max(gaps) == pytest.approx(30)


def test_an_estimate_spares_polls_that_cannot_succeed() -> None:
    api = Api(seconds=100, estimate=100)

    read(api, DAY)

    assert len(api.polls) < 12
    assert 100 <= api.now < 115


def test_a_job_that_was_done_long_ago_is_not_waited_for() -> None:
    api = Api(estimate=0)

    read(api, WEEK)

    assert api.now == 0


@pytest.mark.parametrize("status", ["FAILED", "EXPIRED", "CANCELLED"])
def test_a_lost_job_is_recreated(status: str) -> None:
    api = Api(statuses={0: status, 1: status})

    assert read(api, DAY) == ROWS
    assert len(api.made) == 3


def test_jobs_that_are_lost_again_and_again_end_with_the_reason() -> None:
    api = Api(statuses=dict.fromkeys(range(60), "FAILED"))

    with pytest.raises(ApiError, match=r"3 jobs were lost.*FAILED \(no memory\)"):
        read(api, DAY)
    assert len(api.made) == 3


def test_a_job_that_hangs_is_made_anew_after_its_deadline() -> None:
    api = Api(statuses={0: "PROCESSING"})

    assert read(api, DAY, timeout=60) == ROWS
    assert 60 < api.now < 100


def test_a_job_that_is_lost_is_noticed_at_its_turn_only() -> None:
    api = Api(estimate=0, statuses={1: "FAILED"})
    pages = read_pages(api, WEEK)

    assert next(pages) == ROWS
    assert len(api.made) == 3
    assert list(pages) == [ROWS, ROWS]
    assert len(api.made) == 4


def test_a_job_that_was_done_while_others_were_written_is_not_lost() -> None:
    api = Api()
    original = api.create

    def create(request: Any, context: Any) -> str:
        answer = original(request, context)
        api.now += 5000  # the target takes its time
        return answer

    api.create = create  # type: ignore[method-assign]

    assert read(api, WEEK, timeout=60) == ROWS * 3
    assert len(api.made) == 3
