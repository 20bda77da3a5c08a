"""The changelog's section for one version, for its release page.

    uv run python -m scripts.changelog v0.1.0

Without a dated, non-empty section of that version there is no release.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "CHANGELOG.md"


def section_of(changelog: str, version: str) -> str:
    """The text below the heading of a version, such as `0.1.0` or the tag `v0.1.0`.

    Raises:
        ValueError: If there is no dated section for it, or nothing in it.
    """
    number = re.escape(version.removeprefix("v"))
    heading = rf"^## \[?{number}\]? - \d{{4}}-\d\d-\d\d\n"
    found = re.search(
        heading + r"(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    if found is None or not (text := found[1].strip()):
        message = (
            f"{FILE.name} says nothing of {version}. Move what is under Unreleased to "
            f"a section `## {version.removeprefix('v')} - YYYY-MM-DD`, and tag that."
        )
        raise ValueError(message)
    return text


def main() -> None:
    """Print the section."""
    parser = argparse.ArgumentParser(prog="python -m scripts.changelog")
    parser.add_argument("version", help="the version, or its tag")
    try:
        text = section_of(FILE.read_text("utf-8"), parser.parse_args().version)
    except ValueError as error:
        sys.exit(str(error))
    print(text)


if __name__ == "__main__":
    main()
