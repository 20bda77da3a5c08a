"""Strategies for bytes and values as nobody promised them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tap_targetads.reports.fields import FIELD_TYPES, Field, FieldType, extra_field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

fuzz = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""For all fuzz tests. The number of inputs is the profile's; see `conftest.py`."""

TYPES: Mapping[str, FieldType] = {
    "A text": "string",
    "Count": "integer",
    "Flag": "boolean",
    "Amount": "number",
    "Day": "date",
    "At": "date-time",
    "Weight_MLI": "number",
    "Other": "string",
}
"""Fields of every type."""
assert set(TYPES.values()) == set(FIELD_TYPES) == set(get_args(FieldType))

FIELDS: Sequence[Field] = [
    field for name, kind in TYPES.items() for field in extra_field(name, kind)
]

_SNIPPETS = [
    *(b'"', b"'", b"\\", b",", b":", b"[", b"]", b"{", b"}", b"\n", b"\r", b"\0"),
    *(b"\xff", b"\xe2\x82", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x1f\x8b"),
    *(b"\\ud800", b"\\udc00", b"\\u0000", b"\\N", b'\\"', b'""', b"\\ud83d\\ude00"),
    *(b"NaN", b"-Infinity", b"1e999", b"1e-999", b"-0", b"null", b"true", b"--5"),
    *(b"9" * 20, b"9" * 400, b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b"]" * 70),
    *(b'"x":1,', b'"a\\"b":1,', b'"ErrorCode":1,', b'"data":', b'"Rows":', b"a\0b"),
]

scalars: SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**80), 2**80),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.sampled_from(
        [
            *("", "\0", r"\N", "NaN", "1e999", "-0", "0", "1.50", "--5", "9" * 5000),
            *("2024-01-15", "2024-01-15 10:30:45", "0001-01-01", "2024-W03-1"),
            *("9999-12-31T23:59:59Z", "20240115", "24:00", "\ud800", "\u2028", "1_0"),
            *("\u0663", "\u00b2"),
        ]
    ),
)
"""Values of JSON that are not nested."""

values: SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
"""Any value of JSON, and the numbers and texts that JSON does not have."""

_fitting: Mapping[FieldType, SearchStrategy[Any]] = {
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "date": st.dates().map(str),
    "date-time": st.datetimes().map(str),
}


def fitting(kind: FieldType) -> SearchStrategy[Any]:
    """Values as the API sends them for a type: most often fitting, or null."""
    return st.one_of(_fitting[kind], _fitting[kind], st.none())


def rows_of(odd: SearchStrategy[Any]) -> SearchStrategy[list[dict[str, Any]]]:
    """Rows with values that fit, among them odd ones."""
    columns = {n: fitting(kind) | odd for n, kind in TYPES.items()}
    return st.lists(st.fixed_dictionaries({}, optional=columns), max_size=5)


def as_json(value: Any, *, ascii_only: bool = True) -> bytes:
    """JSON as Python writes it, with `NaN`, and halves of surrogate pairs."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    return text.encode(errors="surrogatepass")


@st.composite
def mutated(draw: DrawFn, originals: SearchStrategy[bytes]) -> bytes:
    """Bytes with some changes: flips, cuts, insertions, repetitions; or with none."""
    data = draw(originals)
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(data)))
        end = draw(st.integers(begin, min(len(data), begin + 40)))
        piece = draw(
            st.one_of(
                st.just(b""),
                st.sampled_from(_SNIPPETS),
                st.binary(max_size=4),
                st.just(data[begin:end] * 2),
            )
        )
        rest = draw(st.sampled_from([data[end:], data[end:], data[begin:], b""]))
        data = data[:begin] + piece + rest
    return data
