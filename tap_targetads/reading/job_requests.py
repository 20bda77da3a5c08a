"""Request bodies of jobs, in the form that the server expects.

API reference: v2 reports.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from tap_targetads.errors import ApiError
from tap_targetads.reports.fields import v2_name
from tap_targetads.reports.kinds import PathReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_targetads.reading.reader import Source
    from tap_targetads.reports.days import Window
    from tap_targetads.reports.kinds import Report

BodyShape = Literal["nested", "flat"]

_REQUIRED = frozenset({"required", ""})
"""The rule that a missing field breaks; the API may name none."""

_REJECTED = frozenset({0, HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
_NO_DATES = frozenset(
    {
        "Fields",
        "Stable",
        "InteractionType",
        "MediaCampaignId",
        "EventType",
        "EcomItemCategory1",
        "project_id",
    }
)
"""Fields of a request that are fine whatever its days are."""


@dataclass(slots=True)
class JobOptions:
    """How jobs are created and waited for; shared by all streams of a run.

    Attributes:
        shape: Form of the request body: `nested` has filter objects as in version 1,
            `flat` has dates and types at the top level. Switched for the rest of the
            run when the server asks for the other one.
        stable: The flag `Stable` of raw data.
        at_once: How many jobs of a stream may be in flight; lowered for the rest of
            the run when the server allows fewer.
        timeout: Seconds that a job may take.
        hung: How many jobs in a row took longer.
    """

    shape: BodyShape
    stable: bool
    at_once: int
    timeout: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    hung: int = 0


class JobRequests:
    """Builds the request bodies of windows."""

    def __init__(self, source: Source, options: JobOptions) -> None:
        self._fields = [
            msgspec.structs.replace(f, name=v2_name(f.name)) for f in source.asked
        ]
        self._options = options
        self._report = source.report
        self._logger = source.logger
        self._warned_of_flat_paths = False

    def of(self, report: Report, window: Window) -> list[dict[str, Any]]:
        """The request bodies for a window of a report, one per job.

        Raises:
            ApiError: If the form that the server expects cannot express the request.
        """
        nested = report.body(self._fields, window)
        if self._options.stable and "TargetFilter" not in nested:
            nested["Stable"] = 1
        if self._options.shape == "nested":
            return [nested]
        return self._flat(report, nested)

    def change_over(self, error: ApiError) -> bool:
        """Switch to the other form of bodies if an error says that its dates miss."""
        other: BodyShape = "flat" if self._options.shape == "nested" else "nested"
        missing = "DateFrom" if other == "flat" else "InteractionFilter"
        if error.failed_fields.get(missing) not in _REQUIRED:
            return False
        self._logger.info("The API wants the %s form of v2 requests.", other)
        self._options.shape = other
        return True

    def if_too_long(self, error: ApiError, window: Window) -> ApiError | None:
        """The error with what to do if the API does not take so many days at once.

        How it says so is not known. So every rejection that does not name another part
        of the request may mean that.

        Returns:
            None if that cannot be the cause.
        """
        names = set(error.failed_fields)
        if error.status not in _REJECTED or (names and names <= _NO_DATES):
            return None
        hint = f"{error.rejection} If it does not take so many days"
        if isinstance(self._report, PathReport):
            # Shorter paths would be other paths: the user decides.
            days = self._report.path_days
            message = (
                f"{hint} (touches reach `path_days` back, {days} days): lower "
                '`path_days`, or read the stream with `api_version` "v1".'
            )
            return ApiError(message, error.status, error.failed_fields)
        if window.days == 1:
            return None
        return ApiError(
            f"{hint}: lower `window_days`.",
            error.status,
            error.failed_fields,
            too_much=True,
            rejection=error.rejection,
        )

    def _flat(self, report: Report, nested: dict[str, Any]) -> list[dict[str, Any]]:
        """The form without filter objects: a body per type, which is a string there."""
        if "TargetFilter" in nested and (
            report.filters.interaction_types or report.filters.media_campaign_ids
        ):
            message = (
                f"Stream {report.name}: the API wants the flat form of v2 requests, "
                "which cannot limit the touches of paths. Remove `interaction_types` "
                'and `media_campaign_ids` from it, or read it with `api_version` "v1".'
            )
            raise ApiError(message)
        if "TargetFilter" in nested and not self._warned_of_flat_paths:
            self._warned_of_flat_paths = True
            self._logger.warning(
                "Stream %s: the flat form of v2 requests cannot say how far back paths "
                "begin: not `path_days`, but the API decides.",
                report.name,
            )
        own = nested.pop("TargetFilter", None) or nested["InteractionFilter"]
        nested.pop("InteractionFilter")
        one_by_one = next((k for k in ("InteractionType", "EventType") if k in own), "")
        values = own.pop(one_by_one, [None])
        return [
            {**nested, **own, **({one_by_one: value} if value else {})}
            for value in values
        ]
