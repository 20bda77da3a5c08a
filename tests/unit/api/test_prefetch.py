from __future__ import annotations

import threading

import pytest
import requests

from tap_targetads.api.prefetch import Prefetch
from tap_targetads.api.transport import Request, Response

MIB = 1 << 20


def call(number: int) -> Request:
    return Request("POST", "/v1/reports/raw_reports", 1, "Stream x", {"Offset": number})


class Server:
    """Answers when it is told to, and remembers what was asked."""

    def __init__(self, size: int = 10) -> None:
        self.size = size
        self.asked: list[int] = []
        self.open = threading.Event()
        self.open.set()
        self.arrived = threading.Semaphore(0)
        self.fails: dict[int, int | None] = {}

    def send(self, call: Request) -> Response:
        number = (call.body or {})["Offset"]
        status = self.fails.get(number, 200)
        self.asked.append(number)
        self.arrived.release()
        assert self.open.wait(10)
        if status is None:
            raise requests.ConnectionError(str(number))
        return Response(status, "", {}, b"x" * self.size, 0.1)

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.arrived.acquire(timeout=10)


def test_calls_that_differ_in_anything_that_is_asked_are_not_the_same() -> None:
    first = Request("GET", "/v1/meta", 1, "Stream x", params={"page": "1"})
    others = [
        Request("POST", "/v1/meta", 1, "Stream x", params={"page": "1"}),
        Request("GET", "/v1/meta", 1, "Stream x", params={"page": "2"}),
        Request("GET", "/v1/meta", 2, "Stream x", params={"page": "1"}),
        Request("GET", "/v1/meta", 1, "Stream x", {"page": 1}),
    ]

    assert len({first.key, *(call.key for call in others)}) == 5
    assert Request("GET", "/v1/meta", 1, "y", params={"page": "1"}).key == first.key


def held() -> tuple[Server, Prefetch]:
    """A server that has answered once, and lets all others wait; four at once."""
    server = Server()
    prefetch = Prefetch(server.send, at_once=4, budget=MIB)
    prefetch.expect(call(0), [])
    prefetch.get(call(0))
    server.wait_for(1)
    server.open.clear()
    return server, prefetch


def test_as_many_requests_as_allowed_are_under_way_at_once() -> None:
    server, prefetch = held()

    prefetch.expect(call(1), map(call, range(2, 100)))
    server.wait_for(3)

    assert sorted(server.asked) == [0, 2, 3, 4]
    server.open.set()
    assert [len(prefetch.get(call(n)).body) for n in (2, 3, 4)] == [10, 10, 10]
    assert len(server.asked) == 4, "asked twice"


def test_before_the_first_answer_nothing_is_sent_ahead() -> None:
    server = Server()
    prefetch = Prefetch(server.send, at_once=4, budget=MIB)

    prefetch.expect(call(1), map(call, range(2, 100)))

    assert server.asked == []


@pytest.mark.parametrize(
    ("size", "ahead"), [(MIB, 0), (MIB // 2, 2), (MIB // 10, 7), (0, 7)]
)
def test_large_answers_leave_room_for_fewer_of_them(size: int, ahead: int) -> None:
    server = Server(size)
    prefetch = Prefetch(server.send, at_once=8, budget=MIB if size < MIB else MIB - 1)
    prefetch.expect(call(0), [])
    prefetch.get(call(0))

    prefetch.expect(call(1), map(call, range(2, 100)))
    server.wait_for(1 + ahead)

    assert sorted(server.asked) == [0, *range(2, 2 + ahead)]


def test_what_is_expected_no_more_is_forgotten_and_what_is_needed_is_not() -> None:
    server = Server()
    # Of the four, what is forgotten may still be under way for a moment.
    prefetch = Prefetch(server.send, at_once=4, budget=MIB)
    prefetch.expect(call(0), [])
    prefetch.get(call(0))
    prefetch.expect(call(1), [call(2), call(3)])
    server.wait_for(3)

    prefetch.expect(call(2), [call(7), call(8)])
    server.wait_for(2)
    prefetch.get(call(2))
    prefetch.get(call(3))

    assert sorted(server.asked) == [0, 2, 3, 3, 7, 8]


@pytest.mark.parametrize("status", [None, 429, 500, 200])
def test_an_answer_that_came_ahead_of_time_is_used_unless_it_failed(
    status: int | None,
) -> None:
    server = Server()
    server.fails = {2: status} if status != 200 else {}
    prefetch = Prefetch(server.send, at_once=2, budget=MIB)
    prefetch.expect(call(0), [])
    prefetch.get(call(0))
    prefetch.expect(call(1), [call(2)])
    server.wait_for(2)
    prefetch.get(call(1))
    server.fails.clear()

    # A 429 says how long to wait: that must not be lost.
    as_it_came = status in {200, 429}
    assert prefetch.get(call(2)).status == (status if as_it_came else 200)
    assert server.asked.count(2) == (1 if as_it_came else 2)


def test_what_was_sent_ahead_can_be_forgotten() -> None:
    server = Server()
    prefetch = Prefetch(server.send, at_once=3, budget=MIB)
    prefetch.expect(call(0), [])
    prefetch.get(call(0))
    prefetch.expect(call(1), [call(2)])
    server.wait_for(2)

    prefetch.forget()
    prefetch.get(call(2))

    assert server.asked.count(2) == 2


def test_forgotten_requests_count_as_long_as_they_are_under_way() -> None:
    server, prefetch = held()
    prefetch.expect(call(1), [call(2), call(3), call(4)])
    server.wait_for(3)

    prefetch.expect(call(5), [call(6), call(7), call(8)])

    assert sorted(server.asked) == [0, 2, 3, 4]
    server.open.set()
