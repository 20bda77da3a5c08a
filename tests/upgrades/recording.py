"""What version 0.1 was given, and what it wrote.

The output was written by `python -m tests.upgrades.recording`, with the code of that
version. It is what users keep in their warehouses, and never rewritten.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tap_targetads.config.settings import Settings
from tap_targetads.tap import TapTargetADS
from tests.support.running import Output, parse, run_tap, select
from tests.upgrades.server import RecordedApi

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "v0_1"
ROWS = FOLDER / "rows.json"
PROJECTS = (12486, 12487)
SOME_FIELDS = [
    "_row_key",
    "project_id",
    "InteractionTime",
    "InteractionDeviceID",
    "InteractionEcomAmount",
    "conversion_date",
    "PathDeviceID",
    "Weight_MLI",
]

NEW_FIELDS: Mapping[str, Mapping[str, str]] = {
    "campaigns": {"landing_page": "Address of the page to which the placement leads."},
    "creatives": {"landing_page": "Address of the page to which the creative leads."},
}
"""The fields that streams have now and had not in version 0.1, with what they mean.

All are texts of the meta streams, which have no row keys.
"""

NEW_MEANINGS: Mapping[str, Mapping[str, str]] = {
    "campaigns": {
        name: f"{meaning} No live row has been seen with it."
        for name, meaning in (
            ("media_source_id", "Id of the media source."),
            ("media_source_name", "Name of the media source."),
            ("campaign_id", "Id of the campaign."),
            ("campaign_name", "Name of the campaign."),
        )
    },
    "media_report": {
        "PartOfGIVT": "General invalid traffic in percent of the impressions. "
        "Does not add up.",
    },
}
"""The descriptions that say more than they said in version 0.1."""

ROW_KEY_LENGTH = 32
"""What the schema says of row keys, which are no longer than before."""


@dataclass(frozen=True)
class Recording:
    """A run: its settings, and which streams and fields it reads.

    Attributes:
        settings: The settings, besides those that all have.
        streams: The streams that are selected; empty for the usual ones.
        fields: The fields that are selected; None for all.
        after: The run whose last state it goes on from.
    """

    settings: Mapping[str, Any]
    streams: tuple[str, ...] = ()
    fields: tuple[str, ...] | None = None
    after: str | None = None


RECORDINGS: Mapping[str, Recording] = {
    "pages": Recording({}),
    "jobs": Recording({"api_version": "v2", "window_days": 2}),
    "again": Recording({"lookback_days": 2}, after="first_days"),
    "first_days": Recording({"end_date": "2024-01-10"}),
    "some_fields": Recording(
        {"page_size": 5, "window_days": 1},
        ("clicks", "page_views", "interactions", "conversion_paths"),
        tuple(SOME_FIELDS),
    ),
    "without_keys": Recording(
        {"row_key": False, "timezone": "UTC"}, ("purchases", "conversion_paths")
    ),
    "own_report": Recording(
        {
            "extra_fields": [{"name": "InteractionPlacementId", "type": "integer"}],
            "reports": [
                {"name": "orders", "report": "raw", "interaction_types": ["Purchase"]},
                {
                    "name": "by_source",
                    "report": "aggregate",
                    "fields": ["MediaSource"],
                    "media_metrics": ["Clicks"],
                },
            ],
        },
        ("orders", "by_source", "impressions"),
    ),
}


def run(folder: Path, name: str) -> Output:
    """Run the tap as it was run for a recording."""
    recording = RECORDINGS[name]
    state = None
    if recording.after:
        (*_, state) = (m["value"] for m in recorded(recording.after) if "value" in m)
    with RecordedApi(json.loads(ROWS.read_text(encoding="utf-8"))) as api:
        config = settings_of(name, api.url)
        # It is February 2024: January is within the history of version 2.
        with patch.object(Settings, "last_complete_day", lambda *_: date(2024, 2, 9)):
            return run_tap(folder, config, catalog=catalog_of(name), state=state)


def settings_of(name: str, url: str) -> dict[str, Any]:
    """The settings of a recorded run."""
    return {
        "api_url": url,
        "auth_token": "recorded",
        "projects": [{"project_id": number} for number in PROJECTS],
        "start_date": "2024-01-08",
        "end_date": "2024-01-12",
        "api_version": "v1",
        **RECORDINGS[name].settings,
    }


def catalog_of(name: str) -> dict[str, Any]:
    """The catalog of a recorded run, created if there is none yet."""
    recording = RECORDINGS[name]
    file = FOLDER / f"{name if recording.streams else 'usual'}.catalog.json"
    if not file.exists():
        catalog = TapTargetADS(
            config=settings_of(name, "http://localhost")
        ).catalog_dict
        if recording.streams:
            catalog = select(
                catalog, streams=recording.streams, fields=recording.fields
            )
        file.write_text(json.dumps(catalog, indent=1) + "\n", encoding="utf-8")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def with_changes(catalog: dict[str, Any]) -> dict[str, Any]:
    """A catalog of version 0.1 with what has been added since, and nothing else."""
    for entry in catalog["streams"]:
        stream, properties = entry["tap_stream_id"], entry["schema"]["properties"]
        if "_row_key" in properties:
            properties["_row_key"]["maxLength"] = ROW_KEY_LENGTH
        for name, meaning in NEW_FIELDS.get(stream, {}).items():
            assert name not in properties
            properties[name] = {"type": ["string", "null"], "description": meaning}
            metadata = {"inclusion": "available"}
            about = {"breadcrumb": ["properties", name], "metadata": metadata}
            entry["metadata"].insert(-1, about)
        for name, meaning in NEW_MEANINGS.get(stream, {}).items():
            properties[name]["description"] = meaning
    return catalog


def lasting(stdout: bytes) -> list[bytes]:
    """The messages of a run, without the time of it, and each state once.

    States have had the fingerprint of the row keys since version 0.2.
    """
    stdout = re.sub(rb'"time_extracted":"[^"]*"', b'"time_extracted":""', stdout)
    stdout = re.sub(rb',"row_key_fingerprint":"[0-9a-f]+"', b"", stdout)
    lines: list[bytes] = []
    states = {b""}
    for line in stdout.splitlines():
        if not line.startswith(b'{"type":"STATE"'):
            lines.append(line)
        elif line not in states:
            lines.append(line)
            states = {line}
    return lines


def recorded(name: str) -> list[dict[str, Any]]:
    """The messages of a recorded run."""
    return parse((FOLDER / f"{name}.jsonl").read_bytes())


def main() -> None:
    """Record what is not there yet."""
    for name in sorted(RECORDINGS, key=lambda name: bool(RECORDINGS[name].after)):
        file = FOLDER / f"{name}.jsonl"
        if not file.exists():
            with tempfile.TemporaryDirectory() as folder:
                output = run(Path(folder), name)
            assert output.exit_code == 0, output.log
            file.write_bytes(b"".join(line + b"\n" for line in lasting(output.stdout)))


if __name__ == "__main__":
    main()
