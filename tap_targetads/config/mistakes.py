"""What is wrong with the settings that were given, a line per mistake.

No value is shown: anything may be a token in the wrong place.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from tap_targetads.config.environment import PREFIX, variable
from tap_targetads.errors import ConfigError, SettingsError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema import ValidationError

_NEARLY = 0.8
"""How similar two names are, from 0 to 1, that are taken for one another."""

_KINDS: Mapping[str, str] = {
    "array": "a list: […]",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "an object: {…}",
    "string": "a text",
}
_LIMITS: Mapping[str, str] = {
    "minimum": "must be at least {}.",
    "maximum": "must be at most {}.",
    "minLength": "must not be empty.",
    "pattern": "must be like `{}`.",
}
"""What to write instead, by the keyword of JSON schema."""


def check_settings(
    given: Mapping[str, Any],
    variables: Iterable[str],
    schema: Mapping[str, Any],
    logger: logging.Logger,
    *,
    strict: bool,
) -> None:
    """Find names that are no settings, and values that the schema refuses.

    Args:
        given: The settings.
        variables: The names in the environment, if settings are read from there.
        schema: The JSON schema of all settings.
        logger: Where warnings go.
        strict: Whether settings must be complete, and names that nearly are one are
            errors. Names like that of no setting never are.

    Raises:
        ConfigError: All mistakes.
    """
    mistakes = []
    for error, nearly in _unknown(given, variables, schema["properties"]):
        if nearly and strict:
            mistakes.append(str(error))
        else:
            logger.warning("%s", error)
    for found in DEFAULT_JSONSCHEMA_VALIDATOR(schema).iter_errors(given):
        if strict or not _is_incomplete(found):
            mistakes += map(str, _explained(found))
    if given.get("flattening_enabled") and not given.get("flattening_max_depth"):
        problem = "is missing. Without a depth, `flattening_enabled` has no meaning."
        mistakes.append(str(SettingsError("flattening_max_depth", problem)))
    if mistakes:
        # Each missing property is an error of its own that lists all of them.
        raise ConfigError("\n".join(dict.fromkeys(mistakes)))


def warn_of_unread(
    given: Mapping[str, Any], known: Iterable[str], logger: logging.Logger
) -> None:
    """Name the settings in the environment, where they are not read from there."""
    missing = [variable(name) for name in known if name not in given]
    if names := [name for name in missing if os.environ.get(name)]:
        logger.warning(
            "%s: set in the environment, which is only read with --config=ENV.",
            ", ".join(names),
        )


def guess(name: str, known: Iterable[str], otherwise: str) -> str:
    """Which of the known names is meant; other advice if none is similar."""
    right = get_close_matches(name, known, n=1)
    return f"Do you mean `{right[0]}`?" if right else otherwise


def listed(names: Iterable[Any]) -> str:
    """Names, one after the other."""
    return ", ".join(f"`{name}`" for name in names)


def _unknown(
    given: Iterable[str], variables: Iterable[str], known: Mapping[str, Any]
) -> Iterator[tuple[SettingsError, bool]]:
    """Errors for names that are no settings, and whether each is nearly one."""
    names = {name: name for name in given}
    # Meltano's own settings of a plugin begin with an underscore, and it gives the
    # parts of an object variables of their own. The SDK reads the level of its log.
    parts = tuple(f"{n}_" for n, s in known.items() if "object" in s["type"])
    for name in variables:
        setting = name.removeprefix(PREFIX).lower()
        ours = name.startswith(PREFIX) and setting != "loglevel"
        if ours and not setting.startswith(("_", *parts)):
            names.setdefault(setting, name)
    for setting, name in names.items():
        if setting in known:
            continue
        if right := get_close_matches(setting, known, n=1, cutoff=_NEARLY):
            meant = right[0] if name == setting else variable(right[0])
            advice = f"Do you mean `{meant}`?"
        else:
            advice = "It has no effect; `tap-targetads --about` lists all settings."
        error = SettingsError(name, f"there is no such setting. {advice}")
        yield error, bool(right)


def _is_incomplete(error: ValidationError) -> bool:
    """Whether a setting is missing: discovery can do without."""
    return error.validator == "required" and not error.absolute_path


def _explained(error: ValidationError) -> Iterator[SettingsError]:
    """What is wrong; of alternatives, in the one that was meant."""
    if _is_incomplete(error):
        for name in _missing(error):
            yield SettingsError(
                name,
                f"is missing. Set {variable(name)} in the environment or in .env, or "
                f"`{name}` in the file of --config.",
            )
        return
    context = error.context or ()
    meant = [e for e in context if e.path or e.validator not in {"const", "type"}]
    for inner in meant:
        yield from _explained(inner)
    if not meant:
        steps = error.absolute_path
        place = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps)
        yield SettingsError(place.removeprefix("."), _problem(error))


def _problem(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    match error.validator:
        case "anyOf" | "const" | "type":
            return f"must be {' or '.join(_kinds(error))}."
        case "enum":
            return f"must be one of {listed(v for v in wanted if v is not None)}."
        case "required":
            return f"lacks {listed(_missing(error))}. Add it."
        case "additionalProperties":
            schema: Any = error.schema
            instance: Any = error.instance
            known = list(schema["properties"])
            unknown = [name for name in instance if name not in known]
            advice = guess(unknown[0], known, f"It can have {listed(known)}.")
            return f"there is no {listed(unknown)} in it. {advice}"
        case keyword:
            other = f"must fit `{keyword}: {{}}` of its schema."
            return _LIMITS.get(str(keyword), other).format(wanted)


def _kinds(error: ValidationError) -> list[str]:
    """The kinds of values that would do, in words."""
    wanted: Any = error.validator_value
    match error.validator:
        case "anyOf":
            return [kind for inner in error.context or () for kind in _kinds(inner)]
        case "const":
            return [f"`{wanted}`"]
    names = [wanted] if isinstance(wanted, str) else wanted
    return [_KINDS[name] for name in names if name != "null"]


def _missing(error: ValidationError) -> list[str]:
    wanted: Any = error.validator_value
    instance: Any = error.instance
    return [name for name in wanted if name not in instance]
