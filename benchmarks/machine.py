"""Describes the machine and the date of a measurement."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

TAP_PACKAGES = ("singer-sdk", "msgspec", "requests")


def describe() -> str:
    """Date, machine and versions in a sentence."""
    today = datetime.now(UTC).date().isoformat()
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in TAP_PACKAGES)
    return (
        f"{today}, {_processor()}, {os.cpu_count()} cores, {gigabytes:.0f} GiB, "
        f"{platform.system()}, Python {platform.python_version()}, {versions}."
    )


def _processor() -> str:
    """The model of the processor."""
    file = Path("/proc/cpuinfo")
    if file.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", file.read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()
