"""Pages of version 1, and files of version 2: rows, or a clean error; nothing else."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tap_targetads.api.answers import MalformedAnswerError
from tap_targetads.errors import DataError
from tap_targetads.output.records import RecordEncoder
from tap_targetads.rows.converter import RowConverter
from tap_targetads.rows.csv_files import CorruptFileError, check_file, csv_pages
from tap_targetads.rows.json_pages import PageDecoder
from tap_targetads.rows.row_type import Chunk, RowType
from tap_targetads.rows.values import converters
from tests.support.fuzzing import (
    FIELDS,
    TYPES,
    as_json,
    fitting,
    fuzz,
    mutated,
    rows_of,
    values,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_targetads.rows.json_pages import Page

CONVERSIONS = converters(ZoneInfo("Europe/Moscow"))
ROW_TYPE = RowType(TYPES)


def converter_of(row_type: RowType, *, null_bad_values: bool) -> RowConverter:
    return RowConverter(
        "clicks",
        FIELDS,
        row_type,
        CONVERSIONS,
        day_field=None if null_bad_values else "At",
        null_bad_values=null_bad_values,
    )


def lines_of(chunks: Iterable[Chunk]) -> list[bytes]:
    """The records of a page, as their lines."""
    encoder = RecordEncoder("clicks", {})
    return [
        line
        for chunk in chunks
        for lines in encoder.objects(chunk.rows, None)
        for line in lines
    ]


def converted(
    page: Page, decoder: PageDecoder, *, null_bad_values: bool
) -> Iterator[Chunk]:
    """The chunks of a page, as a stream delivers them."""
    converter = converter_of(decoder.row_type, null_bad_values=null_bad_values)
    for chunk in page.chunks():
        converter.convert(chunk)
        yield chunk


def from_page(body: bytes, *, null_bad_values: bool = True) -> list[bytes]:
    """The records of a page, which do not depend on what is decoded together."""
    results = []
    for together in (1, 2, 250):
        with patch("tap_targetads.rows.json_pages.CHUNK_ROWS", together):
            decoder = PageDecoder(ROW_TYPE, lambda _: None)
            page = decoder.decode(body).page
            chunks = converted(page, decoder, null_bad_values=null_bad_values)
            results.append(lines_of(chunks))
        page.lines(page.rows)
    assert results[0] == results[1] == results[2]
    return results[0]


def from_file(
    content: bytes, count: int | None = None, *, null_bad_values: bool = True
) -> list[bytes]:
    file = io.BytesIO(content)
    check_file(file, count)
    tables = csv_pages(
        file,
        ROW_TYPE,
        rows=count,
        names={n: n for n in TYPES},
        on_unselected=lambda _: None,
    )
    converter = converter_of(ROW_TYPE, null_bad_values=null_bad_values)
    return lines_of(Chunk(converter.rows_of(table)) for table in tables)


def refuse(word: str) -> None:
    raise AssertionError(word)


def assert_fits(value: Any, kind: str) -> None:
    """Whether a value is what the schema promises for its type."""
    if value is None:
        return
    if kind == "integer":
        assert type(value) is int
        assert -(2**63) <= value < 2**63
    elif kind == "number":
        assert type(value) is float
        assert math.isfinite(value)
    elif kind == "boolean":
        assert type(value) is bool
    else:
        assert type(value) is str
        assert value
        assert "\0" not in value
    if kind == "date":
        assert str(date.fromisoformat(value)) == value
    if kind == "date-time":
        assert datetime.fromisoformat(value).utcoffset() == timedelta(0)


def assert_are_records(lines: list[bytes]) -> None:
    for line in lines:
        assert b"\n" not in line
        record = json.loads(line.decode(), parse_constant=refuse)
        assert list(record) == list(ROW_TYPE.names)
        for name, value in record.items():
            assert_fits(value, TYPES[name])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Answers in either shape, with values of all kinds."""
    rows = draw(rows_of(values))
    extra = draw(st.dictionaries(st.text(max_size=5), values, max_size=2))
    ascii_only = draw(st.booleans())
    if draw(st.booleans()):
        if rows:
            rows[0].update(extra)
        more = draw(values | st.booleans())
        answer: dict[str, Any] = {"data": rows, "has_more": more, "count": len(rows)}
        return as_json(answer, ascii_only=ascii_only)
    names = draw(st.permutations([*TYPES, *extra]))
    columns = [draw(st.sampled_from([n, {"Name": n}, {"Field": n}])) for n in names]
    table: Any = [[row.get(n, extra.get(n)) for n in names] for row in rows]
    if draw(st.booleans()):
        table = [{**row, **extra} for row in rows]
    answer = {"Rows": table, "Columns": columns, "CountRows": len(rows)}
    return as_json(answer, ascii_only=ascii_only)


