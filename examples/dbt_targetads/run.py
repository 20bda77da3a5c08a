# /// script
# requires-python = ">=3.11,<3.14"
# # dbt-core 1.12 needs a package whose installation downloads from outside PyPI.
# dependencies = [
#     "altair>=6",
#     "dbt-core>=1.10.5,<1.12",
#     "dbt-duckdb>=1.10",
#     "duckdb>=1.4",
#     "jinja2>=3.1",
#     "vl-convert-python>=1.9",
# ]
# ///
"""From the API to insight: load TargetADS into DuckDB, build the marts, draw a page.

By default the rows come from the bundled sandbox, with no token and no network;
`--environment=prod` reads the real API with the settings in `.env`. The page is one
file that opens without a network.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
from figures import NothingToShowError, read_figures
from page import render

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parent.parent
DATABASE = "targetads.duckdb"
PAGE = "insight.html"


def load(environment: str, output: Path) -> None:
    """Let the demo extract the rows, and load them into DuckDB."""
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("There is no uv on the PATH: install it with `pip install uv`.")
    options = [f"--environment={environment}", f"--output={output}"]
    # The demo has its own environment: Meltano and dbt want different packages.
    variables = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    done = subprocess.run(
        [uv, "run", "--quiet", str(REPOSITORY / "demo.py"), *options],
        check=False,
        env=variables,
        stdout=subprocess.DEVNULL,
    )
    if done.returncode:
        sys.exit("The rows could not be loaded; the output above says why.")


def build(output: Path, *, full_refresh: bool) -> None:
    """Build and test the models."""
    command = [
        Path(sys.executable).with_name("dbt"),
        "--no-version-check",
        "build",
        f"--project-dir={PACKAGE}",
        f"--profiles-dir={PACKAGE}",
        f"--target-path={output / 'dbt'}",
        f"--log-path={output / 'dbt'}",
        "--target=duckdb",
        *(["--full-refresh"] if full_refresh else []),
    ]
    variables = {**os.environ, "TARGETADS_DUCKDB": str(output / DATABASE)}
    if subprocess.run(command, check=False, env=variables).returncode:
        sys.exit("dbt build failed; its output above says which model or test.")


def main() -> None:
    """Load, build, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--environment",
        default="sandbox",
        help="Meltano environment: sandbox (default), dev or prod",
    )
    parser.add_argument(
        "--output", type=Path, help="where files go (default: output/ENVIRONMENT)"
    )
    parser.add_argument(
        "--full-refresh",
        action="store_true",
        help="rebuild all days, not only the last ones",
    )
    parser.add_argument(
        "--project",
        type=int,
        action="append",
        metavar="ID",
        help="show only this project; may be given several times (default: all)",
    )
    parser.add_argument(
        "--no-load", action="store_true", help="build and draw from what is loaded"
    )
    arguments = parser.parse_args()
    environment = arguments.environment
    output = (arguments.output or REPOSITORY / "output" / environment).resolve()
    database = output / DATABASE

    if not arguments.no_load:
        load(environment, output)
    elif not database.exists():
        sys.exit(f"There is no {database}: run without --no-load.")
    build(output, full_refresh=arguments.full_refresh)
    page = output / PAGE
    with duckdb.connect(str(database), read_only=True) as connection:
        try:
            figures = read_figures(connection, arguments.project)
        except NothingToShowError as error:
            sys.exit(str(error))
    page.write_text(render(figures), encoding="utf-8")
    print(f"The database: {database}")
    print(f"The page:     {page}")


if __name__ == "__main__":
    main()
