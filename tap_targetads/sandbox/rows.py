"""The form of a row: one value for each of the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_targetads.sandbox.fields import RAW_FIELDS

if TYPE_CHECKING:
    from typing import TypeAlias

Value: TypeAlias = "str | int | float | bool | None"
Row: TypeAlias = "tuple[Value, ...]"
"""One value for each of `COLUMNS`, in their order."""

TYPES = ("PageView", "Click", "Impression", "Purchase", "Session")
"""The interaction types of the generated rows.

The first four are documented. The vendor's text also speaks of sessions (API
reference: names that have been seen): `Session` stands for any other type.
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
"""The fields of a row; those that are not generated are always null."""

TIME, TYPE, URL_PATH, PLACEMENT = (
    COLUMNS.index(name)
    for name in (
        "InteractionTime",
        "InteractionType",
        "InteractionUrlPath",
        "InteractionPlacementId",
    )
)
"""Where a row has the values by which it can be found."""
