"""Settings that are right, of an account that there is not."""

from __future__ import annotations

from typing import Any

from tests.conftest import PROJECT

SECRET = "4f3c-secret"  # noqa: S105 - not one
GOOD: dict[str, Any] = {
    "project_id": PROJECT,
    "auth_token": SECRET,
    "start_date": "2024-01-01",
    "end_date": "2024-01-31",
    # Nothing listens there: a request would end in another error than the expected.
    "api_url": "http://127.0.0.1:9",
    "max_retries": 0,
}
