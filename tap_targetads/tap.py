"""The tap: settings in, streams out."""

from __future__ import annotations

import os
import time
from copy import deepcopy
from datetime import date
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, cast

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.tap_base import CliTestOptionValue
from typing_extensions import override

from tap_targetads.about import streams_as_markdown
from tap_targetads.batches import check_batch_config
from tap_targetads.check import ProjectCheck
from tap_targetads.client import Client
from tap_targetads.config_schema import CONFIG_SCHEMA
from tap_targetads.definitions import declared_reports
from tap_targetads.errors import SettingsError, TapError
from tap_targetads.exchange import Exchange
from tap_targetads.inputs import checked_file, checked_state
from tap_targetads.job_status import JobOptions
from tap_targetads.messages import BlockWriter
from tap_targetads.meta import META
from tap_targetads.pace import Pace
from tap_targetads.prefetch import Prefetch
from tap_targetads.retries import Retries, retry_waits
from tap_targetads.settings import Settings, refuse_misspelt, wrong_variable
from tap_targetads.storage import Storage
from tap_targetads.streams import ReportStream
from tap_targetads.windows import Window

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    import click
    from singer_sdk import Stream

    from tap_targetads.meta import MetaStream
    from tap_targetads.sandbox import Sandbox

DEFAULTS: Mapping[str, Any] = {
    name: schema["default"]
    for name, schema in CONFIG_SCHEMA.to_dict()["properties"].items()
    if "default" in schema
}

SIGNAL_EXIT_BASE = 128
"""A program ended by signal n exits with 128 + n."""


