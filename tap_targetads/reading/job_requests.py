"""The request bodies of jobs, in the form that the server wants.

API reference: v2 reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_targetads.errors import ApiError

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from tap_targetads.reading.job_status import BodyShape, JobOptions
    from tap_targetads.reports.days import Window
    from tap_targetads.reports.fields import Field
    from tap_targetads.reports.kinds import Report


class JobRequests:
    """Makes the request bodies of windows.

    Args:
        parts: The reports that together hold the rows of the stream.
        fields: The selected fields, named as in version 2.
        options: How jobs are made.
        logger: Where warnings go.
    """

    def __init__(
        self,
        parts: Sequence[Report],
        fields: Sequence[Field],
        options: JobOptions,
        logger: logging.Logger,
    ) -> None:
        """Take what all bodies have in common."""
        self._parts = parts
        self._fields = fields
        self._options = options
        self._logger = logger
        self._told_of_flat_paths = False

    def of(self, window: Window) -> list[dict[str, Any]]:
        """The request bodies for a window: one or more for each part of the report.

        Raises:
            ApiError: If the form that the server wants cannot say what is wanted.
        """
        return [body for part in self._parts for body in self._of_part(part, window)]

    def change_over(self, error: ApiError) -> bool:
        """Take the other form of body from now on, if that is what the server wants.

        Args:
            error: Why a job could not be made.

        Returns:
            Whether it is.
        """
        other: BodyShape = "flat" if self._options.shape == "nested" else "nested"
        missing = "DateFrom" if other == "flat" else "InteractionFilter"
        if missing not in error.failed_fields:
            return False
        self._logger.info("The API wants the %s form of v2 requests.", other)
        self._options.shape = other
        return True

    def _of_part(self, report: Report, window: Window) -> list[dict[str, Any]]:
        """One request body, or one for each type if flat."""
        nested = report.body(self._fields, window)
        if self._options.stable and "TargetFilter" not in nested:
            nested["Stable"] = 1
        if self._options.shape == "nested":
            return [nested]
        if "TargetFilter" in nested and (
            report.filters.interaction_types or report.filters.media_campaign_ids
        ):
            message = (
                f"Stream {report.name}: the API wants the flat form of v2 requests, "
                "which cannot limit the touches of paths. Remove `interaction_types` "
                'and `media_campaign_ids` from it, or read it with `api_version` "v1".'
            )
            raise ApiError(message)
        if "TargetFilter" in nested and not self._told_of_flat_paths:
            self._told_of_flat_paths = True
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
