from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.tap import TapTargetADS
from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.world.world import World
from tests.conftest import PROJECT
from tests.support.file_target import append, command, declared
from tests.support.places import ROOT
from tests.support.running import bookmark, run_tap, select

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PAGE = ROOT / "docs" / "start.md"
TENTH = "2024-01-10T20:59:59+00:00"
BAD_DAY = {
    "InteractionTime": "2024-01-17 12:00:00",
    "InteractionDate": "soon",
    "InteractionType": "Click",
}


def clicks_and_campaigns(config: dict[str, Any]) -> Mapping[str, Any]:
    """A catalog whose last stream is read as a whole, and has no bookmark."""
    catalog = TapTargetADS(config=config).catalog_dict
    return select(catalog, streams=["clicks", "campaigns"])


def test_the_last_message_is_the_state_though_records_came_after_it_moved(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    config["end_date"] = "2024-01-10"
    catalog = clicks_and_campaigns(config)
    first = run_tap(tmp_path, config, catalog=catalog)

    second = run_tap(tmp_path, config, catalog=catalog, state=first.state)

    for output in (first, second):
        kinds = [message["type"] for message in output.messages]
        assert kinds[-1] == "STATE"
        assert kinds[-2] != "STATE"
        assert "campaigns" in output.records
        assert bookmark(output.state, "clicks", PROJECT) == TENTH


@pytest.mark.parametrize("fail_fast", [False, True])
def test_the_last_message_is_the_state_if_a_stream_fails(
    tmp_path: Path, config: dict[str, Any], *, fail_fast: bool
) -> None:
    world = World(rows_per_day=40)
    world.add_rows(PROJECT, [BAD_DAY])
    with Sandbox(world) as sandbox:
        config |= {"api_url": sandbox.url, "window_days": 4, "fail_fast": fail_fast}
        output = run_tap(tmp_path, {**config, "page_size": 10})

    assert output.exit_code == 1
    assert output.messages[-1]["type"] == "STATE"
    assert bookmark(output.state, "clicks", PROJECT) == "2024-01-16T20:59:59+00:00"


@pytest.mark.slow
def test_target_jsonl_passes_on_the_state_of_every_run(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    catalog = clicks_and_campaigns(config)
    state = None
    for day in ("10", "12", "12"):
        config["end_date"] = f"2024-01-{day}"
        output = run_tap(tmp_path, config, catalog=catalog, state=state)
        state = append(output, tmp_path / "files")
        assert state is not None
        assert bookmark(state, "clicks", PROJECT) == f"2024-01-{day}T20:59:59+00:00"

    clicks = (tmp_path / "files" / "clicks.jsonl").read_text(encoding="utf-8")
    assert len(set(clicks.splitlines())) == len(clicks.splitlines())


@pytest.mark.slow
def test_the_commands_without_meltano_hand_the_state_from_run_to_run(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    installed = tmp_path / "bin"
    installed.mkdir()
    tools = {
        "tap-targetads": [sys.executable, "-m", "tap_targetads"],
        "target-jsonl": command(declared()),
    }
    for name, words in tools.items():
        tool = installed / name
        tool.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        tool.chmod(0o755)
    own = {f"TAP_TARGETADS_{name.upper()}": str(v) for name, v in config.items()}
    path = f"{installed}{os.pathsep}{os.environ['PATH']}"
    text = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(
        r"```bash\n(tap-targetads --config=ENV --test.*?)```", text, re.DOTALL
    )
    *first, tail, again = [line for line in block.splitlines() if line]

    def run(lines: list[str], end_date: str) -> dict[str, Any]:
        variables = {**own, "TAP_TARGETADS_END_DATE": end_date}
        subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", "\n".join(lines)],
            cwd=tmp_path,
            env={**os.environ, **variables, "PATH": path},
            check=True,
        )
        state: dict[str, Any] = json.loads((tmp_path / "state.json").read_text())
        return state

    before = run([*first, tail], "2024-01-10")
    after = run([again, tail], "2024-01-12")

    assert bookmark(before, "clicks", PROJECT) == TENTH
    assert bookmark(after, "clicks", PROJECT) == "2024-01-12T20:59:59+00:00"
    assert run([again, tail], "2024-01-12") == after