class TapTargetADS(Tap):
    """Singer tap for the TargetADS marketing-analytics API."""

    name = "tap-targetads"
    config_jsonschema = CONFIG_SCHEMA.to_dict()
    message_writer_class = BlockWriter
    retry_waits = staticmethod(retry_waits)
    """Makes the waiting times between tries; replaced where nobody should wait."""
    sleep = staticmethod(time.sleep)
    """Waits for jobs, and for the pace of requests; replaced likewise."""
    clock = staticmethod(time.monotonic)
    """The seconds that jobs take; replaced where a deadline is not waited for."""

    failed: list[str]
    """The streams and projects that could not be read to the end."""

    @override
    def __init__(self, *args: Any, validate_config: bool = True, **kwargs: Any) -> None:
        """Create the tap, and check its settings before the first request.

        Raises:
            SettingsError: If a setting has a value that cannot work.
        """
        self.failed = []
        try:
            super().__init__(*args, validate_config=validate_config, **kwargs)
        except ValueError as error:
            # The SDK parses variables without saying which one it could not.
            prefix = f"{self.name.upper().replace('-', '_')}_"
            raise wrong_variable(os.environ, prefix) or error from error
        if validate_config:
            self._refuse_misspelt(in_environment=kwargs.get("parse_env_config", False))
            _ = self.settings

    def _refuse_misspelt(self, *, in_environment: bool) -> None:
        schema = deepcopy(self.config_jsonschema)
        self.append_builtin_config(schema)
        names = list(self.config)
        if in_environment:
            prefix = f"{self.name.upper().replace('-', '_')}_"
            names += [
                name.removeprefix(prefix).lower()
                for name in os.environ
                if name.startswith(prefix)
            ]
        refuse_misspelt(names, schema["properties"])

    @property
    @override
    def config(self) -> Mapping[str, Any]:
        """The settings as they were given; null is as good as not given."""
        given = super().config.items()
        return {**DEFAULTS, **{k: v for k, v in given if v is not None}}

    @cached_property
    def settings(self) -> Settings:
        """The checked settings."""
        return Settings.from_config(self.config)

    @cached_property
    def last_complete_day(self) -> date:
        """The last day that was over when the run began."""
        return self.settings.last_complete_day()

    @property
    def writer(self) -> BlockWriter:
        """The writer of all messages."""
        return cast("BlockWriter", self.message_writer)

    @cached_property
    def tokens(self) -> Mapping[int, str]:
        """The token of each project to read; the sandbox's own in the sandbox."""
        if not self.settings.sandbox:
            return self.settings.tokens
        return self._sandbox.tokens

    @cached_property
    def client(self) -> Client:
        """The transport, shared by all streams."""
        return self._client(self.settings.max_retries)

    def _client(self, max_retries: int) -> Client:
        settings = self.settings
        exchange = Exchange(
            self._sandbox.url if settings.sandbox else settings.api_url,
            self.tokens,
            settings.request_timeout,
            Pace(settings.requests_per_minute, sleep=self.sleep),
        )
        prefetch = Prefetch(
            exchange.send, settings.concurrent_requests, settings.prefetch_mib << 20
        )
        return Client(exchange, self._retries(max_retries), prefetch)

    def _retries(self, most: int) -> Retries:
        return Retries(most, self.settings.retry_timeout, self.retry_waits)

    @cached_property
    def jobs(self) -> JobOptions:
        """How v2 jobs are made, one for all streams: what one learns, all know."""
        return JobOptions(
            shape=self.settings.v2_body,
            stable=self.settings.v2_stable,
            at_once=self.settings.concurrent_requests,
            timeout=self.settings.job_timeout,
            sleep=self.sleep,
            clock=self.clock,
        )

    @cached_property
    def storage(self) -> Storage:
        """Where the files of jobs are."""
        settings = self.settings
        return Storage(settings.request_timeout, self._retries(settings.max_retries))

    @cached_property
    def _sandbox(self) -> Sandbox:
        """The bundled sandbox, serving from this process until it ends."""
        try:
            from tap_targetads.sandbox import server  # noqa: PLC0415
        except ImportError as error:
            message = (
                "Setting `sandbox`: the sandbox is not installed. Install it with: "
                "pip install 'tap-targetads[sandbox]'"
            )
            raise TapError(message) from error
        self.logger.warning("Setting `sandbox` is on: all rows are made up.")
        sandbox = server.Sandbox.for_projects(self.settings.tokens)
        sandbox.start()
        return sandbox

    @override
    def setup_mapper(self) -> None:
        """Map every stream with its schema, whether it is selected or not.

        The SDK maps a stream that is not selected as one without properties. A stream
        map for all streams (`"*"`) then fails for want of the key, and
        `--test=schema` writes an empty schema.
        """
        super(Tap, self).setup_mapper()
        catalog = deepcopy(self.catalog)
        for entry in catalog.streams:
            entry.metadata.root.selected = True
        self.mapper.register_raw_streams_from_catalog(catalog)

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
            *(ReportStream(self, report) for report in reports),
            *(stream(self) for stream in META),
        ]

    # The SDK declares it as final, but has no other hook around a whole run, and none
    # to fail one that went on after a failure. tests/test_sdk_seams.py fails if the
    # command line does not come by here any more.
    @override  # type: ignore[misc]
    def sync_all(self) -> None:
        """Read all streams, the others too if one of them fails.

        Raises:
            TapError: At the end, if something was not delivered.
        """
        for stream in self.streams.values():
            if stream.selected:
                _check_key(stream)
        super().sync_all()
        if self.failed:
            message = (
                f"Not delivered completely: {', '.join(self.failed)}. The errors are "
                "above. All else was delivered, and the state is true: mend them, and "
                "run the tap again."
            )
            raise TapError(message)

    def check_projects(self) -> bool:
        """Validate each project's token, and read one row of each stream.

        Returns:
            Whether all projects can be read.
        """
        # Somebody waits for the answer: what does not work at once is told.
        self.client = self._client(min(1, self.settings.max_retries))
        last = min(self.settings.end_date or date.max, self.last_complete_day)
        streams = [s for s in self.streams.values() if s.selected]
        return ProjectCheck(self.client, self.logger).run(
            self.tokens,
            cast("list[ReportStream | MetaStream]", streams),
            Window(last, last),
        )

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a state.

        Raises:
            StateError: If it has not the form of one.
        """
        super().load_state(dict(checked_state(state)))

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
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """`--test`: say of each project whether it can be read."""
        if value != CliTestOptionValue.All.value:
            super().cb_test(ctx, param, value)
            return
        config = ctx.params["config"]
        try:
            tap = cls(config=config.config, parse_env_config=config.parse_env)
        except ConfigValidationError as error:
            for line in error.errors:
                cls.logger.error(line)  # noqa: TRY400
            ctx.exit(1)
        ctx.exit(0 if tap.check_projects() else 1)

    @classmethod
    @override
    def print_about(cls, output_format: str | None = None) -> None:
        """Print settings and, as markdown, the streams with all their fields."""
        super().print_about(output_format)
        if output_format == "markdown":
            tap = cls(config={"sandbox": True, "start_date": "2024-01-01"})
            print(streams_as_markdown(tap))  # noqa: T201

    # The SDK's handler exits with 0, as if everything had been delivered, and may
    # write into the middle of a block. There is no public hook;
    # tests/test_sdk_seams.py fails if a version of the SDK renames it.
    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End with 128 + signal; what was not finished is read by the next run."""
        self.logger.warning(
            "Signal %d: stopping. What the target has not confirmed is read again by "
            "the next run.",
            signum,
        )
        self.writer.exit(SIGNAL_EXIT_BASE + signum)


def _check_key(stream: Stream) -> None:
    """Make sure that a catalog's key is among its properties.

    Raises:
        SettingsError: If it is not: no target could load the records.
    """
    properties = stream.effective_schema["properties"]
    # Equal rows are told apart among those of their time.
    keys = [*stream.primary_keys, stream.replication_key]
    if missing := [key for key in keys if key and key not in properties]:
        raise SettingsError(
            "catalog",
            f"stream `{stream.name}` has the key {', '.join(missing)}, but not among "
            "its properties. Make a new catalog with --discover.",
        )
