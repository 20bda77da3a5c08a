"""The places where the tap leans on parts of the SDK that are not public.

If one of these tests fails after an update, the SDK has changed what an override
relies on: see the comment at the override.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import signal
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk import Stream, Tap

import tap_targetads
from tap_targetads.streams.report import ReportStream
from tap_targetads.tap import TapTargetADS
from targetads_sandbox.server.faults import Fault
from tests.conftest import PROJECT
from tests.support.running import bookmark, run_tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from targetads_sandbox.server.sandbox import Sandbox

PRIVATE_METHODS = {
    "_increment_stream_state": (Stream, ReportStream),
    "_write_starting_replication_value": (Stream, ReportStream),
    "_write_activate_version_message": (Stream, ReportStream),
    "_handle_termination": (Tap, TapTargetADS),
}
FINAL_METHODS = {"sync_all": (Tap, TapTargetADS)}
PRIVATE_TYPES = {"singer_sdk.helpers._batch": {"BatchConfig", "BaseBatchFileEncoding"}}
"""For annotations only."""


def modules() -> list[ModuleType]:
    """The tap's modules."""
    found = pkgutil.walk_packages(tap_targetads.__path__, "tap_targetads.")
    return [import_module(f.name) for f in found if "__main__" not in f.name]


def classes() -> list[type]:
    """The tap's classes that stand on one of the SDK's."""
    return [
        owner
        for module in modules()
        for owner in vars(module).values()
        if isinstance(owner, type)
        and owner.__module__ == module.__name__
        and any(base.__module__.startswith("singer_sdk") for base in owner.__mro__)
    ]


def names_in(owner: type, package: str) -> set[str]:
    """The private names that a class has, or uses of itself, in one package."""
    names: set[str] = set()
    for part in owner.__mro__:
        if part.__module__.startswith(package):
            source = inspect.getsource(part)
            names |= set(vars(part)) | set(
                re.findall(r"\b(?:self|cls|super\(.*?\))\.(\w+)", source)
            )
    return {n for n in names if re.match("_(?!_|abc_)", n)}


def trees() -> Iterator[ast.Module]:
    """The source of the tap's modules."""
    for file in Path(tap_targetads.__file__).parent.rglob("*.py"):
        yield ast.parse(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [*PRIVATE_METHODS, *FINAL_METHODS])
def test_an_override_has_the_signature_of_the_sdk(name: str) -> None:
    theirs, ours = {**PRIVATE_METHODS, **FINAL_METHODS}[name]

    assert list(inspect.signature(getattr(ours, name)).parameters) == list(
        inspect.signature(getattr(theirs, name)).parameters
    )


def test_no_other_private_name_of_the_sdk_is_used() -> None:
    shared: set[str] = set()
    for owner in classes():
        shared |= names_in(owner, "tap_targetads") & names_in(owner, "singer_sdk")

    assert len(classes()) > 10
    assert shared == set(PRIVATE_METHODS)


def test_no_other_final_method_of_the_sdk_is_overridden() -> None:
    final = {
        name
        for owner in classes()
        for base in owner.__mro__
        if base.__module__.startswith("singer_sdk")
        for name, member in vars(base).items()
        if inspect.isfunction(member)
        and getattr(owner, name) is not getattr(base, name)
        and getattr(member, "__final__", False)
    }

    assert final == set(FINAL_METHODS)


def test_no_private_module_of_the_sdk_is_needed_to_run() -> None:
    imported: dict[str, set[str]] = {}
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and "singer_sdk" in (node.module or ""):
                names = {alias.name for alias in node.names}
                if re.search(r"(^|\.)_", f"{node.module}.{min(names)}"):
                    imported.setdefault(node.module or "", set()).update(names)

    assert imported == PRIVATE_TYPES
    assert not [
        module
        for module in modules()
        if vars(module).keys() & PRIVATE_TYPES["singer_sdk.helpers._batch"]
    ]


def test_no_step_of_the_sdk_is_skipped() -> None:
    # `super(Tap, self).method()` goes past what the SDK does there.
    skips = [
        ast.unparse(node)
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "super"
        and node.args
    ]

    assert not skips


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_sdk_hands_a_signal_to_the_tap(
    config: dict[str, Any], number: signal.Signals
) -> None:
    # What the tap then does is tested where it is really stopped: test_kill.py.
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        tap = TapTargetADS(config=config)
        assert signal.getsignal(number) == tap._handle_termination  # noqa: SLF001
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)


def test_the_sdk_leaves_the_state_to_the_tap(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    # Record by record is where the SDK would move the state by itself.
    output = run_tap(tmp_path, {**config, "stream_maps": {"clicks": {}}})

    for state in output.states:
        for stream in state["bookmarks"].values():
            for partition in stream["partitions"]:
                assert set(partition) <= {
                    "context",
                    "replication_key",
                    "replication_key_value",
                    "complete_from",
                    "row_key_fingerprint",
                }
    assert output.bookmark("clicks", PROJECT) == "2024-01-31T20:59:59+00:00"


def test_the_sdk_counts_what_get_records_yields_and_nothing_else(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, config)

    assert sum(map(len, output.records.values())) == len(output.of_type("RECORD"))


def test_the_sdk_writes_a_batch_before_it_asks_for_the_next(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    # The state moves when `get_batches` is asked for more: the file must be known then.
    files = {"encoding": {"format": "jsonl"}, "storage": {"root": tmp_path.as_uri()}}
    config |= {"interaction_types": ["Click"], "window_days": 31}

    output = run_tap(tmp_path, {**config, "batch_config": files})

    kinds = [
        message["type"]
        for message in output.messages
        if message["type"] == "BATCH"
        or bookmark(message.get("value", {"bookmarks": {}}), "clicks", PROJECT)
    ]
    assert kinds.count("BATCH") == 1
    assert kinds[0] == "BATCH"
    assert "STATE" in kinds


def test_the_command_line_fails_a_run_that_went_on_after_a_failure(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    # It has to come by `sync_all` for that.
    sandbox.faults.set([Fault("forbidden", times=1)])

    output = run_tap(tmp_path, config)

    assert output.exit_code == 1
    assert output.bookmark("purchases", PROJECT) == "2024-01-31T20:59:59+00:00"
