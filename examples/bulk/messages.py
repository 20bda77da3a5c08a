"""Reads a tap's messages, and lets an engine load the files that they announce.

With `batch_config` the tap writes its rows into files itself, and only names them in
its messages. So no row passes through here: the engine's own loader reads the files.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

ENOUGH_BYTES = 64_000_000
"""Files are loaded when they hold so much: smaller ones wait, as do their states."""

ENOUGH_SECONDS = 10
"""How long they wait, as long as the tap says anything."""


@dataclass(frozen=True)
class Stream:
    """A stream, as its SCHEMA message has it.

    Attributes:
        types: The JSON type of each column, or its format if it has one.
        required: The columns that are never null.
        keys: Its key properties; none if rows are appended.
        time: The column by which it is read in windows, if there is one. It takes part
            in all keys: rows with the same key have the same time.
    """

    name: str
    types: dict[str, str]
    required: frozenset[str]
    keys: list[str]
    time: str | None

    @classmethod
    def of(cls, message: dict[str, Any]) -> Stream:
        """The stream of a SCHEMA message."""
        columns = message["schema"]["properties"]
        keys = message["key_properties"]
        (time_column,) = message.get("bookmark_properties") or [None]
        return cls(
            message["stream"],
            {name: c.get("format") or c["type"][0] for name, c in columns.items()},
            frozenset(n for n, c in columns.items() if "null" not in c["type"])
            | {*keys, *filter(None, [time_column])},
            keys,
            time_column,
        )


class Engine(Protocol):
    """Where rows are loaded into."""

    def create(self, stream: Stream) -> None:
        """Create a stream's table, or add the columns that it lacks."""

    def load(self, files: list[tuple[Stream, Path]], state: str | None) -> None:
        """Load files, then note the state; a row replaces the one with its key."""

    def state(self) -> str | None:
        """The state that was noted last."""


def load(engine: Engine, lines: Iterable[str]) -> None:
    """Load what a tap announces, and print each state once its rows are there.

    Files are removed after they have been loaded. If this process is killed before,
    the tap reads their rows again, from the last state that was printed.
    """
    streams: dict[str, Stream] = {}
    waiting: list[tuple[Stream, Path]] = []
    state: str | None = None
    since = time.monotonic()

    def flush() -> None:
        nonlocal state, since
        hand_over(engine, waiting, state)
        waiting.clear()
        state, since = None, time.monotonic()

    for line in lines:
        match message := json.loads(line):
            case {"type": "SCHEMA"}:
                stream = Stream.of(message)
                if streams.get(stream.name) != stream:
                    engine.create(stream)
                streams[stream.name] = stream
            case {"type": "BATCH", "encoding": {"format": "jsonl"}}:
                stream = streams[message["stream"]]
                waiting += [(stream, local(url)) for url in message["manifest"]]
            case {"type": "STATE"}:
                state = json.dumps(message["value"])
            case _:
                refuse(message["type"])
        size = sum(file.stat().st_size for _, file in waiting)
        if size >= ENOUGH_BYTES or time.monotonic() - since >= ENOUGH_SECONDS:
            flush()
    flush()


def hand_over(
    engine: Engine, files: list[tuple[Stream, Path]], state: str | None
) -> None:
    """Load files, then tell the state, and remove the files."""
    if files or state:
        engine.load(files, state)
    if state:
        print(state, flush=True)
    for _, file in files:
        file.unlink()


def refuse(kind: str) -> NoReturn:
    """End with what to do about messages that hold rows themselves."""
    sys.exit(
        f"A message of type {kind} cannot be loaded here. Let the tap write files of "
        "JSON lines: set `batch_config` as in meltano.yml, without stream maps and "
        "flattening."
    )


def local(url: str) -> Path:
    """The path of a file."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        sys.exit(f"{url} is not on this machine: `batch_config` needs `file:///…`.")
    return Path(unquote(parts.path))


def settings(*names: str) -> dict[str, Any]:
    """The settings, as Meltano hands them over: in a file after `--config`."""
    match sys.argv[1:]:
        case ["--config", file, *_]:
            result: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
        case _:
            sys.exit(f"Usage: {sys.argv[0]} --config FILE [--state]")
    if missing := [name for name in names if not result.get(name)]:
        sys.exit(f"{file} needs the setting {' and '.join(missing)}.")
    return result


def main(engine: Engine) -> None:
    """Load what comes from stdin, or print the last state with `--state`."""
    if "--state" in sys.argv:
        print(engine.state() or "{}")
    else:
        load(engine, sys.stdin)
