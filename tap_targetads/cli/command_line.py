"""The tap's command line, where it differs from the SDK's."""

from __future__ import annotations

import io
import logging
import os
import sys
from abc import abstractmethod
from contextlib import redirect_stdout
from typing import IO, TYPE_CHECKING, Any

from click import BadParameter
from singer_sdk import Tap
from singer_sdk.cli import plugin_cli
from singer_sdk.tap_base import CliTestOptionValue
from typing_extensions import override

from tap_targetads.cli.about import with_streams
from tap_targetads.cli.inputs import checked_file, settings_in
from tap_targetads.config.environment import variable

if TYPE_CHECKING:
    import click

LOG_LEVELS = (variable("loglevel"), "LOGLEVEL")
"""The variables that hold the level of the log (SDK)."""

ENVIRONMENT = "ENV"
"""What `--config` says for settings from the environment (SDK)."""


class CommandLine(Tap):
    """A tap whose command line checks the files that it is given."""

    @abstractmethod
    def check_projects(self) -> bool:
        """Find out whether all projects can be read."""

    @classmethod
    def all_settings(cls) -> dict[str, Any]:
        """The JSON schema of all settings, those of the SDK too."""
        schema = cls.config_jsonschema
        cls.append_builtin_config(schema)
        # The SDK has the text "null" as an alternative, at which validators stumble.
        maps = schema["properties"]["stream_maps"]
        for part in (maps, *maps["additionalProperties"]["anyOf"]):
            if other := part.get("properties", {}).get("__else__"):
                other["anyOf"] = [kind for kind in other["anyOf"] if kind != "null"]
        return schema

    @plugin_cli
    @override
    def cli(cls) -> click.Command:  # noqa: N805 - a class method
        """The command, unless the level of the log cannot be set."""
        for name in LOG_LEVELS:
            level = os.environ.get(name, "").upper()
            if level and level not in logging.getLevelNamesMapping():
                sys.exit(f"{name}: there is no such level. Set DEBUG, INFO or WARNING.")
        command: click.Command = super().cli
        return command

    @classmethod
    @override
    def invoke(
        cls,
        *,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
        **options: Any,
    ) -> None:
        """Run the tap with files that have been checked."""
        super().invoke(
            state=checked_file(state, "--state"),
            catalog=checked_file(catalog, "--catalog"),
            **options,
        )

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> Any:
        """`--config`: settings from files, each of which is checked, or from variables.

        Raises:
            SettingsError: If a file cannot be read, or is no JSON object.
        """
        files = [path for path in value if path != ENVIRONMENT]
        given = super().cb_config(ctx, param, tuple(set(value) - set(files)))
        for path in files:
            given.config.update(settings_in(path))
        return given

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """`--test`: say of each project whether it can be read."""
        if value not in [option.value for option in CliTestOptionValue]:
            problem = f"{value!r} is none of its values: --test, or --test=schema."
            raise BadParameter(problem, ctx, param)
        if value != CliTestOptionValue.All.value:
            super().cb_test(ctx, param, value)
            return
        given = ctx.params["config"]
        tap = cls(config=given.config, parse_env_config=given.parse_env)
        ctx.exit(0 if tap.check_projects() else 1)

    @classmethod
    @override
    def print_about(cls, output_format: str | None = None) -> None:
        """Print the settings, and the streams with their fields."""
        with redirect_stdout(io.StringIO()) as text:
            super().print_about(output_format)
        tap = cls(config={"sandbox": True, "start_date": "2024-01-01"})
        about = with_streams(text.getvalue(), output_format, tap)
        # Some terminals of Windows cannot show every character.
        encoding = sys.stdout.encoding or "utf-8"
        print(about.encode(encoding, "replace").decode(encoding))  # noqa: T201
