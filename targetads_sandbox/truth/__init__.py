"""What a correct tap must deliver, written for clarity, not speed.

It shares no code with the tap, so that comparing the two proves something.
"""

from __future__ import annotations

from targetads_sandbox.truth.meta import (
    expected_campaigns,
    expected_creatives,
    expected_target_events,
)
from targetads_sandbox.truth.paths import TOUCH_DAYS, expected_paths
from targetads_sandbox.truth.report import expected_report
from targetads_sandbox.truth.rows import TIMEZONE, counts, expected_records

__all__ = [
    "TIMEZONE",
    "TOUCH_DAYS",
    "counts",
    "expected_campaigns",
    "expected_creatives",
    "expected_paths",
    "expected_records",
    "expected_report",
    "expected_target_events",
]
