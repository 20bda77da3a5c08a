"""The SDK's metrics of a stream, a line for each project.

The SDK counts and times all partitions of a stream as one, and tags the line with the
last of them: it would not tell which project failed, or that one did.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from singer_sdk.metrics import Counter, Status, Tag, Timer
from typing_extensions import override

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context


class PartitionCounter(Counter):
    """Counts the records of each partition."""

    @override
    def with_context(self, value: Context | None) -> None:
        if self.context is not None:
            self.exit()
        super().with_context(value)


class PartitionTimer(Timer):
    """Times each partition, and tells whether it failed."""

    def fail(self) -> None:
        """Note that the partition in hand could not be read to the end."""
        self.tags[Tag.STATUS] = Status.FAILED

    @override
    def with_context(self, value: Context | None) -> None:
        if self.context is not None:
            self.__exit__(None, None, None)
            # What has been logged keeps its tags: a handler may read them later.
            self.tags = {k: v for k, v in self.tags.items() if k != Tag.STATUS}
            self.start_time = time()
        super().with_context(value)
