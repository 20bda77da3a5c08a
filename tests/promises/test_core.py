"""The SDK's standard suite, on the sandbox inside the tap."""

from __future__ import annotations

from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_targetads.tap import TapTargetADS

TestTapTargetADS = get_tap_test_class(
    TapTargetADS,
    config={"sandbox": True, "start_date": "2024-01-15", "end_date": "2024-01-16"},
    suite_config=SuiteConfig(max_records_limit=200),
)
