"""CSV files of jobs, read a few rows at a time, as columns of texts.

The form is RFC 4180's, or ClickHouse's. Decision 11 says what is forgiven.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from contextlib import contextmanager
from itertools import chain, islice, repeat
from typing import IO, TYPE_CHECKING, cast

from tap_targetads.plurals import count_of
from tap_targetads.rows.odd_bytes import REPLACE, replaced
from tap_targetads.rows.row_type import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_targetads.rows.row_type import RowType

PAGE_ROWS = 250
"""Rows that are read at once: so few that they stay in the processor's cache, which
halves the time of everything that is done with them."""

LONGEST_VALUE = 1 << 25
"""Most characters of a value: a quote that nobody closes must not fill the memory."""

_BLOCK = 1 << 14
"""Bytes that are unpacked at once, and stay in the cache likewise."""

_GZIP_MAGIC = b"\x1f\x8b"
_NO_CSV = {
    "<": "an HTML or XML page",
    "{": "JSON",
    "[": "JSON",
    "PK\x03\x04": "a ZIP archive",
}
"""What a storage sends in place of a file, by its beginning."""


class CorruptFileError(Exception):
    """A file is not what the API promises: cut off, damaged, or of other columns."""


def check_file(
    file: IO[bytes], rows: int | None, size: int | None = None, *, unpack: bool = True
) -> None:
    """Find out before the first row whether a file came undamaged.

    Args:
        file: The file, plain or gzip.
        rows: How many rows the API says it has.
        size: How many bytes the API says it has.
        unpack: Check the checksum too, which takes a tenth of the time that reading
            takes. Otherwise damage shows at the end.

    Raises:
        CorruptFileError: If it is cut off or damaged.
    """
    if not _is_gzip(file):
        _check_end(file, rows, size)
    elif unpack:
        with _unreadable_is_corrupt():
            plain = _plain(file)
            while plain.read(_BLOCK):
                pass


def csv_pages(
    file: IO[bytes],
    row_type: RowType,
    *,
    rows: int | None,
    names: Mapping[str, str],
    on_unselected: Callable[[Iterable[str]], None],
) -> Iterator[Table]:
    """Read a CSV file.

    The last rows are held back until the file is known to be whole: where it is cut
    off, the last value may look right and be wrong.

    Args:
        file: The file, plain or gzip, UTF-8 with or without a BOM.
        row_type: The type of the rows.
        rows: How many rows the API says it has; 0 may also mean that it did not count.
        names: The field that each column holds that was asked for, whatever the case
            of its name.
        on_unselected: Called with the names of columns that were not asked for.

    Yields:
        Some rows at a time, as texts.

    Raises:
        CorruptFileError: If the file cannot be read to its end, lacks a column, has
            rows of another width, or, at its end, another number of them.
    """
    found, held_back = 0, list[Table]()
    with _table(file) as (columns, lines):
        if columns:
            folded = {n.casefold(): f for n, f in names.items() if n not in columns}
            header = [names.get(n) or folded.get(n.casefold(), n) for n in columns]
            if missing := row_type.missing_from(header):
                message = f"its header lacks the columns {missing}"
                raise CorruptFileError(message)
            if unselected := set(header) - set(names.values()):
                on_unselected(unselected)
        elif rows is None:
            message = "it is empty, without even a header"
            raise CorruptFileError(message)
        while some := list(islice(lines, PAGE_ROWS)):
            found += len(some)
            if set(map(len, some)) != {len(columns)}:
                width = len(columns)
                message = f"a row has not as many values as there are columns ({width})"
                raise CorruptFileError(message)
            yield from held_back
            table = row_type.table(header, some)
            held_back = [table._replace(replaced=replaced.take())]
    if rows and found != rows:
        message = f"it has {count_of(found, 'row')} instead of {rows}"
        raise CorruptFileError(message)
    yield from held_back


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
    replaced.take()
    with _unreadable_is_corrupt():
        texts = _lines(_plain(file))
        first = next((line for line in texts if line.strip("\ufeff\r\n")), "")
        first = first.removeprefix("\ufeff")
        lines = csv.reader(chain([first], texts), _dialect(first), strict=True)
        header = next(filter(None, lines), [])
        if len(header) == 1:
            yield header, (line or [""] for line in lines)
        else:
            yield header, filter(None, lines)


@contextmanager
def _unreadable_is_corrupt() -> Iterator[None]:
    try:
        yield
    except (csv.Error, EOFError, OSError, zlib.error) as error:
        message = f"the file cannot be read ({error})"
        raise CorruptFileError(message) from error


def _lines(file: IO[bytes]) -> Iterator[str]:
    """The lines of a file; splitting many at once takes half the time."""

    def blocks() -> Iterator[list[bytes]]:
        while block := file.read(_BLOCK) + file.readline():
            yield block.splitlines(keepends=True)

    lines = chain.from_iterable(blocks())
    return map(bytes.decode, lines, repeat("utf-8"), repeat(REPLACE))


def _plain(file: IO[bytes]) -> IO[bytes]:
    """The file from its beginning, unpacked; gzip is known by its first bytes.

    A gzip is packed once more if gzip was also the encoding of its transfer.
    """
    while _is_gzip(file):
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=file, mode="rb"))
    return file


def _is_gzip(file: IO[bytes]) -> bool:
    file.seek(0)
    magic = file.read(len(_GZIP_MAGIC))
    file.seek(0)
    return magic == _GZIP_MAGIC


def _dialect(header: str) -> type[csv.Dialect]:
    """How the values of a file are separated, to judge by its first line.

    Raises:
        CorruptFileError: If it is another kind of file.
    """
    _check_kind(header)

    class Dialect(csv.excel):
        delimiter = next((d for d in ",;\t" if d in header), ",")

    return Dialect


def _check_kind(beginning: str) -> None:
    """Make sure that a file is not something else in place of one.

    Raises:
        CorruptFileError: If it is.
    """
    for other, kind in _NO_CSV.items():
        if beginning.lstrip().startswith(other):
            message = f"it is no CSV, but {kind}"
            raise CorruptFileError(message)


def _check_end(file: IO[bytes], rows: int | None, size: int | None) -> None:
    """Make sure that a plain file is whole: it has no checksum.

    The size may be meant otherwise, and so is asked only where the last value may be
    cut off, or rows may be missing.
    """
    if (found := file.seek(0, io.SEEK_END)) >= (size or 0):
        return
    file.seek(0)
    _check_kind(file.read(_BLOCK).decode("utf-8-sig", "replace"))
    file.seek(max(0, found - 1))
    if not rows or file.read(1) not in {b"\r", b"\n"}:
        message = f"it is cut off: it has {found} instead of {size} bytes"
        raise CorruptFileError(message)
