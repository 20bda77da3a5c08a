"""Options of the command line, and how their values are parsed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, TypeAlias

import click
from click.core import ParameterSource

from targetads_sandbox.server.faults import Fault, parse_fault
from targetads_sandbox.world.world import DEFAULT_PROJECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def projects_of(
    _ctx: click.Context, _param: click.Parameter, values: Sequence[str]
) -> dict[int, str | None]:
    """The token of each project, if it has one, from `ID` and `ID:TOKEN`."""
    tokens: dict[int, str | None] = {}
    for value in values:
        number, _, token = value.partition(":")
        if not (number.isascii() and number.isdecimal()):
            message = f"{value!r} is neither ID nor ID:TOKEN."
            raise click.BadParameter(message)
        tokens[int(number)] = token or None
    return tokens


def faults_of(
    _ctx: click.Context, _param: click.Parameter, values: Sequence[str]
) -> list[Fault]:
    """The faults, from their command line form."""
    try:
        return [parse_fault(value) for value in values]
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def hand_on(ctx: click.Context, command: str) -> None:
    """Pass the world described before a subcommand's name on to it, as defaults.

    Raises:
        click.UsageError: If an option before the name does not describe the world.
    """
    given = {}
    for param in ctx.command.params:
        name = str(param.name)
        if ctx.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        if name not in _WORLD_NAMES:
            message = f"{param.opts[0]} is an option of the server, not of {command}."
            raise click.UsageError(message, ctx)
        given[name] = ctx.params[name]
    if "projects" in given:
        tokens: Mapping[int, str | None] = given["projects"]
        given["projects"] = [
            f"{number}:{token or ''}" for number, token in tokens.items()
        ]
    ctx.default_map = {command: given}


def day_of(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> date | None:
    """A day, if one is given."""
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        message = f"{value!r} is not a date like 2024-01-31."
        raise click.BadParameter(message) from None


_WORLD_NAMES = frozenset({"projects", "seed", "rows_per_day"})
"""The names of `world_options`."""

_Decorator: TypeAlias = "Callable[[Callable[..., None]], Callable[..., None]]"


def together(*options: _Decorator) -> _Decorator:
    """Add several options to a command, in this order."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


world_options = together(
    click.option(
        "--project",
        "projects",
        callback=projects_of,
        multiple=True,
        default=[str(project) for project in DEFAULT_PROJECTS],
        show_default=True,
        metavar="ID[:TOKEN]",
        help="A project, and its token; may be given several times. Without a "
        "token it is sandbox-token-ID; the live dialect has a longer one, too.",
    ),
    click.option(
        "--seed",
        type=int,
        default=1,
        show_default=True,
        help="Another seed gives other data, and other chances of faults.",
    ),
    click.option(
        "--rows-per-day",
        type=click.IntRange(min=0),
        default=1000,
        show_default=True,
        help="About how many rows a project has on a weekday.",
    ),
)
"""Options that determine the data."""

job_options = together(
    click.option(
        "--job-seconds",
        type=click.FloatRange(min=0),
        default=0.0,
        show_default=True,
        help="How long a v2 job takes at least.",
    ),
    click.option(
        "--url-seconds",
        type=click.FloatRange(min=0),
        default=3600.0,
        show_default=True,
        help="How long the address of a v2 job's file works: from when it was given, "
        "or in the live dialect from when the job was made.",
    ),
    click.option(
        "--today",
        callback=day_of,
        metavar="DATE",
        help="A day: v2 jobs reach back 90 days from it. Without it, for ever.",
    ),
    click.option(
        "--without-campaigns",
        type=int,
        multiple=True,
        metavar="ID",
        help="A project whose token may not see its campaigns; may be given several "
        "times.",
    ),
)
"""Options of jobs and campaigns."""
