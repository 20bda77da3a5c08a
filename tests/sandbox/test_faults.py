from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from targetads_sandbox import LIVE, Fault, Sandbox
from targetads_sandbox.server.chance import Faults
from targetads_sandbox.server.faults import KINDS, parse_fault
from tests.sandbox.asking import ask, body, rows


def with_fault(sandbox: Sandbox, fault: Fault, **changes: Any) -> requests.Response:
    sandbox.faults.set([fault])
    return ask(sandbox, json=body(**changes))


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("rate_limit", 429),
        ("rate_limit_retry_after", 429),
        ("server_error", 500),
        ("unauthorized", 401),
        ("forbidden", 403),
        ("not_found", 404),
        ("too_large", 413),
        ("error_in_body", 200),
    ],
)
def test_an_error_has_its_status_and_the_api_s_body(
    sandbox: Sandbox, kind: Any, status: int
) -> None:
    response = with_fault(sandbox, Fault(kind, times=1))
    assert response.status_code == status
    assert response.json()["ErrorCode"] == (500 if status == 200 else status)


def test_only_one_of_the_rate_limits_says_how_long_to_wait(sandbox: Sandbox) -> None:
    silent = with_fault(sandbox, Fault("rate_limit", times=1))
    fault = Fault("rate_limit_retry_after", times=1)
    at_once = with_fault(sandbox, fault)
    later = with_fault(sandbox, Fault("rate_limit_retry_after", times=1, seconds=1.5))
    assert "Retry-After" not in silent.headers
    assert at_once.headers["Retry-After"] == "0"
    assert later.headers["Retry-After"] == "2"


def test_the_time_to_wait_can_be_a_date(sandbox: Sandbox) -> None:
    fault = Fault("rate_limit_retry_after", times=1, seconds=3600, http_date=True)
    response = with_fault(sandbox, fault)
    moment = parsedate_to_datetime(response.headers["Retry-After"])
    served = parsedate_to_datetime(response.headers["Date"])
    assert 3590 < (moment - served).total_seconds() < 3610


def test_a_response_that_trickles_never_ends(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("trickle", times=1)])
    url = f"{sandbox.url}/v1/reports/raw_reports?project_id=12486"
    headers = {"Authorization": f"Bearer {sandbox.tokens[12486]}"}
    with requests.post(
        url, json=body(), headers=headers, stream=True, timeout=10
    ) as response:
        first = response.raw.read(2)

    assert response.status_code == 200
    assert (first, response.headers["Content-Length"]) == (b"  ", "1000000")


@pytest.mark.parametrize(
    ("kind", "status", "title"),
    [
        ("bad_gateway", 502, "502 Bad Gateway"),
        ("gateway_timeout", 504, "504 Gateway Timeout"),
        ("maintenance", 200, "We will be back soon"),
        ("firewall", 403, "Access denied"),
    ],
)
def test_a_proxy_answers_in_html(
    sandbox: Sandbox, kind: Any, status: int, title: str
) -> None:
    response = with_fault(sandbox, Fault(kind, times=1))
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("text/html")
    assert title in response.text


def test_the_error_code_in_a_body_can_be_chosen(sandbox: Sandbox) -> None:
    response = with_fault(sandbox, Fault("error_in_body", times=1, code=429))
    assert (response.status_code, response.json()["ErrorCode"]) == (200, 429)


@pytest.mark.parametrize("limit", [1, 100_000])
def test_a_cut_connection_ends_in_the_middle_of_the_body(
    sandbox: Sandbox, limit: int
) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="Incomplete"):
        with_fault(sandbox, Fault("cut", times=1), Limit=limit)
    assert ask(sandbox, json=body()).status_code == 200


def test_a_malformed_answer_is_complete_but_no_json(sandbox: Sandbox) -> None:
    response = with_fault(sandbox, Fault("malformed", times=1))
    assert response.status_code == 200
    assert int(response.headers["Content-Length"]) == len(response.content)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        response.json()


def test_a_slow_answer_is_right_and_late(sandbox: Sandbox) -> None:
    right = ask(sandbox, json=body())
    response = with_fault(sandbox, Fault("slow", times=1, seconds=0.2))
    assert response.json() == right.json()
    assert response.elapsed.total_seconds() >= 0.2


