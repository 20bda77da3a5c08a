"""The fields that the sandbox serves, and their types.

A type is `string`, `integer`, `number`, `boolean`, `date` or `date-time`.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CATALOGUE: Mapping[str, Mapping[str, str]] = json.loads(
    Path(__file__).with_name("fields.json").read_text(encoding="utf-8")
)
"""The types of the fields that the vendor lists, by report or group, and name."""

MODELS = ("MLI", "FL", "MFI", "ML", "FTDM")
WINDOWS = (7, 15, 30, 60, 90)
"""Attribution models and windows in days (API reference: v1 aggregated report)."""

UNLISTED_FIELDS = (
    "InteractionUtmContent",
    "InteractionUtmTerm",
    "InteractionCity",
    "InteractionBrowser",
)
"""Fields that the sandbox serves although the tap's catalogue does not have them.

The vendor has more fields than its documentation shows (API reference: names that have
been seen), so a tap must cope with unknown ones. All of these are strings.
"""

UNLISTED_PATH_FIELDS = MappingProxyType(
    {
        **dict.fromkeys(UNLISTED_FIELDS, "string"),
        "TargetEventType": "string",
        "Weight_MLI_30": "number",
        "Weight_FL_60": "number",
    }
)
"""The same for paths, with their types."""


def _with_unlisted(report: str, unlisted: Mapping[str, str]) -> Mapping[str, str]:
    """The types of a report's fields: listed ones, then the others."""
    listed = _CATALOGUE[report]
    # If the vendor now lists a field, its listed type counts.
    return MappingProxyType({**listed, **unlisted, **listed})


def weight_field(model: str, days: int | None = None) -> str:
    """The name of a weight in v1 (API reference: attribution weights)."""
    return f"Weight_{model}" if days is None else f"Weight_{model}_{days}"


def job_field(name: str) -> str:
    """The name of a field in v2, where weights are called otherwise."""
    prefix, _, rest = name.partition("_")
    return rest.replace("_", "") if prefix == "Weight" else name


RAW_FIELDS = _with_unlisted("raw", dict.fromkeys(UNLISTED_FIELDS, "string"))
"""The type of each field of raw data, by name."""

PATH_FIELDS = _with_unlisted("path", UNLISTED_PATH_FIELDS)
"""The type of each field of paths, by its name in v1."""

BOOLEANS = frozenset(
    name
    for fields in (RAW_FIELDS, PATH_FIELDS)
    for name, kind in fields.items()
    if kind == "boolean"
)
"""The fields that are true or false."""

PATH_JOB_FIELDS: Mapping[str, str] = MappingProxyType(
    {job_field(name): kind for name, kind in PATH_FIELDS.items()}
)
"""The type of each field of paths, by its name in v2."""

DIMENSIONS = _CATALOGUE["dimension"]
MEDIA_METRICS = _CATALOGUE["media metric"]
TARGET_METRICS = _CATALOGUE["target metric"]
"""The types of the aggregated report's fields, by name."""
