"""Errors that end a run with one clear line and exit code 1."""

from __future__ import annotations

import logging
from typing import IO, TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import ConfigurationError, FatalAPIError, FatalSyncError
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping


class TapError(click.ClickException):
    """An error that the user can understand and act on.

    Click turns it into exit code 1 without a traceback; the line goes to the log,
    because stdout belongs to the Singer messages.
    """

    @override
    def show(self, file: IO[Any] | None = None) -> None:
        for line in self.format_message().splitlines():
            logging.getLogger("tap-targetads").error("%s", line)


class TargetGoneError(TapError):
    """Nobody reads what the tap writes: there is nothing left to do."""


class UnreachableError(TapError):
    """The API cannot be reached at all: no stream would fare better."""


class ConfigError(TapError, ConfigurationError):
    """Settings that cannot work, a line each."""


class SettingsError(ConfigError):
    """A setting has a value that cannot work.

    Args:
        setting: Name of the setting.
        problem: What is wrong with it, and what to write instead.
    """

    def __init__(self, setting: str, problem: str) -> None:
        # Names that somebody has given may have line breaks.
        super().__init__(" ".join(f"Setting `{setting}`: {problem}".split()))


class StateError(TapError, FatalSyncError):
    """The state that was passed in cannot be understood."""


class ApiError(TapError, FatalAPIError):
    """The API refused a request, or answered with something unusable.

    Args:
        message: The whole line: what failed, for which stream and window, what to do.
        status: HTTP status or `ErrorCode` of the answer, if there was one.
        failed_fields: The fields of the request that the API found wrong, and the
            rule that each breaks.
        too_much: Whether asking for less at once may help.
        problem: The line without what to do, where the tap itself can do something.
        rejection: What the API says about a request that breaks a rule of its own,
            without what to do.
    """

    def __init__(  # noqa: PLR0913 - by name
        self,
        message: str,
        status: int | None = None,
        failed_fields: Mapping[str, str] | None = None,
        *,
        too_much: bool = False,
        problem: str = "",
        rejection: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.failed_fields = failed_fields or {}
        self.too_much = too_much
        self.problem = problem or message
        self.rejection = rejection


class DataError(TapError, FatalSyncError):
    """A value that the API delivered cannot be converted to its field's type."""
