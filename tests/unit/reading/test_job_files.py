from __future__ import annotations

import gzip
import logging
from typing import TYPE_CHECKING

import pytest

from tap_targetads.errors import ApiError
from tests.support.job_api import DAY, ROWS, WEEK, Api, raw_report, read, read_pages

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-30],
        lambda content: b"\x1f\x8b" + content[:5],
        lambda _: b"",
        lambda content: gzip.compress(gzip.decompress(content)[:-30]),
    ],
    ids=["cut off", "corrupt", "empty", "a row too few"],
)
def test_a_file_that_is_not_right_is_downloaded_again_and_no_row_comes_twice(
    damage: Callable[[bytes], bytes],
) -> None:
    api = Api(files={0: damage})

    assert read(api, DAY) == ROWS
    assert api.downloads == 2


def test_the_next_file_is_downloaded_while_the_current_one_is_read() -> None:
    api = Api(estimate=0)
    pages = read_pages(api, WEEK)

    assert next(pages) == ROWS
    for _ in range(2):
        assert api.downloaded.acquire(timeout=10)
    assert api.downloads == 2, "one ahead, and no more"
    assert list(pages) == [ROWS, ROWS]
    assert api.downloads == 3, "none twice"


def test_of_several_jobs_of_a_window_the_next_file_comes_ahead_too() -> None:
    api = Api(shape="flat")
    report = raw_report(["Click", "PageView"])
    pages = read_pages(api, DAY, report=report, shape="flat")

    assert next(pages) == ROWS
    for _ in range(2):
        assert api.downloaded.acquire(timeout=10)
    assert list(pages) == [ROWS]
    assert api.downloads == 2


def test_a_damaged_file_that_came_ahead_is_downloaded_again_at_its_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    api = Api(estimate=0, files={1: lambda content: content[:-30]})

    assert read(api, WEEK) == ROWS * 3
    assert api.downloads == 5  # that of the next window once more
    assert "2024-01-18..2024-01-20: the job's file is not right" in caplog.text


def test_a_file_that_stays_wrong_is_an_error() -> None:
    api = Api(row_count=3)

    with pytest.raises(ApiError, match="it has 2 rows instead of 3"):
        read(api, DAY)
    assert api.downloads == 3


def test_neither_job_id_nor_signed_url_reach_a_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    api = Api(seconds=10, row_count=3, statuses={0: "FAILED"})

    with pytest.raises(ApiError) as caught:
        read(api, DAY)

    own = [r.getMessage() for r in caplog.records if "tap-targetads" in r.name]
    metrics = [r.getMessage() for r in caplog.records if "metrics" in r.name]
    assert own
    for text in [*own, *metrics, str(caught.value)]:
        assert "secret" not in text
        assert "job-" not in text


def test_a_job_without_rows_needs_no_file() -> None:
    api = Api(row_count=0, has_address=False)

    assert read(api, DAY) == []
    assert api.downloads == 0
