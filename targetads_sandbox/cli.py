"""The command line of the sandbox."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Literal

import click
import msgspec

from targetads_sandbox.dialect import DIALECTS, Dialect
from targetads_sandbox.options import (
    day_of,
    faults_of,
    hand_on,
    job_options,
    world_options,
)
from targetads_sandbox.server.faults import KINDS, Fault
from targetads_sandbox.truth import counts
from targetads_sandbox.world.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from targetads_sandbox.server.sandbox import Sandbox

_EPILOG = """\
To read from it, give the tap a config like this one:

\b
    {
      "api_url": "http://127.0.0.1:8686",
      "project_id": 12486,
      "auth_token": "sandbox-token-12486",
      "start_date": "2024-01-01",
      "end_date": "2024-01-31"
    }

Examples:

\b
    tap-targetads-sandbox
    tap-targetads-sandbox --project 1:secret --project 2:secret --dialect live
    tap-targetads-sandbox --fault server_error:0.05 --fault cut:x3
    tap-targetads-sandbox --fault rate_limit@/v2/:0.1 --fault truncated_file:x1
    tap-targetads-sandbox truth --date-from 2024-01-01 --date-to 2024-01-31
    tap-targetads-sandbox --seed 2 truth --date-from 2024-01-01 --date-to 2024-01-31
"""


@click.group(invoke_without_command=True, epilog=_EPILOG)
@world_options
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to serve on: this machine only, unless --allow-remote is given.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8686,
    show_default=True,
    help="Port to serve on; 0 for any that is free.",
)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Let --host be an address that other machines can reach. The sandbox has no "
    "secrets, but everybody can set its faults.",
)
@click.option(
    "--dialect",
    type=click.Choice(list(DIALECTS)),
    default="documented",
    show_default=True,
    help="Answer as the vendor's help pages say, or as the live API was met, with "
    "its oddities in the data.",
)
@click.option(
    "--fault",
    "faults",
    callback=faults_of,
    multiple=True,
    metavar="KIND[@PATH]:RATE|KIND[@PATH]:xTIMES",
    help="Let requests for reports go wrong: a share of them (server_error:0.05) or "
    "the next ones (cut:x3). A third part gives the seconds of slow, slow_job and "
    "rate_limit_retry_after (slow:0.1:2.5). A path says which requests are meant, "
    "instead of v1 reports, v2 jobs or their files (cut@/storage/:x1). Faults that "
    "depend on what is asked for can be set while serving, by POST /sandbox/faults: "
    '[{"kind": "gateway_timeout", "rate": 1, "min_days": 2}]. Kinds: '
    + ", ".join(KINDS)
    + ".",
)
@click.option("--gzip", is_flag=True, help="Compress answers if a client accepts it.")
@job_options
@click.pass_context
def main(  # noqa: PLR0913 - one per option
    ctx: click.Context,
    *,
    projects: Mapping[int, str | None],
    seed: int,
    rows_per_day: int,
    host: str,
    port: int,
    allow_remote: bool,
    dialect: str,
    faults: Sequence[Fault],
    gzip: bool,
    job_seconds: float,
    url_seconds: float,
    today: date | None,
    without_campaigns: Sequence[int],
) -> None:
    """Serve a TargetADS API with generated data on this machine.

    The data depends only on the options, so that every run finds the same rows. It
    needs no account, no token and no network.
    """
    if ctx.invoked_subcommand is not None:
        hand_on(ctx, ctx.invoked_subcommand)
        return
    if not allow_remote and not _is_loopback(host):
        message = f"{host} can be reached from outside. Add --allow-remote to allow it."
        raise click.BadParameter(message, ctx, param_hint="--host")
    try:
        from targetads_sandbox.server.sandbox import Sandbox  # noqa: PLC0415 - an extra
    except ImportError:
        message = (
            "The server is not installed. Install it with: "
            "pip install 'tap-targetads[sandbox]'"
        )
        raise click.ClickException(message) from None
    sandbox = Sandbox(
        World(projects, seed, rows_per_day, live=dialect == "live"),
        tokens=projects,
        dialect=Dialect.named(dialect),
        faults=faults,
        seed=seed,
        gzip=gzip,
        without_campaigns=without_campaigns,
        job_seconds=job_seconds,
        url_seconds=url_seconds,
        today=today,
    )
    _serve(sandbox, host, port)


def _serve(sandbox: Sandbox, host: str, port: int) -> None:
    try:
        sandbox.bind(host, port)
    except OSError as error:
        message = f"Cannot serve on {host}, port {port}: {error.strerror or error}."
        raise click.ClickException(message) from None
    click.echo(_welcome(sandbox.url, sandbox.tokens), err=True)
    sandbox.serve()


def _welcome(url: str, tokens: Mapping[int, str]) -> str:
    project, token = next(iter(tokens.items()))
    lines = [
        f"TargetADS sandbox at {url} (Ctrl+C stops it)",
        *(f"  project {number}: token {secret}" for number, secret in tokens.items()),
        "Point the tap at it with:",
        f"  export TAP_TARGETADS_API_URL={url}",
        f"  export TAP_TARGETADS_PROJECT_ID={project}",
        f"  export TAP_TARGETADS_AUTH_TOKEN={token}",
        "  export TAP_TARGETADS_START_DATE=2024-01-01",
        "  export TAP_TARGETADS_END_DATE=2024-01-31",
    ]
    return "\n".join(lines)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@main.command()
@world_options
@click.option(
    "--report",
    type=click.Choice(["raw", "path"]),
    default="raw",
    show_default=True,
    help="Count interactions, or touches of paths by the day of their conversions.",
)
@click.option("--date-from", callback=day_of, required=True, help="The first day.")
@click.option(
    "--date-to", callback=day_of, required=True, help="The last day, inclusive."
)
def truth(  # noqa: PLR0913 - one per option
    *,
    projects: Mapping[int, str | None],
    seed: int,
    rows_per_day: int,
    report: Literal["raw", "path"],
    date_from: date,
    date_to: date,
) -> None:
    """Print the number of rows as JSON: by project, day and type."""
    world = World(projects, seed, rows_per_day)
    found = {
        str(project): counts(world, project, date_from, date_to, report)
        for project in world.projects
    }
    click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
