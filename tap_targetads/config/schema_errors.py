"""What the JSON schema finds wrong with the settings, in words for users.

No value is shown: anything may be a token that has been put in the wrong place.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from tap_targetads.config.environment import variable
from tap_targetads.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jsonschema import ValidationError

_KINDS: Mapping[str, str] = {
    "array": "a list: […]",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "an object: {…}",
    "string": "a text",
}


def schema_errors(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """All that the schema finds wrong, one line each.

    Args:
        config: The settings as they were given.
        schema: The JSON schema of all settings.
    """
    found = DEFAULT_JSONSCHEMA_VALIDATOR(schema).iter_errors(config)
    lines = [str(error) for one in found for error in _explained(one)]
    # A missing property is an error of its own for each that is missing.
    return list(dict.fromkeys(lines))


def _explained(error: ValidationError) -> Iterator[SettingsError]:
    keyword = str(error.validator)
    if keyword == "anyOf":
        yield from _of_any(error)
    elif keyword == "required" and not error.absolute_path:
        for name in _missing(error):
            yield SettingsError(
                name,
                f"is missing. Set {variable(name)} in the environment or in .env, or "
                f"`{name}` in the file of --config.",
            )
    else:
        problem = _PROBLEMS.get(keyword, _other)(error)
        yield SettingsError(_place(error), problem)


def _place(error: ValidationError) -> str:
    """The setting, and where in it: `reports[0].name`."""
    setting, *parts = error.absolute_path or ["--config"]
    inner = (f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts)
    return f"{setting}{''.join(inner)}"


def _of_any(error: ValidationError) -> Iterator[SettingsError]:
    """What is wrong in the alternative that was meant, if its type tells which one."""
    context = error.context or []
    other = [e for e in context if e.path or e.validator not in {"type", "const"}]
    for inner in other:
        yield from _explained(inner)
    if not other:
        kinds = [kind for inner in context for kind in _kinds(inner)]
        yield SettingsError(_place(error), f"must be {' or '.join(kinds)}.")


def _kinds(error: ValidationError) -> list[str]:
    value = _expected(error)
    if error.validator == "const":
        return [f"`{value}`"]
    names = [value] if isinstance(value, str) else value
    return [_KINDS[name] for name in names if name != "null"]


def _expected(error: ValidationError) -> Any:
    """What the schema says behind the keyword that is not fulfilled."""
    return error.validator_value


def _missing(error: ValidationError) -> list[str]:
    instance: Any = error.instance
    return [name for name in _expected(error) if name not in instance]


def _lacking(error: ValidationError) -> str:
    return f"lacks {_listed(_missing(error))}. Add it."


def _unknown(error: ValidationError) -> str:
    schema, instance = cast("Any", error.schema), cast("Any", error.instance)
    known = list(schema["properties"])
    unknown = [name for name in instance if name not in known]
    problem = f"there is no {_listed(unknown)} in it."
    if right := get_close_matches(unknown[0], known, n=1):
        return f"{problem} Do you mean {_listed(right)}?"
    return f"{problem} It can have {_listed(known)}."


def _listed(names: list[Any]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _other(error: ValidationError) -> str:
    return f"must fit `{error.validator}: {error.validator_value}` of its schema."


_PROBLEMS: Mapping[str, Callable[[ValidationError], str]] = {
    "type": lambda e: f"must be {' or '.join(_kinds(e))}.",
    "enum": lambda e: (
        f"must be one of {_listed([v for v in _expected(e) if v is not None])}."
    ),
    "minimum": lambda e: f"must be at least {e.validator_value}.",
    "maximum": lambda e: f"must be at most {e.validator_value}.",
    "minLength": lambda _: "must not be empty.",
    "pattern": lambda e: f"must be like `{e.validator_value}`.",
    "required": _lacking,
    "additionalProperties": _unknown,
}
"""What to write instead, by the keyword of JSON schema that is not fulfilled."""
