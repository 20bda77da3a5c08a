"""Asks the sandbox as a client would, and reads its answers in any dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from tap_targetads.sandbox.fields import RAW_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_targetads.sandbox import Sandbox

PROJECT, OTHER_PROJECT = 12486, 12487
TOKEN = "sandbox-token-12486"  # noqa: S105 - not a secret
REPORTS = "/v1/reports/raw_reports"


def body(**changes: Any) -> dict[str, Any]:
    """A right request for all rows and fields of three days, with changes.

    Changes to the filter's keys are put there; a change to None removes the key.
    """
    filters = {"DateFrom": "2024-01-15", "DateTo": "2024-01-17"}
    result: dict[str, Any] = {
        "ResponseType": "JSON",
        "Fields": list(RAW_FIELDS),
        "InteractionFilter": filters,
        "Offset": 0,
        "Limit": 100_000,
    }
    for name, value in changes.items():
        place = result
        if name in {"DateFrom", "DateTo", "InteractionType", "MediaCampaignId"}:
            place = filters
        place[name] = value
        if value is None:
            del place[name]
    return result


def ask(
    sandbox: Sandbox,
    path: str = REPORTS,
    *,
    project_id: object = PROJECT,
    token: str | None = TOKEN,
    json: object = None,
    data: bytes | None = None,
) -> requests.Response:
    """Send one request: POST, if it has a body."""
    return requests.request(
        "GET" if json is None and data is None else "POST",
        sandbox.url + path,
        params={} if project_id is None else {"project_id": str(project_id)},
        headers={} if token is None else {"Authorization": f"Bearer {token}"},
        json=json,
        data=data,
        timeout=10,
    )


def rows(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of an answer in any dialect, as objects with all their fields."""
    if "data" in answer:
        objects = answer["data"]
    else:
        names = [c if isinstance(c, str) else c["Name"] for c in answer["Columns"]]
        objects = [
            row if isinstance(row, dict) else dict(zip(names, row, strict=True))
            for row in answer["Rows"]
        ]
    return list(objects)


def all_rows(sandbox: Sandbox, limit: int, **changes: Any) -> list[dict[str, Any]]:
    """The rows of all pages; a page that is not full is the last."""
    result: list[dict[str, Any]] = []
    while True:
        page = ask(sandbox, json=body(Offset=len(result), Limit=limit, **changes))
        found = rows(page.json())
        result += found
        if len(found) < limit:
            return result


def errors(response: requests.Response) -> Sequence[tuple[str, str, Any]]:
    """Field, tag and value of everything that is wrong with a request."""
    content = response.json()
    found = content.get("Errors") or content["ErrorsField"]
    return [(e["FailedField"], e["Tag"], e["Value"]) for e in found]
