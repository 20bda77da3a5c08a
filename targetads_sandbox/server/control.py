"""Routes of the sandbox about itself: the truth, and the faults.

They need no token, and are not part of the API.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from targetads_sandbox import truth
from targetads_sandbox.server.faults import decode_faults
from targetads_sandbox.server.responses import error_response, json_response
from targetads_sandbox.world.fields import PATH_FIELDS, RAW_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from targetads_sandbox.server.calls import Call
    from targetads_sandbox.world.world import World

_REPORTS: Mapping[str, Literal["raw", "path"]] = {"raw": "raw", "path": "path"}


def show_truth(call: Call) -> Response:
    """What a correct tap delivers: see the package `truth`."""
    try:
        content = _truth(call.sandbox.world, call.params)
    except KeyError as error:
        return error_response(400, f"missing or unknown: {error.args[0]}")
    except ValueError as error:
        return error_response(400, str(error))
    return json_response(content)


def _truth(world: World, params: Mapping[str, str]) -> dict[str, Any]:
    """The counts of a report, and the keys of one of its streams if it is named.

    Raises:
        KeyError: If a parameter is missing, or there is no such report.
        ValueError: If a parameter is wrong.
    """
    report: Literal["raw", "path"] = _REPORTS[params.get("report", "raw")]
    period: dict[str, Any] = {
        "project_id": int(params["project_id"]),
        "start": date.fromisoformat(params["date_from"]),
        "end": date.fromisoformat(params["date_to"]),
    }
    content = {
        "project_id": period["project_id"],
        "counts": truth.counts(world, **period, report=report),
    }
    if "stream" in params:
        records = _records(world, report, period, params)
        content["row_keys"] = [record["_row_key"] for record in records]
    return content


def _records(
    world: World,
    report: Literal["raw", "path"],
    period: Mapping[str, Any],
    params: Mapping[str, str],
) -> list[dict[str, Any]]:
    types = _names(params.get("types"))
    wanted: dict[str, Any] = {
        **period,
        "stream": params["stream"],
        "timezone": params.get("timezone", truth.TIMEZONE),
    }
    fields = _names(params.get("fields"))
    if report == "raw":
        return truth.expected_records(
            world, **wanted, types=types, fields=fields or tuple(RAW_FIELDS)
        )
    return truth.expected_paths(
        world,
        **wanted,
        interaction_types=types,
        event_types=_names(params.get("event_types")),
        categories=_names(params.get("categories")),
        touch_days=int(params.get("touch_days", truth.TOUCH_DAYS)),
        fields=fields or tuple(PATH_FIELDS),
    )


def _names(text: str | None) -> tuple[str, ...] | None:
    return tuple(text.split(",")) if text else None


async def show_faults(call: Call) -> Response:
    """The faults, and how often each kind has happened."""
    faults = call.sandbox.faults
    return json_response({"faults": faults.faults, "happened": faults.happened})


async def change_faults(call: Call) -> Response:
    """Set the faults, or clear them."""
    try:
        faults = []
        if call.method != "DELETE":
            faults = decode_faults(msgspec.json.decode(call.body))
    except (msgspec.DecodeError, ValueError) as error:
        return error_response(400, str(error))
    call.sandbox.faults.set(faults)
    return json_response(faults)
