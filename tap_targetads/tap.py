"""The tap: settings in, streams out."""

from __future__ import annotations

import os
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from singer_sdk.singerlib import StateMessage
from typing_extensions import override

from tap_targetads.cli.command_line import CommandLine
from tap_targetads.cli.connection_test import ProjectCheck
from tap_targetads.cli.display import display_of
from tap_targetads.cli.inputs import checked_state
from tap_targetads.config.environment import environment, from_variables
from tap_targetads.config.mistakes import check_settings, warn_of_unread
from tap_targetads.config.schema import CONFIG_SCHEMA
from tap_targetads.errors import ConfigError, SettingsError, TapError, TargetGoneError
from tap_targetads.output.batches import check_batch_config
from tap_targetads.output.writer import BlockWriter
from tap_targetads.reports.days import Window
from tap_targetads.reports.declared import declared_reports
from tap_targetads.run import Run
from tap_targetads.streams.catalog import check_streams
from tap_targetads.streams.meta import META
from tap_targetads.streams.report import ReportStream
from tap_targetads.streams.stream_maps import checked_mapper, warn_of_bare_ids

if TYPE_CHECKING:
    from types import FrameType

    from tap_targetads.streams.meta import MetaStream

MELTANO_PLUGIN = "MELTANO_EXTRACTOR_NAME"
"""The variable with the name under which Meltano runs the tap."""

SIGNAL_EXIT_BASE = 128
"""A program ended by signal n exits with 128 + n."""


class TapTargetADS(CommandLine):
    """Singer tap for the TargetADS marketing-analytics API."""

    name = "tap-targetads"
    config_jsonschema = CONFIG_SCHEMA.to_dict()
    message_writer_class = BlockWriter

    @override
    def __init__(
        self,
        *,
        config: dict[str, Any] | None = None,
        parse_env_config: bool = False,
        validate_config: bool = True,
        **kwargs: Any,
    ) -> None:
        """Create the tap, and check its settings before the first request.

        Args:
            config: The settings.
            parse_env_config: Whether the environment and `.env` hold settings too.
            validate_config: Whether wrong settings are an error.
            kwargs: What else the SDK passes.

        Raises:
            ConfigError: If settings have values that cannot work.
        """
        schema = self.all_settings()
        environ = environment() if parse_env_config else {}
        # Meltano passes a file, but leaves misspelt variables where they are. Plugins
        # that inherit from the tap's have variables with another prefix.
        by_meltano = os.environ.get(MELTANO_PLUGIN) == self.name
        variables = os.environ if by_meltano else environ
        from_environment = from_variables(environ, schema["properties"])
        if from_environment:
            names = ", ".join(from_environment)
            self.logger.info("Settings from the environment or .env: %s.", names)
        given = {**(config or {}), **from_environment}
        # Null is as good as not given: the SDK fills in the default.
        given = {name: value for name, value in given.items() if value is not None}
        try:
            check_settings(
                given, variables, schema, self.logger, strict=validate_config
            )
            super().__init__(config=given, validate_config=validate_config, **kwargs)
            if validate_config:
                _ = self.run.settings
        except ConfigError:
            if not parse_env_config:
                warn_of_unread(given, schema["properties"], self.logger)
            raise

    @cached_property
    def run(self) -> Run:
        """What all streams share."""
        return Run(self.config, self.writer, self.logger)

    @property
    def writer(self) -> BlockWriter:
        """The writer of all messages."""
        return cast("BlockWriter", self.message_writer)

    @property
    def selected_streams(self) -> list[ReportStream | MetaStream]:
        """The streams that are read."""
        selected = [stream for stream in self.streams.values() if stream.selected]
        return cast("list[ReportStream | MetaStream]", selected)

    @override
    def setup_mapper(self) -> None:
        """Map the streams, as the settings say.

        Raises:
            SettingsError: If a stream map cannot work.
        """
        self.mapper = checked_mapper(self)

    @override
    def discover_streams(self) -> list[ReportStream | MetaStream]:
        """The streams of all reports, the user's included, and those of the meta data.

        Raises:
            SettingsError: If a report, or the setting `batch_config`, cannot work.
        """
        if batches := self.config.get("batch_config"):
            check_batch_config(batches)
        reports = declared_reports(self.config)
        return [
            *(ReportStream(self, report, self.run) for report in reports),
            *(stream(self, self.run) for stream in META),
        ]

    # The SDK declares it as final, but has no other hook around a whole run, and none
    # to fail one that went on after a failure. tests/project/test_sdk_seams.py fails if
    # the command line does not come by here any more.
    @override  # type: ignore[misc]
    def sync_all(self) -> None:
        """Read all streams, the others too if one of them fails.

        Raises:
            TapError: At the end, if something was not delivered.
        """
        selected = self.selected_streams
        if self.input_catalog:
            check_streams(self.input_catalog, self.streams)
        for stream in selected:
            stream.check()
        if maps := self.config.get("stream_maps"):
            warn_of_bare_ids(maps, self.mapper, selected, self.logger)
        if self.config.get("batch_config") and not all(s.per_record for s in selected):
            self.logger.info(
                "Setting `batch_config`: rows go into files. A target that skips BATCH "
                "messages loses them, even if it confirms the state: compare counts."
            )
        if not selected:
            self.logger.warning("Nothing is selected, so that nothing is read.")
        else:
            self.run.progress.parts = len(selected) * len(self.run.tokens)
        with display_of(self.run.progress):
            try:
                super().sync_all()
            except TargetGoneError:
                raise
            except TapError:
                self._repeat_state()
                raise
            self._repeat_state()
        if self.run.stopped_by:
            raise self.run.stopped_by
        if failed := self.run.progress.failed:
            names = ", ".join(f"{p.stream} of project {p.project_id}" for p in failed)
            message = (
                f"Not delivered completely: {names}. The errors are above. Everything "
                "else was delivered, and the saved state is consistent: fix the errors "
                "and run the tap again."
            )
            raise TapError(message)

    def _repeat_state(self) -> None:
        """End with the state, even if it has not changed.

        The SDK leaves out a state like the last one. But records come after it: of
        streams that are read as a whole, of days that are not over. Targets of the
        older kind, like target-jsonl, forget the state with every record, and would
        end without any.
        """
        if self.state and not self.writer.ends_with_state:
            self.writer.write_message(StateMessage(self.state))

    def check_projects(self) -> bool:
        """Validate each project's token, and read one row of each stream.

        Returns:
            Whether all projects can be read.
        """
        # Somebody waits for the answer: what does not work at once is reported.
        self.run.retries_at_most = 1
        end = self.run.settings.end_date or date.max
        last = min(end, self.run.last_complete_day)
        streams = self.selected_streams
        try:
            for stream in streams:
                stream.check()
        except SettingsError as error:
            self.logger.warning("A run without a state would end at once: %s", error)
        return ProjectCheck(self.run.client, self.logger).run(
            self.run.tokens, streams, Window(last, last)
        )

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a state.

        Raises:
            StateError: If it has not the form of one.
        """
        super().load_state(dict(checked_state(state)))

    # The SDK's handler exits with 0, as if everything had been delivered, and may
    # write into the middle of a block. There is no public hook;
    # tests/project/test_sdk_seams.py fails if a version of the SDK renames it.
    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End with 128 + signal; what was not finished is read by the next run."""
        self.logger.warning(
            "Signal %d: stopping; a second one stops without waiting for the target. "
            "The next run resumes from the last state that the target committed.",
            signum,
        )
        self.writer.exit(SIGNAL_EXIT_BASE + signum)
