"""Runs the fault drills, and prints what was lost and doubled.

    uv run python -m tests.drills                     # all of them, some minutes
    uv run python -m tests.drills --short             # the most telling ones, a minute
    uv run python -m tests.drills --only "disk full"

Each drill runs the tap's command line against a sandbox in which something goes wrong,
piped into target-postgres and a real PostgreSQL. Each run goes on from the state that
the target has confirmed, until one ends well; then the warehouse is compared with the
truth. Needs Linux, and uv, which installs the target.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.drills.catalogue import DRILLS
from tests.drills.harness import run_drill
from tests.drills.table import table
from tests.support.postgres import database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.drills.drill import Drill, Result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run drills, and print the table.

    Args:
        arguments: The command line's, if not the process's own.

    Returns:
        0 if nothing was lost or doubled, and everything happened as declared.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.drills", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--short", action="store_true", help="the short form")
    parser.add_argument("--only", metavar="NAME", help="the drills of this name")
    parser.add_argument("--output", type=Path, metavar="FILE", help="for the table too")
    parser.add_argument("--seed", type=int, default=1, help="for other chances")
    options = parser.parse_args(arguments)
    chosen = [
        drill
        for drill in DRILLS
        if (options.only in {drill.name, str(drill)})
        or (not options.only and (drill.short if options.short else drill.full))
    ]
    if not chosen:
        names = ", ".join(dict.fromkeys(drill.name for drill in DRILLS))
        parser.error(f"there is no drill {options.only!r}; there are: {names}")
    results = run_all(chosen, options.seed)
    text = table(results)
    print(text)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")
    return 0 if all(result.passed for result in results) else 1


def run_all(drills: Sequence[Drill], seed: int = 1) -> list[Result]:
    """Run drills one after another, and say on stderr how far they are.

    Args:
        drills: The drills.
        seed: What all chances are drawn from.
    """
    results = []
    with database() as url:
        for drill in drills:
            print(f"{drill} …", end=" ", file=sys.stderr, flush=True)
            result = run_drill(drill, url, seed)
            results.append(result)
            verdict = "passed" if result.passed else "FAILED"
            if result.skipped:
                verdict = "skipped"
            print(f"{verdict}, {result.seconds:.1f} s", file=sys.stderr)
    return results


if __name__ == "__main__":
    sys.exit(main())
