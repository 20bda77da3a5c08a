"""CSV files of jobs, read in pieces, as columns of texts.

The form is RFC 4180's, or ClickHouse's. Decision 11 says what is forgiven.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import Counter
from contextlib import contextmanager
from itertools import islice
from typing import IO, TYPE_CHECKING, cast

from tap_targetads.plurals import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_targetads.rows.row_type import RowType, Table

PAGE_ROWS = 500
"""Rows that are read at once: so few that they stay in the processor's cache, which
halves the time of everything that is done with them."""

LONGEST_VALUE = 1 << 25
"""Most characters of a value: a quote that nobody closes must not fill the memory."""

_GZIP_MAGIC = b"\x1f\x8b"


class CorruptFileError(Exception):
    """A file is not what the API promises: cut off, damaged, or of other columns."""


def check_file(file: IO[bytes], rows: int | None) -> None:
    """Read a file to its end, to know before the first row that it is whole.

    That costs unpacking and parsing it twice, and spares rows that are cut off, or
    damaged, from being delivered before the checksum at the end shows it.

    Args:
        file: The file, plain or gzip.
        rows: How many rows the API says it has.

    Raises:
        CorruptFileError: If it is cut off or damaged, or has another number of rows.
    """
    with _table(file) as (header, lines):
        widths = Counter(map(len, lines))
    found = widths.total()
    if rows is not None and found != rows:
        message = f"it has {count_of(found, 'row')} instead of {rows}"
        raise CorruptFileError(message)
    if any(width != len(header) for width in widths):
        message = f"a row has not as many values as there are columns ({len(header)})"
        raise CorruptFileError(message)


def csv_pages(
    file: IO[bytes],
    row_type: RowType,
    *,
    names: Mapping[str, str],
    on_unselected: Callable[[Iterable[str]], None],
) -> Iterator[Table]:
    """Read a CSV file.

    Args:
        file: A file that has been checked, plain or gzip, UTF-8 with or without a BOM.
            Empty, it has no rows.
        row_type: The type of the rows.
        names: The field that each column holds that was asked for.
        on_unselected: Told the names of columns that were not asked for.

    Yields:
        Some rows at a time, as texts.

    Raises:
        CorruptFileError: If the file cannot be read to its end, or lacks a column.
    """
    with _table(file) as (columns, lines):
        if not columns:
            return
        header = [names.get(name, name) for name in columns]
        if missing := row_type.missing_from(header):
            message = f"the answer lacks the columns {missing}"
            raise CorruptFileError(message)
        if unselected := set(header) - set(names.values()):
            on_unselected(unselected)
        while some := list(islice(lines, PAGE_ROWS)):
            yield row_type.table(header, some)


@contextmanager
def _table(file: IO[bytes]) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """The header of a file, and its rows; the file stays open.

    Blank lines are no rows. Only a row of one column is blank if its value is empty:
    so Go writes it.

    Raises:
        CorruptFileError: If it cannot be read to its end.
    """
    # The library's own limit, 131 072 characters, is less than values may have.
    csv.field_size_limit(LONGEST_VALUE)
    text = io.TextIOWrapper(_plain(file), "utf-8-sig", errors="replace", newline="")
    lines = csv.reader(text, strict=True)
    try:
        header = next(filter(None, lines), [])
        if len(header) == 1:
            yield header, (line or [""] for line in lines)
        else:
            yield header, filter(None, lines)
    except (csv.Error, EOFError, OSError, zlib.error) as error:
        message = f"the file cannot be read ({error})"
        raise CorruptFileError(message) from error
    finally:
        if not file.closed:
            text.detach()


def _plain(file: IO[bytes]) -> IO[bytes]:
    """The file from its beginning, unpacked; gzip is known by its first bytes."""
    file.seek(0)
    magic = file.read(len(_GZIP_MAGIC))
    file.seek(0)
    if magic != _GZIP_MAGIC:
        return file
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file, mode="rb"))
