"""Where settings come from, and what is wrong with their names and variables."""

from __future__ import annotations

import json
import os
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tap_targetads.config_schema import CONFIG_SCHEMA
from tap_targetads.errors import SettingsError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

PREFIX = "TAP_TARGETADS_"
"""What the names of the tap's environment variables begin with."""

_NEARLY = 0.8
"""How much alike two names are, from 0 to 1, that are taken for one another."""

_NO_SETTINGS = frozenset({"LOGLEVEL"})
"""What else such variables mean to the SDK."""

_TRUTH = frozenset({"true", "1", "yes", "on", "false", "0", "no", "off", ""})


def variable(setting: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + setting.upper()


def unknown_settings(
    config: Mapping[str, Any], environ: Mapping[str, str], known: Collection[str]
) -> Iterator[tuple[SettingsError, bool]]:
    """What is given, but is no setting.

    Args:
        config: The settings as they were given.
        environ: The environment, if settings are read from there.
        known: The names of all settings.

    Yields:
        An error that names it, and whether it is nearly the name of a setting.
    """
    names = {name: name for name in config}
    for name in environ:
        rest = name.removeprefix(PREFIX)
        # Meltano's own settings of a plugin begin with an underscore.
        if rest != name and not rest.startswith("_") and rest not in _NO_SETTINGS:
            names.setdefault(rest.lower(), name)
    for setting, given in names.items():
        if setting in known:
            continue
        from_environment = given.startswith(PREFIX)
        problem = "there is no such setting."
        right = get_close_matches(setting, known, n=1, cutoff=_NEARLY)
        for name in right:
            problem += f" Do you mean `{variable(name) if from_environment else name}`?"
        if not right:
            problem += " It has no effect; `tap-targetads --about` lists all settings."
        yield SettingsError(given, problem), bool(right)


def check_names(
    config: Mapping[str, Any],
    environ: Mapping[str, str],
    known: Collection[str],
    logger: logging.Logger,
    *,
    strict: bool,
) -> None:
    """Tell of what is given, but is no setting.

    Args:
        config: The settings as they were given.
        environ: The environment, if settings are read from there.
        known: The names of all settings.
        logger: Where warnings go.
        strict: Whether a name that is nearly one of a setting is an error.

    Raises:
        SettingsError: If somebody has mistyped a name, or true or false.
    """
    if wrong := wrong_truth(environ):
        raise wrong
    for error, nearly in unknown_settings(config, environ, known):
        if nearly and strict:
            raise error
        logger.warning("%s", error)


def tell_of_unread(
    config: Mapping[str, Any], known: Collection[str], logger: logging.Logger
) -> None:
    """Tell of settings in the environment, where they are not read from there.

    Args:
        config: The settings as they were given.
        known: The names of all settings.
        logger: Where the line goes.
    """
    missing = [variable(name) for name in known if config.get(name) is None]
    if names := [name for name in missing if os.environ.get(name)]:
        logger.warning(
            "%s: set in the environment, which is only read with --config=ENV.",
            ", ".join(names),
        )


def explained(
    errors: Iterable[str],
    config: Mapping[str, Any],
    environ: Mapping[str, str],
    known: Collection[str],
) -> list[str]:
    """What the schema has found wrong, with what to do where a setting is missing.

    Args:
        errors: The lines of the schema's validator.
        config: The settings as they were given.
        environ: The environment, if settings are read from there.
        known: The names of all settings.
    """
    lines = [
        str(error)
        for error, nearly in unknown_settings(config, environ, known)
        if nearly
    ]
    remedies = {
        f"{name!r} is a required property": (
            f"Setting `{name}`: is missing. Set {variable(name)} in the environment "
            "or in .env."
        )
        for name in known
    }
    return lines + [remedies.get(error, error) for error in errors]


def wrong_variable(environ: Mapping[str, str]) -> SettingsError | None:
    """The environment variable that the SDK could not parse, if there is one.

    Args:
        environ: The environment.
    """
    return _wrong(environ, {"integer": int, "array": json.loads, "object": json.loads})


def wrong_truth(environ: Mapping[str, str]) -> SettingsError | None:
    """The environment variable that is neither true nor false, if there is one.

    The SDK takes whatever it does not know for false.

    Args:
        environ: The environment.
    """
    return _wrong(environ, {"boolean": _truth})


def _wrong(
    environ: Mapping[str, str], parsers: Mapping[str, Callable[[str], object]]
) -> SettingsError | None:
    for setting, schema in CONFIG_SCHEMA.to_dict()["properties"].items():
        name = variable(setting)
        kinds = [kind for kind in parsers if kind in schema["type"]]
        try:
            for kind in kinds:
                parsers[kind](environ.get(name, "0"))
        except ValueError:
            article = "an" if kinds[0][0] in "aio" else "a"
            problem = f"{name} has a value that is not {article} {kinds[0]}."
            return SettingsError(setting, f"{problem} Correct it.")
    return None


def _truth(text: str) -> None:
    if text.lower() not in _TRUTH:
        raise ValueError(text)