@pytest.mark.parametrize("live", [False, True])
def test_an_ignored_offset_gives_the_first_page_again(
    sandbox: Sandbox, *, live: bool
) -> None:
    if live:
        sandbox.dialect = LIVE
    first = ask(sandbox, json=body(Limit=20)).json()
    fault = Fault("ignore_offset", times=1)
    again = with_fault(sandbox, fault, Limit=20, Offset=60).json()
    assert rows(again) == rows(first)
    assert again["has_more"] is True


def test_an_empty_page_claims_that_more_follow(sandbox: Sandbox) -> None:
    answer = with_fault(sandbox, Fault("empty_page", times=1)).json()
    assert answer == {"data": [], "count": 0, "has_more": True}


def test_a_fault_happens_so_many_times_after_so_many_requests() -> None:
    faults = Faults([Fault("cut", times=2, after=1)])
    happened = [faults.draw("/v1/reports/raw_reports") for _ in range(5)]
    assert [fault is not None for fault in happened] == [0, 1, 1, 0, 0]


def test_a_rate_is_a_share_and_the_same_every_time() -> None:
    fault = Fault("cut", rate=0.2)
    one, two = Faults([fault], seed=3), Faults([fault], seed=3)
    happened = [one.draw("/v1/reports/raw_reports") for _ in range(1000)]
    assert happened == [two.draw("/v1/reports/raw_reports") for _ in range(1000)]
    assert 150 < len([f for f in happened if f]) < 250


def test_a_fault_spares_other_paths(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("server_error", rate=1)])
    assert ask(sandbox, "/v1/meta/token_validate").status_code == 200
    sandbox.faults.set([Fault("server_error", rate=1, path="/v1/meta/")])
    assert ask(sandbox, "/v1/meta/token_validate").status_code == 500
    assert ask(sandbox, json=body()).status_code == 200


def test_the_first_fault_that_happens_is_the_only_one(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("forbidden", times=1), Fault("server_error", times=1)])
    statuses = [ask(sandbox, json=body()).status_code for _ in range(3)]
    assert statuses == [403, 500, 200]


def test_faults_can_be_set_and_cleared_while_serving(sandbox: Sandbox) -> None:
    address = f"{sandbox.url}/sandbox/faults"
    fault = {"kind": "server_error", "times": 5}
    response = requests.post(address, json=[fault], timeout=10)
    assert response.json() == [fault]
    assert ask(sandbox, json=body()).status_code == 500
    assert requests.delete(address, timeout=10).json() == []
    assert ask(sandbox, json=body()).status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"{}",
        b'[{"kind": "fire"}]',
        b'[{"kind": "cut", "rate": 2}]',
        b'[{"kind": "cut", "colour": "red"}]',
    ],
)
def test_wrong_faults_are_refused(sandbox: Sandbox, content: bytes) -> None:
    response = requests.post(f"{sandbox.url}/sandbox/faults", data=content, timeout=10)
    assert response.status_code == 400
    assert ask(sandbox, json=body()).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_given_on_the_command_line(kind: Any) -> None:
    assert parse_fault(f"{kind}:0.05") == Fault(kind, rate=0.05)
    assert parse_fault(f"{kind}:x3") == Fault(kind, times=3)
    assert parse_fault(f"{kind}:x1:2.5") == Fault(kind, times=1, seconds=2.5)


@pytest.mark.parametrize(
    "text", ["", "cut", "cut:", "cut:x", "cut:many", "cut:1.5", "cut:x-1", "fire:1",
             "slow:1:-1"]
)  # fmt: skip
def test_anything_else_on_the_command_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_fault(text)


def test_a_fault_has_either_a_rate_or_a_number_of_times() -> None:
    with pytest.raises(ValueError, match="either"):
        Fault("cut", rate=0.5, times=1)


def test_it_is_told_how_often_each_kind_has_happened(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("server_error", times=2), Fault("cut", times=0)])

    for _ in range(3):
        ask(sandbox, json=body())

    happened = {"server_error": 2, "cut": 0}
    assert sandbox.faults.happened == happened
    shown = requests.get(f"{sandbox.url}/sandbox/faults", timeout=10).json()
    assert shown == {
        "faults": [
            {"kind": "server_error", "times": 2},
            {"kind": "cut", "times": 0},
        ],
        "happened": happened,
    }
