"""Faults on demand: what goes wrong, when, and how often."""

from __future__ import annotations

import threading
from random import Random
from typing import TYPE_CHECKING, Literal, cast, get_args

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal[
    "rate_limit",
    "rate_limit_retry_after",
    "server_error",
    "bad_gateway",
    "slow",
    "cut",
    "malformed",
    "error_in_body",
    "ignore_offset",
    "empty_page",
    "forbidden",
    "job_failed",
    "job_expired",
    "job_cancelled",
    "job_hangs",
    "slow_job",
    "wrong_row_count",
    "truncated_file",
    "corrupt_file",
    "expired_url",
]
"""What can go wrong.

`rate_limit`: status 429, without a Retry-After header.
`rate_limit_retry_after`: status 429 with a Retry-After header.
`server_error`: status 500.
`bad_gateway`: status 502, with a proxy's page of HTML.
`slow`: the right answer, late.
`cut`: the connection ends in the middle of the right answer's body.
`malformed`: status 200, with half of the right answer's JSON; the length is right.
`error_in_body`: status 200, with an error as its body.
`ignore_offset`: the first page, whatever the offset, and the claim that more follow.
`empty_page`: a page without rows, and the claim that more follow.
`forbidden`: status 403.

Some happen to v2 jobs alone. Which job, is decided when it is created:

`job_failed`, `job_expired`, `job_cancelled`: it ends with this status.
`job_hangs`: it is being processed for ever.
`slow_job`: it takes longer.
`wrong_row_count`: it says that it has one row more than there are.

Others happen to the downloads of their files:

`truncated_file`: half of the file; the length of the answer is right.
`corrupt_file`: some bytes in the middle are others.
`expired_url`: status 403, now and whenever the same address is used again.
"""

KINDS: tuple[Kind, ...] = get_args(Kind)

_DEFAULT_SECONDS = {"slow": 1.0, "slow_job": 1.0}

JOB_KINDS = (
    "job_failed",
    "job_expired",
    "job_cancelled",
    "job_hangs",
    "slow_job",
    "wrong_row_count",
)
"""The kinds that happen to jobs."""

_FILE_KINDS = ("truncated_file", "corrupt_file", "expired_url")
_PATHS = {
    **dict.fromkeys(JOB_KINDS, "/v2/reports/"),
    **dict.fromkeys(_FILE_KINDS, "/storage/"),
}
_DEFAULT_PATH = "/v1/reports/"


class Fault(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Something that goes wrong with some requests.

    Attributes:
        kind: What goes wrong.
        rate: The share of requests that it happens to, drawn by chance, from 0 to 1.
        times: Instead of a rate: it happens to so many requests, one after another.
        after: How many requests are spared first.
        path: The beginning of the paths that it happens to. If None: those of v1
            reports, the creation of v2 jobs for what happens to jobs, and the storage
            for what happens to files.
        seconds: How late `slow` answers or how much longer `slow_job` takes (1, if
            None), or what Retry-After asks to wait (0, if None).
        http_date: Write Retry-After as a date, instead of as seconds.
        code: The `ErrorCode` of `error_in_body`.
    """

    kind: Kind
    rate: float = 0.0
    times: int | None = None
    after: int = 0
    path: str | None = None
    seconds: float | None = None
    http_date: bool = False
    code: int = 500

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: If the kind is unknown, or a number makes no sense.
        """
        if self.kind not in KINDS:
            message = f"There is no fault {self.kind!r}; there are {', '.join(KINDS)}."
            raise ValueError(message)
        if not 0 <= self.rate <= 1:
            message = f"The rate of {self.kind} must be between 0 and 1."
            raise ValueError(message)
        if self.times is not None and (self.times < 0 or self.rate):
            message = f"{self.kind} needs either a rate or a number of times."
            raise ValueError(message)
        if self.after < 0 or (self.seconds or 0) < 0:
            message = f"{self.kind} cannot wait less than nothing."
            raise ValueError(message)

    @property
    def prefix(self) -> str:
        """The beginning of the paths that it happens to."""
        if self.path is None:
            return _PATHS.get(self.kind, _DEFAULT_PATH)
        return self.path

    @property
    def delay(self) -> float:
        """The seconds that `slow` waits, or that Retry-After asks for."""
        if self.seconds is None:
            return _DEFAULT_SECONDS.get(self.kind, 0.0)
        return self.seconds


def parse_fault(text: str) -> Fault:
    """Read a fault as the command line has it.

    Args:
        text: `KIND:RATE` or `KIND:xTIMES`, and `:SECONDS` after that for `slow`,
            `slow_job` and `rate_limit_retry_after`: `server_error:0.05`, `cut:x3`,
            `slow:0.1:2.5`. The kind may have a path: `cut@/storage/:x1`.

    Raises:
        ValueError: If the text is anything else.
    """
    which, _, rest = text.partition(":")
    kind, has_path, path = which.partition("@")
    amount, _, seconds = rest.partition(":")
    counted = amount.startswith("x")
    try:
        rate = 0.0 if counted else float(amount)
        times = int(amount[1:]) if counted else None
        delay = float(seconds) if seconds else None
    except ValueError:
        message = f"{text!r} is neither KIND:RATE nor KIND:xTIMES."
        raise ValueError(message) from None
    return Fault(
        cast("Kind", kind),
        rate=rate,
        times=times,
        path=path if has_path else None,
        seconds=delay,
    )


def decode_faults(content: object) -> list[Fault]:
    """Make faults out of decoded JSON.

    Raises:
        ValueError: If it is not a list of faults.
    """
    try:
        return msgspec.convert(content, list[Fault])
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


class Faults:
    """Decides which request meets which fault.

    The decisions depend on the seed and the order of the requests alone.

    Args:
        faults: The faults; the first one that happens to a request is the only one.
        seed: What the chances are drawn from.
    """

    def __init__(self, faults: Iterable[Fault] = (), seed: int = 1) -> None:
        """Set the faults."""
        self._lock = threading.Lock()
        self._random = Random(seed)  # noqa: S311 - reproducible, not secret
        self._faults: tuple[Fault, ...] = ()
        self.set(faults)

    def set(self, faults: Iterable[Fault]) -> None:
        """Replace all faults, and forget what has happened."""
        with self._lock:
            self._faults = tuple(faults)
            self._seen = [0] * len(self._faults)
            self._happened = [0] * len(self._faults)

    def clear(self) -> None:
        """Let everything go right from now on."""
        self.set(())

    @property
    def happened(self) -> dict[Kind, int]:
        """How many requests each kind has happened to, since the faults were set."""
        with self._lock:
            counts: dict[Kind, int] = {}
            for fault, number in zip(self._faults, self._happened, strict=True):
                counts[fault.kind] = counts.get(fault.kind, 0) + number
            return counts

    def draw(self, path: str) -> Fault | None:
        """The fault that happens to the next request, if any.

        Args:
            path: The path of the request.
        """
        with self._lock:
            for number, fault in enumerate(self._faults):
                if path.startswith(fault.prefix) and self._happens(number, fault):
                    self._happened[number] += 1
                    return fault
            return None

    def _happens(self, number: int, fault: Fault) -> bool:
        self._seen[number] += 1
        if self._seen[number] <= fault.after:
            return False
        if fault.times is None:
            return self._random.random() < fault.rate
        return self._happened[number] < fault.times
