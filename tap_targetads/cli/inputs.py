"""The files that the command line is given, checked before anything is read."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import msgspec

from tap_targetads.errors import SettingsError, StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

_Kind = TypeVar("_Kind")


class _Partition(msgspec.Struct):
    context: dict[str, Any]


class _StreamState(msgspec.Struct):
    partitions: list[_Partition] = []


class _State(msgspec.Struct):
    bookmarks: dict[str, _StreamState]


class _Entry(msgspec.Struct):
    tap_stream_id: str
    schema: dict[str, Any]
    metadata: list[dict[str, Any]] = []


class _Catalog(msgspec.Struct):
    streams: list[_Entry]


def checked_state(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """A state that has the form of one; empty for none.

    Raises:
        StateError: If it has another.
    """
    if not state and isinstance(state, dict):
        return {}
    try:
        for name, stream in msgspec.convert(state, _State).bookmarks.items():
            contexts = [msgspec.json.encode(p.context) for p in stream.partitions]
            if len(contexts) > len(set(contexts)):
                message = f"`{name}` has two entries for the same project"
                raise ValueError(message)  # noqa: TRY301
    except ValueError as error:
        message = (
            f"The state is not one of this tap ({error}). Pass what the target printed "
            'last: {"bookmarks": {…}}; or none, to read everything again.'
        )
        raise StateError(message) from None
    return state


def settings_in(path: str) -> dict[str, Any]:
    """The settings in a file.

    Raises:
        SettingsError: If it cannot be read, or is no JSON object.
    """
    try:
        return _decoded(Path(path).read_text(encoding="utf-8"), dict[str, Any])
    except (OSError, ValueError, RecursionError) as error:
        # Whoever passes the settings themselves passes the token.
        name = "what is given" if "{" in path or not path else path
        problem = f"{name} cannot be used ({_reason(error)})."
        advice = "Name a file, or ENV for the environment."
        raise SettingsError("--config", f"{problem} {advice}") from None


def checked_file(file: IO[str] | None, option: str) -> IO[str] | None:
    """A file of JSON from the command line.

    Args:
        file: The file; None if there is none.
        option: The option that names it.

    Raises:
        SettingsError: If it is no JSON object, or no catalog where one should be.
    """
    if file is None:
        return None
    try:
        text = file.read()
        _decoded(text, _Catalog if option == "--catalog" else dict)
    except (ValueError, RecursionError) as error:
        problem = f"the file cannot be used ({_reason(error)}). Pass another one."
        raise SettingsError(option, problem) from None
    return io.StringIO(text.removeprefix("\ufeff"))


def _decoded(text: str, kind: type[_Kind]) -> _Kind:
    return msgspec.convert(json.loads(text.removeprefix("\ufeff")), kind)


def _reason(error: Exception) -> str:
    """Why a file cannot be used, without anything that is in it."""
    if isinstance(error, UnicodeError):
        return "it is not UTF-8"
    return str(getattr(error, "strerror", None) or error)
