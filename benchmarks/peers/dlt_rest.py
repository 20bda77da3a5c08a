"""dlt's REST source for the same pages, extracting to files.

It is configured as its documentation suggests for such an API. It runs in an
environment of its own, with three arguments: the settings, a folder that it may fill,
and `extract` or `normalize`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source


def main(config: dict[str, Any], folder: str, last_step: str) -> None:
    """Extract the rows into dlt's own files and, with `normalize`, normalize them."""
    source = rest_api_source(
        {
            "client": {
                "base_url": config["api_url"],
                "auth": {"type": "bearer", "token": config["auth_token"]},
                "paginator": {
                    "type": "offset",
                    "limit": 100_000,
                    "offset_body_path": "Offset",
                    "limit_body_path": "Limit",
                    "has_more_path": "has_more",
                    "total_path": None,
                },
            },
            "resources": [
                {
                    "name": "page_views",
                    "endpoint": {
                        "path": "v1/reports/raw_reports",
                        "method": "POST",
                        "params": {"project_id": config["project_id"]},
                        "json": {
                            "ResponseType": "JSON",
                            "Fields": config["fields"],
                            "InteractionFilter": {
                                "DateFrom": config["start_date"],
                                "DateTo": config["end_date"],
                                "InteractionType": ["PageView"],
                            },
                        },
                        "data_selector": "data",
                    },
                }
            ],
        }
    )
    pipeline = dlt.pipeline(
        "targetads",
        pipelines_dir=folder,
        destination=dlt.destinations.filesystem(folder),
    )
    pipeline.extract(source)
    if last_step == "normalize":
        pipeline.normalize()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), *sys.argv[2:])
