"""Sends requests, with retries."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, TypeVar

from singer_sdk import metrics

from tap_targetads.api.answers import Answer, MalformedAnswerError
from tap_targetads.api.background import StalledError
from tap_targetads.api.failures import foreign, no_answer, unreachable
from tap_targetads.api.prefetch import Prefetch
from tap_targetads.api.refusals import error_in, refusal
from tap_targetads.api.retries import PassingFailureError, Retries, gave_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_targetads.api.answers import Body
    from tap_targetads.api.transport import Request, Response, Transport

_SHOWN_TEXT = 300
_SHORTEST_TOKEN = 4
"""Shorter ones are not secrets, but parts of ordinary words."""


class HasReply(Protocol):
    """A decoded answer."""

    @property
    def reply(self) -> Answer:
        """The answer's error fields."""


AnswerT = TypeVar("AnswerT", bound=HasReply)


class Client:
    """Sends requests to the API.

    Args:
        transport: Sends one request.
        retries: How often a request is retried.
        prefetch: Sends requests before they are needed; by default, it never does.
    """

    def __init__(
        self, transport: Transport, retries: Retries, prefetch: Prefetch | None = None
    ) -> None:
        self._transport = transport
        self._retries = retries
        self._prefetch = prefetch or Prefetch(transport.send, at_once=1, budget=0)
        self._metrics_logger = metrics.get_metrics_logger()

    def expect(self, now: Request, following: Iterable[Request]) -> None:
        """Send ahead what comes next, as far as there is room for the answers.

        Args:
            now: The request that is sent now.
            following: The requests after it, in order.
        """
        self._prefetch.expect(now, following)

    def expect_nothing(self) -> None:
        """Forget what was sent ahead: it may be out of date."""
        self._prefetch.forget()

    def send(
        self,
        request: Request,
        decode: Callable[[Body], AnswerT],
        *,
        splittable: bool = False,
        once: bool = False,
    ) -> AnswerT:
        """Send a request, with retries, and decode the answer.

        Decoding is part of a try: an answer that is cut off is retried like any other
        failure that may pass.

        Args:
            request: The request.
            decode: Decodes a body; raises MalformedAnswerError if it cannot.
            splittable: Whether the caller can ask for less instead.
            once: Neither retry nor wait, since the caller can do without.

        Raises:
            ApiError: If the API refuses the request, or all tries have failed.
        """

        def attempt() -> AnswerT:
            try:
                return self._attempt(request, decode)
            except PassingFailureError as failure:
                if failure.wait is not None:
                    self._transport.rate_limit.pause(failure.wait)
                raise

        try:
            if once:
                return self._attempt(request, decode)
            return self._retries.run(
                attempt,
                request.subject,
                splittable=splittable,
            )
        except PassingFailureError as failure:
            if failure.unreached:
                raise unreachable(failure) from failure
            raise gave_up(request.subject, failure) from failure

    def _attempt(self, request: Request, decode: Callable[[Body], AnswerT]) -> AnswerT:
        response = self._response(request)
        if not response.is_success:
            error = error_in(response.body)
            raise refusal(request, response, error, self.clean)
        try:
            answer = decode(response.body)
        except MalformedAnswerError as problem:
            status, came = response.status, foreign(response, self.clean)
            if came:  # a page about maintenance, say: asking for less is no help
                message = self.clean(f"the answer is {came}.")
                raise PassingFailureError(message, status=status) from problem
            message = self.clean(f"the answer is malformed ({problem}).")
            raise PassingFailureError(
                message, status=status, too_much=True
            ) from problem
        if answer.reply.is_error:
            raise refusal(request, response, answer.reply, self.clean)
        return answer

    def _response(self, request: Request) -> Response:
        try:
            response = self._prefetch.get(request)
        except (OSError, StalledError) as error:
            raise no_answer(error, self._transport, self.clean) from error
        self._log_duration(request, response)
        return response

    def clean(self, text: str) -> str:
        """Text from outside, on one line, without tokens."""
        for token in self._transport.tokens.values():
            if len(token) >= _SHORTEST_TOKEN:
                text = text.replace(token, "[token]")
        text = " ".join(text.split())
        return text if len(text) <= _SHOWN_TEXT else text[:_SHOWN_TEXT] + "…"

    def _log_duration(self, request: Request, response: Response) -> None:
        """Log the metric that the SDK's own REST streams log for each request.

        A night has thousands of them: only where somebody looks for an error.
        """
        if not self._metrics_logger.isEnabledFor(logging.DEBUG):
            return
        ok = response.status < HTTPStatus.BAD_REQUEST
        status = metrics.Status.SUCCEEDED if ok else metrics.Status.FAILED
        metrics.log(
            self._metrics_logger,
            metrics.Point(
                "timer",
                metrics.Metric.HTTP_REQUEST_DURATION,
                response.seconds,
                tags={
                    metrics.Tag.STREAM: request.stream,
                    metrics.Tag.ENDPOINT: request.shown_path,
                    metrics.Tag.HTTP_STATUS_CODE: response.status,
                    metrics.Tag.STATUS: status,
                    metrics.Tag.CONTEXT: {"project_id": request.project_id},
                },
            ),
        )
