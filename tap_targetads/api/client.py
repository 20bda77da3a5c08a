"""Sends requests with retries, and explains their failures."""

from __future__ import annotations

import re
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, TypeVar

import requests
from singer_sdk import metrics

from tap_targetads.api.answers import Answer, MalformedAnswerError
from tap_targetads.api.prefetch import Prefetch
from tap_targetads.api.retries import (
    PassingFailureError,
    Retries,
    gave_up,
    retry_after,
)
from tap_targetads.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tap_targetads.api.answers import Body
    from tap_targetads.api.transport import Request, Response, Transport

_CODE = re.compile("[1-5][0-9][0-9]")
_SHOWN_TEXT = 300
_SHORTEST_TOKEN = 4
"""Shorter ones are not secrets, but parts of ordinary words."""

_REMEDIES: Mapping[str, str] = {
    "Fields": "Deselect that field in the catalog, or remove it from `extra_fields`.",
    "Limit": "Lower `page_size`.",
    "InteractionType": "Correct `interaction_types`.",
    "MediaCampaignId": "Correct `media_campaign_ids`.",
    "DateFrom": "Correct `start_date`.",
    "DateTo": "Correct `end_date`.",
    "project_id": "Correct `project_id`.",
}
"""What to do about a rejected request, by the field that the API names."""


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
            raise gave_up(request.subject, failure) from failure

    def _attempt(self, request: Request, decode: Callable[[Body], AnswerT]) -> AnswerT:
        response = self._response(request)
        if not response.is_success:
            raise self._failure(request, response, _error_in(response.body))
        try:
            answer = decode(response.body)
        except MalformedAnswerError as error:
            message = self.clean(f"the answer is malformed ({error}).")
            raise PassingFailureError(
                message, status=response.status, too_much=True
            ) from error
        if answer.reply.is_error:
            raise self._failure(request, response, answer.reply)
        return answer

    def _response(self, request: Request) -> Response:
        timeout = self._transport.timeout
        try:
            response = self._prefetch.get(request)
        except requests.ConnectTimeout as error:
            message = f"no connection within {timeout:g} s."
            raise PassingFailureError(message) from error
        except requests.Timeout as error:
            message = f"no answer within {timeout:g} s."
            raise PassingFailureError(message, too_much=True) from error
        except requests.RequestException as error:
            reason = _innermost(error)
            message = self.clean(
                f"the connection failed ({type(reason).__name__}: {reason})."
            )
            # A server that is there, but hangs up, may have had too much to do.
            refused = isinstance(reason, (ConnectionRefusedError, socket.gaierror))
            raise PassingFailureError(message, too_much=not refused) from error
        self._log_duration(request, response)
        return response

    def _failure(
        self, request: Request, response: Response, answer: Answer
    ) -> Exception:
        """What to raise for an error, in the status or in the body."""
        status = response.status
        if answer.is_error and response.is_success:
            code = str(answer.ErrorCode)
            status = int(code) if _CODE.fullmatch(code) else 0
        text = self.clean(answer.ErrorMessage or response.reason or "error")
        text = f"{status} {text}"
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = retry_after(response.headers.get("Retry-After"))
            return PassingFailureError(
                f"too many requests ({text}).", wait=wait, status=status
            )
        server_error = HTTPStatus.INTERNAL_SERVER_ERROR <= status < 600  # noqa: PLR2004
        if server_error or status == HTTPStatus.REQUEST_TIMEOUT:
            return PassingFailureError(
                f"the API failed ({text}).",
                status=status,
                too_much=status != HTTPStatus.SERVICE_UNAVAILABLE,
            )
        failed = self.clean("; ".join(map(str, answer.failed_fields)))
        detail = f"{text}: {failed}" if failed else text
        return ApiError(
            f"{request.subject}: {_explain(status, request, detail, answer)}",
            status,
            {entry.failed_field: entry.tag for entry in answer.failed_fields},
            too_much=status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            rejection=f"{request.subject}: the API rejected the request ({detail}).",
        )

    def clean(self, text: str) -> str:
        """Text from outside, on one line, without tokens."""
        for token in self._transport.tokens.values():
            if len(token) >= _SHORTEST_TOKEN:
                text = text.replace(token, "[token]")
        text = " ".join(text.split())
        return text if len(text) <= _SHOWN_TEXT else text[:_SHOWN_TEXT] + "…"

    def _log_duration(self, request: Request, response: Response) -> None:
        """Log the metric that the SDK's own REST streams log for each request."""
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


def _explain(status: int, request: Request, detail: str, answer: Answer) -> str:
    """What a refusal means, and what to do about it."""
    if status == HTTPStatus.UNAUTHORIZED:
        return (
            f"the token of project {request.project_id} is not valid ({detail}). Set "
            "TAP_TARGETADS_AUTH_TOKEN, or the project's `auth_token` under "
            "`projects`, to a current one."
        )
    if status == HTTPStatus.FORBIDDEN:
        return (
            f"the token is valid, but has no right to this in project "
            f"{request.project_id} ({detail}). Ask the owner of the project for "
            "access, or use that project's own token."
        )
    if status == HTTPStatus.NOT_FOUND or 300 <= status < 400:  # noqa: PLR2004
        return f"{request.shown_path} is not there ({detail}). Check `api_url`."
    fields = [failed.failed_field for failed in answer.failed_fields]
    remedies = dict.fromkeys(_REMEDIES[name] for name in fields if name in _REMEDIES)
    return " ".join([f"the API rejected the request ({detail}).", *remedies])


def _error_in(body: Body) -> Answer:
    """The error that a body describes, if it is one in the API's form."""
    try:
        return Answer.decode(body)
    except MalformedAnswerError:
        return Answer()


def _innermost(error: BaseException) -> BaseException:
    """The cause at the bottom of a connection error."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return error
