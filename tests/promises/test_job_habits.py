"""Runs against servers of jobs whose habits nobody has written down."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.reports.days import tile
from tap_targetads.rows.csv_files import PAGE_ROWS
from tap_targetads.run import Run
from tests.support.job_server import (
    HEADER,
    Answer,
    File,
    Habits,
    Job,
    JobServer,
    csv_of,
    rows_of,
)
from tests.support.running import Output, discover, errors, run_tap, select

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

START, END = date(2024, 1, 15), date(2024, 1, 26)
PAST = "2024-01-26T20:59:59+00:00"
FIELDS = HEADER.split(",")
HOUR = 3600


class Clock:
    """Time that passes only when the tap waits."""

    now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(
    monkeypatch: pytest.MonkeyPatch,
    waits: list[float],  # which replaces `Run.sleep` first
) -> Clock:
    del waits
    clock = Clock()
    monkeypatch.setattr(Run, "sleep", staticmethod(clock.sleep))
    monkeypatch.setattr(Run, "clock", staticmethod(lambda: clock.now))
    return clock


@pytest.fixture
def tap(tmp_path: Path, clock: Clock, february: None) -> Callable[..., Output]:
    """Reads streams by jobs, by default that of clicks."""
    del clock, february

    def run(server: JobServer, *streams: str, **settings: Any) -> Output:
        config = {
            "api_url": server.url,
            "auth_token": "secret",
            "project_id": 1,
            "api_version": "v2",
            "interaction_types": ["Click"],
            "start_date": START.isoformat(),
            "end_date": END.isoformat(),
            **settings,
        }
        catalog = select(discover(config), streams=streams or ["clicks"], fields=FIELDS)
        output = run_tap(tmp_path, config, catalog=catalog)
        assert "Traceback" not in output.log
        assert "/storage/" not in output.log
        return output

    return run


def read(output: Output) -> list[tuple[str, str, str]]:
    """The rows of a run, with the API's times."""
    return [
        (
            r["InteractionTime"].replace("T07", " 10").removesuffix("+00:00"),
            r["InteractionDeviceID"],
            r["InteractionEcomItemsName"],
        )
        for r in output.records.get("clicks", [])
    ]


def assert_all_read(output: Output) -> None:
    assert output.exit_code == 0, output.log[-3000:]
    days = [window.start for window in tile(START, END, 1)]
    assert Counter(read(output)) == Counter(tuple(r) for d in days for r in rows_of(d))
    assert output.bookmark("clicks", 1) == PAST


def assert_nothing_counts_as_read(output: Output) -> str:
    """The only error of a run whose first window cannot be read."""
    assert output.exit_code == 1
    assert not output.states or output.bookmark("clicks", 1) is None
    return errors(output.log)[0]


def refused(status: int, text: str, *failed: dict[str, Any]) -> Answer:
    answer = {"ErrorCode": status, "ErrorMessage": text, "Errors": list(failed)}
    return status, answer


READABLE = {
    "201 for a new job": Habits(created=201),
    "202 everywhere": Habits(created=202, polled=202),
    "no body while it is unfinished": Habits(polled=202, words=(None, None, "DONE")),
    "integer ids": Habits(id_of=lambda number: 17 + number),
    "a new job without a status": Habits(new={"status": None}),
    "no number as estimate": Habits(new={"estimated_seconds": "soon"}),
    "an estimate as text": Habits(new={"estimated_seconds": "3.5"}),
    "an estimate below zero": Habits(new={"estimated_seconds": -1}),
    "small letters": Habits(words=("created", "in-progress", "done")),
    "other words": Habits(words=("Queued", "Running", "Completed")),
    "an unknown status that changes": Habits(words=("WARMING_UP", "DONE")),
    "a count that is empty": Habits(done={"row_count": ""}),
    "no count": Habits(done={"row_count": None}),
    "a size that is not that of the file": Habits(done={"file_size_bytes": 1 << 40}),
    "a plain file": Habits(file=lambda job: File(csv_of(job).encode())),
    "no line end at the end": Habits(
        file=lambda job: File(csv_of(job).rstrip("\n").encode())
    ),
    "gzip as the transfer's encoding": Habits(
        file=lambda job: File(gzip.compress(csv_of(job).encode()), encoding="gzip")
    ),
    "gzip, packed once more": Habits(
        file=lambda job: File(
            gzip.compress(gzip.compress(csv_of(job).encode())), encoding="gzip"
        )
    ),
    "semicolons": Habits(file=lambda job: File(csv_of(job).replace(",", ";").encode())),
    "tabs": Habits(file=lambda job: File(csv_of(job).replace(",", "\t").encode())),
    "another case of the header": Habits(
        file=lambda job: File(csv_of(job).replace(HEADER, HEADER.lower()).encode())
    ),
}


