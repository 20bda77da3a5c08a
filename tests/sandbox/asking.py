"""Asks the sandbox as a client would, and reads its answers in any dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from targetads_sandbox.world.fields import PATH_FIELDS, RAW_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from targetads_sandbox import Sandbox

PROJECT, OTHER_PROJECT = 12486, 12487
TOKEN = "sandbox-token-12486"  # noqa: S105 - not a secret
REPORTS = "/v1/reports/raw_reports"
PATHS = "/v1/reports/path_to_conversion"


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
    return _changed(result, changes, filters)


def path_body(**changes: Any) -> dict[str, Any]:
    """The same for all touches of two days' conversions.

    `TargetFrom` and `TargetTo` change the days of the conversions.
    """
    touches = {"DateFrom": "2023-10-01", "DateTo": "2024-01-16"}
    targets = {"DateFrom": "2024-01-15", "DateTo": "2024-01-16"}
    result: dict[str, Any] = {
        "ResponseType": "JSON",
        "Fields": list(PATH_FIELDS),
        "InteractionFilter": touches,
        "TargetFilter": targets,
        "Offset": 0,
        "Limit": 100_000,
    }
    return _changed(result, changes, touches, targets)


def _changed(
    body: dict[str, Any],
    changes: Mapping[str, Any],
    touches: dict[str, Any],
    targets: dict[str, Any] | None = None,
) -> dict[str, Any]:
    places = dict.fromkeys(
        ["DateFrom", "DateTo", "InteractionType", "MediaCampaignId"], touches
    )
    if targets is not None:
        places |= dict.fromkeys(
            ["TargetFrom", "TargetTo", "EventType", "EcomItemCategory1"], targets
        )
    for name, value in changes.items():
        place = places.get(name, body)
        key = name.replace("Target", "Date") if place is targets else name
        place[key] = value
        if value is None:
            del place[key]
    return body


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


def all_rows(
    sandbox: Sandbox, limit: int, *, path: str = REPORTS, **changes: Any
) -> list[dict[str, Any]]:
    """The rows of all pages; a page that is not full is the last."""
    make = path_body if path == PATHS else body
    result: list[dict[str, Any]] = []
    while True:
        content = make(Offset=len(result), Limit=limit, **changes)
        page = ask(sandbox, path, json=content)
        found = rows(page.json())
        result += found
        if len(found) < limit:
            return result


def errors(response: requests.Response) -> Sequence[tuple[str, str, Any]]:
    """Field, tag and value of everything that is wrong with a request."""
    content = response.json()
    found = content.get("Errors") or content["ErrorsField"]
    return [(e["FailedField"], e["Tag"], e["Value"]) for e in found]
