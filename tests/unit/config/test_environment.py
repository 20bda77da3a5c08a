from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from dotenv import dotenv_values

from tap_targetads.config.environment import PREFIX, from_variables
from tests.support.places import ROOT
from tests.support.running import errors, run_tap
from tests.support.settings import GOOD, SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from targetads_sandbox.server.sandbox import Sandbox


def write_dotenv(folder: Path, settings: Mapping[str, Any]) -> None:
    lines = [f"{PREFIX}{name.upper()}={value}" for name, value in settings.items()]
    (folder / ".env").write_text("\n".join(lines))


def test_settings_come_from_the_dotenv_file_of_the_working_directory(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    write_dotenv(tmp_path, {**clicks, "interaction_types": '["Click"]'})

    output = run_tap(tmp_path, {}, "--config=ENV", "--test")

    assert output.exit_code == 0, output.log
    assert sandbox.requests
    assert "Settings from the environment or .env: auth_token, project_id," in (
        output.log
    )
    assert clicks["auth_token"] not in output.log


def test_no_other_dotenv_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dotenv(tmp_path, {"window_days": 0})
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")

    output = run_tap(tmp_path, GOOD, "--config=ENV", "--test")

    assert "window_days" not in output.log
    assert "Gave up after " in output.log


def test_a_variable_that_is_set_counts_more_than_the_dotenv_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dotenv(tmp_path, {"window_days": 0})
    monkeypatch.setenv("TAP_TARGETADS_WINDOW_DAYS", "1")

    output = run_tap(tmp_path, GOOD, "--config=ENV", "--test")

    assert "Gave up after " in output.log


def test_a_dotenv_file_is_not_read_unless_the_environment_is_asked_for(
    tmp_path: Path,
) -> None:
    write_dotenv(tmp_path, {"window_days": 0})

    output = run_tap(tmp_path, GOOD, "--test")

    assert "window_days" not in output.log


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("window_days", "abc", "has a value that is not an integer. Correct it."),
        ("sandbox", "yess", "has a value that is not a boolean. Correct it."),
        ("projects", f"[{SECRET}", "has a value that is not an array. Correct it."),
    ],
)
@pytest.mark.parametrize("action", [(), ("--discover",), ("--test",)])
def test_a_wrong_value_in_the_dotenv_file_is_one_line(
    tmp_path: Path, action: tuple[str, ...], name: str, value: str, line: str
) -> None:
    write_dotenv(tmp_path, {name: value})

    output = run_tap(tmp_path, GOOD, "--config=ENV", *action)

    assert output.exit_code == 1
    (error,) = errors(output.log)
    told = f"Setting `{name}`: {PREFIX}{name.upper()} {line}"
    assert error.removeprefix("Config validation error: ") == told
    assert "Traceback" not in output.log
    assert SECRET not in output.log


def test_a_misspelt_variable_in_the_dotenv_file_is_told(tmp_path: Path) -> None:
    write_dotenv(tmp_path, {"auth_tokn": SECRET})

    output = run_tap(tmp_path, GOOD, "--config=ENV")

    assert output.exit_code == 1
    (error,) = errors(output.log)
    assert "Do you mean `TAP_TARGETADS_AUTH_TOKEN`?" in error


def test_a_dotenv_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"TAP_TARGETADS_AUTH_TOKEN=\xff\xfe")

    output = run_tap(tmp_path, GOOD, "--config=ENV")

    assert output.exit_code == 1
    (error,) = errors(output.log)
    assert error == (
        "Setting `.env`: the file in this folder cannot be read (it is not UTF-8). "
        "Correct it."
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Click,Purchase", ["Click", "Purchase"]),
        ('["Click", "Purchase"]', ["Click", "Purchase"]),
    ],
)
def test_a_list_of_texts_may_be_written_with_commas(text: str, value: Any) -> None:
    known = {"interaction_types": {"type": ["array"], "items": {"type": ["string"]}}}

    given = from_variables({"TAP_TARGETADS_INTERACTION_TYPES": text}, known)

    assert given == {"interaction_types": value}


@pytest.mark.skipif(os.name == "nt", reason="there is no sh")
def test_the_example_of_a_dotenv_file_means_the_same_to_a_shell(
    tmp_path: Path,
) -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    file = tmp_path / "filled_in"
    uncommented = re.sub("^# (?=[A-Z_]+=)", "", example, flags=re.MULTILINE)
    file.write_text(uncommented, encoding="utf-8")

    done = subprocess.run(
        ["sh", "-c", "set -a; . ./filled_in; env -0"],  # noqa: S607
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )

    assert not done.stderr
    entries = done.stdout.decode().split("\0")
    shell = dict(entry.split("=", 1) for entry in entries if entry)
    values = dotenv_values(file)
    assert {name: shell[name] for name in values} == values
    assert len(json.loads(values["TAP_TARGETADS_PROJECTS"] or "")) == 2
