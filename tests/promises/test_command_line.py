from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.config.environment import PREFIX
from tap_targetads.config.schema import CONFIG_SCHEMA
from tap_targetads.tap import TapTargetADS
from tests.support.running import errors, run_tap, start_tap
from tests.support.settings import GOOD, SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.server.sandbox import Sandbox

BROKEN: dict[str, bytes | None] = {
    "cut off": b'{"auth_token": "4f3c-secret"',
    "without a comma": b'{"auth_token": "4f3c-secret" "project_id": 1}',
    "empty": b"",
    "a list": b'["4f3c-secret"]',
    "an empty list": b"[]",
    "a list of pairs": b'[["auth_token", "4f3c-secret"], ["sandbox", true]]',
    "a text": b'"4f3c-secret"',
    "a number": b"12486",
    "null": b"null",
    "not UTF-8": b'{"auth_token": "4f3c-secret\xff\xfe"}',
    "too deep": b"[" * 100_000,
    "missing": None,
}


def written(folder: Path, content: bytes | None) -> str:
    """A file with some content; one that does not exist for none."""
    file = folder / "given.json"
    if content is not None:
        file.write_bytes(content)
    return str(file)


@pytest.mark.parametrize("action", [(), ("--discover",), ("--test",)])
@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_of_settings_is_one_line_without_what_is_in_it(
    tmp_path: Path, content: bytes | None, action: tuple[str, ...]
) -> None:
    path = written(tmp_path, content)

    output = run_tap(tmp_path, GOOD, f"--config={path}", *action)

    assert output.exit_code == 1
    (line,) = errors(output.log)
    assert line.startswith(f"Setting `--config`: {path} cannot be used (")
    assert "Traceback" not in output.log
    assert SECRET not in output.log
    assert not output.messages


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"reports": [{"name": "a"}]}, "`reports[0]`: lacks `report`. Add it."),
        ({"reports": [{"name": "", "report": "raw"}]}, "`reports[0].name`: must be"),
        ({"reports": "a"}, "`reports`: must be a list: […]."),
        ({"extra_fields": "a"}, "`extra_fields`: must be a list: […]."),
        ({"extra_fields": [5]}, "`extra_fields[0]`: must be a text or an object"),
        ({"extra_fields": [{}]}, "`extra_fields[0]`: lacks `name`. Add it."),
        ({"interaction_types": "Click"}, "`interaction_types`: must be a list"),
        ({"interaction_types": [""]}, "`interaction_types[0]`: must not be empty."),
        ({"flattening_enabled": True}, "`flattening_max_depth`: is missing."),
    ],
)
def test_discovery_refuses_settings_that_streams_cannot_be_made_of(
    tmp_path: Path, wrong: dict[str, Any], line: str
) -> None:
    output = run_tap(tmp_path, wrong, "--discover")

    assert output.exit_code == 1
    (error,) = errors(output.log)
    assert line in error
    assert "Traceback" not in output.log
    assert not output.stdout


def test_a_level_of_the_log_that_there_is_not_is_one_line(tmp_path: Path) -> None:
    for name in ("LOGLEVEL", "TAP_TARGETADS_LOGLEVEL"):
        with start_tap(tmp_path, GOOD, env={**os.environ, name: "LOUD"}) as process:
            _, log = process.communicate()

        assert process.returncode == 1
        assert log.decode().splitlines() == [
            f"{name}: there is no such level. Set DEBUG, INFO or WARNING."
        ]


def test_a_misspelt_variable_is_found_under_meltano_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]
) -> None:
    monkeypatch.setenv("TAP_TARGETADS_WINDOW_DAY", "1")
    before = run_tap(tmp_path, config, "--test=schema")
    monkeypatch.setenv("MELTANO_EXTRACTOR_NAME", "tap-targetads")

    output = run_tap(tmp_path, config, "--test=schema")

    assert before.exit_code == 0
    assert output.exit_code == 1
    (error,) = errors(output.log)
    assert "Do you mean `TAP_TARGETADS_WINDOW_DAYS`?" in error


def test_variables_of_a_plugin_that_inherits_from_the_tap_are_no_mistakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]
) -> None:
    monkeypatch.setenv("MELTANO_EXTRACTOR_NAME", "tap-targetads-bulk")
    monkeypatch.setenv("TAP_TARGETADS_BULK_RETRY_TIMEOUT", "3600")

    assert run_tap(tmp_path, config, "--test=schema").exit_code == 0


def test_of_one_project_and_several_the_error_says_which_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_TARGETADS_PROJECTS", '[{"project_id": 12486}]')

    output = run_tap(tmp_path, GOOD, "--config=ENV")

    assert output.exit_code == 1
    (error,) = errors(output.log)
    assert "Remove one of the two: TAP_TARGETADS_PROJECT_ID from" in error


def test_a_wrong_setting_is_told_once(tmp_path: Path) -> None:
    output = run_tap(tmp_path, {**GOOD, "page_size": 0, "window_days": 0})

    assert errors(output.log) == [
        "Setting `page_size`: must be at least 1.",
        "Setting `window_days`: must be at least 1.",
    ]


