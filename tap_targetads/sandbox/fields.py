"""The fields that the sandbox can give, and their types."""

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

UNLISTED_WEIGHTS = ("Weight_MLI_30", "Weight_FL_60")
"""Weights that the sandbox serves although the tap's catalogue does not list them."""


def _fields(report: str, group: str = "") -> Mapping[str, str]:
    """The types of a report's fields in the catalogue, by name."""
    return {
        entry["name"]: entry["type"]
        for entry in _CATALOGUE
        if report in entry["reports"] and group in {"", entry["group"]}
    }


_UNLISTED = dict.fromkeys(UNLISTED_FIELDS, "string")

RAW_FIELDS = MappingProxyType({**_UNLISTED, **_fields("raw")})
"""The type of each field of raw data, by name.

A type is `string`, `integer`, `number`, `boolean`, `date` or `date-time`.
"""

PATH_FIELDS = MappingProxyType(
    {
        **_UNLISTED,
        **_fields("path"),
        **dict.fromkeys(UNLISTED_WEIGHTS, "number"),
    }
)
"""The type of each field of paths, by name."""

DIMENSIONS = MappingProxyType(_fields("aggregate", "dimension"))
MEDIA_METRICS = MappingProxyType(_fields("aggregate", "media metric"))
TARGET_METRICS = MappingProxyType(_fields("aggregate", "target metric"))
"""The types of what an aggregate is made of, by name."""


def weight_of(name: str) -> tuple[str, int | None]:
    """The model of a weight, and its window in days, if it has one."""
    _, model, *days = name.split("_")
    return model, int(days[0]) if days else None


def v2_name(name: str) -> str:
    """The name of a field in version 2 (API reference: names that have been seen)."""
    if not name.startswith("Weight_"):
        return name
    model, days = weight_of(name)
    return f"{model}{days or ''}"
