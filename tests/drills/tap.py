"""The tap's own command line, without its waits and with a clock of the drill.

What a drill needs besides, it says by environment variables.
"""

from __future__ import annotations

import os
import resource
import time
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, SupportsIndex

from typing_extensions import override

from tap_targetads.api.retries import retry_waits
from tap_targetads.run import Run
from tap_targetads.tap import TapTargetADS

if TYPE_CHECKING:
    from collections.abc import Generator

LAST_DAY = "DRILLS_LAST_DAY"
"""The last day that is over."""

FILE_BYTES = "DRILLS_FILE_BYTES"
"""How large a file may become; a write beyond that fails, as on a full disk."""

_LONGEST_SLEEP = 0.02


def no_waits() -> Generator[float, Exception, None]:
    """Waiting times that are made as always, but are all 0.

    Yields:
        Nothing to wait, after being sent the failure of the last try.
    """
    real = retry_waits()
    failure = yield next(real)
    while True:
        real.send(failure)
        failure = yield 0


def short_sleep(seconds: float | SupportsIndex) -> None:
    """Sleep a moment at most."""
    time.sleep(min(float(seconds), _LONGEST_SLEEP))


class HurriedRun(Run):
    """A run in a hurry."""

    retry_waits = staticmethod(no_waits)
    sleep = staticmethod(short_sleep)

    @cached_property
    @override
    def last_complete_day(self) -> date:
        """The last day that was over when the run began, as the drill says."""
        return date.fromisoformat(os.environ[LAST_DAY])


class HurriedTap(TapTargetADS):
    """The tap, in a hurry."""

    @cached_property
    @override
    def run(self) -> Run:
        """What all streams share."""
        return HurriedRun(self.config, self.writer, self.logger)


if __name__ == "__main__":
    if limit := int(os.environ.get(FILE_BYTES, "0")):
        # Python ignores SIGXFSZ, so that the write fails instead.
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    HurriedTap.cli()
