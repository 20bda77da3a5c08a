"""Lets target-jsonl append what the tap wrote, as meltano.yml has it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from tests.support.places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.running import Output


def declared() -> dict[str, Any]:
    """What meltano.yml says about target-jsonl."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    loaders = project["plugins"]["loaders"]
    (loader,) = (entry for entry in loaders if entry["name"] == "target-jsonl")
    found: dict[str, Any] = loader
    return found


def command(loader: dict[str, Any]) -> list[str]:
    """The command line of a loader, in an environment of its own."""
    where = ["uv", "tool", "run", "--quiet", "--from", loader["pip_url"]]
    return [*where, loader["executable"]]


def append(output: Output, folder: Path) -> dict[str, Any] | None:
    """Append the records to files.

    Args:
        output: What the tap wrote.
        folder: The folder of the files.

    Returns:
        The state that the target passes on; None if it has none.
    """
    loader = declared()
    folder.mkdir(exist_ok=True)
    config = folder.with_suffix(".json")
    config.write_text(json.dumps({**loader["config"], "destination_path": str(folder)}))
    lines = [json.dumps(message) + "\n" for message in output.messages]
    done = subprocess.run(
        [*command(loader), "--config", str(config)],
        input="".join(lines),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    states = done.stdout.splitlines()
    state: dict[str, Any] | None = json.loads(states[-1]) if states else None
    return state
