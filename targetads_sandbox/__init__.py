"""A local TargetADS server for demonstrations, tests and fault drills.

It generates its data from a seed, so that it needs neither a token nor the network.
Public names are loaded on first use: only `Sandbox` needs the extra `sandbox`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from targetads_sandbox.dialect import DOCUMENTED, LIVE, Dialect
    from targetads_sandbox.server.faults import Fault
    from targetads_sandbox.server.sandbox import Sandbox
    from targetads_sandbox.truth import (
        counts,
        expected_campaigns,
        expected_creatives,
        expected_paths,
        expected_records,
        expected_report,
        expected_target_events,
    )
    from targetads_sandbox.world.world import World

__all__ = [
    "DOCUMENTED",
    "LIVE",
    "Dialect",
    "Fault",
    "Sandbox",
    "World",
    "counts",
    "expected_campaigns",
    "expected_creatives",
    "expected_paths",
    "expected_records",
    "expected_report",
    "expected_target_events",
]

_MODULES = {
    "DOCUMENTED": "dialect",
    "LIVE": "dialect",
    "Dialect": "dialect",
    "Fault": "server.faults",
    "Sandbox": "server.sandbox",
    "World": "world.world",
    "counts": "truth",
    "expected_campaigns": "truth",
    "expected_creatives": "truth",
    "expected_paths": "truth",
    "expected_records": "truth",
    "expected_report": "truth",
    "expected_target_events": "truth",
}


def __getattr__(name: str) -> Any:
    """Load a public name."""
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
