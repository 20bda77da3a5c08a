"""Settings from environment variables, and from `.env`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dotenv import load_dotenv

from tap_targetads.errors import SettingsError
from tap_targetads.plurals import a

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PREFIX = "TAP_TARGETADS_"
"""What the names of the tap's environment variables begin with."""

_TRUTH = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off", ""), False),
}
_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "boolean": lambda text: _TRUTH[text.lower()],
    "integer": int,
    "array": json.loads,
    "object": json.loads,
    "string": str,
}


def variable(setting: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + setting.upper()


def environment() -> Mapping[str, str]:
    """The environment, with the variables of `.env` that it does not set itself.

    Only the `.env` of the working directory counts, as with Meltano. The SDK searches
    from its own place upwards: it finds that of a clone from anywhere, but not that of
    an installed tap.

    Raises:
        SettingsError: If there is such a file, but it cannot be read.
    """
    try:
        load_dotenv(Path(".env"))
    except (OSError, ValueError) as error:
        reason = "it is not UTF-8" if isinstance(error, ValueError) else error.strerror
        problem = f"the file in this folder cannot be read ({reason}). Correct it."
        raise SettingsError(".env", problem) from None
    return os.environ


def from_variables(
    environ: Mapping[str, str], known: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The settings in the environment.

    The SDK's own reading fails without saying which variable it could not parse, and
    takes whatever it does not know for false.

    Args:
        environ: The environment.
        known: The JSON schema of each setting, by name.

    Raises:
        SettingsError: If a variable has a value of another type.
    """
    settings: dict[str, Any] = {}
    for setting, schema in known.items():
        text = environ.get(variable(setting))
        if text is None:
            continue
        kind = next((kind for kind in _PARSERS if kind in schema["type"]), "string")
        try:
            settings[setting] = _PARSERS[kind](text)
        except (KeyError, ValueError, RecursionError):
            if "string" in schema.get("items", {}).get("type", ()):
                # The SDK takes a list of texts with commas, too.
                settings[setting] = text.split(",")
                continue
            problem = f"{variable(setting)} has a value that is not {a(kind)}."
            raise SettingsError(setting, f"{problem} Correct it.") from None
    return settings
