"""What all streams have in common: they are read project by project."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.metrics import Status, Tag
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_targetads.errors import (
    ApiError,
    TapError,
    TargetGoneError,
    UnreachableError,
)
from tap_targetads.output.batches import BatchFiles
from tap_targetads.reports.fields import PROJECT_ID, TAP_FIELDS, stream_schema
from tap_targetads.streams.catalog import check_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter, Timer

    from tap_targetads.reports.days import Window
    from tap_targetads.reports.fields import Field
    from tap_targetads.run import Run

T = TypeVar("T")


class ProjectStream(Stream):
    """A stream with one partition, and so one state entry, per project.

    Args:
        tap: The tap.
        run: What all streams share.
        name: Name of the stream.
        fields: The API's fields that it can deliver, by name.
        own: The fields that the tap adds.
        keys: The primary key.
    """

    # The converter has already given every value the type that the schema promises.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(  # noqa: PLR0913 - most by name
        self,
        tap: Tap,
        run: Run,
        name: str,
        *,
        fields: Mapping[str, Field],
        own: Iterable[str],
        keys: Iterable[str],
    ) -> None:
        self.run = run
        self.fields = fields
        super().__init__(tap, stream_schema(own, fields.values()), name)
        self.primary_keys = list(keys)
        self._counter = self.get_record_counter()
        self._timer = self.get_sync_timer()
        self._version: int | None = None
        # Whether the API keeps rows from a token, so that they are not gone.
        self.withheld = False

    @property
    def is_incremental(self) -> bool:
        """Whether the state counts, and moves."""
        return self.replication_method == REPLICATION_INCREMENTAL

    @property
    def is_dry_run(self) -> bool:
        """Whether the SDK wants a few records only, to test the connection."""
        return self.ABORT_AT_RECORD_COUNT is not None

    @property
    def per_record(self) -> bool:
        """Whether a setting needs the SDK's machinery, record by record."""
        return bool(
            self.config.get("stream_maps")
            or self.config.get("flattening_enabled")
            or self.is_dry_run
            or (not self.is_incremental and self.emit_activate_version_messages)
        )

    def is_field_selected(self, name: str) -> bool:
        """Whether the catalog has a property, and selects it."""
        known = name in self.effective_schema["properties"]
        return known and self.mask.get(("properties", name), True)

    @property
    def selected_properties(self) -> dict[str, Any]:
        """The JSON schemas of what the records hold, by name."""
        # Not the catalog's, which may be older than the types of the records; but its
        # row key counts, even if the setting `row_key` is off by now.
        known = {**TAP_FIELDS, **self.schema["properties"]}
        return {n: schema for n, schema in known.items() if self.is_field_selected(n)}

    def check(self) -> None:
        """Make sure, before the first request, that the catalog can be fulfilled.

        Raises:
            SettingsError: If it cannot.
        """
        check_fields(self)

    @cached_property
    @override
    def partitions(self) -> list[dict[str, Any]]:
        """One partition per project."""
        return [{PROJECT_ID: project_id} for project_id in self.run.tokens]

    # Both are kept: blocks are counted here, and failures do not reach the SDK.

    @override
    def get_record_counter(self, **kwargs: Any) -> Counter:
        self._counter = super().get_record_counter(**kwargs)
        return self._counter

    @override
    def get_sync_timer(self) -> Timer:
        self._timer = super().get_sync_timer()
        return self._timer

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Read one project; if that fails, go on with the others.

        Args:
            context: The partition: `{"project_id": …}`.

        Yields:
            Records that have not been written yet.
        """
        project_id: int = (context or {})[PROJECT_ID]
        yield from self._noting_failure(project_id, self.read(project_id, context))
        if self._version is None or context != self.partitions[-1]:
            return
        projects = {partition[PROJECT_ID] for partition in self.partitions}
        if not self.withheld and self.run.progress.delivered(self.name) == projects:
            super()._write_activate_version_message(self._version)
        else:
            self.logger.warning(
                "Stream %s: rows that are gone stay in the target, since not all "
                "projects were read to the end.",
                self.name,
            )

    # The SDK lets a target remove what another version has left behind, before any row
    # of this one is there. There is no public hook; tests/project/test_sdk_seams.py
    # fails if a version of the SDK renames it.
    @override
    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Keep the version until all projects have been delivered."""
        self._version = full_table_version

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> BatchConfig | None:
        """How to write batches; None for RECORD messages.

        The SDK writes batches before stream maps and flattening, and without the
        version that an ACTIVATE_VERSION keeps: where these are set, RECORD messages
        are right, and batches would not be.

        Args:
            config: The settings.
        """
        batches = super().get_batch_config(config)
        if not (batches and self.per_record):
            return batches
        if not self.is_dry_run:
            self.logger.warning(
                "Stream %s: stream maps, flattening and versions need RECORD messages; "
                "the setting `batch_config` is ignored.",
                self.name,
            )
        return None

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """Write the files of batches, and count their records.

        Args:
            batch_config: How to write batches.
            context: The partition; all of them if not given.

        Yields:
            Encoding and file of each batch. The SDK writes the BATCH message before
            it asks for the next, so that the state may move then.
        """
        files = BatchFiles(
            self.tap_name, self.name, batch_config, self.selected_properties
        )
        with self.get_record_counter() as counter, self.get_sync_timer():
            for partition in [context] if context else self.partitions:
                project_id: int = partition[PROJECT_ID]
                batches = self.read_batches(project_id, partition, files)
                for url, rows in self._noting_failure(project_id, batches):
                    counter.increment(rows)
                    yield batch_config.encoding, [url]

    def _noting_failure(self, project_id: int, deliveries: Iterator[T]) -> Iterator[T]:
        """What a project delivers; its failure is noted, and others can go on.

        What ends the run is raised after it: the SDK would log it once more.
        """
        if self.run.stopped_by:
            return
        part = self.run.progress.begin(self.name, project_id)
        # The SDK counts all projects together, but would name the last one.
        self._counter.context = self._timer.context = None
        complete = False
        try:
            if project_id not in self.run.refused:
                yield from deliveries
                complete = True
        except TargetGoneError:
            raise
        except TapError as error:
            if self.is_dry_run:  # a connection test looks at nothing else
                raise
            if self.run.settings.fail_fast or isinstance(error, UnreachableError):
                self.run.stopped_by = error
                return
            self.logger.error("%s", error)  # noqa: TRY400 - for users
            if isinstance(error, ApiError) and error.status == HTTPStatus.UNAUTHORIZED:
                self.run.refused.add(project_id)
        finally:
            self.run.progress.end(part, failed=not complete)
        if not complete:
            self._timer.tags[Tag.STATUS] = Status.FAILED

    @abstractmethod
    def read(self, project_id: int, context: Context | None) -> Iterator[Record]:
        """Read one project.

        Args:
            project_id: The project.
            context: The partition, as the state knows it.

        Yields:
            Records that have not been written yet.
        """

    @abstractmethod
    def read_batches(
        self, project_id: int, context: Context | None, files: BatchFiles
    ) -> Iterator[tuple[str, int]]:
        """Read one project into files.

        Args:
            project_id: The project.
            context: The partition, as the state knows it.
            files: Where the records go.

        Yields:
            The URL of each finished file, and its number of records.
        """

    @property
    def can_be_tried(self) -> bool:
        """Whether `probe` finds out anything."""
        return True

    @abstractmethod
    def probe(self, project_id: int, window: Window) -> None:
        """Find out, as cheaply as possible, whether the stream can be read.

        Args:
            project_id: The project.
            window: The days to try, if days matter.

        Raises:
            ApiError: If it cannot.
        """
