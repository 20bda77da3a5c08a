"""The script one would write from the API's guide: it prints the rows it gets.

No conversion, no state, no keys, and it stops at the first error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

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
        page = response.json()
        for row in page["data"]:
            print(json.dumps({"type": "RECORD", "stream": "page_views", "record": row}))
        if not page["has_more"]:
            break
        offset += LIMIT


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
