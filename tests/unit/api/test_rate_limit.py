from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_targetads.api.answers import TokenStatus
from tap_targetads.api.client import Client
from tap_targetads.api.rate_limit import RateLimit
from tap_targetads.api.retries import PassingFailureError, Retries, retry_waits
from tap_targetads.api.transport import Request, Transport
from tap_targetads.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Generator

    from requests_mock import Mocker


CALL = Request("GET", "/v1/meta/token_validate", 1, "Stream clicks, project 1")


def no_waits() -> Generator[float, Exception, None]:
    while True:
        yield 0


class Clock:
    """A clock that moves only when somebody waits or works."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@given(st.integers(1, 5), st.lists(st.floats(0, 40), max_size=30))
def test_no_minute_has_more_requests_than_the_budget(
    budget: int, work: list[float]
) -> None:
    clock = Clock()
    pace = RateLimit(budget, clock, clock.sleep)
    sent = []
    for seconds in work:
        clock.now += seconds
        pace.wait()
        sent.append(clock.now)

    for earlier, later in zip(sent, sent[budget:], strict=False):
        assert later - earlier >= 60 - 1e-6


def test_nobody_waits_while_there_is_budget() -> None:
    clock = Clock()
    pace = RateLimit(3, clock, clock.sleep)

    for _ in range(3):
        pace.wait()

    assert clock.waits == []


def test_without_a_budget_nobody_waits() -> None:
    clock = Clock()
    pace = RateLimit(None, clock, clock.sleep)

    for _ in range(1000):
        pace.wait()

    assert clock.waits == []


def test_threads_share_the_budget_and_line_up() -> None:
    waits: list[float] = []
    pace = RateLimit(2, clock=lambda: 100.0, sleep=waits.append)
    threads = [threading.Thread(target=pace.wait) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(waits) == [60, 60, 120, 120]


def test_a_429_slows_down_the_requests_of_others_too(requests_mock: Mocker) -> None:
    clock = Clock()
    pace = RateLimit(None, clock, clock.sleep)
    exchange = Transport("https://api.example.test", {1: "token"}, 1, pace)
    client = Client(exchange, Retries(0))
    requests_mock.get(
        "https://api.example.test/v1/meta/token_validate",
        [{"status_code": 429, "headers": {"Retry-After": "7"}}, {"json": {}}],
    )

    with pytest.raises(Exception, match="429"):
        client.send(CALL, TokenStatus.decode)
    client.send(CALL, TokenStatus.decode)

    assert clock.waits == [7]


def test_when_the_time_for_all_tries_is_over_there_is_no_other_one() -> None:
    def fail() -> None:
        message = "no."
        raise PassingFailureError(message, wait=50)

    with pytest.raises(PassingFailureError) as caught:
        Retries(100, timeout=0).run(fail, "Stream clicks")

    assert caught.value.tries == 1


def test_a_request_that_can_be_made_smaller_is_not_tried_for_long() -> None:
    def fail(*, too_much: bool) -> None:
        message = "no."
        raise PassingFailureError(message, wait=0, too_much=too_much)

    for too_much, tries in [(True, 3), (False, 9)]:
        with pytest.raises(PassingFailureError) as caught:
            Retries(8, waits=no_waits).run(
                lambda much=too_much: fail(too_much=much),  # type: ignore[misc]
                "Stream clicks",
                splittable=True,
            )
        assert caught.value.tries == tries


def failing(clock: Clock, seconds: float = 0) -> None:
    clock.now += seconds
    message = "no."
    raise PassingFailureError(message, wait=0, too_much=True)


def tries_of(retries: Retries, clock: Clock, *, splittable: bool = False) -> int:
    with pytest.raises(PassingFailureError) as caught:
        retries.run(lambda: failing(clock), "Stream clicks", splittable=splittable)
    return caught.value.tries


def test_after_something_was_given_up_the_next_requests_are_tried_once() -> None:
    clock = Clock()
    retries = Retries(8, waits=no_waits, clock=clock)

    tries = [tries_of(retries, clock) for _ in range(3)]
    retries.run(lambda: None, "Stream clicks")

    assert tries == [9, 1, 1]
    assert tries_of(retries, clock) == 9


def test_a_refusal_shows_that_the_api_is_alive() -> None:
    def refuse() -> None:
        raise ApiError("no")

    clock = Clock()
    retries = Retries(8, waits=no_waits, clock=clock)
    tries_of(retries, clock)
    with pytest.raises(ApiError):
        retries.run(refuse, "Stream clicks")

    assert tries_of(retries, clock) == 9


def test_the_time_for_all_tries_counts_over_smaller_requests_too() -> None:
    clock = Clock()
    retries = Retries(8, timeout=1000, waits=no_waits, clock=clock)

    def split() -> PassingFailureError:
        with pytest.raises(PassingFailureError) as caught:
            retries.run(
                lambda: failing(clock, seconds=300), "Stream clicks", splittable=True
            )
        return caught.value

    first, second = split(), split()

    assert (first.tries, first.too_much) == (3, True)
    # Four times 300 seconds: asking for still less does not help.
    assert (second.tries, second.too_much) == (1, False)


def test_a_host_that_never_answered_is_given_up_within_two_minutes() -> None:
    clock = Clock()

    def unreached() -> None:
        clock.now += 30  # the time-out of a connection
        message = "no."
        raise PassingFailureError(message, unreached=True)

    def waits() -> Generator[float, Exception, None]:
        real = retry_waits()
        failure = yield next(real)
        while True:
            clock.now += real.send(failure)
            failure = yield 0

    with pytest.raises(PassingFailureError):
        Retries(8, timeout=3600, waits=waits, clock=clock).run(unreached, "Clicks")

    assert clock.now - 100 <= 120
