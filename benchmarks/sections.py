"""Options and results of the benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class Options:
    """How much is measured.

    Attributes:
        rows: About how many rows, unless their number is what varies.
        runs: How often each is run.
        quick: A fast look: little of everything.
        full: Also what takes very long.
    """

    rows: int
    runs: int
    quick: bool = False
    full: bool = False


@dataclass(frozen=True)
class Bar:
    """A contender in the chart.

    Attributes:
        speed: Rows per CPU second.
        memory: Its peak memory in MB.
    """

    label: str
    speed: float
    memory: float


@dataclass(frozen=True)
class Section:
    """A section of the results.

    Attributes:
        note: What was measured, and how to read it.
        table: The measures, as markdown.
        peers: The versions of what was compared.
        bars: What the chart shows, if there is one.
    """

    title: str
    note: str
    table: str
    peers: str = ""
    bars: Sequence[Bar] = ()

    def markdown(self, image: str | None = None) -> str:
        """The section as markdown, with its chart at the path `image`."""
        parts = [f"## {self.title}", self.note]
        if image:
            parts.append(f"![{self.title}]({image})")
        parts.append(self.table)
        if self.peers:
            parts.append(f"Versions: {self.peers}.")
        return "\n\n".join(parts)


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A markdown table; all columns but the first are numbers."""
    rules = [":--", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rules, *lines))
