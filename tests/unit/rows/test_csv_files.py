"""What CSV files may look like, and what is made of it."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from typing import IO, TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tap_targetads.output.records import RecordEncoder
from tap_targetads.reports.fields import FIELD_TYPES, extra_field
from tap_targetads.rows.converter import RowConverter
from tap_targetads.rows.csv_files import (
    LONGEST_VALUE,
    PAGE_ROWS,
    CorruptFileError,
    check_file,
    csv_pages,
)
from tap_targetads.rows.row_type import RowType
from tap_targetads.rows.values import converters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_targetads.rows.row_type import Table

HEADER = b"Name,Count\n"
ROWS = b"a,1\nb,2\n"
RECORDS = [{"Count": 1, "Name": "a"}, {"Count": 2, "Name": "b"}]


TYPES: dict[str, Any] = {"Name": "string", "Count": "integer"}


def tables(
    file: IO[bytes], count: int | None = None, types: Mapping[str, Any] = TYPES
) -> Iterator[Table]:
    """The rows of a file that has been checked, some at a time."""
    check_file(file, count)
    return csv_pages(
        file,
        RowType(types),
        rows=count,
        names={name: name for name in types},
        on_unselected=lambda _: None,
    )


def read(
    content: bytes, count: int | None = None, types: Mapping[str, Any] = TYPES
) -> list[dict[str, Any]]:
    """The records of a file that has been checked."""
    row_type = RowType(types)
    fields = [field for name in types for field in extra_field(name, types[name])]
    converter = RowConverter(
        "clicks",
        fields,
        row_type,
        converters(ZoneInfo("Europe/Moscow")),
        day_field=None,
        null_bad_values=False,
    )
    encoder = RecordEncoder("clicks", {})
    records: list[dict[str, Any]] = []
    for table in tables(io.BytesIO(content), count, types):
        records += encoder.records(converter.rows_of(table), None)
    return records


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b'a"b,1\nc,2\n', ['a"b', "c"]),
        (b'5" x 7",1\n"5"" x 7""",2\n', ['5" x 7"', '5" x 7"']),
        (b'a""b,1\n"c\n""d",2\n', ['a""b', 'c\n"d']),
        (b' "a",1\nb,2\n', [' "a"', "b"]),
        (b'"",1\n"""",2\n', [None, '"']),
    ],
)
def test_quotes_are_counted_as_they_are_read(content: bytes, names: list[str]) -> None:
    assert [r["Name"] for r in read(HEADER + content, 2)] == names
    with pytest.raises(CorruptFileError, match="2 rows instead of 3"):
        read(HEADER + content, 3)


@pytest.mark.parametrize("field_type", FIELD_TYPES)
@pytest.mark.parametrize("value", [rb"\N", rb'"\N"', b"", b'""', b"\0", b'"\0"'])
def test_a_null_of_clickhouse_is_null_in_every_type(
    field_type: str, value: bytes
) -> None:
    types = {"Name": "string", "Other": field_type}

    assert read(b"Name,Other\nx," + value + b"\n", 1, types) == [
        {"Name": "x", "Other": None}
    ]


@pytest.mark.parametrize("text", [r"\\N", r"\n", r"x\N", r"\N ", r"\N\N", "N"])
def test_a_text_that_only_resembles_null_is_kept(text: str) -> None:
    assert read(HEADER + f"{text},1\n".encode())[0]["Name"] == text


@pytest.mark.parametrize("content", [b"a\0\0,1\nb,2\0\n", b'"\0a",1\n\0b,2\n'])
def test_nul_characters_are_dropped_and_lose_no_row(content: bytes) -> None:
    assert read(HEADER + content, 2) == RECORDS


@pytest.mark.parametrize(
    "content",
    [
        HEADER + ROWS,
        HEADER + ROWS[:-1],
        HEADER + ROWS + b"\n",
        b"\n\n" + HEADER + b"\n\r\n" + b"a,1\n\n\nb,2\n\r\n\n",
        (HEADER + ROWS).replace(b"\n", b"\r\n"),
        (HEADER + ROWS).replace(b"\n", b"\r"),
        (HEADER + ROWS).replace(b"\n", b"\r\r\n"),
        b"\xef\xbb\xbf" + HEADER + ROWS,
        b'\xef\xbb\xbf"Name","Count"\n' + ROWS,
    ],
)
def test_blank_lines_line_ends_and_bom_make_no_row(content: bytes) -> None:
    assert read(content, 2) == RECORDS
    assert read(gzip.compress(content), 2) == RECORDS


