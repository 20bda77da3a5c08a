"""Files for BATCH messages, written in blocks; the SDK's batchers take single records.

They also compress JSON lines whatever the setting says, and derive the types of Parquet
columns from each file's rows. Storage, messages and settings stay the SDK's.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tap_targetads.errors import SettingsError, TargetGoneError
from tap_targetads.output.batch_formats import Jsonl, Parquet

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from singer_sdk.helpers._batch import BatchConfig

_KEYS: Mapping[str, frozenset[str]] = {
    "encoding": frozenset({"format", "compression"}),
    "storage": frozenset({"root", "prefix", "params"}),
}


def check_batch_config(config: Mapping[str, Any]) -> None:
    """Raise SettingsError for what the SDK's schema of `batch_config` lets pass."""
    parts = {name: config.get(name) or {} for name in _KEYS}
    unknown = {f"`{key}`" for key in config.keys() - _KEYS.keys() - {"batch_size"}}
    for name, part in parts.items():
        unknown |= {f"`{name}.{key}`" for key in part.keys() - _KEYS[name]}
    if unknown:
        problem = f"does not know {', '.join(sorted(unknown))}. Remove it."
        raise SettingsError("batch_config", problem)
    known = parts["encoding"].get("format") in {"jsonl", "parquet"}
    if not (known and parts["storage"].get("root")):
        raise SettingsError(
            "batch_config",
            "needs `encoding.format`, jsonl or parquet, and `storage.root`, the folder "
            "for the files, like file:///data/batches. Add what is missing.",
        )
    size = config.get("batch_size")
    if size is not None and (type(size) is not int or size < 1):
        raise SettingsError(
            "batch_config",
            f"`batch_size` is {size!r}, which is no number of rows. Write one like "
            "100000.",
        )
    if parts["encoding"]["format"] == "parquet" and not find_spec("pyarrow"):
        raise SettingsError(
            "batch_config",
            "Parquet needs pyarrow, which is not installed. Install it with: "
            "pip install 'tap-targetads[parquet]'",
        )


class BatchFiles:
    """Writes the records of a stream into files.

    `properties` are the JSON schemas of the records' fields, by name.
    """

    def __init__(
        self,
        tap: str,
        stream: str,
        config: BatchConfig,
        properties: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._storage = config.storage
        self._size = config.batch_size
        self._format: Jsonl | Parquet
        if config.encoding.format == "parquet":
            self._format = Parquet(properties, config.encoding.compression)
        else:
            self._format = Jsonl(config.encoding.compression)
        self._name = f"{config.storage.prefix or ''}{tap}--{stream}-{uuid4()}"
        self._files = 0

    def write(
        self, blocks: Iterable[Sequence[bytes]]
    ) -> Generator[tuple[str, int], None, int]:
        """Write records, at most `batch_size` into each file.

        If getting the next block fails, the unfinished file is dropped.

        Yields:
            The URL of each finished file, and its number of records.

        Returns:
            The number of all records.

        Raises:
            TargetGoneError: If the storage does not take a file.
        """
        total = 0
        chunks = _cut(blocks, self._size)
        for first in chunks:
            self._files += 1
            name = f"{self._name}-{self._files}{self._format.suffix}"
            with _File(self._storage, name, self._format) as file:
                file.write(first)
                rows = len(first)
                while rows < self._size and (chunk := next(chunks, None)) is not None:
                    file.write(chunk)
                    rows += len(chunk)
            total += rows
            yield self._storage.get_url(name), rows
        return total


def _cut(blocks: Iterable[Sequence[bytes]], size: int) -> Iterator[Sequence[bytes]]:
    """The blocks, cut wherever a file of `size` records is full."""
    room = size
    for block in blocks:
        rest = block
        while rest:
            chunk, rest = rest[:room], rest[room:]
            room = room - len(chunk) or size
            yield chunk


class _File:
    """A file in the storage, visible to others only when it is complete."""

    def __init__(self, storage: Any, name: str, form: Jsonl | Parquet) -> None:
        self._name = name
        self._stack = ExitStack()
        with self._explained():
            self._file = self._stack.enter_context(storage.open(name, "wb"))
            self._out = form.open(self._file)
            self._stack.callback(self._out.close)

    def write(self, records: Sequence[bytes]) -> None:
        with self._explained():
            self._out.write(records)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            # On an error, the SDK leaves the partial file in a temporary place, or,
            # since 0.55, puts it where the complete one would be.
            self._discard()
            with suppress(Exception):
                self._stack.__exit__(kind, error, traceback)
            self._discard()
            return
        try:
            with self._explained():
                self._stack.close()
        except TargetGoneError:
            self._discard()
            raise

    def _discard(self) -> None:
        with suppress(Exception):  # it may not even exist
            self._file.discard()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each kind of storage has errors of its own
            reason = " ".join(str(error).split()) or type(error).__name__
            message = (
                f"Setting `batch_config`: the file {self._name} cannot be written "
                f"({reason}). Check `storage`, and run the tap again."
            )
            raise TargetGoneError(message) from error
