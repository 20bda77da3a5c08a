"""Pages of JSON with values that decoders refuse, or that streams could choke on."""

from __future__ import annotations

import json
import logging
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tap_targetads.api.answers import MalformedAnswerError
from tap_targetads.errors import DataError
from tap_targetads.output.records import RecordEncoder
from tap_targetads.reports.fields import extra_field
from tap_targetads.rows.converter import RowConverter
from tap_targetads.rows.json_pages import PageDecoder
from tap_targetads.rows.row_type import RowType
from tap_targetads.rows.values import converters

TYPES: dict[str, Any] = {
    "Day": "date",
    "Flag": "boolean",
    "Number": "number",
    "Text": "string",
    "Whole": "integer",
}


class Stream:
    """Reads pages as a stream does, one after the other."""

    def __init__(self, *, null_bad_values: bool = False) -> None:
        self.unselected: list[str] = []
        self.encoder = RecordEncoder("clicks", {})
        self.decoder = PageDecoder(RowType(TYPES), self.unselected.extend)
        fields = [field for name in TYPES for field in extra_field(name, TYPES[name])]
        self.converter = RowConverter(
            "clicks",
            fields,
            self.decoder.row_type,
            converters(ZoneInfo("Europe/Moscow")),
            day_field="Day",
            null_bad_values=null_bad_values,
        )

    def lines(self, body: bytes) -> list[bytes]:
        page = self.decoder.decode(body).page
        page.lines(page.rows)
        lines = []
        for chunk in page.chunks():
            self.converter.convert(chunk)
            for objects in self.encoder.objects(chunk.rows, None):
                lines += objects
        return lines

    def read(self, body: bytes) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line) for line in self.lines(body)]


def objects(name: str, value: bytes) -> bytes:
    other = b'{"Day":"2024-01-15","Number":1.5,"Text":"ok"}'
    odd = b'{"Day":"2024-01-15","%s":%s}' % (name.encode(), value)
    return b'{"data":[' + other + b"," + odd + b'],"has_more":false}'


def arrays(name: str, value: bytes) -> bytes:
    columns = [name, *(n for n in TYPES if n != name)]
    values = [b"null" if n != "Day" else b'"2024-01-15"' for n in columns]
    rows = [b",".join(values), b",".join([value, *values[1:]])]
    rows_ = b",".join(b"[" + row + b"]" for row in rows)
    return b'{"Rows":[%s],"Columns":%s}' % (rows_, json.dumps(columns).encode())


SHAPES = [objects, arrays]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (rb'"\ud800"', "\ufffd"),
        (rb'"a\uDFFFb"', "a\ufffdb"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\\\ud800\\ud800"', "\\\ufffd\\ud800"),
        (rb'"\ud83d\\ude00"', "\ufffd\\ude00"),
        (b'"\xff"', "\ufffd"),
        (b'"a\xe2\x82b\xf0\x9f\x98"', "a\ufffdb\ufffd"),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        (b"NaN", "NaN"),
        (b"-Infinity", "-Infinity"),
        (b"1e999", "1e999"),
        (b"18446744073709551616", "18446744073709551616"),
        (b"1" * 5000, "1" * 5000),
    ],
)
def test_a_text_that_decoders_refuse_is_read(
    shape: Any, value: bytes, text: str
) -> None:
    assert Stream().read(shape("Text", value))[1]["Text"] == text


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Number", b"NaN"),
        ("Number", b"-Infinity"),
        ("Number", b"1e999"),
        ("Number", b"-1.5E+400"),
        ("Number", b"1" * 310),
        ("Whole", b"9223372036854775808"),
        ("Whole", b"-9223372036854775809"),
        ("Whole", b'"9223372036854775808"'),
        ("Whole", b"1e30"),
        ("Whole", b"1" * 5000),
        ("Whole", b"NaN"),
        ("Flag", b"Infinity"),
        ("Flag", b"1e999"),
        ("Day", b"NaN"),
        ("Number", b"[" * 30 + b"]" * 30),
    ],
)
def test_a_number_that_is_none_is_a_bad_value(
    shape: Any, name: str, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DataError) as caught:
        Stream().read(shape(name, value))
    assert str(caught.value).startswith(f"Stream clicks, field {name}, day ")
    assert len(str(caught.value)) < 400

    stream = Stream(null_bad_values=True)
    assert stream.read(shape(name, value))[1][name] is None
    stream.converter.report_losses(logging.getLogger("tap-targetads.clicks"))
    assert f"1 values of {name} could not be converted" in caplog.text


@pytest.mark.parametrize("shape", SHAPES)
def test_the_largest_integers_of_databases_are_integers(shape: Any) -> None:
    for value in (2**63 - 1, -(2**63)):
        assert Stream().read(shape("Whole", b"%d" % value))[1]["Whole"] == value


def test_bytes_that_are_no_utf_8_are_counted() -> None:
    stream = Stream()
    for text in (b"a\xffb\xfe", "\ufffd".encode(), b"\xe2\x82"):
        stream.read(b'{"data": [{"Text": "%s"}]}' % text)

    assert stream.converter.replaced == 3


