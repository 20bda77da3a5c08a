from __future__ import annotations

from collections import Counter
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from tap_targetads.rows.keys import RowKeys

# Few different lines, so that equals are common. Their braces open elsewhere.
lines = st.lists(st.sampled_from([b'"a":1}', b'"a":2}', b'"a":null}', b'"b":""}']))


def keys_of(rows: list[bytes], *, pages: int = 1, project: int = 1) -> list[bytes]:
    keys = RowKeys(project, "clicks")
    size = max(1, -(-len(rows) // pages))
    return [
        key
        for start in range(0, len(rows), size)
        for key in keys.of(rows[start : start + size])
    ]


@given(lines, st.randoms(), st.integers(1, 5))
def test_order_and_paging_do_not_change_the_set_of_keys(
    rows: list[bytes], random: object, pages: int
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert Counter(keys_of(rows)) == Counter(keys_of(shuffled, pages=pages))


@given(lines)
def test_every_row_has_a_key_of_its_own(rows: list[bytes]) -> None:
    keys = keys_of(rows)

    assert len(set(keys)) == len(rows)


@given(lines)
def test_keys_of_another_project_or_stream_are_different(rows: list[bytes]) -> None:
    own = set(keys_of(rows))

    assert own.isdisjoint(keys_of(rows, project=2))
    assert own.isdisjoint(RowKeys(1, "page_views").of(rows))


KNOWN_KEYS = [
    b"c4ad3bccd291f836f6c4ee92f1634e2b",
    b"8b9a9fb2f28667a6dc3b415d85a024b4",
    b"cceecbd883c42f8535a84119ee09a4e6",
]


def test_a_key_never_changes_between_versions() -> None:
    line = b'"InteractionTime":"2024-01-15T07:30:45+00:00"}'

    keys = RowKeys(12486, "clicks").of([line, line, b"}"])

    assert keys == KNOWN_KEYS


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 9), st.integers(1, 50))
def test_many_rows_have_the_keys_that_few_have(
    numbers: list[int], pages: int, few: int
) -> None:
    rows = [b'"a":%d}' % number for number in numbers]
    expected = keys_of(rows)

    with patch("tap_targetads.rows.keys._FEW", few):
        assert keys_of(rows, pages=pages) == expected
