"""The settings that nobody has to give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_targetads.config.schema import CONFIG_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULTS: Mapping[str, Any] = {
    name: schema["default"]
    for name, schema in CONFIG_SCHEMA.to_dict()["properties"].items()
    if "default" in schema
}
