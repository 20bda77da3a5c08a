from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_targetads.api.answers import TokenStatus
from tap_targetads.api.client import Client
from tap_targetads.api.rate_limit import RateLimit
from tap_targetads.api.retries import (
    LONGEST_WAIT,
    PassingFailureError,
    Retries,
    retry_waits,
)
from tap_targetads.api.transport import Request, Transport
from tap_targetads.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Generator

    from requests_mock import Mocker

API = "https://api.example.test"
TOKEN = "secret-token"  # noqa: S105
CALL = Request("GET", "/v1/meta/token_validate", 12486, "Stream clicks, project 12486")
VALID: dict[str, Any] = {"json": {"valid": True}}


class Waits:
    """Remembers the waits that the client would have made, and makes none."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self) -> Generator[float, Exception, None]:
        real = retry_waits()
        failure = yield next(real)
        while True:
            self.seconds.append(real.send(failure))
            failure = yield 0


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def client(waits: Waits) -> Client:
    pace = RateLimit(sleep=lambda _: None)
    exchange = Transport(API, {12486: TOKEN}, 310, pace)
    return Client(exchange, Retries(3, waits=waits))


def answers(mocker: Mocker, *responses: dict[str, Any]) -> None:
    mocker.get(f"{API}/v1/meta/token_validate", list(responses))


def test_the_token_goes_into_the_header_and_the_project_into_the_query(
    client: Client, requests_mock: Mocker
) -> None:
    answers(requests_mock, VALID)

    client.send(CALL, TokenStatus.decode)

    request = requests_mock.request_history[0]
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.qs == {"project_id": ["12486"]}
    assert f"{request.timeout}" == "(30.0, 310)"
    assert "gzip" in request.headers["Accept-Encoding"]


@pytest.mark.parametrize(
    "failure",
    [
        {"status_code": 500},
        {"status_code": 502, "text": "<html>Bad Gateway</html>"},
        {"status_code": 503},
        {"status_code": 504},
        {"exc": requests.ReadTimeout},
        {"exc": requests.ConnectTimeout},
        {"exc": requests.ConnectionError("reset by peer")},
        {"exc": requests.exceptions.ChunkedEncodingError("cut")},
        {"text": '{"valid": tr'},
        {"json": {"ErrorCode": 500, "ErrorMessage": "internal error"}},
        {"json": {"ErrorCode": "503", "ErrorMessage": "busy"}},
    ],
)
def test_a_passing_failure_is_tried_again(
    client: Client, waits: Waits, requests_mock: Mocker, failure: dict[str, Any]
) -> None:
    answers(requests_mock, failure, failure, VALID)

    assert client.send(CALL, TokenStatus.decode).valid
    assert requests_mock.call_count == 3
    assert 0 <= waits.seconds[0] <= 1
    assert 0 <= waits.seconds[1] <= 2


def test_exponential_waits_are_jittered_and_bounded() -> None:
    generator = retry_waits()
    next(generator)
    failure = PassingFailureError("busy")

    seconds = [generator.send(failure) for _ in islice(range(30), 30)]

    assert all(0 <= s <= min(2**i, LONGEST_WAIT) for i, s in enumerate(seconds))
    assert len(set(seconds)) == len(seconds)


def test_too_many_requests_without_retry_after_waits_a_minute(
    client: Client, waits: Waits, requests_mock: Mocker
) -> None:
    answers(requests_mock, {"status_code": 429}, VALID)

    client.send(CALL, TokenStatus.decode)

    assert waits.seconds == [60]


def test_retry_after_in_seconds_is_obeyed(
    client: Client, waits: Waits, requests_mock: Mocker
) -> None:
    limited = {"status_code": 429, "headers": {"Retry-After": "17"}}
    answers(requests_mock, limited, VALID)

    client.send(CALL, TokenStatus.decode)

    assert waits.seconds == [17]


def test_retry_after_as_a_date_is_obeyed(
    client: Client, waits: Waits, requests_mock: Mocker
) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=90)
    limited = {"status_code": 429, "headers": {"Retry-After": format_datetime(until)}}
    answers(requests_mock, limited, VALID)

    before = datetime.now(UTC)
    client.send(CALL, TokenStatus.decode)
    after = datetime.now(UTC)

    least, most = ((until - now).total_seconds() for now in (after, before))
    assert least <= waits.seconds[0] <= most


def test_a_retry_after_that_cannot_be_read_waits_a_minute(
    client: Client, waits: Waits, requests_mock: Mocker
) -> None:
    limited = {"status_code": 429, "headers": {"Retry-After": "later"}}
    answers(requests_mock, limited, VALID)

    client.send(CALL, TokenStatus.decode)

    assert waits.seconds == [60]


def test_an_error_429_in_the_body_counts_like_the_status(
    client: Client, waits: Waits, requests_mock: Mocker
) -> None:
    answers(requests_mock, {"json": {"ErrorCode": 429}}, VALID)

    client.send(CALL, TokenStatus.decode)

    assert waits.seconds == [60]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 413, 301])
def test_other_refusals_are_not_tried_again(
    client: Client, requests_mock: Mocker, status: int
) -> None:
    answers(requests_mock, {"status_code": status})

    with pytest.raises(ApiError) as caught:
        client.send(CALL, TokenStatus.decode)

    assert requests_mock.call_count == 1
    assert caught.value.status == status
    assert str(caught.value).startswith("Stream clicks, project 12486: ")


def test_retries_end_with_what_failed_and_what_to_do(
    client: Client, requests_mock: Mocker
) -> None:
    answers(requests_mock, {"status_code": 500, "reason": "Internal Server Error"})

    with pytest.raises(ApiError) as caught:
        client.send(CALL, TokenStatus.decode)

    assert requests_mock.call_count == 4
    assert str(caught.value) == (
        "Stream clicks, project 12486: the API failed (500 Internal Server Error). "
        "Gave up after 4 tries. Everything before it was delivered: run the tap again "
        "to resume."
    )


def test_a_bad_token_and_a_missing_right_are_told_apart(
    client: Client, requests_mock: Mocker
) -> None:
    body = {"ErrorCode": 401, "ErrorMessage": "invalid or expired token"}
    no_right = {"ErrorCode": 403, "ErrorMessage": "no access"}
    answers(
        requests_mock,
        {"status_code": 401, "json": body},
        {"status_code": 403, "json": no_right},
    )

    with pytest.raises(ApiError, match=r"is not valid .*TAP_TARGETADS_AUTH_TOKEN"):
        client.send(CALL, TokenStatus.decode)
    with pytest.raises(ApiError, match=r"token is valid, but has no right"):
        client.send(CALL, TokenStatus.decode)


@pytest.mark.parametrize("name", ["Errors", "ErrorsField"])
def test_a_validation_error_names_field_rule_and_remedy(
    client: Client, requests_mock: Mocker, name: str
) -> None:
    failed = {"Error": True, "FailedField": "Fields", "Tag": "oneof", "Value": "Nope"}
    body = {"ErrorCode": 400, "ErrorMessage": "validate error", name: [failed]}
    answers(requests_mock, {"status_code": 400, "json": body})

    with pytest.raises(ApiError) as caught:
        client.send(CALL, TokenStatus.decode)

    assert str(caught.value) == (
        "Stream clicks, project 12486: the API rejected the request (400 validate "
        "error: Fields fails 'oneof' (value 'Nope')). Deselect that field in the "
        "catalog, or remove it from `extra_fields`."
    )


def test_an_error_with_http_200_is_an_error(
    client: Client, requests_mock: Mocker
) -> None:
    body = {"ErrorCode": 401, "ErrorMessage": "invalid or expired token"}
    answers(requests_mock, {"json": body})

    with pytest.raises(ApiError, match="is not valid") as caught:
        client.send(CALL, TokenStatus.decode)

    assert caught.value.status == 401


def test_the_token_never_reaches_an_error_or_a_log(
    client: Client, requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {"ErrorCode": 500, "ErrorMessage": f"bad header Bearer {TOKEN}"}
    answers(
        requests_mock,
        {"json": echo},
        {"exc": requests.ConnectionError(f"proxy says {TOKEN}")},
        {"text": TOKEN},
        {"status_code": 400, "json": {**echo, "ErrorCode": 400}},
    )

    with pytest.raises(ApiError) as caught:
        client.send(CALL, TokenStatus.decode)

    assert TOKEN not in str(caught.value)
    assert "[token]" in str(caught.value)
    assert TOKEN not in caplog.text


def test_what_the_server_says_stays_on_one_short_line(
    client: Client, requests_mock: Mocker
) -> None:
    body = {"ErrorCode": 400, "ErrorMessage": "line\n" * 1000}
    answers(requests_mock, {"status_code": 400, "json": body})

    with pytest.raises(ApiError) as caught:
        client.send(CALL, TokenStatus.decode)

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
