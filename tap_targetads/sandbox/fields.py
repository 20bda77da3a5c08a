"""The fields that the sandbox can give, and their types.

A type is `string`, `integer`, `number`, `boolean`, `date` or `date-time`.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_CATALOGUE: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "fields.json").read_text(encoding="utf-8")
)

MODELS = ("MLI", "FL", "MFI", "ML", "FTDM")
WINDOWS = (7, 15, 30, 60, 90)
"""Attribution models and windows in days (API reference: v1 aggregated report)."""

UNLISTED_FIELDS = (
    "InteractionUtmContent",
    "InteractionUtmTerm",
    "InteractionCity",
    "InteractionBrowser",
)
"""Fields that the sandbox serves although the tap's catalogue does not know them.

The vendor's list is longer than what its help pages show (API reference: names that
have been seen), so a tap must cope with fields of which it has never heard. All of
them are strings.
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


def _fields(
    report: str, group: str | None = None, unlisted: Mapping[str, str] | None = None
) -> Mapping[str, str]:
    """Read the types of a report's fields, by name: listed ones, then the others."""
    listed = {
        entry["name"]: entry["type"]
        for entry in _CATALOGUE
        if report in entry["reports"] and group in {None, entry["group"]}
    }
    # A field that has come to be listed keeps the listed type.
    return MappingProxyType({**listed, **(unlisted or {}), **listed})


def weight_field(model: str, days: int | None = None) -> str:
    """The name of a weight in v1 (API reference: attribution weights)."""
    return f"Weight_{model}" if days is None else f"Weight_{model}_{days}"


def job_field(name: str) -> str:
    """The name of a field in v2, where weights are called otherwise."""
    prefix, _, rest = name.partition("_")
    return rest.replace("_", "") if prefix == "Weight" else name


RAW_FIELDS = _fields("raw", unlisted=dict.fromkeys(UNLISTED_FIELDS, "string"))
"""The type of each field of raw data, by name."""

PATH_FIELDS = _fields("path", unlisted=UNLISTED_PATH_FIELDS)
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

DIMENSIONS = _fields("aggregate", "dimension")
MEDIA_METRICS = _fields("aggregate", "media metric")
TARGET_METRICS = _fields("aggregate", "target metric")
"""The types of the aggregated report's fields, by name."""
