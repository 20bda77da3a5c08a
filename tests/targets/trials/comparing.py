"""What a target has made of the rows: the same, others, fewer or more."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Row = Mapping[str, Any]

ROW_KEY = "rowkey"


def verdict(found: Iterable[Row], expected: Iterable[Row]) -> str:
    """What became of some rows, in a few words.

    Args:
        found: The rows as they were read back, with the target's spelling of names.
        expected: The rows that there must be, as the tap has them.
    """
    wanted = [_plain_names(row) for row in expected]
    # Columns of the target's own are left out.
    names = sorted({name for row in wanted for name in row})
    truth = [tuple(_same(row.get(n), row.get(n)) for n in names) for row in wanted]
    samples = {n: row[n] for row in wanted for n in names if row.get(n) is not None}
    rows = [
        tuple(_same(row.get(name), samples.get(name)) for name in names)
        for row in map(_plain_names, found)
    ]
    there, due = Counter(rows), Counter(truth)
    if there == due:
        return "exact"
    if there.keys() == due.keys() and not due - there:
        return "appends"
    if not rows:
        return "LOST: all rows"
    return _what_differs(rows, truth, names)


def _what_differs(rows: list[Any], truth: list[Any], names: list[str]) -> str:
    if ROW_KEY not in names:
        return f"WRONG: {len(rows)} rows instead of {len(truth)}"
    place = names.index(ROW_KEY)
    by_key = {row[place]: row for row in rows}
    keys = {row[place] for row in truth}
    if missing := len(keys - by_key.keys()):
        return f"LOST: {missing} of {len(keys)} rows"
    if by_key.keys() - keys:
        return "WRONG: rows of other keys"
    changed = {
        f"`{value!r}` is `{other!r}`": None
        for row in truth
        for value, other in zip(row, by_key[row[place]], strict=True)
        if value != other
    }
    examples = "; ".join(list(changed)[:2])
    return f"CHANGED: {examples}" if changed else "WRONG: rows of a key are there twice"


def summary(found: Mapping[str, str]) -> str:
    """What to think of a target.

    Args:
        found: The verdicts by the names of the steps.
    """
    batches = found["Batches"]
    others = " ".join(verdict for name, verdict in found.items() if name != "Batches")
    if "LOST" in others or "WRONG" in others:
        return "loses rows"
    if "CHANGED" in others:
        return "changes values"
    if found["First load"] not in {"exact", "appends"}:
        return found["First load"]  # refuses, or not installed
    kind = "appends" if found["Lookback"] == "appends" else "replaces"
    return f"exact, {kind}" + (", but loses batches" if "LOST" in batches else "")


def _plain_names(row: Row) -> dict[str, Any]:
    """Names without case and underscores, in which targets differ."""
    return {name.lower().replace("_", ""): value for name, value in row.items()}


def _same(value: Any, sample: Any) -> Any:
    """A value as one that equals it, whatever types a store has, given one of its type.

    Null and an empty text are the same: the tap makes null of both, and CSV files have
    one word for them.
    """
    if value is None or value == "":
        return None
    match sample:
        case bool():
            return str(value).lower() in {"true", "1", "t"}
        case int():
            return int(value)
        case float() | Decimal():
            return float(value)
        case str() if _is_time(sample):
            return _time(value)
        case _:
            return str(value)


def _is_time(sample: str) -> bool:
    return len(sample) > len("2024-01-01") and sample[10] == "T" and sample[4] == "-"


def _time(value: Any) -> Any:
    """A moment in UTC; a time without a zone is one already."""
    if isinstance(value, datetime | date):
        value = value.isoformat()
    moment = datetime.fromisoformat(str(value))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
