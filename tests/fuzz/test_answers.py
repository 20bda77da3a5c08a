"""Errors, jobs, tokens and lists from outside: an answer, or a clean error."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import requests_mock
from hypothesis import example, given
from hypothesis import strategies as st

from tap_targetads.api.answers import (
    Answer,
    JobStatus,
    MalformedAnswerError,
    MetaAnswer,
    TokenStatus,
)
from tap_targetads.api.client import Client
from tap_targetads.api.rate_limit import RateLimit
from tap_targetads.api.retries import LONGEST_RETRY_AFTER, Retries, retry_after
from tap_targetads.api.transport import Request, Transport
from tap_targetads.errors import ApiError
from tests.support.fuzzing import as_json, fuzz, mutated, values

if TYPE_CHECKING:
    from collections.abc import Generator

API = "https://api.example.test"
CALL = Request("GET", "/v1/x", 1, "Stream clicks, project 1")

small = st.integers(-(2**70), 2**70) | st.integers() | st.text(max_size=5) | values
FAILED = st.fixed_dictionaries(
    {}, optional={"FailedField": small, "Tag": small, "Value": values, "Error": values}
)
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "ErrorCode": st.sampled_from([0, 400, "429", 503, "--5", "-", "\u00b2"])
        | small,
        "ErrorMessage": st.text(max_size=400) | small,
        "Errors": st.lists(FAILED, max_size=2) | values,
        "ErrorsField": st.lists(FAILED, max_size=2) | values,
        "status": st.sampled_from(["DONE", "FAILED"]) | small,
        "job_id": small,
        "estimated_seconds": st.floats() | small,
        "row_count": small,
        "download_url": small,
        "valid": st.booleans() | small,
        "project_id": small,
        "campaign_access": st.lists(small, max_size=2) | values,
        "expires_at": small,
        "campaigns": st.lists(values, max_size=2),
        "meta": values,
        "target_events": values,
    },
)
BODIES = mutated(ANSWERS.map(as_json)) | st.binary()


def no_waits() -> Generator[float, Exception, None]:
    while True:
        yield 0


@fuzz
@given(BODIES, st.sampled_from([Answer, JobStatus, TokenStatus, MetaAnswer]))
def test_any_body_is_an_answer_or_malformed(body: bytes, kind: type[Answer]) -> None:
    try:
        answer = kind.decode(body)
    except MalformedAnswerError:
        return
    assert isinstance(answer, kind)
    assert answer.reply is answer
    assert len("; ".join(map(str, answer.failed_fields))) >= 0
    assert str(answer)


HEADERS = st.one_of(
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=40),
    st.text(st.sampled_from("0123456789 .,:+-eGMTWOct"), max_size=40),
    st.integers().map(str),
    st.builds(
        "{}, {:02d} {} {:04d} {:02d}:{:02d}:{:02d} {}".format,
        st.sampled_from(["Wed", "Mon", "", "x"]),
        st.integers(0, 40),
        st.sampled_from(["Oct", "Feb", "x", ""]),
        st.integers(0, 20_000),
        st.integers(0, 30),
        st.integers(0, 70),
        st.integers(0, 70),
        st.sampled_from(["GMT", "", "EST", "+0300", "-0000", "x"])
        | st.integers().map("{:+d}".format),
    ),
)


@fuzz
@given(HEADERS | st.text())
@example("0 OCT 0 0:0-2399999997561")
@example("0 OCT 0 0:2150000000")
@example("0\x1f")
def test_any_retry_after_is_a_bounded_wait(header: str) -> None:
    assert 0 <= retry_after(header) <= LONGEST_RETRY_AFTER


@fuzz
@given(BODIES, st.sampled_from([200, 400, 401, 403, 404, 429, 500, 503]), HEADERS)
def test_any_response_is_an_answer_or_one_line(
    body: bytes, status: int, header: str
) -> None:
    pace = RateLimit(sleep=lambda _: None)
    exchange = Transport(API, {1: "secret"}, 1, pace)
    client = Client(exchange, Retries(1, waits=no_waits))
    logging.disable()
    try:
        with requests_mock.Mocker() as mocker:
            headers: Any = {"Retry-After": header}
            mocker.get(
                f"{API}/v1/x?project_id=1",
                content=body,
                status_code=status,
                headers=headers,
            )
            client.send(CALL, JobStatus.decode)
    except ApiError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert "secret" not in str(error)  # noqa: PT017
    else:
        assert status == 200
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("kind", [Answer, JobStatus, TokenStatus, MetaAnswer])
def test_a_body_nested_too_deep_is_malformed(kind: type[Answer]) -> None:
    with pytest.raises(MalformedAnswerError):
        kind.decode(b'{"x":' + b"[" * 100_000)