@fuzz
@given(mutated(answers()) | st.binary(), st.booleans())
def test_any_answer_is_records_or_a_clean_error(
    body: bytes,
    null_bad_values: bool,  # noqa: FBT001
) -> None:
    try:
        lines = from_page(body, null_bad_values=null_bad_values)
    except (MalformedAnswerError, DataError) as error:
        assert "\n" not in str(error) or isinstance(error, MalformedAnswerError)  # noqa: PT017
        return
    assert_are_records(lines)


def written(rows: list[dict[str, Any]], null: str = "", **dialect: Any) -> str:
    """Rows as CSV."""
    lines = [[as_csv(row.get(name), null) for name in TYPES] for row in rows]
    text = io.StringIO(newline="")
    writer = csv.writer(text, **dialect)
    writer.writerow(TYPES)
    writer.writerows(lines)
    return text.getvalue()


def as_csv(value: Any, null: str) -> str:
    if value is None:
        return null
    return value if isinstance(value, str) else json.dumps(value)


# Python writes a bare \r without quotes, if it is no part of its line end.
DIALECTS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"null": null, "quoting": quoting, "lineterminator": end}
        for null in ("", r"\N")
        for quoting, end in (
            (csv.QUOTE_MINIMAL, "\r\n"),
            (csv.QUOTE_ALL, "\r\n"),
            (csv.QUOTE_ALL, "\n"),
        )
    ]
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Files as jobs leave them, with values of all kinds."""
    text = written(draw(rows_of(values)), **draw(DIALECTS))
    content = draw(mutated(st.just(text.encode(errors="surrogatepass"))))
    bom = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    content = bom + content
    if draw(st.booleans()):
        cut = draw(st.integers(0, len(content)))
        content = gzip.compress(content[:cut]) + gzip.compress(content[cut:])
        content = draw(mutated(st.just(content)))
    return content


@fuzz
@given(files() | st.binary(), st.booleans())
def test_any_file_is_records_or_a_clean_error(
    content: bytes,
    null_bad_values: bool,  # noqa: FBT001
) -> None:
    try:
        lines = from_file(content, null_bad_values=null_bad_values)
    except (CorruptFileError, DataError):
        return
    assert_are_records(lines)
    assert from_file(content, len(lines), null_bad_values=null_bad_values) == lines
    with pytest.raises(CorruptFileError):
        from_file(content, len(lines) + 1, null_bad_values=null_bad_values)


texts = st.one_of(
    st.text(max_size=30),
    st.text(st.sampled_from('",\\N\n\r\0\u2028:;{}[] ux0\ufeff'), max_size=12),
    st.integers(-(2**80), 2**80),
    st.booleans(),
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {n: fitting(k) if k != "string" else texts for n, k in TYPES.items()}
    ),
    max_size=5,
)


def in_both(rows: list[dict[str, Any]], body: bytes, content: bytes) -> None:
    """Whether a page and a file with the same rows give the same records."""
    page, file = from_page(body), from_file(content)

    assert page == file
    assert len(page) == len(rows)
    columns = {"Rows": [[r[n] for n in TYPES] for r in rows], "Columns": list(TYPES)}
    assert from_page(as_json(columns)) == page
    if rows:
        encoder = RecordEncoder("clicks", {})
        decoder = PageDecoder(ROW_TYPE, lambda _: None)
        read = decoder.decode(body).page
        (chunk,) = converted(read, decoder, null_bad_values=True)
        ((count, block),) = encoder.blocks(chunk.rows, None)
        assert count == block.count(b"\n") == len(rows)


@fuzz
@given(ROWS, DIALECTS, st.booleans())
def test_rows_are_the_same_from_pages_and_from_files(
    rows: list[dict[str, Any]],
    dialect: dict[str, Any],
    packed: bool,  # noqa: FBT001
) -> None:
    content = written(rows, **dialect).encode()
    content = gzip.compress(content) if packed else content

    in_both(rows, as_json({"data": rows}), content)
    assert_are_records(from_file(content))


def whole(text: str) -> str:
    """A text with its surrogates paired, or replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@fuzz
@given(ROWS, st.text(st.characters(categories=["Cs", "Lu"]), min_size=1), DIALECTS)
def test_halves_of_pairs_are_replaced_in_both(
    rows: list[dict[str, Any]], text: str, dialect: dict[str, Any]
) -> None:
    rows = [{**row, "Other": text} for row in rows]
    content = written(rows, **dialect)

    in_both(rows, as_json({"data": rows}), whole(content).encode())


@fuzz
@given(ROWS, st.binary(min_size=1), DIALECTS)
def test_bytes_that_are_no_text_are_replaced_in_both(
    rows: list[dict[str, Any]], text: bytes, dialect: dict[str, Any]
) -> None:
    assume(b"\0" not in text)
    odd = text.decode(errors="surrogateescape")
    rows = [{**row, "Other": odd} for row in rows]
    body = json.dumps({"data": rows}, ensure_ascii=False)
    content = written(rows, **dialect)

    page = from_page(body.encode(errors="surrogateescape"))
    assert page == from_file(content.encode(errors="surrogateescape"))
    assert len(page) == len(rows)
