"""What all streams have in common: they are read project by project."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from typing_extensions import override

from tap_targetads.catalogue import PROJECT_ID, stream_schema
from tap_targetads.errors import TapError, TargetGoneError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk.helpers.types import Context, Record

    from tap_targetads.catalogue import Field
    from tap_targetads.tap import TapTargetADS
    from tap_targetads.windows import Window


class ProjectStream(Stream):
    """A stream with one partition, and so one state entry, per project.

    Args:
        tap: The tap.
        name: Name of the stream.
        fields: The API's fields that it can deliver, by name.
        own: The fields that the tap adds.
        keys: The primary key.
    """

    # The converter has already given every value the type that the schema promises.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(
        self,
        tap: TapTargetADS,
        name: str,
        fields: Mapping[str, Field],
        *,
        own: Iterable[str],
        keys: Iterable[str],
    ) -> None:
        """Declare the stream."""
        self.tap = tap
        self.fields = fields
        super().__init__(tap, stream_schema(own, fields.values()), name)
        self.primary_keys = list(keys)

    @cached_property
    @override
    def partitions(self) -> list[dict[str, Any]]:
        """One partition per project."""
        return [{PROJECT_ID: project_id} for project_id in self.tap.tokens]

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Read one project; if that fails, go on with the others.

        Args:
            context: The partition: `{"project_id": …}`.

        Yields:
            Records that have not been written yet.
        """
        project_id: int = (context or {})[PROJECT_ID]
        try:
            yield from self.read(project_id, context)
        except TargetGoneError:
            raise
        except TapError as error:
            # A connection test looks at nothing but this.
            if self.tap.settings.fail_fast or self.ABORT_AT_RECORD_COUNT is not None:
                raise
            self.logger.error("%s", error)  # noqa: TRY400 - for users
            self.tap.failed.append(f"{self.name} of project {project_id}")

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
    def probe(self, project_id: int, window: Window) -> None:
        """Find out, as cheaply as possible, whether the stream can be read.

        Args:
            project_id: The project.
            window: The days to try, if days matter.

        Raises:
            ApiError: If it cannot.
        """
