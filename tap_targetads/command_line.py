"""The tap's command line, where it differs from the SDK's."""

from __future__ import annotations

import io
import sys
from abc import abstractmethod
from contextlib import redirect_stdout
from copy import deepcopy
from typing import IO, TYPE_CHECKING, Any

from click import BadParameter
from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.tap_base import CliTestOptionValue
from typing_extensions import override

from tap_targetads.about import with_streams
from tap_targetads.inputs import checked_file, config_file_error

if TYPE_CHECKING:
    import click


class CommandLine(Tap):
    """A tap whose command line checks what it is given, and tells what is wrong."""

    @abstractmethod
    def check_projects(self) -> bool:
        """Find out whether all projects can be read."""

    @classmethod
    def all_settings(cls) -> dict[str, dict[str, Any]]:
        """The JSON schema of every setting, by name; those of the SDK too."""
        schema = deepcopy(cls.config_jsonschema)
        cls.append_builtin_config(schema)
        settings: dict[str, dict[str, Any]] = schema["properties"]
        return settings

    @classmethod
    @override
    def invoke(
        cls,
        *,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
        **options: Any,
    ) -> None:
        """The command line, with files that have been checked."""
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
        merged = super().cb_config(ctx, param, ())
        for path in value:
            try:
                given = super().cb_config(ctx, param, (path,))
            except (OSError, ValueError, TypeError, RuntimeError) as error:
                raise config_file_error(path, error) from None
            merged.config.update(given.config)
            merged.parse_env |= given.parse_env
        return merged

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """`--test`: say of each project whether it can be read."""
        if value not in [option.value for option in CliTestOptionValue]:
            problem = f"{value!r} is none of its values: --test, or --test=schema."
            raise BadParameter(problem, ctx, param)
        config = ctx.params["config"]
        try:
            if value != CliTestOptionValue.All.value:
                super().cb_test(ctx, param, value)
                return
            tap = cls(config=config.config, parse_env_config=config.parse_env)
        except ConfigValidationError as error:
            for line in error.errors:
                cls.logger.error(line)  # noqa: TRY400
            ctx.exit(1)
        ctx.exit(0 if tap.check_projects() else 1)

    @classmethod
    @override
    def print_about(cls, output_format: str | None = None) -> None:
        """Print the settings, and the streams with their fields."""
        with redirect_stdout(io.StringIO()) as text:
            super().print_about(output_format)
        tap = cls(config={"sandbox": True, "start_date": "2024-01-01"})
        about = with_streams(text.getvalue(), output_format, tap, cls.all_settings())
        # Some terminals of Windows cannot show every character.
        encoding = sys.stdout.encoding or "utf-8"
        print(about.encode(encoding, "replace").decode(encoding))  # noqa: T201
