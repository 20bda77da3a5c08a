"""What is given as a setting, but is none."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tap_targetads.config.environment import PREFIX, variable
from tap_targetads.errors import SettingsError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Mapping

_NEARLY = 0.8
"""How much alike two names are, from 0 to 1, that are taken for one another."""

_NO_SETTINGS = frozenset({"LOGLEVEL"})
"""What else such variables mean to the SDK."""


def unknown_settings(
    config: Mapping[str, Any],
    environ: Mapping[str, str],
    known: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[SettingsError, bool]]:
    """What is given, but is no setting.

    Args:
        config: The settings as they were given.
        environ: The environment, if settings are read from there.
        known: The JSON schema of each setting, by name.

    Yields:
        An error that names it, and whether it is nearly the name of a setting.
    """
    names = {name: name for name in config}
    parts = tuple(f"{n}_" for n, s in known.items() if "object" in s["type"])
    for name in environ:
        rest = name.removeprefix(PREFIX)
        # Meltano's own settings of a plugin begin with an underscore, and it gives the
        # parts of an object variables of their own.
        if rest != name and not rest.startswith("_") and rest not in _NO_SETTINGS:
            setting = rest.lower()
            if setting in known or not setting.startswith(parts):
                names.setdefault(setting, name)
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
    known: Mapping[str, Mapping[str, Any]],
    logger: logging.Logger,
    *,
    strict: bool,
) -> None:
    """Tell of what is given, but is no setting.

    Args:
        config: The settings as they were given.
        environ: The environment, if settings are read from there.
        known: The JSON schema of each setting, by name.
        logger: Where warnings go.
        strict: Whether a name that is nearly one of a setting is an error.

    Raises:
        SettingsError: If somebody has mistyped a name.
    """
    for error, nearly in unknown_settings(config, environ, known):
        if nearly and strict:
            raise error
        logger.warning("%s", error)


def mistyped(
    config: Mapping[str, Any],
    environ: Mapping[str, str],
    known: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """The lines for names that are nearly those of settings.

    Args:
        config: The settings as they were given.
        environ: The environment, if settings are read from there.
        known: The JSON schema of each setting, by name.
    """
    found = unknown_settings(config, environ, known)
    return [str(error) for error, nearly in found if nearly]


def tell_of_unread(
    config: Mapping[str, Any],
    known: Mapping[str, Mapping[str, Any]],
    logger: logging.Logger,
) -> None:
    """Tell of settings in the environment, where they are not read from there.

    Args:
        config: The settings as they were given.
        known: The JSON schema of each setting, by name.
        logger: Where the line goes.
    """
    missing = [variable(name) for name in known if config.get(name) is None]
    if names := [name for name in missing if os.environ.get(name)]:
        logger.warning(
            "%s: set in the environment, which is only read with --config=ENV.",
            ", ".join(names),
        )
