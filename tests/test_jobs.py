from __future__ import annotations

import gzip
import itertools
import json
import logging
import threading
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from requests_mock import Mocker

from tap_targetads.catalogue import fields_of
from tap_targetads.client import Client
from tap_targetads.errors import ApiError
from tap_targetads.exchange import Exchange
from tap_targetads.filters import Filters
from tap_targetads.job_status import JobOptions
from tap_targetads.jobs import JobReader
from tap_targetads.messages import encode_lines
from tap_targetads.reports import PathReport, RawReport, Report
from tap_targetads.retries import Retries
from tap_targetads.storage import Storage
from tap_targetads.values import converters
from tap_targetads.windows import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

API = "https://api.example.test"
FILE = "https://storage.example.test/file?X-Signature=4f3c-secret"
WEEK = Window(date(2024, 1, 15), date(2024, 1, 21))
DAY = Window(date(2024, 1, 15), date(2024, 1, 15))
NAMES = ["InteractionTime", "InteractionDeviceID", "InteractionEcomAmount"]


@dataclass
class Api:
    """Jobs as the API has them, with a clock that moves only when somebody waits."""

    seconds: float = 0
    estimate: float | None = None
    shape: str = "nested"
    statuses: dict[int, str] = field(default_factory=dict)
    files: dict[int, Callable[[bytes], bytes]] = field(default_factory=dict)
    row_count: int | None = 2
    now: float = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    made: list[float] = field(default_factory=list)
    polls: list[tuple[int, float]] = field(default_factory=list)
    downloads: int = 0
    downloaded: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(0)
    )

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def create(self, request: Any, context: Any) -> str:
        body = request.json()
        self.bodies.append(body)
        wanted = "InteractionFilter" if self.shape == "nested" else "DateFrom"
        if wanted not in body:
            context.status_code = 400
            failed = {"Error": True, "FailedField": wanted, "Tag": "required"}
            return json.dumps({"ErrorCode": 400, "Errors": [failed]})
        self.made.append(self.now)
        answer = {"job_id": f"job-{len(self.made) - 1}", "status": "CREATED"}
        return json.dumps({**answer, "estimated_seconds": self.estimate})

    def poll(self, request: Any, context: Any) -> str:
        del context
        number = int(request.path.rsplit("-")[-1])
        self.polls.append((number, self.now))
        if number in self.statuses:
            status = {"status": self.statuses[number], "error_message": "no memory"}
            return json.dumps(status)
        if self.now - self.made[number] < self.seconds:
            return json.dumps({"status": "PROCESSING"})
        done = {"status": "DONE", "row_count": self.row_count, "download_url": FILE}
        return json.dumps(done)

    def download(self, request: Any, context: Any) -> bytes:
        del request, context
        change = self.files.get(self.downloads, bytes)
        self.downloads += 1
        self.downloaded.release()
        text = "InteractionTime,InteractionDeviceID,InteractionEcomAmount\r\n"
        text += '2024-01-15 10:00:00,"a\nb",12.50\r\n2024-01-15 10:00:01,,\r\n'
        return change(gzip.compress(text.encode()))


ROWS = [
    {
        "InteractionDeviceID": "a\nb",
        "InteractionEcomAmount": 12.5,
        "InteractionTime": "2024-01-15T07:00:00+00:00",
    },
    {
        "InteractionDeviceID": None,
        "InteractionEcomAmount": None,
        "InteractionTime": "2024-01-15T07:00:01+00:00",
    },
]


def raw_report(types: Sequence[str] = ("Click",)) -> RawReport:
    return RawReport(
        name="clicks",
        fields=fields_of("raw"),
        filters=Filters(interaction_types=types),
        window_days=7,
        lookback_days=0,
        api_version="v2",
    )


def read_pages(
    api: Api,
    *windows: Window,
    report: Report | None = None,
    names: Sequence[str] = NAMES,
    ahead: int = 4,
    timeout: float = 1200,
    shape: Any = "nested",
    stable: bool = True,
) -> Iterator[list[dict[str, Any]]]:
    """The rows of windows as records, a page at a time."""
    report = report or raw_report()
    reader = JobReader(
        client=Client(Exchange(API, {1: "token"}, 1), Retries(0)),
        report=report,
        fields=[report.fields[name] for name in names],
        conversions=converters(ZoneInfo("Europe/Moscow")),
        null_bad_values=False,
        last_complete_day=date(2024, 2, 1),
        logger=logging.getLogger("tap-targetads.clicks"),
        jobs=JobOptions(
            shape=shape,
            stable=stable,
            at_once=ahead,
            timeout=timeout,
            sleep=api.sleep,
            clock=lambda: api.now,
        ),
        storage=Storage(1, Retries(0)),
    )
    with Mocker() as mocker:
        mocker.post(f"{API}/v2/{report.path}?project_id=1", text=api.create)
        for number in range(60):
            mocker.get(f"{API}/v2/jobs/job-{number}?project_id=1", text=api.poll)
        mocker.get(FILE, content=api.download)
        tiles = [t for w in windows for t in report.windows(w.start, w.end)]
        for reading in reader.read(1, tiles):
            for page in reading.pages:
                yield [msgspec.json.decode(line) for line in encode_lines(page.rows)]


def read(api: Api, *windows: Window, **options: Any) -> list[dict[str, Any]]:
    """The rows of windows as records."""
    return list(itertools.chain(*read_pages(api, *windows, **options)))


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
def test_a_lost_job_is_made_anew(status: str) -> None:
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
    assert api.downloads == 4
    assert "2024-01-18..2024-01-20: the job's file is not right" in caplog.text


def test_a_job_that_is_lost_is_noticed_at_its_turn_only() -> None:
    api = Api(estimate=0, statuses={1: "FAILED"})
    pages = read_pages(api, WEEK)

    assert next(pages) == ROWS
    assert len(api.made) == 3
    assert list(pages) == [ROWS, ROWS]
    assert len(api.made) == 4


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
    api = Api(row_count=0)

    assert read(api, DAY) == []
    assert api.downloads == 0


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
