"""The table of what came of the drills."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.drills.drill import Result

_HEAD = (
    "| Drill | API | Requests | What happened | Runs | Rows expected | Rows found "
    "| Lost | Doubled | Seconds |"
)
_ALIGNMENT = "|:--|:--|--:|:--|--:|--:|--:|--:|--:|--:|"


def table(results: Sequence[Result]) -> str:
    """The results as markdown, and below them what was not as it should be.

    Args:
        results: What came of each drill.
    """
    rows = [_line(result) for result in results if not result.skipped]
    lines = [_HEAD, _ALIGNMENT, *rows, _total(results)]
    notes = [
        f"- {result.drill.name}, {result.drill.version}: {note}"
        for result in results
        for note in [
            *(f"PROBLEM: {problem}" for problem in result.problems),
            *(["SKIPPED"] if result.skipped else []),
            *result.notes,
        ]
    ]
    return "\n".join([*lines, "", *notes] if notes else lines)


def _line(result: Result) -> str:
    drill = result.drill
    happened = [f"{kind}: {n}" for kind, n in sorted(result.happened.items())]
    if drill.blow:
        happened.append(
            f"{drill.blow.signal.name} to the {drill.blow.victim}: {result.blows}"
        )
    cells = [
        drill.name,
        drill.version,
        f"{result.requests:,}",
        ", ".join(happened),
        str(result.runs),
        f"{result.expected:,}",
        f"{result.found:,}",
        str(result.lost),
        str(result.doubled),
        f"{result.seconds:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _total(results: Sequence[Result]) -> str:
    def total(attribute: str) -> str:
        return f"{sum(getattr(result, attribute) for result in results):,.0f}"

    faults = sum(result.happened.total() + result.blows for result in results)
    names = ("runs", "expected", "found", "lost", "doubled", "seconds")
    cells = ["**all**", "", total("requests"), f"{faults:,}", *map(total, names)]
    return f"| {' | '.join(cells)} |"
