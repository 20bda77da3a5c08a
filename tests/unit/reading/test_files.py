"""The files of jobs: how they are downloaded, and how they are read."""

from __future__ import annotations

import csv
import gzip
import io
import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tap_targetads.api.downloads import DownloadError, Downloads
from tap_targetads.api.retries import Retries
from tap_targetads.errors import ApiError
from tap_targetads.reading.job_files import FileAhead
from tap_targetads.rows.csv_files import CorruptFileError, check_file, csv_pages
from tap_targetads.rows.row_type import RowType

if TYPE_CHECKING:
    from requests_mock import Mocker

URL = "https://storage.example.test/file.csv.gz?X-Signature=4f3c-secret"
TYPES: dict[str, Any] = {"A": "string", "Weight_MLI": "string"}
ROW_TYPE = RowType(TYPES)
NAMES = {"A": "A", "MLI": "Weight_MLI"}


def read(content: bytes, count: int | None = None) -> list[tuple[Any, ...]]:
    """The rows of a file: the values of `A` and of `Weight_MLI`."""
    unselected: list[str] = []
    file = io.BytesIO(content)
    check_file(file, count)
    tables = csv_pages(
        file, ROW_TYPE, rows=count, names=NAMES, on_unselected=unselected.extend
    )
    rows = [
        row for table in tables for row in zip(*table.columns.values(), strict=True)
    ]
    return [*rows, *((name,) for name in unselected)]


def written(rows: list[tuple[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("A", "MLI"), *rows])
    return text.getvalue().encode()


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(st.tuples(texts, texts)), st.booleans(), st.booleans())
def test_any_text_survives_plain_or_gzip_with_or_without_bom(
    rows: list[tuple[str, str]],
    zipped: bool,  # noqa: FBT001
    bom: bool,  # noqa: FBT001
) -> None:
    content = b"\xef\xbb\xbf" * bom + written(rows)

    content = gzip.compress(content) if zipped else content
    assert read(content, len(rows)) == rows


def test_a_value_may_be_longer_than_the_library_allows_by_default() -> None:
    long = "ы" * 200_000

    assert read(written([(long, "1")])) == [(long, "1")]


def test_columns_may_come_in_any_order() -> None:
    assert read(b"MLI,A\r\n0.5,x\r\n") == [("x", "0.5")]


def test_columns_that_were_not_asked_for_are_reported_and_dropped() -> None:
    assert read(b"A,New,MLI\r\nx,n,1\r\n") == [("x", "1"), ("New",)]


@pytest.mark.parametrize("end", ["", "\r\n"])
def test_the_rows_are_counted_before_the_last_is_delivered(end: str) -> None:
    content = ('A,MLI\r\n"x\n""\ny",1\r\nz,2' + end).encode()

    assert read(content, 2) == [('x\n"\ny', "1"), ("z", "2")]
    for wrong in (1, 3):
        with pytest.raises(CorruptFileError, match="2 rows instead of"):
            read(content, wrong)


CORRUPT = {
    "a missing column": b"A\r\nx\r\n",
    "a short row": b"A,MLI\r\nx\r\n",
    "a long row": b"A,MLI\r\nx,1,2\r\n",
    "an open quote": b'A,MLI\r\n"x,1\r\n',
    "text after a quote": b'A,MLI\r\n"x"y,1\r\n',
    "cut off gzip": gzip.compress(written([(str(i), "1") for i in range(999)]))[:-20],
    "damaged gzip": b"\x1f\x8b" + b"\0" * 40,
    "a wrong checksum": gzip.compress(written([("x", "1")]))[:-8] + b"\0" * 8,
}


@pytest.mark.parametrize("content", CORRUPT.values(), ids=CORRUPT.keys())
def test_a_file_that_is_not_right_is_an_error(content: bytes) -> None:
    with pytest.raises(CorruptFileError):
        read(content)


def test_the_token_does_not_go_to_the_storage(requests_mock: Mocker) -> None:
    requests_mock.get(URL, content=b"rows")

    with Downloads(10, Retries(0)).fetch(URL, "Stream clicks") as file:
        assert file.read() == b"rows"

    assert "Authorization" not in requests_mock.request_history[0].headers


def test_a_redirect_is_followed_to_https(requests_mock: Mocker) -> None:
    other = "https://cdn.example.test/there"
    requests_mock.get(URL, status_code=302, headers={"Location": other})
    requests_mock.get(other, content=b"rows")

    with Downloads(10, Retries(0)).fetch(URL, "Stream clicks") as file:
        assert file.read() == b"rows"


@pytest.mark.parametrize(
    "target", ["http://cdn.example.test/x", "file:///etc/passwd", "ftp://h/x"]
)
def test_a_redirect_away_from_https_is_refused(
    requests_mock: Mocker, target: str
) -> None:
    requests_mock.get(URL, status_code=302, headers={"Location": target})

    with pytest.raises(DownloadError, match="not https"):
        Downloads(10, Retries(0)).fetch(URL, "Stream clicks")


def test_a_circle_of_redirects_ends(requests_mock: Mocker) -> None:
    requests_mock.get(URL, status_code=307, headers={"Location": URL})

    with pytest.raises(DownloadError, match="in circles"):
        Downloads(10, Retries(0)).fetch(URL, "Stream clicks")


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 403, "text": URL},
        {"status_code": 500},
        {"exc": requests.ConnectTimeout(f"no answer from {URL}")},
        {"exc": requests.ConnectionError(f"cannot reach {URL}")},
    ],
)
def test_the_signed_url_is_in_no_error(
    requests_mock: Mocker, answer: dict[str, Any]
) -> None:
    requests_mock.get(URL, **answer)

    with pytest.raises((DownloadError, ApiError)) as caught:
        Downloads(10, Retries(0)).fetch(URL, "Stream clicks")

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_loopback_may_be_plain_http(requests_mock: Mocker) -> None:
    requests_mock.get("http://localhost:1/x", content=b"rows")

    with Downloads(10, Retries(0)).fetch(
        "http://localhost:1/x", "Stream clicks"
    ) as file:
        assert file.read() == b"rows"


def test_a_failure_ahead_of_time_is_raised_when_its_turn_comes() -> None:
    ahead = FileAhead()

    def fail() -> None:
        message = "gone"
        raise DownloadError(message)

    ahead.start("a", fail)

    assert ahead.take("b") is None
    with pytest.raises(DownloadError, match="gone"):
        ahead.take("a")
    assert ahead.take("a") is None


def test_a_file_that_nobody_takes_is_closed() -> None:
    ahead, begin = FileAhead(), threading.Event()
    closed = [threading.Event(), threading.Event()]

    class File(io.BytesIO):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def close(self) -> None:
            super().close()
            closed[self.number].set()

    def late() -> File:
        assert begin.wait(10)
        return File(1)

    ahead.start("early", lambda: File(0))
    ahead.start("late", late)
    ahead.forget()
    begin.set()

    assert all(event.wait(10) for event in closed)
