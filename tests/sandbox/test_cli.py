from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from datetime import date

import pytest
import requests
from click.testing import CliRunner, Result

from targetads_sandbox import Sandbox, World, counts
from targetads_sandbox.cli import main
from tests.sandbox.jobs import create

JANUARY = ["--date-from", "2024-01-01", "--date-to", "2024-01-31"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="tap-targetads-sandbox")


def test_the_help_shows_a_config_for_the_tap_and_all_faults() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert '"api_url": "http://127.0.0.1:8686"' in result.stdout
    assert "server_error:0.05" in result.stdout
    assert "ignore_offset" in result.stdout
    assert "corrupt_file" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--project", "abc"], "'abc' is neither ID nor ID:TOKEN."),
        (["--fault", "fire:1"], "There is no fault 'fire'"),
        (["--fault", "cut"], "'cut' is neither KIND:RATE nor KIND:xTIMES."),
        (["--dialect", "klingon"], "klingon"),
        (["--rows-per-day", "-1"], "-1"),
        (["--port", "70000"], "70000"),
        (["--today", "soon"], "'soon' is not a date"),
        (["--job-seconds", "-1"], "-1"),
        (["--host", "192.0.2.1"], "--allow-remote"),
        (["truth", "--date-from", "soon", "--date-to", "2024-01-31"], "soon"),
        (["truth", "--date-from", "2024-01-31"], "--date-to"),
        (["--port", "0", "truth", *JANUARY], "--port is an option of the server"),
        (["--fault", "cut:x1", "truth", *JANUARY], "--fault is an option of the"),
    ],
)
def test_a_bad_option_is_one_clear_line_and_exit_code_2(
    arguments: list[str], message: str
) -> None:
    result = run(*arguments)
    last = result.stderr.splitlines()[-1]
    assert result.exit_code == 2
    assert last.startswith("Error: ")
    assert message in last


def test_a_missing_extra_is_one_line_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "targetads_sandbox.server.sandbox", None)
    result = run()
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: The server is not installed. Install it with: "
        "pip install 'tap-targetads[sandbox]'\n"
    )


def test_the_truth_is_printed_as_json() -> None:
    days = ["--date-from", "2024-01-20", "--date-to", "2024-01-21"]
    result = run("truth", "--project", "7", "--rows-per-day", "50", *days)
    world = World(projects=[7], rows_per_day=50)
    expected = counts(world, 7, date(2024, 1, 20), date(2024, 1, 21))
    assert json.loads(result.stdout) == {"7": expected}


def test_the_world_may_be_described_before_the_word_truth_or_after_it() -> None:
    world = ["--project", "7", "--project", "8", "--seed", "2", "--rows-per-day", "50"]
    after = run("truth", *world, *JANUARY)
    before = run(*world, "truth", *JANUARY)
    both = run("--seed", "3", *world[:4], "truth", *world[4:], *JANUARY)
    assert after.exit_code == before.exit_code == both.exit_code == 0
    assert before.stdout == both.stdout == after.stdout
    assert after.stdout != run("truth", *world[:4], *world[6:], *JANUARY).stdout


def test_the_touches_of_paths_are_counted_by_the_day_of_their_conversions() -> None:
    days = ["--date-from", "2024-01-16", "--date-to", "2024-01-16"]
    result = run("truth", "--project", "7", "--rows-per-day", "300", *days,
                 "--report", "path")  # fmt: skip
    day = date(2024, 1, 16)
    expected = counts(World(projects=[7], rows_per_day=300), 7, day, day, "path")
    assert json.loads(result.stdout) == {"7": expected}
    assert expected["2024-01-16"]["Purchase"] > 0


def test_the_options_of_jobs_and_campaigns_reach_the_sandbox(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served: list[Sandbox] = []

    def serve(sandbox: Sandbox) -> None:
        served.append(sandbox)
        sandbox.stop()

    monkeypatch.setattr(Sandbox, "serve", serve)
    jobs = ["--job-seconds", "3600", "--url-seconds", "60", "--today", "2024-02-01"]
    result = run("--port", "0", *jobs, "--without-campaigns", "12487")
    [sandbox] = served
    assert result.exit_code == 0
    assert sandbox.today == date(2024, 2, 1)
    assert [sandbox.sees_campaigns(project) for project in (12486, 12487)] == [1, 0]
    with sandbox:
        assert create(sandbox)["estimated_seconds"] == 3600


def test_it_serves_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "targetads_sandbox", "--port", "0"]
    options = ["--project", "7:secret", "--rows-per-day", "10"]
    with subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        welcome = [process.stderr.readline().strip() for _ in range(8)]
        url = welcome[0].split()[3]
        try:
            answer = requests.get(
                f"{url}/v1/meta/token_validate?project_id=7",
                headers={"Authorization": "Bearer secret"},
                timeout=10,
            )
        finally:
            process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=10)
    assert answer.json()["valid"] is True
    assert f"export TAP_TARGETADS_API_URL={url}" in welcome
    assert "export TAP_TARGETADS_AUTH_TOKEN=secret" in welcome
    assert (process.returncode, stdout, stderr) == (0, "", "")


def test_a_port_that_is_taken_is_one_line_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("--port", port)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: Cannot serve on 127.0.0.1, port {port}")