@pytest.mark.parametrize("habits", READABLE.values(), ids=READABLE.keys())
def test_a_habit_that_changes_nothing_is_read(
    tap: Callable[..., Output], habits: Habits
) -> None:
    with JobServer(habits) as server:
        output = tap(server)

    assert_all_read(output)
    assert len(server.jobs) == 4


@pytest.mark.parametrize("word", ["ERROR", "failure", "CANCELED", "Cancelled"])
def test_a_job_that_fails_in_other_words_is_recreated(
    tap: Callable[..., Output], word: str
) -> None:
    habits = Habits()

    def polled(job: Job) -> bool:
        habits.words = ("PROCESSING", word if job.number == 1 else "DONE")
        return False

    habits.gone = polled
    with JobServer(habits) as server:
        output = tap(server)

    assert_all_read(output)
    assert len(server.jobs) == 5
    assert "the job is lost: it is" in output.log


def test_a_job_that_is_gone_is_recreated(tap: Callable[..., Output]) -> None:
    with JobServer(Habits(gone=lambda job: job.number in {0, 2})) as server:
        output = tap(server)

    assert_all_read(output)
    assert "the API has no such job" in output.log
    assert "api_url" not in output.log


@pytest.mark.parametrize("status", [403, 404, 410])
@pytest.mark.parametrize("gone_for", [1, 99])
def test_a_file_that_is_gone_comes_from_a_fresh_address_or_a_new_job(
    tap: Callable[..., Output], status: int, gone_for: int
) -> None:
    def file(job: Job) -> File:
        gone = job.number == 1 and job.downloads <= gone_for
        return File(b"", status) if gone else Habits().file(job)

    with JobServer(Habits(file=file)) as server:
        output = tap(server)

    assert_all_read(output)
    assert len(server.jobs) == (4 if gone_for == 1 else 5)


def test_files_that_stay_gone_are_named_for_what_they_are(
    tap: Callable[..., Output],
) -> None:
    with JobServer(Habits(file=lambda _: File(b"", 404))) as server:
        output = tap(server)

    error = assert_nothing_counts_as_read(output)
    assert "the job's file is not right: the storage answered 404" in error
    assert "api_url" not in error


@pytest.mark.parametrize("status", [400, 403, 429])
@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("shape", ["nested", "flat"])
def test_fewer_jobs_at_once_than_the_setting_are_found_out_without_a_wait(
    tap: Callable[..., Output], clock: Clock, status: int, limit: int, shape: str
) -> None:
    def refusal(
        days: list[date], body: dict[str, Any], unfinished: int
    ) -> Answer | None:
        del days, body
        return refused(status, "too many jobs") if unfinished >= limit else None

    with JobServer(Habits(refusal=refusal)) as server:
        output = tap(server, v2_body=shape)

    assert_all_read(output)
    assert len(server.bodies) == len(server.jobs) + 1, "one refused, then known"
    assert server.most == limit
    assert clock.now < 30


def test_a_limit_of_jobs_is_known_to_the_other_streams(
    tap: Callable[..., Output],
) -> None:
    def refusal(
        days: list[date], body: dict[str, Any], unfinished: int
    ) -> Answer | None:
        del days, body
        return refused(400, "too many jobs") if unfinished else None

    with JobServer(Habits(refusal=refusal)) as server:
        output = tap(
            server, "clicks", "page_views", interaction_types=["Click", "PageView"]
        )

    assert output.exit_code == 0
    assert len(server.bodies) == len(server.jobs) + 1


FAILED = {
    "no field": [],
    "the field of the rule": [{"FailedField": "DateTo", "Tag": "max_days"}],
    "the field that the flat form has": [{"FailedField": "DateFrom", "Tag": "max"}],
    "no rule": [{"FailedField": "DateFrom"}],
}


@pytest.mark.parametrize("failed", FAILED.values(), ids=FAILED.keys())
@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("limit", [1, 2])
def test_a_limit_of_days_is_kept_to_and_named(
    tap: Callable[..., Output], failed: list[dict[str, Any]], status: int, limit: int
) -> None:
    def refusal(
        days: list[date], body: dict[str, Any], unfinished: int
    ) -> Answer | None:
        del unfinished
        if "InteractionFilter" not in body:
            missing = {"FailedField": "InteractionFilter", "Tag": "required"}
            return refused(400, "validate error", missing)
        if len(days) > limit:
            return refused(status, f"period is longer than {limit} days", *failed)
        return None

    with JobServer(Habits(refusal=refusal)) as server:
        output = tap(server)

    assert_all_read(output)
    assert len(server.jobs) == {1: 12, 2: 8}[limit]
    nested = [body for body in server.bodies if "InteractionFilter" in body]
    assert len(nested) - len(server.jobs) <= 2, "not tried again"
    (line, *_) = (ln for ln in output.log.splitlines() if "Asking for" in ln)
    assert "period is longer" in line
    assert "`window_days`" in line
    assert "start_date" not in output.log


