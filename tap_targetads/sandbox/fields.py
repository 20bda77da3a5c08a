"""The fields that the sandbox can give, and their types."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CATALOGUE = Path(__file__).parent.parent / "fields.json"

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


def _raw_fields() -> Mapping[str, str]:
    """Read the types of raw data's fields, by name: listed ones, then the others."""
    listed = {
        entry["name"]: entry["type"]
        for entry in json.loads(_CATALOGUE.read_text(encoding="utf-8"))
        if "raw" in entry["reports"]
    }
    unlisted = {name: "string" for name in UNLISTED_FIELDS if name not in listed}
    return MappingProxyType({**listed, **unlisted})


RAW_FIELDS = _raw_fields()
"""The type of each field of raw data, by name.

A type is `string`, `integer`, `number`, `boolean`, `date` or `date-time`.
"""
