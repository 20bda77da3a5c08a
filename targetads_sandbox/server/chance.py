"""Decides which request meets which fault."""

from __future__ import annotations

import threading
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from targetads_sandbox.server.conditions import read_asked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from targetads_sandbox.server.conditions import Asked
    from targetads_sandbox.server.faults import Fault, Kind


class Happening(NamedTuple):
    """A fault that happens to a request, with a seed for whatever else it needs."""

    fault: Fault
    seed: str


class Faults:
    """Decides which request meets which fault, by seed and order of the requests only.

    Args:
        faults: The faults; at most one happens to a request, the first that applies.
        seed: Seed of the faults' chances.
    """

    def __init__(self, faults: Iterable[Fault] = (), seed: int = 1) -> None:
        self._lock = threading.Lock()
        self._seed = seed
        self._random = Random(seed)  # noqa: S311 - reproducible, not secret
        self._faults: tuple[Fault, ...] = ()
        self.set(faults)

    def set(self, faults: Iterable[Fault]) -> None:
        """Replace all faults, and reset their counts."""
        with self._lock:
            self._faults = tuple(faults)
            self._seen = [0] * len(self._faults)
            self._happened = [0] * len(self._faults)

    def clear(self) -> None:
        """Remove all faults."""
        self.set(())

    @property
    def happened(self) -> dict[Kind, int]:
        """How many requests each kind has happened to since the faults were set."""
        with self._lock:
            counts: dict[Kind, int] = {}
            for fault, number in zip(self._faults, self._happened, strict=True):
                counts[fault.kind] = counts.get(fault.kind, 0) + number
            return counts

    @property
    def faults(self) -> list[Fault]:
        """The faults that are set."""
        with self._lock:
            return list(self._faults)

    def draw(
        self, path: str, project_id: int | None = None, body: bytes = b""
    ) -> Happening | None:
        """The fault that happens to the next request, if any.

        `project_id` is the one in its query; its body may be invalid.
        """
        asked: Asked | None = None
        with self._lock:
            for number, fault in enumerate(self._faults):
                if not path.startswith(fault.prefix):
                    continue
                asked = asked or read_asked(path, project_id, body)
                if fault.concerns(asked) and self._happens(number, fault):
                    self._happened[number] += 1
                    seed = f"{self._seed}:{number}:{self._happened[number]}"
                    return Happening(fault, seed)
            return None

    def _happens(self, number: int, fault: Fault) -> bool:
        self._seen[number] += 1
        if self._seen[number] <= fault.after:
            return False
        if fault.times is None:
            return self._random.random() < fault.rate
        return self._happened[number] < fault.times
