"""An ordinary SDK tap for the same pages.

It is what the SDK's template leads to: a `RESTStream`, the default writer, the default
type conformance, and no row keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.pagination import OffsetPaginator
from typing_extensions import override

from tap_targetads.reports.declared import extra_fields
from tap_targetads.reports.fields import fields_of, stream_schema

if TYPE_CHECKING:
    import requests
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.streams.rest import HTTPRequest, PageContext


class Paginator(OffsetPaginator):
    """Pages until `has_more` is false."""

    @override
    def has_more(self, response: requests.Response) -> bool:
        return bool(response.json()["has_more"])


class PageViews(RESTStream[int]):
    """Page views, one record at a time."""

    name = "page_views"
    path = "/v1/reports/raw_reports"
    http_method = "POST"
    records_jsonpath = "$.data[*]"
    replication_key = "InteractionTime"

    @property
    @override
    def schema(self) -> dict[str, Any]:
        fields = fields_of("raw", extra_fields(self.config))
        return stream_schema(["project_id"], fields.values())

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"])

    @property
    @override
    def authenticator(self) -> BearerTokenAuthenticator:
        return BearerTokenAuthenticator(token=self.config["auth_token"])

    @override
    def get_new_paginator(self) -> Paginator:
        return Paginator(0, self.config["page_size"])

    @override
    def get_http_request(self, *, page: PageContext[int]) -> HTTPRequest:
        request = super().get_http_request(page=page)
        request.params["project_id"] = self.config["project_id"]
        request.data = {
            "ResponseType": "JSON",
            "Fields": list(fields_of("raw", extra_fields(self.config))),
            "InteractionFilter": {
                "DateFrom": self.config["start_date"],
                "DateTo": self.config["end_date"],
                "InteractionType": ["PageView"],
            },
            "Offset": page.next_page_token,
            "Limit": self.config["page_size"],
        }
        return request

    @override
    def post_process(
        self, row: Record, context: Context | None = None
    ) -> Record | None:
        row["project_id"] = self.config["project_id"]
        return row


class VanillaTap(Tap):
    """An ordinary SDK tap."""

    name = "tap-vanilla"
    config_jsonschema = th.PropertiesList(
        th.Property("auth_token", th.StringType, required=True, secret=True),
        th.Property("project_id", th.IntegerType, required=True),
        th.Property("start_date", th.DateType, required=True),
        th.Property("end_date", th.DateType, required=True),
        th.Property("api_url", th.StringType, required=True),
        th.Property("page_size", th.IntegerType, default=100_000),
        th.Property("extra_fields", th.ArrayType(th.StringType)),
    ).to_dict()

    @override
    def discover_streams(self) -> list[PageViews]:
        return [PageViews(self)]


if __name__ == "__main__":
    VanillaTap.cli()
