"""What the marts of examples/dbt_targetads must hold, from the sandbox's truth."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from targetads_sandbox.truth import (
    expected_campaigns,
    expected_paths,
    expected_records,
    expected_report,
)
from tests.support.records import (
    DIMENSIONS,
    FIELDS,
    MEDIA_METRICS,
    PATH_FIELDS,
    STREAMS,
    TARGET_METRICS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from targetads_sandbox.world.world import World

Row = dict[str, Any]
Mart = dict[tuple[Any, ...], Row]

MODELS = ["mli", "fl", "mfi", "ml", "ftdm_30"]
GAP = timedelta(minutes=30)
KEYS = {
    "funnel": ["project_id", "interaction_date", "source"],
    "sessions": ["project_id", "device_id", "started_at"],
    "channel_attribution": [
        "project_id",
        "conversion_date",
        "target_event",
        "source",
        "campaign",
    ],
    "campaign_performance": ["project_id", "event_date", "source", "campaign"],
    "path_length_and_time": [
        "project_id",
        "conversion_date",
        "target_event",
        "path_length",
        "days_to_conversion",
    ],
}


@dataclass(frozen=True)
class Truth:
    """A world's marts."""

    world: World
    projects: Sequence[int]
    start: date
    end: date

    def marts(self) -> dict[str, Mart]:
        """All marts, their rows by their keys."""
        interactions = [i for p in self.projects for i in self._interactions(p)]
        touches = [t for p in self.projects for t in self._touches(p)]
        return {
            "funnel": funnel(interactions),
            "sessions": sessions(interactions),
            "channel_attribution": attribution(touches),
            "campaign_performance": self._performance(),
            "path_length_and_time": paths(touches),
        }

    def _campaigns(self, project: int) -> dict[Any, Row]:
        rows = expected_campaigns(self.world, project_id=project, active=False)
        return {row["placement_id"]: row for row in rows}

    def _interactions(self, project: int) -> Iterable[Row]:
        campaigns = self._campaigns(project)
        for stream, types in STREAMS.items():
            for record in expected_records(
                self.world,
                project_id=project,
                stream=stream,
                types=types,
                start=self.start,
                end=self.end,
                fields=FIELDS,
            ):
                yield {**record, **channel(record, campaigns), "step": stream}

    def _touches(self, project: int) -> Iterable[Row]:
        campaigns = self._campaigns(project)
        for record in expected_paths(
            self.world,
            project_id=project,
            start=self.start,
            end=self.end,
            fields=PATH_FIELDS,
        ):
            yield {**record, **channel(record, campaigns)}

    def _performance(self) -> Mart:
        result: Mart = {}
        for project in self.projects:
            known = {
                (row["source_name"], row["placement_name"]): row
                for row in self._campaigns(project).values()
            }
            for row in expected_report(
                self.world,
                project_id=project,
                start=self.start,
                end=self.end,
                dimensions=DIMENSIONS,
                media_metrics=MEDIA_METRICS,
                target_metrics=TARGET_METRICS,
            ):
                names = row["MediaSource"], row["MediaCampaign"]
                shown, clicked = row["Impressions"], row["Clicks"]
                result[(project, row["EventDate"], *names)] = {
                    "placement_id": known[names]["placement_id"],
                    "placement_status": known[names]["placement_status"],
                    "marketing_campaign": known[names]["marketing_name"],
                    "impressions": shown,
                    "clicks": clicked,
                    "ctr": clicked / shown if shown else None,
                    "reach": row["Reach"],
                    "frequency": row["Frequency"],
                    "conversions": row["TargetEventCount"],
                    "amount": row["TargetEcomAmount"],
                }
        return result


def channel(record: Row, campaigns: dict[Any, Row]) -> Row:
    """Source and campaign: of the placement, else of the UTM tags."""
    placement = campaigns.get(record["InteractionPlacementId"])
    if placement:
        return {
            "source": placement["source_name"],
            "campaign": placement["placement_name"],
        }
    return {
        "source": record["InteractionUtmSource"] or "(none)",
        "campaign": record["InteractionMediaCampaignName"]
        or record["InteractionUtmCampaign"]
        or "(none)",
    }


def moment(record: Row) -> datetime:
    """When an interaction happened, in UTC and without a zone."""
    time = datetime.fromisoformat(record["InteractionTime"])
    return time.astimezone(UTC).replace(tzinfo=None)


