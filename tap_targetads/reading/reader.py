"""What the readers of both API versions share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_targetads.rows.converter import RowConverter
from tap_targetads.rows.row_type import RowType

if TYPE_CHECKING:
    import logging
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )
    from datetime import date

    from tap_targetads.api.client import Client
    from tap_targetads.reports.days import Window
    from tap_targetads.reports.fields import Field, FieldType
    from tap_targetads.reports.kinds import Report
    from tap_targetads.rows.row_type import Chunk


@dataclass(slots=True)
class Reading:
    """A window that is being read.

    Attributes:
        chunks: Its converted rows, a few at a time, fetched on demand.
        left: The windows after it.
        moved: Why the chunks ended early, if rows moved while they were read. The
            delivered rows are right but not complete: the same window follows again.
    """

    window: Window
    chunks: Iterator[Chunk]
    left: Collection[Window]
    moved: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is read of a stream, and how its values are converted.

    Attributes:
        null_bad_values: Write null for a value that cannot be converted.
        last_complete_day: The last day that was over when the run began.
    """

    client: Client
    report: Report
    fields: Sequence[Field]
    conversions: Mapping[FieldType, Callable[[Any], Any]]
    null_bad_values: bool
    last_complete_day: date
    logger: logging.Logger

    @property
    def asked(self) -> Sequence[Field]:
        """The selected fields; any one if there are none, since the API needs one."""
        return self.fields or list(self.report.fields.values())[:1]

    def converter(self, row_type: RowType) -> RowConverter:
        """The converter for rows of this type."""
        report = self.report
        names = {field.name for field in self.fields}
        # Equal rows are told apart among those of their time, so it is part of the key.
        keys = {*report.natural_key, report.day_field}
        return RowConverter(
            report.name,
            self.fields,
            row_type,
            self.conversions,
            keys=[name for name in names if name in keys],
            day_field=report.day_field if report.day_field in names else None,
            null_bad_values=self.null_bad_values,
        )


class Reader(ABC):
    """Reads a stream, for any of its projects."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.client = source.client
        self.report = source.report
        self.logger = source.logger
        self.row_type = RowType(
            {field.name: field.type for field in source.fields},
            [field.name for field in source.fields if not field.identifies],
        )
        self.converter = source.converter(self.row_type)

    @abstractmethod
    def read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        """Read windows in order; they may be split into smaller ones."""

    @abstractmethod
    def probe(self, project_id: int, window: Window) -> None:
        """Check, as cheaply as possible, whether the stream can be read.

        Raises:
            ApiError: If it cannot.
        """

    def subject(self, project_id: int, window: Window) -> str:
        """What is being read, for log and error lines."""
        return f"Stream {self.report.name}, project {project_id}, {window}"

    def report_unselected(self, names: Iterable[str]) -> None:
        """Warn about fields that the API sends but nobody declared."""
        unknown = sorted(set(names) - set(self.report.fields))
        if unknown:
            self.logger.warning(
                "Stream %s: the API sends undeclared fields: %s. To keep them, add "
                "them to the setting `extra_fields`.",
                self.report.name,
                ", ".join(unknown),
            )
