from __future__ import annotations

import pytest

from tap_targetads.reports.fields import fields_of
from targetads_sandbox.world import fields


@pytest.mark.parametrize(
    ("report", "served"),
    [
        ("raw", fields.RAW_FIELDS),
        ("path", fields.PATH_FIELDS),
        (
            "aggregate",
            {**fields.DIMENSIONS, **fields.MEDIA_METRICS, **fields.TARGET_METRICS},
        ),
    ],
)
def test_it_serves_what_the_catalogue_lists_with_the_same_types(
    report: str, served: dict[str, str]
) -> None:
    listed = {f.name: f.type for f in fields_of(report).values()}  # type: ignore[arg-type]

    assert listed.items() <= dict(served).items()
