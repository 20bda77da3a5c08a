"""Fill tables of the pages from what the tap says about itself.

    uv run python -m scripts.tables           # write
    uv run python -m scripts.tables --check   # exit 1 if a table is not current

The Russian tables have the same rows as the English ones, with the texts of
`tables_ru.json` beside this script, which has to know them all.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_targetads.config.schema import CONFIG_SCHEMA
from tap_targetads.tap import TapTargetADS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
RUSSIAN: Mapping[str, Any] = json.loads(
    Path(__file__).with_name("tables_ru.json").read_text(encoding="utf-8")
)
SETTINGS: Mapping[str, Any] = CONFIG_SCHEMA.to_dict()["properties"]
PAGES = {
    "docs/ru/settings.md": True,
    "docs/ru/streams.md": True,
    "docs/streams.md": False,
}
"""Where the tables are, and whether they are Russian."""
HEADERS = {
    "settings": ["Setting", "Default", "Description"],
    "streams": ["Stream", "Holds", "Primary key", "Replication key"],
}
HOLDS = {
    "campaigns": "Campaigns (placements), with their advertising systems",
    "clicks": "Clicks on advertising",
    "conversion_paths": "Paths to conversions, a row per touch, with weights",
    "creatives": "The creatives of each placement",
    "impressions": "Impressions of advertising",
    "interactions": "All types together (not selected by default)",
    "media_report": "Impressions, clicks, reach, conversions by day and campaign",
    "page_views": "Page views",
    "projects": "The projects that are read, and what their tokens may do",
    "purchases": "Purchases",
    "target_events": "Target events (kinds of conversions)",
}


def settings_rows(describe: Callable[[str, str], str]) -> Iterator[list[str]]:
    """One row per setting."""
    for name, schema in SETTINGS.items():
        default = schema.get("default")
        shown = "" if default is None else f"`{json.dumps(default)}`"
        yield [f"`{name}`", shown, describe(name, schema["description"])]


def streams_rows(describe: Callable[[str, str], str]) -> Iterator[list[str]]:
    """One row per stream."""
    tap = TapTargetADS(config={"sandbox": True, "start_date": "2024-01-01"})
    for name, stream in tap.streams.items():
        keys = ", ".join(f"`{key}`" for key in stream.primary_keys)
        holds = describe(name, HOLDS[name])
        replication_key = stream.replication_key
        yield [
            f"`{name}`",
            holds,
            keys,
            f"`{replication_key}`" if replication_key else "",
        ]


def table(headers: list[str], rows: Iterator[list[str]]) -> str:
    """A markdown table."""
    cells = [headers, [":--"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def tables(*, russian: bool) -> dict[str, str]:
    """The tables by the name of their place."""
    rows = {"settings": settings_rows, "streams": streams_rows}
    result = {}
    for place, make in rows.items():
        texts = RUSSIAN[place]
        headers = RUSSIAN["headers"][place] if russian else HEADERS[place]

        def describe(name: str, english: str, texts: Any = texts) -> str:
            return str(texts[name]) if russian else english

        result[place] = table(headers, make(describe))
    return result


def filled(text: str, *, russian: bool) -> str:
    """A page with its tables filled."""
    for place, content in tables(russian=russian).items():
        begin, end = f"<!-- {place} -->", f"<!-- /{place} -->"
        before, found, rest = text.partition(begin)
        if found:
            text = f"{before}{begin}\n\n{content}\n\n{end}{rest.partition(end)[2]}"
    return text


def main() -> None:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(prog="python -m scripts.tables")
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    stale = []
    for name, russian in PAGES.items():
        file = ROOT / name
        text = file.read_text(encoding="utf-8")
        current = filled(text, russian=russian)
        if text != current:
            stale.append(name)
        if not check:
            file.write_text(current, encoding="utf-8")
    if check and stale:
        sys.exit(
            f"Not current: {', '.join(stale)}. Run: uv run python -m scripts.tables"
        )


if __name__ == "__main__":
    main()
