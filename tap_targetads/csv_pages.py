"""CSV files of jobs, read in pieces as typed rows."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from itertools import islice
from typing import IO, TYPE_CHECKING

from tap_targetads.pages import Page
from tap_targetads.rows import MissingColumnsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tap_targetads.rows import RowType

PAGE_ROWS = 20_000

_GZIP_MAGIC = b"\x1f\x8b"
_NO_LIMIT = 2**31 - 1


class CorruptFileError(Exception):
    """A file is not what the API promises: cut off, damaged, or of other columns."""


def csv_pages(
    file: IO[bytes],
    row_type: RowType,
    *,
    names: Mapping[str, str],
    on_unselected: Callable[[Iterable[str]], None],
    skip: int = 0,
) -> Iterator[Page]:
    """Read a CSV file.

    Args:
        file: The file, plain or gzip, UTF-8 with or without a BOM.
        row_type: The type of the rows.
        names: The field that each column holds that was asked for.
        on_unselected: Told the names of columns that were not asked for.
        skip: How many rows to pass over.

    Yields:
        Pages of rows that are not converted yet.

    Raises:
        CorruptFileError: If the file cannot be read to its end, or lacks a column.
    """
    # The library's default limit, 131 072 characters, is less than values may have.
    csv.field_size_limit(_NO_LIMIT)
    try:
        reader = csv.reader(_text(file), strict=True)
        header = [names.get(name, name) for name in next(reader, [])]
        make = row_type.from_arrays(header)
        if unselected := set(header) - set(names.values()):
            on_unselected(unselected)
        width = len(header)
        for _ in islice(reader, skip):
            pass
        while lines := list(islice(reader, PAGE_ROWS)):
            _check_widths(lines, width)
            yield Page([make(line) for line in lines], strict=False)
    except MissingColumnsError as error:
        raise CorruptFileError(str(error)) from error
    except (csv.Error, EOFError, OSError, UnicodeDecodeError, zlib.error) as error:
        message = f"the file cannot be read ({error})"
        raise CorruptFileError(message) from error


def _text(file: IO[bytes]) -> IO[str]:
    """The text of a file; gzip is known by its first bytes."""
    magic = file.read(len(_GZIP_MAGIC))
    file.seek(0)
    plain = gzip.GzipFile(fileobj=file) if magic == _GZIP_MAGIC else file
    return io.TextIOWrapper(plain, encoding="utf-8-sig", newline="")


def _check_widths(lines: Sequence[Sequence[str]], width: int) -> None:
    if any(len(line) != width for line in lines):
        message = f"a row has not as many values as there are columns ({width})"
        raise CorruptFileError(message)
