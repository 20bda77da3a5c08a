"""What the readers of both versions of the API have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_targetads.plurals import count_of
from tap_targetads.reading.sizes import AdaptiveSize
from tap_targetads.reports.days import tile
from tap_targetads.rows.converter import RowConverter
from tap_targetads.rows.row_type import RowType, is_weight

if TYPE_CHECKING:
    import logging
    from collections import deque
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from datetime import date

    from tap_targetads.api.client import Client
    from tap_targetads.errors import ApiError
    from tap_targetads.reports.days import Window
    from tap_targetads.reports.fields import Field, FieldType
    from tap_targetads.reports.kinds import Report
    from tap_targetads.rows.row_type import Chunk


@dataclass(slots=True)
class Reading:
    """A window that is being read.

    Attributes:
        window: The window.
        pieces: Its converted rows, a few at a time, read when they are asked for.
        left: The windows that are read after it.
        moved: Why they ended early, if its rows moved while they were read. What
            was delivered is right, but not all: the same window follows once more.
    """

    window: Window
    pieces: Iterator[Chunk]
    left: Collection[Window]
    moved: str = ""


class Reader(ABC):
    """Reads a stream, for any of its projects.

    Args:
        client: The transport.
        report: What to ask for.
        fields: The selected fields.
        conversions: The conversion for each field type.
        null_bad_values: Write null for a value that cannot be converted.
        last_complete_day: The last day that was over when the run began.
        logger: Where warnings go.
    """

    def __init__(  # noqa: PLR0913
        self,
        *,
        client: Client,
        report: Report,
        fields: Collection[Field],
        conversions: Mapping[FieldType, Callable[[Any], Any]],
        null_bad_values: bool,
        last_complete_day: date,
        logger: logging.Logger,
    ) -> None:
        """Prepare decoding and conversion. Nothing is sent yet."""
        self.client = client
        self.report = report
        self.logger = logger
        self.last_complete_day = last_complete_day
        self.types = {field.name: field.type for field in fields}
        # A request without fields is refused: ask for one that is then dropped.
        self.asked = list(fields) or list(report.fields.values())[:1]
        self.row_type = RowType(self.types)
        self.has_weights = any(map(is_weight, self.types))
        keys = set(report.natural_key)
        if report.day_field and not null_bad_values:
            keys.add(report.day_field)
        self.parts = report.parts()
        self.days = AdaptiveSize(report.window_days)
        self.converter = RowConverter(
            report.name,
            fields,
            self.row_type,
            conversions,
            needed=[f.name for f in fields if f.name in keys and f.type != "string"],
            day_field=report.day_field if report.day_field in self.types else None,
            null_bad_values=null_bad_values,
        )

    @abstractmethod
    def read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        """Read windows in order.

        Args:
            project_id: The project.
            windows: The windows; they may be read in smaller ones.
        """

    @abstractmethod
    def probe(self, project_id: int, window: Window) -> None:
        """Find out, as cheaply as possible, whether the stream can be read.

        Raises:
            ApiError: If it cannot.
        """

    def begin(self) -> None:
        """Begin with a project: what its windows may be like, is not known yet."""
        self.days = AdaptiveSize(self.report.window_days)

    def is_divisible(self, window: Window) -> bool:
        """Whether the days of a window can be asked for one by one."""
        return window.days > 1 and self.report.is_divisible

    def next_window(self, pending: deque[Window]) -> Window:
        """Take the next window, or so many of its days as may be asked for at once.

        Args:
            pending: The windows to be read; what is left of the first stays there.
        """
        window = pending.popleft()
        if self.is_divisible(window) and window.days > self.days.value:
            window, *rest = tile(window.start, window.end, self.days.value)
            pending.extendleft(reversed(rest))
        return window

    def ask_for_fewer_days(self, window: Window, error: ApiError) -> None:
        """Let windows be shorter from now on, if that may help.

        Args:
            window: The window that could not be read.
            error: Why.

        Raises:
            ApiError: The error, if a shorter window would not help.
        """
        if not (error.too_much and self.is_divisible(window)):
            raise error
        if window.days <= self.days.value:
            # A longer one was asked for ahead, before it was known to be too long.
            self.days.shrink(window.days)
        self.logger.warning(
            "%s Asking for %s at a time.",
            error.problem,
            count_of(self.days.value, "day"),
        )

    def subject(self, project_id: int, window: Window) -> str:
        """What is being read, as error lines name it."""
        return f"Stream {self.report.name}, project {project_id}, {window}"

    def report_unselected(self, names: Iterable[str]) -> None:
        """Tell of fields that the API sends although nobody declared them."""
        unknown = sorted(set(names) - set(self.report.fields))
        if unknown:
            self.logger.warning(
                "Stream %s: the API sends fields that nobody declared: %s. To keep "
                "them, add them to the setting `extra_fields`.",
                self.report.name,
                ", ".join(unknown),
            )
