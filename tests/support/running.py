"""Runs the tap through its command line, and reads what it says."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigurationError

from tap_targetads.reports.kinds import RawReport
from tap_targetads.streams.report import ReportStream
from tap_targetads.tap import TapTargetADS
from tests.drills.tap import LAST_DAY
from tests.support.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

Record = dict[str, Any]


@dataclass
class Output:
    """What a run of the tap left behind."""

    exit_code: int
    log: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    stdout: bytes = b""

    @property
    def records(self) -> dict[str, list[Record]]:
        """The records of each stream, in order."""
        result: dict[str, list[Record]] = {}
        for message in self.messages:
            if message["type"] == "RECORD":
                result.setdefault(message["stream"], []).append(message["record"])
        return result

    @property
    def states(self) -> list[dict[str, Any]]:
        """The values of all STATE messages, in order."""
        return [m["value"] for m in self.messages if m["type"] == "STATE"]

    @property
    def state(self) -> dict[str, Any]:
        """The last state."""
        return self.states[-1]

    def bookmark(self, stream: str, project_id: int) -> str | None:
        """The bookmark of a stream and project in the last state."""
        return bookmark(self.state, stream, project_id)

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """All messages of a type."""
        return [m for m in self.messages if m["type"] == kind]


def bookmark(state: Mapping[str, Any], stream: str, project_id: int) -> str | None:
    """The bookmark of a stream and project in a state."""
    partitions = state["bookmarks"].get(stream, {}).get("partitions", [])
    for partition in partitions:
        if partition["context"] == {"project_id": project_id}:
            value: str | None = partition.get("replication_key_value")
            return value
    return None


def parse(stdout: bytes) -> list[dict[str, Any]]:
    """The messages in an output; a last line that was cut off does not count."""
    lines = stdout.split(b"\n")
    return [json.loads(line) for line in lines[:-1]]


def errors(log: str) -> list[str]:
    """What the errors in a log say."""
    return [
        line.rpartition(" | ")[2] for line in log.splitlines() if " | ERROR " in line
    ]


def run_tap(
    folder: Path,
    config: Mapping[str, Any],
    *arguments: str,
    state: Mapping[str, Any] | None = None,
    catalog: Mapping[str, Any] | None = None,
) -> Output:
    """Run the tap's command line in this process.

    Without a catalog, it reads the streams of single interaction types only.

    Args:
        folder: Where the files for the command line go.
        config: The settings.
        arguments: More arguments.
        state: What an earlier run left behind.
        catalog: What to select.
    """
    if catalog is None and not arguments:
        catalog = interactions_only(config)
    command = _arguments(folder, config, arguments, state, catalog)
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    stderr = io.StringIO()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    hook = sys.excepthook
    exit_code = 0
    try:
        with redirect_stdout(stdout), redirect_stderr(stderr):
            TapTargetADS.cli.main(command, prog_name="tap-targetads")
    except SystemExit as end:
        exit_code = int(end.code or 0)
    finally:
        # The command line adds a handler for a stderr that is gone now.
        root.handlers[:] = handlers
        root.setLevel(level)
        sys.excepthook = hook
        logging.captureWarnings(capture=False)
    stdout.flush()
    written = stdout.buffer.getvalue()
    return Output(exit_code, stderr.getvalue(), parse(written), written)


def start_tap(
    folder: Path,
    config: Mapping[str, Any],
    *arguments: str,
    state: Mapping[str, Any] | None = None,
    last_day: date | None = None,
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start the tap's command line as a process of its own.

    With the last day that is over, it is the one of the drills, which has a clock that
    can be set. Options are those of `Popen`.
    """
    command = command_for(folder, config, *arguments, state=state)
    environment = {k: v for k, v in os.environ.items() if "PYTHONWARN" not in k}
    module = "tap_targetads"
    if last_day:
        module = "tests.drills.tap"
        environment |= {LAST_DAY: last_day.isoformat(), "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(
        [sys.executable, "-m", module, *command], **{"env": environment, **pipes}
    )


def run_and_kill(
    folder: Path,
    config: dict[str, Any],
    state: dict[str, Any],
    after: int,
    last_day: date | None = None,
) -> Output:
    """Run the tap as a process, and kill it after some lines; all that it wrote.

    It cannot be far ahead of what is read here: its pipe holds a few lines only.
    """
    log = folder / "log"
    with (
        log.open("wb") as stderr,
        start_tap(
            folder,
            config,
            state=state,
            last_day=last_day,
            stderr=stderr,
            bufsize=0,
            pipesize=4096,
        ) as process,
    ):
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if len(lines) == after:
                process.kill()
    return Output(process.returncode, log.read_text(), parse(b"".join(lines)))


def command_for(
    folder: Path,
    config: Mapping[str, Any],
    *arguments: str,
    state: Mapping[str, Any] | None = None,
) -> list[str]:
    """The command line that reads the streams of single interaction types."""
    return _arguments(folder, config, arguments, state, interactions_only(config))


def _arguments(
    folder: Path,
    config: Mapping[str, Any],
    arguments: Sequence[str],
    state: Mapping[str, Any] | None,
    catalog: Mapping[str, Any] | None,
) -> list[str]:
    result = list(arguments)
    files = {"config": config, "state": state, "catalog": catalog}
    for name, content in files.items():
        if content is not None:
            file = folder / f"{name}.json"
            file.write_text(json.dumps(content))
            result += [f"--{name}", str(file)]
    return result


def interactions_only(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """A catalog of the streams of single interaction types; None if that fails."""
    try:
        streams = TapTargetADS(config=dict(config)).streams
    except ConfigurationError:
        return None
    chosen = [
        name
        for name, stream in streams.items()
        if isinstance(stream, ReportStream)
        and isinstance(stream.report, RawReport)
        and stream.selected_by_default
    ]
    return select(TapTargetADS(config=dict(config)).catalog_dict, streams=chosen)


def select(
    catalog: Mapping[str, Any],
    *,
    streams: Sequence[str] | None = None,
    fields: Sequence[str] | None = None,
) -> dict[str, Any]:
    """A catalog that selects only some streams, or only some fields of them."""
    result: dict[str, Any] = json.loads(json.dumps(catalog))
    for entry in result["streams"]:
        for item in entry["metadata"]:
            breadcrumb, metadata = item["breadcrumb"], item["metadata"]
            if not breadcrumb:
                metadata["selected"] = (
                    streams is None or entry["tap_stream_id"] in streams
                )
            elif fields is not None:
                metadata["selected"] = breadcrumb[-1] in fields
    return result


def discover(config: dict[str, Any]) -> dict[str, Any]:
    """The catalog that the tap discovers."""
    return TapTargetADS(config=config).catalog_dict


def only(config: dict[str, Any], *streams: str) -> dict[str, Any]:
    """A catalog that selects some streams."""
    return select(discover(config), streams=streams)