def test_a_rejection_of_something_else_is_not_taken_for_a_limit_of_days(
    tap: Callable[..., Output],
) -> None:
    failed = {"FailedField": "Fields", "Tag": "oneof"}
    habits = Habits(refusal=lambda *_: refused(400, "validate error", failed))
    with JobServer(habits) as server:
        output = tap(server)

    error = assert_nothing_counts_as_read(output)
    assert "Deselect that field" in error
    assert len(server.bodies) <= 2


def test_a_limit_of_days_for_the_touches_of_paths_names_their_setting(
    tap: Callable[..., Output],
) -> None:
    habits = Habits(refusal=lambda *_: refused(400, "period is longer than 31 days"))
    with JobServer(habits) as server:
        output = tap(server, "conversion_paths")

    error = assert_nothing_counts_as_read(output)
    assert "period is longer than 31 days" in error
    assert "lower `path_days`" in error
    assert "start_date" not in error


def test_an_unknown_status_that_stays_is_an_error_that_names_it(
    tap: Callable[..., Output], clock: Clock
) -> None:
    with JobServer(Habits(words=("ARCHIVING",))) as server:
        output = tap(server)

    error = assert_nothing_counts_as_read(output)
    assert "'ARCHIVING'" in error
    assert "job_timeout" in error
    assert clock.now < HOUR / 2


def test_jobs_that_never_end_are_an_error_after_an_hour(
    tap: Callable[..., Output], clock: Clock
) -> None:
    with JobServer(Habits(words=("PROCESSING",))) as server:
        output = tap(server)

    error = assert_nothing_counts_as_read(output)
    assert "it is not done after" in error
    assert "job_timeout" in error
    assert clock.now < 1.1 * HOUR


def test_a_new_job_without_an_id_is_an_error_that_says_so(
    tap: Callable[..., Output],
) -> None:
    with JobServer(Habits(new={"job_id": None})) as server:
        output = tap(server)

    error = assert_nothing_counts_as_read(output)
    assert "its answer has no `job_id`" in error


def test_a_finished_job_without_an_address_is_an_error_that_says_so(
    tap: Callable[..., Output],
) -> None:
    with JobServer(Habits(done={"download_url": None})) as server:
        output = tap(server)

    error = assert_nothing_counts_as_read(output)
    assert "the job is done, but the API names no `download_url`" in error


def cut_in_transfer(job: Job) -> File:
    packed = gzip.compress(csv_of(job).encode())
    return File(packed[:-12], encoding="gzip", has_length=False)


def cut_by_length(job: Job) -> File:
    content = csv_of(job).encode()
    return File(content[:-2], length=len(content))


def zipped(job: Job) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("rows.csv", csv_of(job))
    return content.getvalue()


BROKEN = {
    "cut in its transfer": (cut_in_transfer, {"row_count": None}, "cannot be read"),
    "cut before its announced length": (cut_by_length, {}, "the download of the job"),
    "cut in its last value": (
        lambda job: File(csv_of(job).encode()[:-2], has_length=False),
        {"file_size_bytes": len(csv_of(Job(0, [START] * 3)))},
        "it is cut off",
    ),
    "empty, without a count": (
        lambda _: File(b""),
        {"row_count": None},
        "without even a header",
    ),
    "an XML page": (
        lambda _: File(b'<?xml version="1.0"?>\n<Error><Code>Expired</Code></Error>'),
        {"row_count": None},
        "an HTML or XML page",
    ),
    "an answer in JSON": (lambda _: File(b'{"error": "x"}'), {}, "no CSV, but JSON"),
    "an HTML page that is shorter than the file": (
        lambda _: File(b"<html>Sign in</html>"),
        {"file_size_bytes": 10_000},
        "an HTML or XML page",
    ),
    "a ZIP archive": (lambda job: File(zipped(job)), {}, "a ZIP archive"),
    "no header": (
        lambda job: File(csv_of(job).partition("\n")[2].encode()),
        {"row_count": None},
        "its header lacks the columns",
    ),
}