@pytest.mark.parametrize("shape", SHAPES)
def test_texts_that_look_like_odd_numbers_are_left_alone(shape: Any) -> None:
    text = 'a,NaN,[1e999]:inf "x" \\'
    value = json.dumps(text + "\ud800").encode()

    assert Stream().read(shape("Text", value))[1]["Text"] == text + "\ufffd"


@pytest.mark.parametrize("shape", SHAPES)
def test_a_nested_value_is_its_own_text(shape: Any) -> None:
    value = b'{"a":' * 30 + rb'["\ud800",NaN,1e2,1.50]' + b"}" * 30

    text = Stream().read(shape("Text", value))[1]["Text"]

    assert text == '{"a":' * 30 + '["\ufffd","NaN",100.0,1.5]' + "}" * 30


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "text",
    [
        "\n\r\t\u2028\u2029\x85\x1c\x7f\ufeff",
        r"\u0000 \ud800 \n",
        '{"type":"RECORD"}\n{"type":"STATE","value":{}}\n',
        '":"",":null,"',
        "x" * 10_000_000 + "\n",
        '"\\' * 1_000_000,
    ],
    ids=lambda text: text[:10],
)
def test_no_text_can_break_a_line_or_change_on_the_way(shape: Any, text: str) -> None:
    lines = Stream().lines(shape("Text", json.dumps(text).encode()))

    assert len(lines) == 2
    assert b"\n" not in lines[1]
    assert json.loads(lines[1])["Text"] == text


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["Number", "Whole", "Flag", "Text"])
@pytest.mark.parametrize("value", [rb'"\u0000"', rb'"\\N"', b'""', b"null"])
def test_what_is_null_in_csv_is_null_in_json(
    shape: Any, name: str, value: bytes
) -> None:
    assert Stream().read(shape(name, value))[1][name] is None


def test_nul_characters_do_not_make_a_value_bad() -> None:
    assert Stream().read(objects("Number", rb'"1\u00002.5"'))[1]["Number"] == 12.5


@pytest.mark.parametrize(
    "body",
    [
        objects("Text", rb'"\ud800"')[:-20],
        objects("Number", b"NaN")[:-20],
        objects("Text", b"[" * 5000),
        objects("Text", b"[" * 100_000 + b"]" * 100_000),
        objects("Text", b'"' + rb"\"" * 500_000)[:-40] + b"NaN",
        objects("Number", b"NaNa"),
        objects("Text", rb'"\ud8"'),
    ],
)
def test_an_answer_that_is_cut_off_or_nested_too_deep_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswerError):
        Stream().read(body)


def test_an_odd_page_does_not_slow_down_the_pages_after_it() -> None:
    stream = Stream()

    stream.read(objects("Number", b"1") + b"\n")
    with pytest.raises(DataError):
        stream.read(objects("Number", b"1e999"))

    page = stream.decoder.decode(objects("Number", b"1")).page
    (chunk,) = page.chunks()
    assert chunk.checked


def test_a_field_whose_name_cannot_be_declared_is_reported_and_dropped() -> None:
    stream = Stream()

    records = stream.read(objects(r"a\"b\\c\n", b"1"))

    assert set(records[1]) == set(TYPES)
    assert stream.unselected == ['a"b\\c\n']


@pytest.mark.parametrize("shape", SHAPES)
def test_a_page_may_begin_with_a_bom(shape: Any) -> None:
    body = shape("Text", b'"x"')

    assert Stream().read(b"\xef\xbb\xbf" + body) == Stream().read(body)


@pytest.mark.parametrize("odd", [b"7", b'"\\ud800"', b"NaN", b'""'])
def test_undeclared_fields_are_reported_however_the_page_was_decoded(
    odd: bytes,
) -> None:
    stream = Stream()
    body = b'{"data":[{"Text":"x"},{"New":[1e999],"Text":%s,"Newer":null}]}' % odd

    stream.read(body)
    stream.read(body)

    assert stream.unselected == ["New", "Newer"]


def test_the_first_value_of_an_array_may_be_an_object() -> None:
    assert Stream().read(arrays("Text", b'{"a":1}'))[1]["Text"] == '{"a":1}'
    first = arrays("Text", b"1").replace(b"[[null", b'[[{"a":1}')
    assert Stream().read(first)[0]["Text"] == '{"a":1}'


@pytest.mark.parametrize("odd", [b"7", b'"\\ud800"', b'"\xff"'])
def test_the_same_rows_look_the_same_however_the_page_around_them_was_decoded(
    odd: bytes,
) -> None:
    rows = b'{"Number":100,"Whole":7,"Flag":true},{"Number":-0,"Text":"x"}'
    decoder = Stream().decoder
    usual = decoder.decode(b'{"data":[' + rows + b"]}").page

    page = decoder.decode(b'{"data":[' + rows + b',{"Text":' + odd + b"}]}").page

    assert page.lines(page.rows[:2]) == usual.lines(usual.rows)
