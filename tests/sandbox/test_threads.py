from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from targetads_sandbox import Fault, Sandbox, World
from targetads_sandbox.world.journeys import generate
from tests.sandbox.asking import ask, body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from targetads_sandbox.world.plan import Plan

VALIDATE = "/v1/meta/token_validate"
HUGE, SMALL = ({"DateFrom": day, "DateTo": day} for day in ("2024-01-16", "2024-01-17"))


class Held:
    """Holds up the making of one day until it is told to go on."""

    def __init__(self, day: str) -> None:
        self.day = day
        self.began = threading.Event()
        self.go_on = threading.Event()
        self.times = 0
        self.make: Callable[[Plan], Any] = generate

    def generate(self, plan: Plan) -> Any:
        if plan.day.isoformat() == self.day:
            self.times += 1
            self.began.set()
            assert self.go_on.wait(10)
        return self.make(plan)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held(HUGE["DateFrom"])
    monkeypatch.setattr("targetads_sandbox.world.world.generate", held.generate)
    yield held
    held.go_on.set()


@pytest.fixture
def own() -> Iterator[Sandbox]:
    """A sandbox that has made no data yet."""
    with Sandbox(World(rows_per_day=100)) as sandbox:
        yield sandbox


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def test_a_small_request_is_answered_while_a_huge_one_is_being_made(
    own: Sandbox, held: Held, pool: ThreadPoolExecutor
) -> None:
    huge = pool.submit(ask, own, json=body(**HUGE))
    assert held.began.wait(10)
    assert ask(own, VALIDATE).json()["valid"] is True
    assert ask(own, json=body(**SMALL)).json()["count"] > 0
    assert not huge.done()
    held.go_on.set()
    assert huge.result(10).json()["count"] > 0


def test_what_two_clients_ask_for_at_once_is_made_once(
    own: Sandbox, held: Held, pool: ThreadPoolExecutor
) -> None:
    answers = [pool.submit(ask, own, json=body(**HUGE)) for _ in range(2)]
    assert held.began.wait(10)
    held.go_on.set()
    one, two = (answer.result(10).json() for answer in answers)
    assert one == two
    assert held.times == 1


def test_faults_are_drawn_when_requests_come_not_when_they_are_answered(
    own: Sandbox, held: Held, pool: ThreadPoolExecutor
) -> None:
    own.faults.set([Fault("empty_page", times=1)])
    huge = pool.submit(ask, own, json=body(**HUGE))
    assert held.began.wait(10)
    assert ask(own, json=body(**SMALL)).json()["count"] > 0
    held.go_on.set()
    assert huge.result(10).json()["count"] == 0


def test_a_failure_is_told_to_all_who_wait_and_is_not_kept(
    own: Sandbox, held: Held, pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Plan) -> None:
        message = "no more paper"
        raise RuntimeError(message)

    held.make = fail
    answers = [pool.submit(ask, own, json=body(**HUGE)) for _ in range(2)]
    assert held.began.wait(10)
    held.go_on.set()
    assert [answer.result(10).status_code for answer in answers] == [500, 500]
    assert "no more paper" in caplog.text
    held.make = generate
    assert ask(own, json=body(**HUGE)).json()["count"] > 0


def test_rows_that_are_added_while_an_answer_is_made_are_in_the_next_one(
    own: Sandbox, held: Held, pool: ThreadPoolExecutor
) -> None:
    both = body(**{**HUGE, "DateTo": SMALL["DateTo"]})
    answer = pool.submit(ask, own, json=both)
    assert held.began.wait(10)
    row = {"InteractionTime": "2024-01-17 10:00:00", "InteractionType": "Click"}
    own.world.add_rows(12486, [row] * 3)
    held.go_on.set()
    assert answer.result(10).ok
    before = World(rows_per_day=100)
    days = [date.fromisoformat(each["DateFrom"]) for each in (HUGE, SMALL)]
    sizes = [before.day(12486, day).size for day in days]
    assert ask(own, json=both).json()["count"] == sum(sizes) + 3
