"""What is to be loaded: the projects, and the days, cut into ranges.

All is read from environment variables: those of the tap, and some of this example.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROJECT = "TAP_TARGETADS_PROJECT_ID"
PROJECTS = "TAP_TARGETADS_PROJECTS"
START = "TAP_TARGETADS_START_DATE"
END = "BACKFILL_END_DATE"
RANGE_DAYS = "BACKFILL_RANGE_DAYS"
RETRIES = "BACKFILL_RETRIES"
RETRY_SECONDS = "BACKFILL_RETRY_SECONDS"


class PlanError(ValueError):
    """A variable is missing, or has no sense. The message names it."""


@dataclass(frozen=True)
class Project:
    """One project.

    Attributes:
        id: Its id.
        variables: The tap's variables that let it read this project alone.
    """

    id: int
    variables: Mapping[str, str] = field(repr=False)  # with its token


@dataclass(frozen=True)
class Range:
    """Some days in a row.

    Attributes:
        first: The first day.
        last: The last day, inclusive.
    """

    first: date
    last: date

    @classmethod
    def named(cls, name: str) -> Range:
        """The range that has a name."""
        first, _, last = name.partition("..")
        return cls(date.fromisoformat(first), date.fromisoformat(last))

    def __str__(self) -> str:
        """The name, with both ends: a range that grows becomes another one."""
        return f"{self.first}..{self.last}"


@dataclass(frozen=True)
class Plan:
    """What is to be loaded: each range of each project.

    Attributes:
        projects: The projects.
        ranges: The ranges, without a gap between them.
        retries: How many times a task is tried again. That is for what outlasts the
            tap's own retries: an API or a database that is away.
        retry_seconds: How long to wait before that; the wait grows with each time.
    """

    projects: tuple[Project, ...]
    ranges: tuple[Range, ...]
    retries: int
    retry_seconds: int

    def project(self, project_id: int) -> Project:
        """The project with an id."""
        return next(project for project in self.projects if project.id == project_id)


def read_plan(variables: Mapping[str, str]) -> Plan:
    """Read the plan from environment variables.

    Raises:
        PlanError: If one of them is missing, or has no sense.
    """
    start, end = _day(variables, START), _day(variables, END)
    if end < start:
        message = f"{END} lies before {START}."
        raise PlanError(message)
    days = _number(variables, RANGE_DAYS, 7, least=1)
    return Plan(
        tuple(_projects(variables)),
        tuple(cut(start, end, days)),
        retries=_number(variables, RETRIES, 3),
        retry_seconds=_number(variables, RETRY_SECONDS, 60),
    )


def cut(start: date, end: date, days: int) -> Iterator[Range]:
    """Cut a period into ranges.

    Where ranges end does not depend on where the period begins: a week always ends on
    a Sunday. So a longer period has the same ranges, but for those at its ends.
    """
    while start <= end:
        rest = -start.toordinal() % days
        last = min(end, start + timedelta(rest))
        yield Range(start, last)
        start = last + timedelta(1)


def _projects(variables: Mapping[str, str]) -> Iterator[Project]:
    if single := variables.get(PROJECT):
        yield Project(_id(single, PROJECT), {})
        return
    try:
        entries = json.loads(variables.get(PROJECTS) or "[]")
        ids = [entry["project_id"] for entry in entries]
    except (ValueError, TypeError, KeyError):
        message = f'{PROJECTS} is not a list like [{{"project_id": 1}}].'
        raise PlanError(message) from None
    if not entries:
        message = f"{PROJECTS} is missing; {PROJECT} would do for a single project."
        raise PlanError(message)
    if len({str(project_id) for project_id in ids}) < len(ids):
        message = f"{PROJECTS} names a project twice."
        raise PlanError(message)
    for project_id, entry in zip(ids, entries, strict=True):
        yield Project(_id(project_id, PROJECTS), {PROJECTS: json.dumps([entry])})


def _id(value: object, name: str) -> int:
    if not str(value).isdecimal():
        message = f"{name} has {value!r} where the id of a project should be."
        raise PlanError(message)
    return int(str(value))


def _day(variables: Mapping[str, str], name: str) -> date:
    value = variables.get(name)
    if not value:
        message = f"{name} is missing: a day like 2024-01-31."
        raise PlanError(message)
    try:
        return date.fromisoformat(value)
    except ValueError:
        message = f"{name} is {value!r}, not a day like 2024-01-31."
        raise PlanError(message) from None


def _number(
    variables: Mapping[str, str], name: str, default: int, least: int = 0
) -> int:
    value = variables.get(name) or str(default)
    if not value.isdecimal() or int(value) < least:
        message = f"{name} is {value!r}, not a whole number from {least} on."
        raise PlanError(message)
    return int(value)
