from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tap_targetads.reading.splitter import AdaptiveSize


@given(st.integers(1, 100), st.integers(1, 10), st.lists(st.booleans()))
def test_a_size_stays_between_its_bounds_and_shrinks_at_every_failure(
    largest: int, smallest: int, results: list[bool]
) -> None:
    size = AdaptiveSize(largest, smallest)

    for good in results:
        before = size.value
        if good:
            size.succeeded()
            assert before <= size.value <= largest
        elif size.shrink(before):
            assert min(smallest, largest) <= size.value < before
        else:
            assert size.value == before == min(smallest, largest)
