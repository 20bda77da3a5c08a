"""The ways in which the rows of a window are delivered; each returns their number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from tap_targetads.output.batches import BatchFiles
    from tap_targetads.output.records import RecordEncoder
    from tap_targetads.rows.keys import RowKeys
    from tap_targetads.rows.row_type import Chunk

T = TypeVar("T")
Deliver: TypeAlias = (
    "Callable[[Iterator[Chunk], RecordEncoder, RowKeys | None], "
    "Generator[T, None, int]]"
)


def write_blocks(
    write: Callable[[bytes], None],
    count: Callable[[int], None],
    chunks: Iterator[Chunk],
    encoder: RecordEncoder,
    keys: RowKeys | None,
) -> Generator[dict[str, Any], None, int]:
    """Write RECORD messages; nothing is left to yield."""
    total = 0
    for chunk in chunks:
        for rows, block in encoder.blocks(chunk.rows, keys):
            write(block)
            count(rows)
            total += rows
    yield from ()
    return total


def yield_records(
    chunks: Iterator[Chunk], encoder: RecordEncoder, keys: RowKeys | None
) -> Generator[dict[str, Any], None, int]:
    """Yield records, one by one."""
    total = 0
    for chunk in chunks:
        total += len(chunk.rows)
        yield from encoder.records(chunk.rows, keys)
    return total


def write_batches(
    files: BatchFiles,
    chunks: Iterator[Chunk],
    encoder: RecordEncoder,
    keys: RowKeys | None,
) -> Generator[tuple[str, int], None, int]:
    """Write files, and yield what each is and holds.

    A file ends with its window at the latest, so that the state can move with every
    window.
    """
    return files.write(
        objects for chunk in chunks for objects in encoder.objects(chunk.rows, keys)
    )