def test_a_blank_line_is_a_row_where_there_is_one_column() -> None:
    assert read(b"Name\nx\n\ny\n", 3, {"Name": "string"}) == [
        {"Name": "x"},
        {"Name": None},
        {"Name": "y"},
    ]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf", HEADER])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_empty_file_has_no_rows(content: bytes, pack: Any) -> None:
    assert read(pack(content), 0) == []
    with pytest.raises(CorruptFileError, match="it has 0 rows instead of 1"):
        read(pack(content), 1)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_without_a_count_has_at_least_a_header(
    content: bytes, pack: Any
) -> None:
    assert read(pack(HEADER)) == []
    with pytest.raises(CorruptFileError, match="empty, without even a header"):
        read(pack(content))


@pytest.mark.parametrize("rows", [2, None])
def test_a_plain_file_that_is_shorter_than_announced_is_cut_off(
    rows: int | None,
) -> None:
    content = HEADER + b"a,1\nb,200\n"

    check_file(io.BytesIO(content), rows, len(content))
    check_file(io.BytesIO(content[:-1]), rows, 10)
    with pytest.raises(CorruptFileError, match="20 instead of 21 bytes"):
        check_file(io.BytesIO(content[:-1]), rows, len(content))


def test_a_gzip_may_have_several_members_and_end_in_zeros() -> None:
    members = gzip.compress(HEADER + b"a,") + gzip.compress(b"1\nb,2\n")

    assert read(members, 2) == RECORDS
    assert read(members + b"\0" * 512, 2) == RECORDS


def test_what_follows_a_gzip_and_is_none_is_damage() -> None:
    with pytest.raises(CorruptFileError, match="cannot be read"):
        read(gzip.compress(HEADER + ROWS) + b"garbage", 2)


def test_bytes_that_are_no_text_become_replacement_characters() -> None:
    assert read(HEADER + b"a\xffb\xc3,1\n", 1)[0]["Name"] == "a\ufffdb\ufffd"


def test_a_row_of_another_width_is_an_error_after_those_before_it() -> None:
    rows = 10 * PAGE_ROWS
    delivered = 0

    with pytest.raises(CorruptFileError, match=r"as many values .* \(2\)"):  # noqa: PT012
        for table in tables(io.BytesIO(HEADER + b"a,1\n" * rows + b"b\n")):
            delivered += table.length

    assert 0 < delivered < rows


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("rows", [1, PAGE_ROWS, PAGE_ROWS + 1, 10 * PAGE_ROWS])
def test_a_last_value_that_is_cut_off_is_never_delivered(rows: int, pack: Any) -> None:
    content = HEADER + b"a,17\n" * (rows - 1) + b"a,1"
    counts: list[str] = []

    with pytest.raises(CorruptFileError, match=f"instead of {rows + 1}"):  # noqa: PT012
        for table in tables(io.BytesIO(pack(content)), rows + 1):
            counts += table.columns["Count"]

    assert "1" not in counts


@pytest.mark.parametrize("damage", [lambda c: c[:-9], lambda c: c[:-8] + bytes(8)])
def test_a_damaged_gzip_delivers_no_row(damage: Callable[[bytes], bytes]) -> None:
    content = damage(gzip.compress(HEADER + b"a,1\n" * 10 * PAGE_ROWS))

    with pytest.raises(CorruptFileError, match="cannot be read"):
        check_file(io.BytesIO(content), None)


def test_the_memory_for_a_file_does_not_grow_with_it() -> None:
    def peak(rows: int) -> int:
        # Not compressed: a file that fits into the buffers would grow with its rows.
        file = io.BytesIO(gzip.compress(HEADER + b"device-0123456789,17\n" * rows, 0))
        tracemalloc.start()
        for _ in tables(file, rows):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)  # what is made once
    assert peak(100_000) < peak(50_000) * 1.05


def test_a_quote_that_nobody_closes_does_not_fill_the_memory() -> None:
    content = HEADER + b'"' + b"x,1\n" * (LONGEST_VALUE // 4 + 1)

    with pytest.raises(CorruptFileError, match="field larger than field limit"):
        list(tables(io.BytesIO(content)))


@pytest.mark.parametrize("mark", list("\v\f\x1c\x1d\x1e\x85\u2028\u2029"))
@pytest.mark.parametrize("quote", ["", '"'])
def test_what_ends_lines_elsewhere_ends_none_in_csv(mark: str, quote: str) -> None:
    name = f"a{mark}b"
    content = f"{quote}{name}{quote},1\n".encode()

    assert [r["Name"] for r in read(HEADER + content * 3, 3)] == [name] * 3
