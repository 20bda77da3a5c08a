"""What all streams of a run share."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_targetads.api.client import Client
from tap_targetads.api.downloads import Downloads
from tap_targetads.api.prefetch import Prefetch
from tap_targetads.api.rate_limit import RateLimit
from tap_targetads.api.retries import Retries, retry_waits
from tap_targetads.api.transport import Transport
from tap_targetads.config.settings import Settings
from tap_targetads.errors import TapError
from tap_targetads.progress import Progress
from tap_targetads.reading.job_requests import JobOptions

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping
    from datetime import date

    from tap_targetads.output.writer import BlockWriter
    from targetads_sandbox import Sandbox


class Run:
    """Settings, connections and progress of one run.

    Everything is made when it is first needed: discovery needs no token.

    Args:
        config: The settings, with defaults filled in.
        writer: Writes the messages.
        logger: The tap's logger.

    Attributes:
        progress: How far the run has come.
        refused: The projects whose token is not valid.
        stopped_by: The error after which nothing else is read.
        retries_at_most: Limits the setting `max_retries`, where somebody waits.
    """

    retry_waits = staticmethod(retry_waits)
    """Makes the waiting times between tries; replaced where nobody should wait."""
    sleep = staticmethod(time.sleep)
    """Waits for jobs and for the rate limit; replaced likewise."""
    clock = staticmethod(time.monotonic)
    """The seconds that jobs take; replaced where a deadline is not waited for."""

    def __init__(
        self, config: Mapping[str, Any], writer: BlockWriter, logger: logging.Logger
    ) -> None:
        self.config = config
        self.writer = writer
        self.logger = logger
        self.progress = Progress()
        self.refused: set[int] = set()
        self.stopped_by: TapError | None = None
        self.retries_at_most: int | None = None

    @cached_property
    def settings(self) -> Settings:
        """The checked settings.

        Raises:
            SettingsError: If one cannot work.
        """
        return Settings.from_config(self.config)

    @cached_property
    def last_complete_day(self) -> date:
        """The last day that was over when the run began."""
        return self.settings.last_complete_day()

    @cached_property
    def tokens(self) -> Mapping[int, str]:
        """The token of each project to read; the sandbox's own in the sandbox."""
        return self._sandbox.tokens if self.settings.sandbox else self.settings.tokens

    @cached_property
    def client(self) -> Client:
        """Sends requests, for all streams."""
        settings = self.settings
        transport = Transport(
            self._sandbox.url if settings.sandbox else settings.api_url,
            self.tokens,
            self._timeout,
            RateLimit(settings.requests_per_minute, sleep=self.sleep),
        )
        prefetch = Prefetch(
            transport.send, settings.concurrent_requests, settings.prefetch_mib << 20
        )
        return Client(transport, self._retries, prefetch)

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
    def downloads(self) -> Downloads:
        """Downloads the files of jobs."""
        return Downloads(self._timeout, self._retries)

    @property
    def _timeout(self) -> float:
        return min(self.settings.request_timeout, self.settings.retry_timeout)

    @property
    def _retries(self) -> Retries:
        most = self.settings.max_retries
        if self.retries_at_most is not None:
            most = min(most, self.retries_at_most)
        return Retries(most, self.settings.retry_timeout, self.retry_waits)

    @cached_property
    def _sandbox(self) -> Sandbox:
        """The bundled sandbox, serving from this process until it ends."""
        try:
            from targetads_sandbox.server.sandbox import Sandbox  # noqa: PLC0415
        except ImportError as error:
            message = (
                "Setting `sandbox`: the sandbox is not installed. Install it with: "
                "pip install 'tap-targetads[sandbox]'"
            )
            raise TapError(message) from error
        self.logger.warning("Setting `sandbox` is on: all rows are generated.")
        sandbox = Sandbox.for_projects(self.settings.tokens)
        sandbox.start()
        return sandbox
