"""Where settings come from, and what is wrong with their names and variables."""

from __future__ import annotations

import json
import os
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tap_targetads.errors import SettingsError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator, Mapping

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


def explained(
    errors: Iterable[str],
    config: Mapping[str, Any],
    environ: Mapping[str, str],
    known: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """What the schema has found wrong, with what to do where a setting is missing.

    Args:
        errors: The lines of the schema's validator.
        config: The settings as they were given.
        environ: The environment, if settings are read from there.
        known: The JSON schema of each setting, by name.
    """
    lines = [
        str(error)
        for error, nearly in unknown_settings(config, environ, known)
        if nearly
    ]
    remedies = {
        f"{name!r} is a required property": (
            f"Setting `{name}`: is missing. Set {variable(name)} in the environment "
            f"or in .env, or `{name}` in the file of --config."
        )
        for name in known
    }
    return lines + [remedies.get(e) or _without_secrets(e) for e in errors]


def _without_secrets(line: str) -> str:
    """A line of the schema's validator, without the value if that may hold a token."""
    message, _, place = line.rpartition(" in config")
    if not ("['projects']" in place or "auth_token" in place):
        return line
    if message.endswith(" is a required property"):
        return line
    return f"a value{message[message.rfind(' is ') :]} in config{place}"


def wrong_variable(
    environ: Mapping[str, str], known: Mapping[str, Mapping[str, Any]]
) -> SettingsError | None:
    """The environment variable that has a value of another type, if there is one.

    The SDK fails without saying which one it could not parse, and takes whatever it
    does not know for false.

    Args:
        environ: The environment.
        known: The JSON schema of each setting, by name.
    """
    for setting, schema in known.items():
        text = environ.get(variable(setting))
        kind = next((kind for kind in _PARSERS if kind in schema["type"]), None)
        # Of a list of texts, the SDK takes other forms than JSON.
        if text is None or kind is None or _is_of_texts(schema):
            continue
        try:
            _PARSERS[kind](text)
        except ValueError:
            article = "an" if kind[0] in "aio" else "a"
            problem = f"{variable(setting)} has a value that is not {article} {kind}."
            return SettingsError(setting, f"{problem} Correct it.")
    return None


def _is_of_texts(schema: Mapping[str, Any]) -> bool:
    return "string" in schema.get("items", {}).get("type", ())


def _truth(text: str) -> None:
    if text.lower() not in _TRUTH:
        raise ValueError(text)


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "boolean": _truth,
    "integer": int,
    "array": json.loads,
    "object": json.loads,
}
