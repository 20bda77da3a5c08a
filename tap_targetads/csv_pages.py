"""CSV files of jobs, read in pieces as typed rows."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from itertools import islice
from typing import IO, TYPE_CHECKING, cast

from tap_targetads.pages import Page
from tap_targetads.rows import MissingColumnsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tap_targetads.rows import RowType

PAGE_ROWS = 20_000

_PIECE = 1 << 20

_GZIP_MAGIC = b"\x1f\x8b"
_NO_LIMIT = 2**31 - 1


class CorruptFileError(Exception):
    """A file is not what the API promises: cut off, damaged, or of other columns."""


def check_file(file: IO[bytes], rows: int | None) -> None:
    """Read a file to its end, to know before the first row that it is whole.

    That costs unpacking it twice, and spares rows that are cut off, or damaged, from
    being delivered before the checksum at the end shows it.

    Args:
        file: The file, plain or gzip.
        rows: How many rows the API says it has.

    Raises:
        CorruptFileError: If it is cut off or damaged, or has another number of rows.
    """
    lines, quoted, last = 0, False, b"\n"
    try:
        plain = _plain(file)
        while piece := plain.read(_PIECE):
            last = piece[-1:]
            for number, part in enumerate(piece.split(b'"')):
                quoted = quoted != (number > 0)
                lines += 0 if quoted else part.count(b"\n")
    except (EOFError, OSError, zlib.error) as error:
        message = f"the file cannot be read ({error})"
        raise CorruptFileError(message) from error
    found = lines + (last != b"\n") - 1
    if rows is not None and found != rows:
        message = f"it has {found} rows instead of {rows}"
        raise CorruptFileError(message)


def csv_pages(
    file: IO[bytes],
    row_type: RowType,
    *,
    names: Mapping[str, str],
    on_unselected: Callable[[Iterable[str]], None],
) -> Iterator[Page]:
    """Read a CSV file.

    Args:
        file: The file, plain or gzip, UTF-8 with or without a BOM.
        row_type: The type of the rows.
        names: The field that each column holds that was asked for.
        on_unselected: Told the names of columns that were not asked for.

    Yields:
        Pages of rows that are not converted yet.

    Raises:
        CorruptFileError: If the file cannot be read to its end, or lacks a column.
    """
    # The library's default limit, 131 072 characters, is less than values may have.
    csv.field_size_limit(_NO_LIMIT)
    try:
        text = io.TextIOWrapper(_plain(file), encoding="utf-8-sig", newline="")
        reader = csv.reader(text, strict=True)
        header = [names.get(name, name) for name in next(reader, [])]
        make = row_type.from_arrays(header)
        if unselected := set(header) - set(names.values()):
            on_unselected(unselected)
        while lines := list(islice(reader, PAGE_ROWS)):
            _check_widths(lines, len(header))
            yield Page([make(line) for line in lines], strict=False)
        text.detach()  # the file is the caller's to close
    except MissingColumnsError as error:
        raise CorruptFileError(str(error)) from error
    except (csv.Error, EOFError, OSError, UnicodeDecodeError, zlib.error) as error:
        message = f"the file cannot be read ({error})"
        raise CorruptFileError(message) from error


def _plain(file: IO[bytes]) -> IO[bytes]:
    """The file from its beginning, unpacked; gzip is known by its first bytes."""
    file.seek(0)
    magic = file.read(len(_GZIP_MAGIC))
    file.seek(0)
    if magic != _GZIP_MAGIC:
        return file
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file, mode="rb"))


def _check_widths(lines: Sequence[Sequence[str]], width: int) -> None:
    if any(len(line) != width for line in lines):
        message = f"a row has not as many values as there are columns ({width})"
        raise CorruptFileError(message)
