"""Tries targets with what the tap writes, and prints what became of the rows.

    uv run python -m tests.targets.trials                  # all of them, some minutes
    uv run python -m tests.targets.trials --only target-jsonl
    uv run python -m tests.targets.trials --write          # into docs/targets.md

Each target is installed by uv in an environment of its own, loads some days of the
sandbox, and is compared value by value with what the sandbox knows to be true.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.support.places import ROOT
from tests.support.postgres import database
from tests.targets.trials.comparing import summary
from tests.targets.trials.declared import NOT_TRIED, TARGETS, Place, Target
from tests.targets.trials.running import steps, try_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PAGE = ROOT / "docs" / "targets.md"
BEGIN, END = "<!-- trials -->\n", "<!-- /trials -->\n"


def main() -> None:
    """Try targets, and print or write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.targets.trials",
        description=(__doc__ or "").splitlines()[0],
    )
    parser.add_argument("--only", metavar="NAME", help="the target of this package")
    parser.add_argument("--write", action="store_true", help="write docs/targets.md")
    options = parser.parse_args()
    chosen = [t for t in TARGETS if options.only in {None, t.package}]
    if not chosen:
        names = ", ".join(target.package for target in TARGETS)
        parser.error(f"there is no target {options.only!r}; there are: {names}")
    with tempfile.TemporaryDirectory(prefix="tap-targetads-") as folder:
        text = "\n".join(table(lines(chosen, Path(folder)))) + "\n"
    print(text)
    if options.write and not options.only:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        _, after = rest.split(END)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def lines(targets: Sequence[Target], folder: Path) -> Iterator[list[str]]:
    """The cells of each target, and before them those of the head."""
    tried = steps(folder)
    yield ["Target", "Verdict", *(step.name for step in tried), "Note"]
    with database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER DATABASE postgres SET timezone = 'Europe/Moscow'")
        for target in targets:
            print(f"{target} …", file=sys.stderr, flush=True)
            found = try_out(target, tried, _places(target, folder, url))
            yield [str(target), summary(found), *found.values(), target.note]


def table(lines: Iterator[list[str]]) -> Iterator[str]:
    """The lines as markdown, and a list of what is not tried."""
    head = next(lines)
    yield f"| {' | '.join(head)} |"
    yield f"|{' :-- |' * len(head)}"
    for cells in lines:
        yield f"| {' | '.join(cells)} |"
    yield "\nNot tried:\n"
    yield from (f"- {name}. {reason}" for name, reason in NOT_TRIED.items())


def _places(target: Target, folder: Path, url: str) -> Mapping[str, Place]:
    """A place of its own for each of the target's tables."""
    places = {}
    for name in ("usual", "keyless", "batches", "odd"):
        schema = re.sub(r"\W", "_", f"{target.package} {name}")
        with psycopg.connect(url) as connection:  # some do not make it themselves
            connection.execute(f"CREATE SCHEMA {schema}")
            info = connection.info
            place = Place(folder / schema, info.host, str(info.port), schema)
        places[name] = place
    return places


if __name__ == "__main__":
    main()
