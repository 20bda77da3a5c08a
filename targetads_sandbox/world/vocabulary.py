"""The vocabulary of the sandbox's world: campaigns, pages, items, places.

It is declared in `vocabulary.json`, and awkward in the ways that real marketing data
is: Cyrillic names, and commas, quotes, line breaks, tabs, emoji and U+2028 in names of
items.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from targetads_sandbox.world.rows import Row, Value

_DECLARED: dict[str, Any] = json.loads(
    Path(__file__).with_name("vocabulary.json").read_text(encoding="utf-8")
)
_PLACEMENTS_PER_PROJECT = 100
_BARE = 8
"""The live placement, of a project's, that has no creatives."""

SHOP_DOMAIN: str = _DECLARED["shop_domain"]
PATHS: tuple[str, ...] = tuple(_DECLARED["paths"])
CHECKOUT_PATH: str = _DECLARED["checkout_path"]
CITIES: tuple[str | None, ...] = tuple(_DECLARED["cities"])
BROWSERS: tuple[str | None, ...] = tuple(_DECLARED["browsers"])
HOURLY_WEIGHTS: tuple[int, ...] = tuple(_DECLARED["hourly_weights"])
"""How much of a day's traffic falls into each of its 24 hours."""

ITEMS: tuple[tuple[str, float], ...] = tuple(
    (name, price) for name, price in _DECLARED["items"]
)
"""Names of the shop's items, and their prices in the project's currency."""

ITEM_CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        name: category
        for (name, _), category in zip(ITEMS, _DECLARED["item_categories"], strict=True)
    }
)
"""The first category of each item, by its name."""

TARGET_EVENTS: tuple[Mapping[str, str], ...] = tuple(
    MappingProxyType(event) for event in _DECLARED["target_events"]
)
"""The events that count as conversions, as `target_event` describes them."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A media campaign on one source: what `MediaCampaignId` filters by.

    Attributes:
        placement_id: Its id, different in each project.
        campaign: Name of the marketing campaign.
        source: Name of the media source.
        domain: Where its impressions are shown.
        utm: utm_source, utm_medium and utm_campaign of its clicks.
        terms: Values of utm_term; null where the source has no search terms.
        creatives: Ids of its creatives. Live ones consist of digits, and one placement
            has none.
    """

    placement_id: int
    campaign: str
    source: str
    domain: str
    utm: tuple[str, str, str]
    terms: tuple[str | None, ...]
    creatives: tuple[str, ...]

    @property
    def name(self) -> str:
        """The two-level name of the placement in reports."""
        return f"{self.campaign} — {self.source}"

    def creative_name(self, creative: Value) -> str:
        """The name of a creative in reports; empty, if it has no such creative."""
        if creative not in self.creatives:
            return ""
        return f"{self.source}, № {self.creatives.index(str(creative)) + 1}"

    def media(self, creative: str) -> Row:
        """The media columns of a row: name, id, creative."""
        return self.name, self.placement_id, creative

    def tags(self, creative: str, term: str | None) -> Row:
        """The five UTM tags of a click."""
        return *self.utm, creative, term


@cache
def placements(project_id: int, *, live: bool = False) -> tuple[Placement, ...]:
    """All placements of a project."""
    first = project_id * _PLACEMENTS_PER_PROJECT + 1
    return tuple(
        _placement(placement_id, declared, live=live)
        for placement_id, declared in enumerate(_DECLARED["placements"], first)
    )


def _placement(placement_id: int, declared: dict[str, Any], *, live: bool) -> Placement:
    source, medium, campaign = declared["utm"]
    numbers = range(1, declared["creatives"] + 1)
    creatives = tuple(f"{placement_id}-{number}" for number in numbers)
    if live:
        bare = placement_id % _PLACEMENTS_PER_PROJECT == _BARE
        creatives = () if bare else tuple(f"{placement_id}{n:02}" for n in numbers)
    return Placement(
        placement_id=placement_id,
        campaign=declared["campaign"],
        source=declared["source"],
        domain=declared["domain"],
        utm=(source, medium, campaign),
        terms=tuple(declared["terms"]),
        creatives=creatives,
    )
