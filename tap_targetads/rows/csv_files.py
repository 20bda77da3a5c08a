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

from typing_extensions import override

from tap_targetads.plurals import counted
from tap_targetads.rows.row_type import MissingColumnsError, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from typing_extensions import Buffer

    from tap_targetads.rows.row_type import RowType

PAGE_ROWS = 500
"""Rows that are read at once: so few that they stay in the processor's cache, which
halves the time of everything that is done with them."""

LONGEST_VALUE = 1 << 25
"""Most characters of a value: a quote that nobody closes must not fill the memory."""

_PIECE = 1 << 20
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
    with _damage_as_corrupt():
        header, lines = _table(file)
        widths = Counter(map(len, lines))
    found = widths.total()
    if rows is not None and found != rows:
        message = f"it has {counted(found, 'row')} instead of {rows}"
        raise CorruptFileError(message)
    _check_widths(widths, len(header))


def csv_pages(
    file: IO[bytes],
    row_type: RowType,
    *,
    names: Mapping[str, str],
    on_unselected: Callable[[Iterable[str]], None],
) -> Iterator[Table]:
    """Read a CSV file.

    Args:
        file: The file, plain or gzip, UTF-8 with or without a BOM. Empty, it has no
            rows.
        row_type: The type of the rows.
        names: The field that each column holds that was asked for.
        on_unselected: Told the names of columns that were not asked for.

    Yields:
        Some rows at a time, as texts.

    Raises:
        CorruptFileError: If the file cannot be read to its end, or lacks a column.
    """
    with _damage_as_corrupt():
        columns, lines = _table(file)
        if not columns:
            return
        header = [names.get(name, name) for name in columns]
        try:
            places = row_type.places_in(header)
        except MissingColumnsError as error:
            raise CorruptFileError(str(error)) from error
        if unselected := set(header) - set(names.values()):
            on_unselected(unselected)
        while some := list(islice(lines, PAGE_ROWS)):
            _check_widths(map(len, some), len(header))
            texts = list(zip(*some, strict=True))
            selected = [texts[place] for place in places]
            yield Table(len(some), dict(zip(row_type.names, selected, strict=True)))


def _table(file: IO[bytes]) -> tuple[list[str], Iterator[list[str]]]:
    """The header of a file, and its rows.

    Blank lines are no rows. Only a row of one column is blank if its value is empty:
    so Go writes it.
    """
    # The library's own limit, 131 072 characters, is less than values may have.
    csv.field_size_limit(LONGEST_VALUE)
    bytes_ = io.BufferedReader(_WithoutNul(_plain(file)), _PIECE)
    text = io.TextIOWrapper(bytes_, "utf-8-sig", errors="replace", newline="")
    lines = csv.reader(text, strict=True)
    header = next(filter(None, lines), [])
    if len(header) == 1:
        return header, (line or [""] for line in lines)
    return header, filter(None, lines)


class _WithoutNul(io.RawIOBase):
    """A file without NUL characters, which Python 3.10 refuses in CSV.

    Nothing is lost: no record has them (decision 5).
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        while piece := self._file.read(len(view)):
            if kept := piece.replace(b"\0", b""):
                view[: len(kept)] = kept
                return len(kept)
        return 0


def _plain(file: IO[bytes]) -> IO[bytes]:
    """The file from its beginning, unpacked; gzip is known by its first bytes."""
    file.seek(0)
    magic = file.read(len(_GZIP_MAGIC))
    file.seek(0)
    if magic != _GZIP_MAGIC:
        return file
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file, mode="rb"))


@contextmanager
def _damage_as_corrupt() -> Iterator[None]:
    try:
        yield
    except (csv.Error, EOFError, OSError, zlib.error) as error:
        message = f"the file cannot be read ({error})"
        raise CorruptFileError(message) from error


def _check_widths(widths: Iterable[int], width: int) -> None:
    if any(found != width for found in widths):
        message = f"a row has not as many values as there are columns ({width})"
        raise CorruptFileError(message)