def test_a_folder_is_no_file_of_settings(tmp_path: Path) -> None:
    output = run_tap(tmp_path, GOOD, f"--config={tmp_path}")

    assert output.exit_code == 1
    (line,) = errors(output.log)
    assert f"`--config`: {tmp_path} cannot be used (Is a directory). Name" in line


def test_settings_in_the_place_of_their_file_are_not_shown(tmp_path: Path) -> None:
    output = run_tap(tmp_path, GOOD, f"--config={json.dumps(GOOD)}")

    assert output.exit_code == 1
    assert "Setting `--config`: what is given cannot be used" in output.log
    assert SECRET not in output.log


def test_several_files_of_settings_hold_together_and_the_last_one_counts(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    first = written(tmp_path, json.dumps({"start_date": "nonsense"}).encode())

    output = run_tap(tmp_path, config, f"--config={first}", catalog={"streams": []})

    assert output.exit_code == 0


@pytest.mark.parametrize("option", ["--state", "--catalog"])
@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_state_or_catalog_is_one_line_without_what_is_in_it(
    tmp_path: Path, content: bytes | None, option: str
) -> None:
    path = written(tmp_path, content)

    output = run_tap(tmp_path, GOOD, f"{option}={path}")

    assert output.exit_code != 0
    assert option in output.log
    assert "Traceback" not in output.log
    assert SECRET not in output.log
    assert not output.messages


@pytest.mark.parametrize("option", ["--state", "--catalog"])
def test_a_folder_is_no_state_and_no_catalog(tmp_path: Path, option: str) -> None:
    output = run_tap(tmp_path, GOOD, f"{option}={tmp_path}")

    assert output.exit_code != 0
    assert f"Invalid value for '{option}'" in output.log
    assert "Traceback" not in output.log


@pytest.mark.parametrize("setting", ["start_date", "project_id", "auth_token"])
def test_a_missing_setting_is_told_with_its_variable(
    tmp_path: Path, setting: str
) -> None:
    config = {name: value for name, value in GOOD.items() if name != setting}

    output = run_tap(tmp_path, config)

    (line,) = errors(output.log)
    assert line.startswith(f"Setting `{setting}`: is missing")
    assert f"Set {PREFIX}{setting.upper()}" in line


def test_variables_that_are_not_read_are_told_with_what_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_TARGETADS_AUTH_TOKEN", SECRET)
    config = {name: value for name, value in GOOD.items() if name != "auth_token"}

    output = run_tap(tmp_path, config)

    assert output.exit_code == 1
    assert (
        "TAP_TARGETADS_AUTH_TOKEN: set in the environment, which is only read with "
        "--config=ENV." in output.log
    )
    assert SECRET not in output.log


@pytest.mark.parametrize("action", [(), ("--test",)])
def test_a_misspelt_variable_is_an_error_that_names_the_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TAP_TARGETADS_AUTH_TOKN", SECRET)

    output = run_tap(tmp_path, GOOD, "--config=ENV", *action)

    assert output.exit_code == 1
    assert errors(output.log) == [
        (
            "Setting `TAP_TARGETADS_AUTH_TOKN`: there is no such setting. Do you mean "
            "`TAP_TARGETADS_AUTH_TOKEN`?"
        )
    ]
    assert SECRET not in output.log


def test_a_required_setting_that_is_misspelt_is_told_before_it_is_missed(
    tmp_path: Path,
) -> None:
    config = {**GOOD, "startdate": GOOD["start_date"]}
    del config["start_date"]

    output = run_tap(tmp_path, config)

    first, second = errors(output.log)
    assert "`startdate`: there is no such setting. Do you mean `start_date`?" in first
    assert "`start_date`: is missing" in second


def test_what_is_no_setting_at_all_is_told_and_does_no_harm(
    tmp_path: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config["colour"] = SECRET
    for name in ("SHAPE", "LOGLEVEL", "_SELECT"):
        monkeypatch.setenv(f"TAP_TARGETADS_{name}", "info")

    output = run_tap(tmp_path, config, "--config=ENV", "--test")

    assert output.exit_code == 0
    told = re.findall(r"Setting `(\w+)`: there is no such setting. It has", output.log)
    assert told == ["colour", "TAP_TARGETADS_SHAPE"]
    assert SECRET not in output.log


def test_discovery_tells_of_a_misspelt_setting_too(
    config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    # It finds the streams whatever the settings are.
    TapTargetADS(config={**config, "extra_feilds": ["A"]}, validate_config=False)

    assert "Do you mean `extra_fields`?" in caplog.text


@pytest.mark.parametrize(
    ("value", "right"), [("yes", True), ("FALSE", True), ("ture", False)]
)
def test_what_is_neither_true_nor_false_is_not_taken_for_false(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, *, right: bool
) -> None:
    monkeypatch.setenv("TAP_TARGETADS_FAIL_FAST", value)

    output = run_tap(tmp_path, GOOD, "--config=ENV", "--test")

    assert output.exit_code == 1
    told = "`fail_fast`: TAP_TARGETADS_FAIL_FAST has a value that is not a boolean."
    assert (told in output.log) != right
    assert ("Gave up after " in output.log) == right


def test_a_kind_of_test_that_there_is_not_is_refused(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, config, "--test=everything")

    assert output.exit_code != 0
    assert "'everything' is none of its values: --test, or --test=schema" in output.log
    assert not sandbox.requests
    assert not output.messages


@pytest.fixture(scope="module")
def streams() -> dict[str, Any]:
    """The streams with the names of their fields."""
    tap = TapTargetADS(config={"sandbox": True, "start_date": "2024-01-01"})
    return {name: list(s.schema["properties"]) for name, s in tap.streams.items()}


@pytest.mark.parametrize("output_format", [None, "json", "markdown"])
def test_about_tells_all_settings_and_streams_in_every_format(
    capsys: pytest.CaptureFixture[str],
    streams: dict[str, list[str]],
    output_format: str | None,
) -> None:
    TapTargetADS.print_about(output_format)

    text = capsys.readouterr().out
    if output_format == "json":
        about = json.loads(text)
        assert {s["name"]: list(s["fields"]) for s in about["streams"]} == streams
        settings = about["settings"]["properties"]
        text = "\n".join([*settings, *(s["description"] for s in settings.values())])
        text += "".join(str({"default": s.get("default")}) for s in settings.values())
    else:
        for name, fields in streams.items():
            assert name in text
            assert all(field in text for field in fields)
    for name, schema in CONFIG_SCHEMA.to_dict()["properties"].items():
        assert name in text
        assert schema["description"] in text
        if isinstance(default := schema.get("default"), (int, str)):
            assert f"{default}".lower() in text.lower()


@pytest.mark.parametrize("test", ["--test", "--test=schema"])
def test_a_connection_test_with_a_wrong_setting_is_one_line(
    tmp_path: Path, config: dict[str, Any], test: str
) -> None:
    output = run_tap(tmp_path, {**config, "project_id": 0}, test)

    assert output.exit_code == 1
    assert errors(output.log) == ["Setting `project_id`: must be at least 1."]
    assert "Traceback" not in output.log


@pytest.mark.parametrize(
    "wrong",
    [
        {"projects": {"project_id": 1, "auth_token": SECRET}},
        {"projects": SECRET},
        {"projects": [SECRET]},
        {"projects": [{"project_id": SECRET}]},
        {"projects": [{"project_id": 1, "auth_token": [SECRET]}]},
        {"auth_token": [f"{SECRET} is not of type what it should be"]},
        {"auth_token": {"is": SECRET}},
    ],
)
def test_a_token_in_the_wrong_place_is_not_shown(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**GOOD, **wrong})

    assert output.exit_code == 1
    assert next(iter(wrong)) in errors(output.log)[0]
    assert SECRET not in output.log


@pytest.mark.parametrize(
    "name", ["FAKER_CONFIG_SEED", "STREAM_MAP_CONFIG_SEED", "BATCH_CONFIG_X", "_SELECT"]
)
def test_variables_that_meltano_makes_of_parts_of_a_setting_are_no_mistakes(
    tmp_path: Path,
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setenv(PREFIX + name, "1")

    output = run_tap(tmp_path, config, "--config=ENV", catalog={"streams": []})

    assert output.exit_code == 0
    assert name not in output.log


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("STREAM_MAPS", "an object"),
        ("FLATTENING_MAX_DEPTH", "an integer"),
        ("FLATTENING_ENABLED", "a boolean"),
        ("MEDIA_CAMPAIGN_IDS", "an array"),
    ],
)
@pytest.mark.parametrize("action", [(), ("--discover",), ("--test",)])
def test_a_variable_of_another_type_is_named_whosever_setting_it_is(
    tmp_path: Path,
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    *,
    name: str,
    kind: str,
    action: tuple[str, ...],
) -> None:
    monkeypatch.setenv("TAP_TARGETADS_INTERACTION_TYPES", "Click")  # the SDK takes it
    monkeypatch.setenv(PREFIX + name, "maybe")

    output = run_tap(tmp_path, config, "--config=ENV", *action)

    assert output.exit_code == 1
    told = f"Setting `{name.lower()}`: {PREFIX}{name} has a value that is not {kind}."
    assert told in errors(output.log)[0]
    assert "Traceback" not in output.log


@pytest.mark.parametrize("option", ["--state", "--catalog"])
def test_a_file_may_begin_with_a_byte_order_mark(
    tmp_path: Path, config: dict[str, Any], option: str
) -> None:
    content = {"--state": b'{"bookmarks": {}}', "--catalog": b'{"streams": []}'}
    path = written(tmp_path, b"\xef\xbb\xbf" + content[option])

    output = run_tap(tmp_path, config, f"{option}={path}")

    assert output.exit_code == 0


@pytest.mark.parametrize("form", [[], ["--format=json"], ["--format=markdown"]])
def test_what_the_tap_is_can_be_shown_where_not_every_character_can(
    form: list[str],
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tap_targetads", "--about", *form],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr.decode()
    assert b"conversion_paths" in done.stdout
