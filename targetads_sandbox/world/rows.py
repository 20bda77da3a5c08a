"""The form of a row: one value for each of the report's columns."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from targetads_sandbox.world.fields import (
    MODELS,
    PATH_FIELDS,
    RAW_FIELDS,
    WINDOWS,
    job_field,
    weight_field,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

Value: TypeAlias = "str | int | float | bool | None"
Row: TypeAlias = "tuple[Value, ...]"
"""One value for each of the report's columns, in their order."""

TYPES = ("PageView", "Click", "Impression", "Purchase", "Session")
"""The interaction types of the generated rows.

The first four are documented. The vendor also mentions sessions (API reference: names
that have been seen): `Session` stands for any other type.
"""

GENERATED = (
    "InteractionTime",
    "InteractionDate",
    "InteractionType",
    "InteractionDeviceID",
    "InteractionNewCookie",
    "InteractionDomain",
    "InteractionUrlPath",
    "InteractionUtmSource",
    "InteractionUtmMedium",
    "InteractionUtmCampaign",
    "InteractionUtmContent",
    "InteractionUtmTerm",
    "InteractionMediaCampaignName",
    "InteractionPlacementId",
    "InteractionCreativeId",
    "InteractionEcomId",
    "InteractionEcomAmount",
    "InteractionEcomItemsName",
    "InteractionEcomItemsPrice",
    "InteractionCity",
    "InteractionBrowser",
)
COLUMNS = GENERATED + tuple(name for name in RAW_FIELDS if name not in GENERATED)
"""The fields of raw data; those that are not generated are always null."""

WEIGHTS = tuple(
    (weight_field(model, days), model, days)
    for model in MODELS
    for days in (None, *WINDOWS)
)
"""Name, model and window of every weight that a touch has, served or not."""

PATH_COLUMNS = (
    *PATH_FIELDS,
    *(name for name, _, _ in WEIGHTS if name not in PATH_FIELDS),
)
"""The fields of a touch: those of the report, and the weights behind aggregates."""

PATH_POSITIONS: Mapping[str, int] = MappingProxyType(
    {
        known_as: number
        for number, name in enumerate(PATH_COLUMNS)
        for known_as in (name, job_field(name))
    }
)
"""Where a touch has a field, by its names in v1 and v2."""

POSITIONS: Mapping[str, int] = MappingProxyType(
    {name: number for number, name in enumerate(COLUMNS)}
)
"""Where a row of raw data has a field."""

TIME, DATE, TYPE, DEVICE, URL_PATH, PLACEMENT = (
    POSITIONS[name]
    for name in (
        "InteractionTime",
        "InteractionDate",
        "InteractionType",
        "InteractionDeviceID",
        "InteractionUrlPath",
        "InteractionPlacementId",
    )
)
"""Where a row of raw data has the values by which it can be found."""
