"""The streams of what a project consists of: campaigns, creatives, events.

API reference: v1 meta; base, auth, project.
"""

from __future__ import annotations

from abc import abstractmethod
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_targetads.api import endpoints
from tap_targetads.api.answers import MetaAnswer, TokenStatus
from tap_targetads.errors import ApiError
from tap_targetads.output.records import RecordEncoder, encode_records
from tap_targetads.reports.fields import PROJECT_ID, fields_of
from tap_targetads.rows.converter import RowConverter
from tap_targetads.rows.row_type import Chunk, RowType
from tap_targetads.rows.values import converters
from tap_targetads.streams.base import ProjectStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_targetads.output.batches import BatchFiles
    from tap_targetads.reports.days import Window
    from tap_targetads.reports.fields import MetaKind
    from tap_targetads.run import Run

Item = dict[str, Any]


class MetaStream(ProjectStream):
    """A small list that is read as a whole on every run, one per project."""

    kind: ClassVar[MetaKind]
    key: ClassVar[tuple[str, ...]]
    nested: ClassVar[frozenset[str]] = frozenset()
    """What the items hold besides, and another stream delivers."""

    def __init__(self, tap: Tap, run: Run) -> None:
        super().__init__(
            tap,
            run,
            self.kind,
            fields=fields_of(self.kind),
            own=[PROJECT_ID],
            keys=[PROJECT_ID, *self.key],
        )

    @abstractmethod
    def items(self, project_id: int) -> list[Item]:
        """What the API lists for a project."""

    @override
    def probe(self, project_id: int, window: Window) -> None:
        del window
        self.items(project_id)

    @override
    def read(self, project_id: int, context: Context | None) -> Iterator[Record]:
        try:
            items = self.items(project_id)
        except ApiError as error:
            # A right that is missing is no failure: other streams need another one.
            if error.status != HTTPStatus.FORBIDDEN:
                raise
            self.logger.warning("%s The stream stays empty.", error)
            self.withheld = True
            items = []
        self._report_undeclared(items)
        # A catalog that is older than a field does not have it.
        fields = [f for f in self.fields.values() if self.is_field_selected(f.name)]
        types = {field.name: field.type for field in fields}
        row_type = RowType(types)
        rows = [row_type.from_item(item) for item in items]
        converter = RowConverter(
            self.name,
            fields,
            row_type,
            converters(self.run.settings.calendar.zone),
            keys=self.key,
            null_bad_values=self.run.settings.null_bad_values,
        )
        converter.convert(Chunk(rows))
        if part := self.run.progress.current:
            part.arrived(len(rows))
        converter.report_losses(self.logger)
        encoder = RecordEncoder(self.name, {PROJECT_ID: project_id})
        yield from self._distinct(project_id, encoder.records(rows, None))

    @override
    def read_batches(
        self, project_id: int, context: Context | None, files: BatchFiles
    ) -> Iterator[tuple[str, int]]:
        names = self.selected_properties
        records = (
            {name: record[name] for name in names if name in record}
            for record in self.read(project_id, context)
        )
        yield from files.write([encode_records(records)])

    def _distinct(self, project_id: int, records: Iterable[Record]) -> Iterator[Record]:
        """The first record of each key; others are told, unless they are the same."""
        known: dict[tuple[Any, ...], Record] = {}
        others = 0
        for record in records:
            key = tuple(record[name] for name in self.primary_keys)
            first = known.setdefault(key, record)
            if first is record:
                yield record
            others += first != record
        if others:
            self.logger.warning(
                "Stream %s, project %d: rows have the key of another row, but other "
                "values (%d). Only the first of each key was delivered.",
                self.name,
                project_id,
                others,
            )

    def _report_undeclared(self, items: Iterable[Item]) -> None:
        names = set().union(*items) - self.fields.keys() - self.nested - {PROJECT_ID}
        if names:
            self.logger.warning(
                "Stream %s: the API sends undeclared fields, which are not "
                "delivered: %s.",
                self.name,
                ", ".join(sorted(names)),
            )

    def _subject(self, project_id: int) -> str:
        return f"Stream {self.name}, project {project_id}"

    def _campaigns(self, project_id: int, *, creatives: bool) -> list[Item]:
        """All campaigns, old ones too, so that history joins."""
        subject = self._subject(project_id)
        request = endpoints.campaigns(
            project_id, subject, self.name, creatives=creatives
        )
        answer = self.run.client.send(request, MetaAnswer.decode)
        if not answer.items:
            self.logger.warning(
                "Stream %s, project %d: the API lists no campaigns. The token may have "
                "no access to any.",
                self.name,
                project_id,
            )
        return answer.items


class Campaigns(MetaStream):
    """Placements, with the campaign and the advertising system they belong to."""

    kind = "campaigns"
    key = ("placement_id",)
    nested = frozenset({"creatives"})

    @override
    def items(self, project_id: int) -> list[Item]:
        campaigns = self._campaigns(project_id, creatives=False)
        return [{**campaign, "placement_id": _id(campaign)} for campaign in campaigns]


class Creatives(MetaStream):
    """The creatives of each placement."""

    kind = "creatives"
    key = ("placement_id", "creative_id")

    @override
    def items(self, project_id: int) -> list[Item]:
        return [
            {**creative, "placement_id": _id(campaign)}
            for campaign in self._campaigns(project_id, creatives=True)
            for creative in self._listed_in(campaign, project_id)
        ]

    def _listed_in(self, campaign: Item, project_id: int) -> list[Item]:
        creatives = campaign.get("creatives") or []
        if isinstance(creatives, list) and all(isinstance(c, dict) for c in creatives):
            return creatives
        message = (
            f"{self._subject(project_id)}: the creatives of placement {_id(campaign)} "
            "are no list of objects. Report it to the vendor, or deselect the stream."
        )
        raise ApiError(message)


class TargetEvents(MetaStream):
    """The target events of a project."""

    kind = "target_events"
    key = ("event_type", "event_category", "event_name")

    @override
    def items(self, project_id: int) -> list[Item]:
        request = endpoints.target_events(
            project_id, self._subject(project_id), self.name
        )
        return self.run.client.send(request, MetaAnswer.decode).items


class Projects(MetaStream):
    """The projects that are read, and what their tokens may do."""

    kind = "projects"
    key = ()

    @override
    def items(self, project_id: int) -> list[Item]:
        request = endpoints.token_validate(
            project_id, self._subject(project_id), self.name
        )
        status = self.run.client.send(request, TokenStatus.decode)
        return [{name: getattr(status, name) for name in self.fields}]


def _id(campaign: Item) -> Any:
    """The id that reports filter by: the live API has been seen to have two names."""
    placement = campaign.get("placement_id")
    return campaign.get("campaign_id") if placement is None else placement


META: tuple[type[MetaStream], ...] = (Campaigns, Creatives, TargetEvents, Projects)
