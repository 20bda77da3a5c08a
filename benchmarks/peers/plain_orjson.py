"""The script `plain`, with orjson."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson
import requests

LIMIT = 100_000


def main(config: dict[str, Any]) -> None:
    """Print all rows as Singer messages, page by page."""
    offset = 0
    while True:
        response = requests.post(
            f"{config['api_url']}/v1/reports/raw_reports",
            params={"project_id": config["project_id"]},
            headers={"Authorization": f"Bearer {config['auth_token']}"},
            json={
                "ResponseType": "JSON",
                "Fields": config["fields"],
                "InteractionFilter": {
                    "DateFrom": config["start_date"],
                    "DateTo": config["end_date"],
                    "InteractionType": ["PageView"],
                },
                "Offset": offset,
                "Limit": LIMIT,
            },
            timeout=300,
        )
        response.raise_for_status()
        page = orjson.loads(response.content)
        for row in page["data"]:
            message = {"type": "RECORD", "stream": "page_views", "record": row}
            sys.stdout.buffer.write(
                orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE)
            )
        if not page["has_more"]:
            break
        offset += LIMIT


if __name__ == "__main__":
    main(orjson.loads(Path(sys.argv[1]).read_bytes()))