@pytest.mark.parametrize(("file", "done", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_is_not_whole_never_counts_as_read(
    tap: Callable[..., Output],
    file: Callable[[Job], File],
    done: dict[str, Any],
    said: str,
) -> None:
    with JobServer(Habits(file=file, done=done)) as server:
        output = tap(server)

    error = assert_nothing_counts_as_read(output)
    assert said in error
    assert not output.records


MANY = 5 * PAGE_ROWS


def many(job: Job, rows: int = MANY) -> bytes:
    """A large file, of which the last rows may be missing."""
    lines = [f"{job.days[0]} 10:00:00,device-{n},item" for n in range(rows)]
    return gzip.compress("\n".join([HEADER, *lines]).encode())


def keys_of(output: Output) -> list[str]:
    return [record["_row_key"] for record in output.records["clicks"]]


def test_rows_of_a_file_that_turns_out_short_come_again_with_the_same_keys(
    tap: Callable[..., Output],
) -> None:
    def short_at_first(job: Job) -> File:
        return File(many(job, MANY - (job.downloads == 1)))

    habits = Habits(done={"row_count": MANY}, file=lambda job: File(many(job)))
    with JobServer(habits) as server:
        expected = tap(server)
        habits.file = short_at_first
        output = tap(server)

    jobs = len(expected.records["clicks"]) // MANY
    assert output.exit_code == 0, output.log
    assert set(keys_of(output)) == set(keys_of(expected))
    assert len(keys_of(output)) > len(keys_of(expected)) == len(set(keys_of(expected)))
    assert output.log.count(f"rows instead of {MANY}") == jobs
    assert output.states == expected.states


def test_a_file_that_stays_short_is_read_three_times_and_moves_no_state(
    tap: Callable[..., Output],
) -> None:
    habits = Habits(done={"row_count": MANY}, file=lambda job: File(many(job, 999)))
    with JobServer(habits) as server:
        output = tap(server)

    error = assert_nothing_counts_as_read(output)
    assert f"it has 999 rows instead of {MANY}" in error
    assert set(Counter(keys_of(output)).values()) == {3}


def test_without_row_keys_a_file_that_turns_out_short_is_not_read_again(
    tap: Callable[..., Output],
) -> None:
    habits = Habits(done={"row_count": MANY}, file=lambda job: File(many(job, 999)))
    with JobServer(habits) as server:
        output = tap(server, row_key=False)

    assert_nothing_counts_as_read(output)
    devices = Counter(r["InteractionDeviceID"] for r in output.records["clicks"])
    assert set(devices.values()) == {1}
    assert server.jobs[0].downloads == 1


@pytest.mark.parametrize("has_file", [True, False])
def test_a_count_of_zero_is_only_believed_without_a_file(
    tap: Callable[..., Output], *, has_file: bool
) -> None:
    habits = Habits(done={"row_count": 0})
    if not has_file:
        habits.file = lambda _: File(b"", 404)
    with JobServer(habits) as server:
        output = tap(server)

    if has_file:
        assert_all_read(output)
        assert "the API counted no rows, but the job's file has 9 rows" in output.log
    else:
        assert output.exit_code == 0
        assert not output.records
        assert len(server.jobs) == 4


def test_bytes_that_are_no_utf_8_are_one_warning_with_their_count(
    tap: Callable[..., Output],
) -> None:
    def file(job: Job) -> File:
        return File(csv_of(job).encode().replace(b"device-1", b"d\xff-1"))

    with JobServer(Habits(file=file)) as server:
        output = tap(server)

    assert output.exit_code == 0
    assert sum(device == "d\ufffd-1" for _, device, _ in read(output)) == 12
    assert output.log.count("bytes that are no UTF-8, in 12 places") == 1


LISTS = {
    "JSON": '"[""a"", ""it\'s \\u044b"",null]"',
    "ClickHouse": r'''"['a','it\'s ы',NULL]"''',
}


def test_lists_in_texts_are_the_same_in_every_form(tap: Callable[..., Output]) -> None:
    def file_with(text: str) -> Callable[[Job], File]:
        def file(job: Job) -> File:
            return File(csv_of(job).replace("item 1", text).encode())

        return file

    records = []
    for text in LISTS.values():
        with JobServer(Habits(file=file_with(text))) as server:
            output = tap(server)
        assert output.exit_code == 0
        records.append(output.records["clicks"])

    first, second = records
    assert first == second
    assert first[1]["InteractionEcomItemsName"] == '["a","it\'s ы",null]'
    assert first[0]["InteractionEcomItemsName"] == "item 0"
