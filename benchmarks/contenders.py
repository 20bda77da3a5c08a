"""What is measured: the tap, and other ways to read the same pages."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.counting import count_rows
from benchmarks.measuring import ROOT, count_records
from tap_targetads.reports.fields import fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EXTRA_FIELDS = ("InteractionUtmContent", "InteractionUtmTerm", "InteractionCity")
FIELDS = (*fields_of("raw"), *EXTRA_FIELDS)

TAP = ("{python}", "-m", "tap_targetads", "--config", "{config}")
VANILLA = ("{python}", "-m", "benchmarks.peers.vanilla", "--config", "{config}")
CATALOG = ("--catalog", "{catalog}")
DLT = ("{bench}", "-m", "benchmarks.peers.dlt_rest", "{config}", "{folder}")


@dataclass(frozen=True)
class Contender:
    """A way to read the pages.

    Attributes:
        label: Its name in tables.
        command: Its command line, with the placeholders of `Ready.words`.
        settings: Its settings, besides the common ones.
        discover: How it lists its streams; None if there is nothing to select.
        variables: Environment variables.
        files: Where its rows are, as a glob, if not in its output.
        stream: The stream that is read.
    """

    label: str
    command: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    discover: tuple[str, ...] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    files: str | None = None
    stream: str = "page_views"


def tap(label: str, stream: str = "page_views", **settings: Any) -> Contender:
    """This tap, with some settings."""
    return Contender(
        label,
        (*TAP, *CATALOG),
        {
            "interaction_types": ["PageView"],
            "extra_fields": list(EXTRA_FIELDS),
            "api_version": "v1",
            **settings,
        },
        discover=(*TAP, "--discover"),
        stream=stream,
    )


SCRIPT = {"fields": list(FIELDS)}
QUIET_DLT = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DLT_DATA_DIR": "{folder}",
    # The others do not compress their output.
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
}

CONTENDERS: Mapping[str, Contender] = {
    "tap": tap("tap-targetads, v1"),
    "no_key": tap("tap-targetads, v1, no row key", row_key=False),
    "v2": tap("tap-targetads, v2", api_version="v2"),
    "vanilla": Contender(
        "ordinary SDK tap (`RESTStream`)",
        (*VANILLA, *CATALOG),
        {"extra_fields": list(EXTRA_FIELDS)},
        discover=(*VANILLA, "--discover"),
    ),
    "plain": Contender(
        "script by hand: requests and json",
        ("{bench}", "-m", "benchmarks.peers.plain", "{config}"),
        SCRIPT,
    ),
    "plain_orjson": Contender(
        "script by hand: requests and orjson",
        ("{bench}", "-m", "benchmarks.peers.plain_orjson", "{config}"),
        SCRIPT,
    ),
    "dlt": Contender(
        "dlt's REST source, extract",
        (*DLT, "extract"),
        SCRIPT,
        variables=QUIET_DLT,
        files="**/page_views.*.typed-jsonl",
    ),
    "dlt_normalize": Contender(
        "dlt's REST source, extract and normalize",
        (*DLT, "normalize"),
        SCRIPT,
        variables=QUIET_DLT,
        files="**/page_views.*.jsonl",
    ),
}


@dataclass(frozen=True)
class Ready:
    """A contender that can be run.

    Attributes:
        words: Values for the placeholders in its command line: `python` is that of the
            tap, `bench` that of the group `bench`, `config` and `catalog` are files,
            `folder` is where it may write.
    """

    contender: Contender
    words: Mapping[str, str]
    folder: Path

    @classmethod
    def prepare(
        cls,
        contender: Contender,
        common: Mapping[str, Any],
        folder: Path,
        bench: str = sys.executable,
    ) -> Ready:
        """Write a contender's settings, and select all fields of its stream.

        Args:
            contender: The contender.
            common: The settings that all share.
            folder: A folder of its own, which is created.
            bench: The Python of the group `bench`.
        """
        folder.mkdir(parents=True)
        config, catalog = folder / "config.json", folder / "catalog.json"
        words = {
            "python": sys.executable,
            "bench": bench,
            "config": str(config),
            "catalog": str(catalog),
            "folder": str(folder / "written"),
        }
        ready = cls(contender, words, folder / "written")
        config.write_text(json.dumps({**common, **contender.settings}))
        if contender.discover:
            command = ready.filled(contender.discover)
            done = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
            catalog.write_text(_only(contender.stream, done.stdout))
        return ready

    @property
    def command(self) -> list[str]:
        """Its command line."""
        return self.filled(self.contender.command)

    @property
    def variables(self) -> dict[str, str]:
        """Its environment variables."""
        own = self.contender.variables
        return {k: v.format_map(self.words) for k, v in own.items()}

    def filled(self, words: tuple[str, ...]) -> list[str]:
        """A command line with its placeholders filled."""
        return [word.format_map(self.words) for word in words]

    def delivered(self, output: Path) -> int:
        """The number of rows of a run, from its standard output or its files."""
        if self.contender.files is None:
            with output.open("rb") as lines:
                return count_records(lines)
        return count_rows(self.folder, self.contender.files)


def _only(name: str, discovered: bytes) -> str:
    """A tap's catalog with one stream and all its fields selected."""
    catalog = json.loads(discovered)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["stream"] == name
    return json.dumps(catalog)