def age(record: Row) -> tuple[datetime, str]:
    """Puts interactions in order."""
    return moment(record), record["_row_key"]


def grouped(rows: Iterable[Row], *by: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows by the values of some columns."""
    result: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        result[tuple(row[name] for name in by)].append(row)
    return result


def order_of(record: Row) -> str:
    """What distinguishes orders."""
    return str(record["InteractionEcomId"] or record["_row_key"])


def funnel(interactions: list[Row]) -> Mart:
    """Steps by project, day and source."""
    columns = ("project_id", "InteractionDate", "source")
    purchases = sorted((i for i in interactions if i["step"] == "purchases"), key=age)
    first: dict[tuple[int, str], Row] = {}
    for row in purchases:
        first.setdefault((row["project_id"], order_of(row)), row)
    orders = grouped(first.values(), *columns)
    result: Mart = {}
    for key, rows in grouped(interactions, *columns).items():
        mine = orders.get(key, [])
        result[key] = {
            "orders": len(mine),
            "amount": sum(row["InteractionEcomAmount"] for row in mine),
        }
        for step in STREAMS:
            devices = [
                row["InteractionDeviceID"] for row in rows if row["step"] == step
            ]
            result[key] |= {
                step: len(devices),
                f"devices_with_{step}": len(set(devices)),
            }
    return result


def sessions(interactions: list[Row]) -> Mart:
    """Sessions by project, device and beginning."""
    result: Mart = {}
    of_devices = grouped(interactions, "project_id", "InteractionDeviceID")
    for (project, device), rows in of_devices.items():
        number, last = 0, datetime.min  # noqa: DTZ901 - UTC, as all here
        numbers = []
        for row in sorted(rows, key=age):
            number += moment(row) - last >= GAP
            last = moment(row)
            numbers.append((number, row))
        for _, group in groupby(numbers, key=lambda pair: pair[0]):
            session = [row for _, row in group]
            began, ended = moment(session[0]), moment(session[-1])
            bought = [row for row in session if row["step"] == "purchases"]
            result[project, device, str(began)] = {
                "session_date": session[0]["InteractionDate"],
                "ended_at": str(ended),
                "duration_seconds": int((ended - began).total_seconds()),
                "is_new_device": any(r["InteractionNewCookie"] for r in session),
                "source": session[0]["source"],
                "campaign": session[0]["campaign"],
                "interactions": len(session),
                "orders": len({order_of(row) for row in bought}),
                **{s: sum(row["step"] == s for row in session) for s in STREAMS},
            }
    return result


_CONVERSION = (
    "project_id",
    "conversion_date",
    "TargetEventName",
    "PathDeviceID",
    "TargetEcomId",
    "PathLength",
)


def attribution(touches: list[Row]) -> Mart:
    """What each model gives, by project, day, event and channel."""
    result: Mart = {}
    by = ("project_id", "conversion_date", "TargetEventName", "source", "campaign")
    for key, rows in grouped(touches, *by).items():
        result[key] = {
            "touches": len(rows),
            "conversions_touched": len(grouped(rows, *_CONVERSION)),
        }
        for model in MODELS:
            weight = f"Weight_{model.upper()}"
            result[key] |= {
                f"conversions_{model}": sum(row[weight] for row in rows),
                f"amount_{model}": sum(
                    row[weight] * (row["TargetEcomAmount"] or 0) for row in rows
                ),
            }
    return result


def paths(touches: list[Row]) -> Mart:
    """Conversions by project, day, event, length of path and days it took."""
    result: Mart = defaultdict(lambda: {"conversions": 0, "amount": 0.0})
    for key, rows in grouped(touches, *_CONVERSION).items():
        assert len(rows) == rows[0]["PathLength"], "a conversion has its device alone"
        first = min(date.fromisoformat(row["InteractionDate"]) for row in rows)
        project, day, event, *_, length = key
        days = (date.fromisoformat(day) - first).days
        row = result[project, day, event, length, days]
        row["conversions"] += 1
        row["amount"] += rows[0]["TargetEcomAmount"] or 0
    return dict(result)


def total(marts: Mapping[str, Mart], mart: str, column: str, **where: Any) -> float:
    """The sum of a column over the rows whose keys have these values."""
    wanted = [(KEYS[mart].index(name), value) for name, value in where.items()]
    return sum(
        float(row[column] or 0)
        for key, row in marts[mart].items()
        if all(key[place] == value for place, value in wanted)
    )
