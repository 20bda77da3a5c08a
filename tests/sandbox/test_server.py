from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
import requests

import targetads_sandbox as package
from targetads_sandbox import Fault, Sandbox, World
from targetads_sandbox.server.chance import Happening
from targetads_sandbox.server.sandbox import SandboxError
from tests.sandbox.asking import PROJECT, REPORTS, ask, body

VALIDATE = "/v1/meta/token_validate"


def test_importing_the_package_loads_no_server() -> None:
    code = (
        "import sys, targetads_sandbox as s; s.World; s.Fault; s.LIVE; s.counts; "
        "sys.exit({'uvicorn', 'starlette'} & set(sys.modules) != set())"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_all_public_names_can_be_had() -> None:
    assert all(hasattr(package, name) for name in package.__all__)
    with pytest.raises(AttributeError, match="castle"):
        _ = package.castle


def test_it_stops_without_waiting_for_idle_clients_and_can_be_started_again() -> None:
    sandbox = Sandbox(World(rows_per_day=10))
    for _ in range(2):
        sandbox.start()
        # A client that keeps its connection, which the server allows for 300 s.
        with requests.Session() as client:
            assert client.get(f"{sandbox.url}{VALIDATE}", timeout=10).status_code == 401
            began = monotonic()
            sandbox.stop()
            assert monotonic() - began < 30
        with pytest.raises(SandboxError, match="start"):
            _ = sandbox.url
    sandbox.stop()


def test_it_stops_although_an_answer_is_still_being_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = threading.Event()

    def draw(*_: object) -> Happening:
        asked.set()
        return Happening(Fault("slow", times=1, seconds=60), "")

    with ThreadPoolExecutor() as pool:
        with Sandbox(World(rows_per_day=10)) as sandbox:
            monkeypatch.setattr(sandbox.faults, "draw", draw)
            answer = pool.submit(ask, sandbox, json=body())
            assert asked.wait(10)
            began = monotonic()
        assert monotonic() - began < 30
        # The server may still say that it gives up, or just be gone.
        error = answer.exception(10)
        assert error is not None or not answer.result().ok


def test_it_serves_only_once_at_a_time() -> None:
    with Sandbox(World(rows_per_day=10)) as sandbox:
        with pytest.raises(SandboxError, match="already"):
            sandbox.start()
        assert ask(sandbox, VALIDATE).ok


def test_the_default_data_of_any_projects_can_be_served() -> None:
    sandbox = Sandbox.for_projects([5])
    assert sandbox.tokens == {5: "sandbox-token-5"}
    assert list(Sandbox.for_projects([]).tokens) == [12486, 12487]


def test_requests_are_kept_with_their_bodies_and_statuses(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("server_error", times=1)])
    asked = body(Limit=1)
    ask(sandbox, json=asked)
    ask(sandbox, json=asked)
    ask(sandbox, VALIDATE, token=None, project_id="x")
    requests.get(f"{sandbox.url}/sandbox/truth", timeout=10)
    seen = [
        (r.method, r.path, r.project_id, r.body, r.status, r.fault)
        for r in sandbox.requests
    ]
    assert seen == [
        ("POST", REPORTS, PROJECT, asked, 500, "server_error"),
        ("POST", REPORTS, PROJECT, asked, 200, None),
        ("GET", VALIDATE, None, None, 401, None),
    ]
    sandbox.clear_requests()
    assert sandbox.requests == []


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    fault = Fault("cut", times=1)
    with Sandbox(World(rows_per_day=10), faults=[fault]) as sandbox:
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            ask(sandbox, json=body())
        ask(sandbox, "/nothing")
    assert capfd.readouterr() == ("", "")
