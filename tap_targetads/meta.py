"""The streams of what a project consists of: campaigns, creatives, events.

API reference: v1 meta; base, auth, project.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from typing_extensions import override

from tap_targetads.answers import Reply
from tap_targetads.catalogue import PROJECT_ID, fields_of, stream_schema
from tap_targetads.client import Call
from tap_targetads.errors import ApiError, DataError
from tap_targetads.token_status import TOKEN_VALIDATE, TokenStatus
from tap_targetads.values import NATIVE_TYPES, converters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_targetads.catalogue import ReportKind
    from tap_targetads.tap import TapTargetADS
    from tap_targetads.windows import Window

Item = dict[str, Any]


class MetaAnswer(Reply, kw_only=True):
    """What the meta calls answer; rows have two names for campaigns."""

    campaigns: list[Item] | None = None
    meta: list[Item] | None = None
    target_events: list[Item] | None = None


class MetaStream(Stream):
    """A small list that is read as a whole on every run, one per project."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    kind: ClassVar[ReportKind]
    key: ClassVar[tuple[str, ...]]
    description: ClassVar[str]

    def __init__(self, tap: TapTargetADS) -> None:
        """Declare the stream."""
        self.tap = tap
        self.fields = fields_of(self.kind)
        schema = stream_schema([PROJECT_ID], self.fields.values())
        super().__init__(tap, schema, self.kind)
        self.primary_keys = [PROJECT_ID, *self.key]

    @cached_property
    @override
    def partitions(self) -> list[dict[str, Any]]:
        """One partition per project."""
        return [{PROJECT_ID: project_id} for project_id in self.tap.tokens]

    @abstractmethod
    def items(self, project_id: int) -> Iterable[Item]:
        """What the API lists for a project."""

    def probe(self, project_id: int, window: Window) -> None:
        """Find out whether the stream can be read.

        Args:
            project_id: The project.
            window: Of no meaning here.

        Raises:
            ApiError: If it cannot.
        """
        del window
        self.items(project_id)

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """The records of one project.

        Args:
            context: The partition: `{"project_id": …}`.
        """
        project_id: int = (context or {})[PROJECT_ID]
        convert = converters(self.tap.settings.calendar.zone)
        seen: set[tuple[Any, ...]] = set()
        for item in self.items(project_id):
            record: Item = {PROJECT_ID: project_id}
            for name, field in self.fields.items():
                value = item.get(name)
                if type(value) not in NATIVE_TYPES[field.type]:
                    try:
                        value = None if value == "" else convert[field.type](value)
                    except (TypeError, ValueError):
                        self._note_bad_value(name, field.type, value)
                        value = None
                if value is None and name in self.key and field.type != "string":
                    message = f"Stream {self.name}: a row has no {name}, its key."
                    raise DataError(message)
                # Databases have no place for null in a key.
                empty = "" if name in self.key else None
                record[name] = empty if value is None or value == "" else value
            key = tuple(record[name] for name in self.primary_keys)
            if key not in seen:
                seen.add(key)
                yield record

    def _note_bad_value(self, name: str, kind: str, value: Any) -> None:
        if not self.tap.settings.null_bad_values:
            message = f"Stream {self.name}, field {name}: {value!r} is not a {kind}."
            raise DataError(message)
        self.logger.warning(
            "Stream %s, field %s: %r is not a %s and became null.",
            self.name,
            name,
            value,
            kind,
        )

    def _get(self, project_id: int, path: str, **params: str) -> MetaAnswer:
        """Ask the API; a missing right is an empty list and a warning."""
        subject = f"Stream {self.name}, project {project_id}"
        call = Call("GET", path, project_id, subject, params=params, stream=self.name)
        try:
            answer = self.tap.client.send(call, MetaAnswer.decode)
        except ApiError as error:
            if error.status != 403:  # noqa: PLR2004
                raise
            self.logger.warning("%s The stream stays empty.", error)
            return MetaAnswer()
        return answer

    def _campaigns(self, project_id: int, *, creatives: bool) -> list[Item]:
        """All campaigns, those without recent impressions too, so that history joins.

        API reference: `active=true`, the default, means impressions in the last seven
        days.
        """
        answer = self._get(
            project_id,
            "/v1/meta/campaigns",
            active="false",
            include_creative="true" if creatives else "false",
        )
        items = answer.campaigns or answer.meta or []
        if not items:
            self.logger.warning(
                "Stream %s, project %d: the API lists no campaigns. The token may have "
                "no access to any.",
                self.name,
                project_id,
            )
        return items


class Campaigns(MetaStream):
    """Placements, with the campaign and the advertising system they belong to."""

    kind = "campaigns"
    key = ("placement_id",)
    description = "Campaigns (placements)"

    @override
    def items(self, project_id: int) -> list[Item]:
        return self._campaigns(project_id, creatives=False)


class Creatives(MetaStream):
    """The creatives of each placement."""

    kind = "creatives"
    key = ("placement_id", "creative_id")
    description = "Creatives of the campaigns"

    @override
    def items(self, project_id: int) -> list[Item]:
        return [
            {**creative, "placement_id": campaign.get("placement_id")}
            for campaign in self._campaigns(project_id, creatives=True)
            for creative in campaign.get("creatives") or ()
        ]


class TargetEvents(MetaStream):
    """The target events of a project."""

    kind = "target_events"
    key = ("event_type", "event_category", "event_name")
    description = "Target events (kinds of conversions)"

    @override
    def items(self, project_id: int) -> list[Item]:
        return self._get(project_id, "/v1/meta/target_event").target_events or []


class Projects(MetaStream):
    """The projects that are read, and what their tokens may do."""

    kind = "projects"
    key = ()
    description = "The projects that are read"

    @override
    def items(self, project_id: int) -> list[Item]:
        subject = f"Stream {self.name}, project {project_id}"
        call = Call("GET", TOKEN_VALIDATE, project_id, subject, stream=self.name)
        status = self.tap.client.send(call, TokenStatus.decode)
        return [msgspec.to_builtins(status)]


META: tuple[type[MetaStream], ...] = (Campaigns, Creatives, TargetEvents, Projects)
