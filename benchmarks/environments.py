"""Environments for what is not the tap's own: peers, targets, the chart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from benchmarks.measuring import ROOT


def bench_python(folder: Path) -> str:
    """The Python of an environment, made in a folder, with only the group `bench`.

    So its dependencies, locked like all others, cannot conflict with the tap's.
    """
    environment = folder / "bench"
    options = ("--frozen", "--only-group", "bench", "--compile-bytecode", "--quiet")
    _uv(
        "sync",
        *options,
        f"--python={sys.executable}",
        UV_PROJECT_ENVIRONMENT=str(environment),
    )
    return _python(environment)


class Target(NamedTuple):
    """A target, installed as in `meltano.yml`.

    Attributes:
        package: What was installed, with its version.
        executable: Its path.
        settings: Its settings in `meltano.yml`.
    """

    package: str
    executable: str
    settings: dict[str, Any]


def target(name: str, folder: Path) -> Target:
    """Install a loader of `meltano.yml`, in an environment below a folder."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    loaders = project["plugins"]["loaders"]
    loader = next(entry for entry in loaders if entry["name"] == name)
    python = install(name, folder, *loader["pip_url"].split())
    executable = str(Path(python).with_name(loader["executable"]))
    return Target(loader["pip_url"], executable, loader["config"])


def install(name: str, folder: Path, *packages: str) -> str:
    """The Python of an environment below a folder, with some packages."""
    environment = folder / name
    python = _python(environment)
    if not environment.exists():
        _uv("venv", "--quiet", f"--python={sys.executable}", str(environment))
        options = ("--quiet", "--compile-bytecode", f"--python={python}")
        _uv("pip", "install", *options, *packages)
    return python


def versions(python: str, *names: str) -> str:
    """The versions of some packages in an environment, for display."""
    code = (
        "import sys; from importlib.metadata import version;"
        "print(', '.join(f'{name} {version(name)}' for name in sys.argv[1:]))"
    )
    command = [python, "-c", code, *names]
    return subprocess.run(
        command, check=True, capture_output=True, text=True
    ).stdout.strip()


def _python(environment: Path) -> str:
    return str(environment / "bin" / "python")


def _uv(*arguments: str, **variables: str) -> None:
    inherited = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    done = subprocess.run(
        ["uv", *arguments],  # noqa: S607 - what runs this runs uv
        cwd=ROOT,
        env={**inherited, **variables},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"uv {' '.join(arguments)} failed:\n{done.stderr}")
