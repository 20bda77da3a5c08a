from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 - hypothesis looks at it

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_targetads.api.bodies import Bodies

pieces = st.lists(st.binary(max_size=20), max_size=4)


@given(st.lists(st.tuples(pieces, st.booleans()), max_size=12))
def test_a_body_stays_as_it_is_while_anybody_has_it_or_a_part_of_it(
    arriving: list[tuple[list[bytes], bool]],
) -> None:
    bodies = Bodies()
    kept: list[tuple[memoryview, bytes]] = []

    for parts, is_kept in arriving:
        whole = b"".join(parts)
        body = bodies.join(parts)
        assert body == whole
        if is_kept:
            kept.append((body[1:], whole[1:]))

    for part, expected in kept:
        assert part == expected


def test_raw_json_keeps_the_body_that_it_is_a_part_of() -> None:
    bodies = Bodies()
    rows = msgspec.json.decode(
        bodies.join([b'[{"a":1},', b"{}]"]), type=list[msgspec.Raw]
    )

    bodies.join([b"x" * 12])

    assert list(map(bytes, rows)) == [b'{"a":1}', b"{}"]


def test_memory_that_nobody_needs_any_more_is_used_again() -> None:
    bodies = Bodies()
    first = bodies.join([b"one", b"two"])
    buffer = first.obj
    second = bodies.join([b"another"])
    assert second.obj is not buffer
    del first

    third = bodies.join([b"th", b"ree"])

    assert third.obj is buffer
    assert bytes(third) == b"three"
    assert bytes(second) == b"another"


def test_what_many_bodies_needed_at_once_is_not_kept_for_one() -> None:
    bodies = Bodies()
    at_once = [bodies.join([b"small"]) for _ in range(4)]
    buffers = {id(body.obj) for body in at_once}
    assert len(buffers) == len(at_once)
    del at_once

    large = {id(bodies.join([b"x" * 1000]).obj) for _ in range(4)}

    assert len(large) == 1
    assert large <= buffers


def test_a_body_that_does_not_arrive_leaves_its_memory() -> None:
    bodies = Bodies()
    buffer = bodies.join([b"one"]).obj

    def broken() -> Iterator[bytes]:
        yield b"two"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        bodies.join(broken())

    assert bodies.join([b"three"]).obj is buffer


def test_nobody_can_write_into_a_body() -> None:
    body = Bodies().join([b"one"])

    with pytest.raises(TypeError):
        body[0] = 0
