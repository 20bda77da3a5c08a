"""The streams of reports: interactions, paths, aggregates."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

from tap_targetads.errors import StateError
from tap_targetads.output.deliver import write_batches, write_blocks, yield_records
from tap_targetads.output.records import RecordEncoder
from tap_targetads.reading.auto_reader import AutoReader
from tap_targetads.reading.delivery import DeliveryCheck
from tap_targetads.reading.job_reader import JobReader
from tap_targetads.reading.page_reader import PageReader
from tap_targetads.reading.reader import Reader, Source
from tap_targetads.reports.days import Window
from tap_targetads.reports.fields import PROJECT_ID, ROW_KEY
from tap_targetads.rows.keys import RowKeys, fingerprint
from tap_targetads.rows.values import converters
from tap_targetads.state.bookmark import Bookmark
from tap_targetads.state.plan import Plan
from tap_targetads.streams.base import ProjectStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_targetads.output.batches import BatchFiles
    from tap_targetads.output.deliver import Deliver
    from tap_targetads.reports.kinds import Report
    from tap_targetads.rows.row_type import Chunk
    from tap_targetads.run import Run

    Chunks = Iterator[Chunk]

T = TypeVar("T")


class ReportStream(ProjectStream):
    """The rows of a report.

    Rows travel a page at a time: `read` writes blocks of finished RECORD lines and
    yields nothing, so that the SDK's machinery, which works record by record and
    costs twenty times more, does not run. Where a setting needs that machinery,
    `read` yields the same records one by one instead; `per_record` decides. For
    batches, the same rows go into files.

    Args:
        tap: The tap.
        report: What to ask for.
        run: What all streams share.
    """

    def __init__(self, tap: Tap, report: Report, run: Run) -> None:
        self.tap = tap
        self.report = report
        self.selected_by_default = report.selected_by_default
        row_key = report.has_row_key and tap.config["row_key"]
        own = [ROW_KEY] if row_key else []
        own += [PROJECT_ID, *report.constant_names]
        keys = [ROW_KEY] if row_key else report.natural_key
        super().__init__(
            tap, run, report.name, fields=report.fields, own=own, keys=keys
        )
        self.replication_key = report.replication_key

    @property
    def has_row_key(self) -> bool:
        """Whether the records carry `_row_key`.

        A catalog made with another value of the setting still holds.
        """
        return ROW_KEY in self.primary_keys

    @cached_property
    def reader(self) -> Reader:
        """Reads this stream with the fields that the catalog selects."""
        settings = self.run.settings
        fields = self.fields.values()
        source = Source(
            client=self.run.client,
            report=self.report,
            fields=[field for field in fields if self.is_field_selected(field.name)],
            conversions=converters(settings.calendar.zone),
            null_bad_values=settings.null_bad_values,
            last_complete_day=self.run.last_complete_day,
            logger=self.logger,
        )
        version = "v1" if self.is_dry_run else self.report.api_version
        if version == "v1":
            return self._page_reader(source)
        has_keys = bool(self.primary_keys)
        jobs = JobReader(
            source,
            jobs=self.run.jobs,
            downloads=self.run.downloads,
            has_keys=has_keys,
        )
        if version == "v2":
            return jobs
        pages = self._page_reader(source)
        return AutoReader(source, pages, jobs, self.run.jobs, has_keys=has_keys)

    def _page_reader(self, source: Source) -> PageReader:
        page_size = self.run.settings.page_size
        if self.ABORT_AT_RECORD_COUNT is not None:
            # One more than the limit: the SDK stops when it sees it.
            page_size = min(page_size, self.ABORT_AT_RECORD_COUNT + 1)
        by_day = self.has_row_key or self.report.api_version == "auto"
        return PageReader(
            source,
            page_size=page_size,
            days_in_one_page=by_day and not self.is_dry_run,
            has_keys=bool(self.primary_keys),
        )

    @override
    def check(self) -> None:
        """Check the catalog, and that v2 can read as far back as is asked for.

        Both are known from settings, catalog and state, before the first request.
        """
        super().check()
        for partition in self.partitions:
            plan = self._plan(partition[PROJECT_ID])
            bookmark = None
            if self.is_incremental:
                bookmark = self._bookmark(plan, partial(self._entry, partition))
            # An entry that cannot be understood is an error when its turn comes.
            with suppress(StateError):
                plan.check(bookmark)
            if bookmark and bookmark.has_other_keys:
                self._warn_of_other_keys(plan.subject)

    def _warn_of_other_keys(self, subject: str) -> None:
        self.logger.warning(
            "%s: the selected fields, their types or `timezone` are not those of the "
            "last run, so that rows get other row keys. Rows that are read again "
            "(`lookback_days`, an earlier `start_date`) will be there twice. Restore "
            "them, or empty the table and remove the stream from the state.",
            subject,
        )

    @cached_property
    def _fingerprint(self) -> str:
        """What the row keys depend on; empty without them."""
        if not self.has_row_key:
            return ""
        types = {
            name: field.type
            for name, field in self.fields.items()
            if self.is_field_selected(name) and field.identifies
        }
        return fingerprint(types, str(self.run.settings.calendar.zone))

    def _entry(self, partition: dict[str, Any]) -> dict[str, Any]:
        """A partition's entry in the state; the SDK would make one that is missing."""
        stream = self.tap_state.get("bookmarks", {}).get(self.name, {})
        entries = stream.get("partitions", ())
        return next((dict(e) for e in entries if e["context"] == partition), {})

    @property
    @override
    def can_be_tried(self) -> bool:
        # A job would be paid for.
        return self.report.api_version != "v2"

    @override
    def probe(self, project_id: int, window: Window) -> None:
        self.reader.probe(project_id, window)

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """No signpost: the bookmark never comes from a record, and so never runs ahead.

        Args:
            context: The partition.
        """

    @override
    def read(self, project_id: int, context: Context | None) -> Iterator[Record]:
        if self.per_record:
            return self._deliver(project_id, context, yield_records)
        # The SDK counts only the records that it is given.
        write = partial(
            write_blocks, self.run.writer.write_block, self._counter.increment
        )
        return self._deliver(project_id, context, write)

    @override
    def read_batches(
        self, project_id: int, context: Context | None, files: BatchFiles
    ) -> Iterator[tuple[str, int]]:
        return self._deliver(project_id, context, partial(write_batches, files))

    def _deliver(
        self,
        project_id: int,
        context: Context | None,
        deliver: Deliver[T],
    ) -> Iterator[T]:
        """Read one project, window by window.

        Args:
            project_id: The project.
            context: The partition, as the state knows it.
            deliver: Delivers the rows of a window, and returns the number of rows.

        Yields:
            What `deliver` yields.
        """
        plan = self._plan(project_id)
        bookmark = None
        if self.is_incremental and not self.is_dry_run:
            bookmark = self._bookmark(plan, partial(self.get_context_state, context))
        progress = self.run.progress
        part = progress.current or progress.begin(self.name, project_id)
        part.state = bookmark.value if bookmark else ""
        calendar = self.run.settings.calendar
        check = DeliveryCheck(self.report, self.reader.row_type, calendar)
        for reading in self.reader.read(project_id, plan.windows(bookmark)):
            part.begin_window(reading.window, reading.left)
            constants = self.report.constants(reading.window)
            encoder = self._encoder({PROJECT_ID: project_id, **constants})
            keys = None
            if self.has_row_key:
                keys = RowKeys(
                    project_id,
                    self.name,
                    *constants.values(),
                    apart=self.reader.row_type.first_apart,
                )
            chunks = check.chunks(
                self.reader.subject(project_id, reading.window), reading
            )
            rows = yield from deliver(part.counted(chunks), encoder, keys)
            if reading.moved:
                continue
            if bookmark:
                self._finish(bookmark, reading.window)
                part.state = bookmark.value
            part.end_window(reading.window, rows, reading.left)
            # The stream's own logger lets no fields through from SDK 0.55 on.
            progress.log(
                self.tap.logger.getChild(self.name), part, reading.window, rows
            )
        self.reader.converter.report_losses(self.logger)

    def _plan(self, project_id: int) -> Plan:
        return Plan(
            settings=self.run.settings,
            report=self.report,
            last_complete_day=self.run.last_complete_day,
            logger=self.logger,
            subject=f"Stream {self.name}, project {project_id}",
        )

    def _bookmark(
        self, plan: Plan, entry: Callable[[], dict[str, Any]]
    ) -> Bookmark | None:
        """What the state covers; None if no day is wanted."""
        if plan.period is None:
            return None
        return Bookmark(
            entry(),
            self.report.replication_key,
            self.run.settings.calendar,
            plan.period.start,
            plan.subject,
            fingerprint=self._fingerprint,
        )

    def _encoder(self, constants: dict[str, Any]) -> RecordEncoder:
        selected = {n: v for n, v in constants.items() if self.is_field_selected(n)}
        return RecordEncoder(self.name, selected)

    def _finish(self, bookmark: Bookmark, window: Window) -> None:
        """Note that a window has been written, and tell the target.

        The current day is not over: the state stops before it, so that the next run
        reads it again.
        """
        done = Window(window.start, min(window.end, self.run.last_complete_day))
        if done.days < 1:
            return
        bookmark.cover(done)
        self.tap.state_writer.write_state(self.tap_state)

    # The SDK moves its bookmark with every record, and keeps a starting value beside
    # it while the stream runs. Here the bookmark moves with finished windows only, so
    # both must not touch the state. There is no public switch for either;
    # tests/project/test_sdk_seams.py fails if a version of the SDK renames them.

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Leave the state to `_finish`."""

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Leave the state to `_finish`."""
