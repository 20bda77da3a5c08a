"""What every target is given, in which order, and what must be there then."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.world.world import World
from tests.conftest import PROJECT
from tests.support.records import STREAMS, truth
from tests.support.running import Output, discover, run_tap
from tests.targets.trials.comparing import verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.targets.trials.declared import Place, Target

ODD_TEXTS = (
    *("a\tb", "a\nb", "a\r\nb", 'a "b"', "a 'b'", "a, b; c", "a\\b", "a\\nb", "\\."),
    *("NULL", "null", "None", "true", "007", "1e5", " a ", "=1+1", "[1]", '{"a": 1}'),
    *("Москва", "🍵", "a\u2028b", "a" * 5000),
)


@dataclass(frozen=True)
class Step:
    """A run of a target, and what must be there afterwards.

    Attributes:
        name: The heading of its column.
        place: Where it loads to, along with the other steps of that place.
        output: What the tap wrote.
        rows: The rows of each stream, by the truth.
    """

    name: str
    place: str
    output: Output
    rows: Mapping[str, Sequence[Mapping[str, Any]]]


def steps(folder: Path) -> list[Step]:
    """Run the tap for all steps.

    Args:
        folder: For the files of batches, among others.
    """
    return [*_usual(folder), *_without_keys(folder), *_batches(folder), *_odd(folder)]


def try_out(target: Target, steps: Sequence[Step], places: Mapping[str, Place]) -> Any:
    """Run all steps with a target.

    Returns:
        What became of the rows, by the names of the steps.
    """
    try:
        subprocess.run(target.command("python", "-c", ""), check=True)
    except subprocess.CalledProcessError:
        return dict.fromkeys((step.name for step in steps), "not installed")
    return {step.name: _try(target, step, places[step.place]) for step in steps}


def _try(target: Target, step: Step, place: Place) -> str:
    config = place.folder.with_suffix(".json")
    config.write_text(json.dumps(target.settings(place)))
    place.folder.mkdir(exist_ok=True)
    done = subprocess.run(
        target.command(target.executable, "--config", str(config)),
        input=step.output.stdout,
        cwd=place.folder,
        check=False,
        capture_output=True,
    )
    (place.folder.parent / f"{place.schema} {step.name}.log").write_bytes(done.stderr)
    if done.returncode:
        return "refuses"
    found: list[str] = []
    for stream, expected in step.rows.items():
        try:
            rows = list(target.read(target, place, stream))
        except Exception:  # noqa: BLE001 - each store has errors of its own for it
            rows = []
        found.append(verdict(rows, expected))
    # The worst counts: capitals stand for what is not well.
    worst = min(found, key=lambda word: (word.islower(), word == "exact"))
    confirmed = done.stdout.splitlines()[-1:]
    if not confirmed or json.loads(confirmed[0]) != step.output.state:
        return f"{worst}, no state"
    return worst


def _run(folder: Path, world: World, state: Any = None, **settings: Any) -> Output:
    with Sandbox(world) as sandbox:
        config = {
            "api_url": sandbox.url,
            "auth_token": sandbox.tokens[PROJECT],
            "project_id": PROJECT,
            "start_date": "2024-01-01",
            **settings,
        }
        output = run_tap(folder, config, catalog=discover(config), state=state)
    assert output.exit_code == 0, output.log
    return output


def _truth(world: World, end: date, **options: Any) -> dict[str, Any]:
    return {stream: truth(world, stream, end=end, **options) for stream in STREAMS}


def _usual(folder: Path) -> list[Step]:
    world = World(rows_per_day=40)
    first = _run(folder, world, end_date="2024-01-05")
    second = _run(folder, world, first.state, end_date="2024-01-08")
    third = _run(folder, world, second.state, end_date="2024-01-08", lookback_days=3)
    rows = _truth(world, date(2024, 1, 8))
    return [
        Step("First load", "usual", first, _truth(world, date(2024, 1, 5))),
        Step("Next run", "usual", second, rows),
        Step("Lookback", "usual", third, rows),
    ]


def _without_keys(folder: Path) -> list[Step]:
    world = World(rows_per_day=40)
    output = _run(folder, world, end_date="2024-01-03", row_key=False)
    rows = _truth(world, date(2024, 1, 3), row_key=False)
    return [Step("No keys", "keyless", output, rows)]


def _batches(folder: Path) -> list[Step]:
    world = World(rows_per_day=40)
    batches = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": (folder / "batches").as_uri()},
    }
    output = _run(folder, world, end_date="2024-01-03", batch_config=batches)
    return [Step("Batches", "batches", output, _truth(world, date(2024, 1, 3)))]


def _odd(folder: Path) -> list[Step]:
    world = World(rows_per_day=5)
    rows: list[dict[str, Any]] = [
        {
            "InteractionTime": f"2024-01-01 23:{minute:02}:59",
            "InteractionType": "Purchase",
            "InteractionUtmSource": text,
            "InteractionEcomId": text,
            "InteractionNewCookie": False,
            "InteractionEcomAmount": (0.0, 0.1, 123456789.01)[minute % 3],
            "InteractionPlacementId": (0, 2**31)[minute % 2],
        }
        for minute, text in enumerate(ODD_TEXTS)
    ]
    world.add_rows(PROJECT, rows)
    output = _run(folder, world, end_date="2024-01-01")
    return [Step("Odd values", "odd", output, _truth(world, date(2024, 1, 1)))]
