"""What an answer says of errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tap_targetads.api.answers import Answer, JobStatus


@pytest.mark.parametrize(
    "body",
    [
        {"ErrorCode": "E7"},
        {"ErrorMessage": "no shard answers"},
        {"error": {"code": 7, "message": "quota"}},
        {"errors": ["quota"]},
        {"Errors": [{"FailedField": "Fields", "Tag": "required"}]},
        {"success": False},
    ],
)
def test_an_error_is_known_in_every_form(body: dict[str, Any]) -> None:
    assert Answer.decode(json.dumps(body).encode()).is_error


@pytest.mark.parametrize(
    "body",
    [
        {"ErrorCode": 0, "ErrorMessage": "ok", "error": "none"},
        {"ErrorCode": "0"},
        {"ErrorCode": "", "ErrorMessage": "", "error": None, "success": True},
        {"error": False},
    ],
)
def test_what_says_that_all_is_well_is_no_error(body: dict[str, Any]) -> None:
    assert not Answer.decode(json.dumps(body).encode()).is_error


def test_an_error_beside_a_status_is_that_of_the_job() -> None:
    body = {"status": "FAILED", "error": "out of memory", "success": False}

    job = JobStatus.decode(json.dumps(body).encode())

    assert job.is_lost
    assert not job.is_error
    assert job.error_message == "out of memory"
