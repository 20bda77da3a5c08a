"""The transport: one session, one way to authenticate, retry and explain failures."""

from __future__ import annotations

import logging
import re
import socket
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import requests
from singer_sdk import metrics
from singer_sdk.authenticators import BearerTokenAuthenticator

from tap_targetads.answers import MalformedAnswerError, Reply
from tap_targetads.errors import ApiError
from tap_targetads.pace import Pace
from tap_targetads.retries import PassingFailureError, Retries, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CODE = re.compile("[1-5][0-9][0-9]")
_SHOWN_TEXT = 300
_PIECE = 1 << 20
_SHORTEST_TOKEN = 4
"""Shorter ones are no secrets, but parts of ordinary words."""

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
    def reply(self) -> Reply:
        """The answer's error fields."""


AnswerT = TypeVar("AnswerT", bound=HasReply)


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the API.

    Attributes:
        method: HTTP method.
        path: Path below the base URL.
        project_id: The project: it chooses the token, and goes into the query.
        subject: What is being read, as error lines name it.
        body: JSON body, if any.
        params: The query, besides the project.
        stream: Name of the stream, for the SDK's metrics.
        endpoint: What the metrics call the path, if it holds something secret.
        can_shrink: Whether the caller can ask for less instead.
    """

    method: str
    path: str
    project_id: int
    subject: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    params: Mapping[str, str] = field(default_factory=dict)
    stream: str | None = None
    endpoint: str | None = None
    can_shrink: bool = False


class Client:
    """Sends requests to the API.

    Args:
        api_url: Base URL.
        tokens: Bearer token by project.
        timeout: Seconds to wait for an answer.
        retries: How often a request is sent again after a passing failure.
        pace: How fast requests may follow each other.
    """

    def __init__(
        self,
        *,
        api_url: str,
        tokens: Mapping[int, str],
        timeout: float,
        retries: Retries,
        pace: Pace | None = None,
    ) -> None:
        """Open the session. Nothing is sent yet."""
        self._api_url = api_url
        self._tokens = tokens
        self._authenticators = {
            project_id: BearerTokenAuthenticator(token=token)
            for project_id, token in tokens.items()
        }
        self._timeout = timeout
        self._retries = retries
        self._pace = pace or Pace()
        self._session = requests.Session()
        # At DEBUG it would log paths and signed addresses.
        logging.getLogger("urllib3").setLevel(logging.INFO)
        self._metrics_logger = metrics.get_metrics_logger()

    def send(self, call: Call, decode: Callable[[bytes], AnswerT]) -> AnswerT:
        """Send a request, again if need be, and decode the answer.

        Decoding is part of the try: an answer that arrives cut off is a passing
        failure like any other.

        Args:
            call: The request.
            decode: Turns the body of an answer into what the caller wants; raises
                MalformedAnswerError if it cannot.

        Raises:
            ApiError: If the API refuses the request, or all tries have failed.
        """
        try:
            return self._retries.run(
                lambda: self._attempt(call, decode),
                call.subject,
                can_shrink=call.can_shrink,
            )
        except PassingFailureError as failure:
            problem = f"{call.subject}: {failure} Gave up after {failure.tries} tries."
            message = (
                f"{problem} Everything before it is safe: run the tap again to go on."
            )
            raise ApiError(
                message,
                failure.status,
                too_much=failure.too_much,
                problem=problem,
            ) from failure

    def _attempt(self, call: Call, decode: Callable[[bytes], AnswerT]) -> AnswerT:
        self._pace.wait()
        try:
            response = self._session.request(
                call.method,
                self._api_url + call.path,
                params={"project_id": str(call.project_id), **call.params},
                json=call.body,
                auth=self._authenticators[call.project_id],
                timeout=self._timeout,
                # A redirect would turn a POST into a GET, or carry the token away.
                allow_redirects=False,
                stream=True,
            )
            # Ten times faster in large pieces than in those of `response.content`.
            body = b"".join(response.iter_content(_PIECE))
        except requests.ConnectTimeout as error:
            message = f"no connection within {self._timeout:g} s."
            raise PassingFailureError(message) from error
        except requests.Timeout as error:
            message = f"no answer within {self._timeout:g} s."
            raise PassingFailureError(message, too_much=True) from error
        except requests.RequestException as error:
            reason = _innermost(error)
            message = self._clean(
                f"the connection failed ({type(reason).__name__}: {reason})."
            )
            # A server that is there, but hangs up, may have had too much to do.
            refused = isinstance(reason, (ConnectionRefusedError, socket.gaierror))
            raise PassingFailureError(message, too_much=not refused) from error
        self._log_duration(call, response)
        if response.status_code != HTTPStatus.OK:
            raise self._failure(call, response, _error_in(body))
        try:
            answer = decode(body)
        except MalformedAnswerError as error:
            message = self._clean(f"the answer is malformed ({error}).")
            raise PassingFailureError(
                message, status=HTTPStatus.OK, too_much=True
            ) from error
        if answer.reply.is_error:
            raise self._failure(call, response, answer.reply)
        return answer

    def _failure(
        self, call: Call, response: requests.Response, reply: Reply
    ) -> Exception:
        """What to raise for an error, in the status or in the body."""
        status = response.status_code
        if reply.is_error and status == HTTPStatus.OK:
            code = str(reply.ErrorCode)
            status = int(code) if _CODE.fullmatch(code) else 0
        text = self._clean(reply.ErrorMessage or response.reason or "error")
        text = f"{status} {text}"
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = retry_after(response.headers.get("Retry-After"))
            self._pace.pause(wait)
            return PassingFailureError(
                f"too many requests ({text}).", wait=wait, status=status
            )
        if HTTPStatus.INTERNAL_SERVER_ERROR <= status < 600:  # noqa: PLR2004
            return PassingFailureError(
                f"the API failed ({text}).",
                status=status,
                too_much=status != HTTPStatus.SERVICE_UNAVAILABLE,
            )
        failed = self._clean("; ".join(map(str, reply.failed_fields)))
        detail = f"{text}: {failed}" if failed else text
        message = f"{call.subject}: {_explain(status, call, detail, reply)}"
        fields = [entry.failed_field for entry in reply.failed_fields]
        too_much = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return ApiError(message, status, fields, too_much=too_much)

    def _clean(self, text: str) -> str:
        """Text from outside, on one line, without any token."""
        for token in self._tokens.values():
            if len(token) >= _SHORTEST_TOKEN:
                text = text.replace(token, "[token]")
        text = " ".join(text.split())
        return text if len(text) <= _SHOWN_TEXT else text[:_SHOWN_TEXT] + "…"

    def _log_duration(self, call: Call, response: requests.Response) -> None:
        """The metric that the SDK's own REST streams log for each request."""
        ok = response.status_code < HTTPStatus.BAD_REQUEST
        metrics.log(
            self._metrics_logger,
            metrics.Point(
                "timer",
                metrics.Metric.HTTP_REQUEST_DURATION,
                response.elapsed.total_seconds(),
                tags={
                    metrics.Tag.STREAM: call.stream,
                    metrics.Tag.ENDPOINT: call.endpoint or call.path,
                    metrics.Tag.HTTP_STATUS_CODE: response.status_code,
                    metrics.Tag.STATUS: metrics.Status.SUCCEEDED
                    if ok
                    else metrics.Status.FAILED,
                    metrics.Tag.CONTEXT: {"project_id": call.project_id},
                },
            ),
        )


def _explain(status: int, call: Call, detail: str, reply: Reply) -> str:
    """What a refusal means, and what to do about it."""
    if status == HTTPStatus.UNAUTHORIZED:
        return (
            f"the token of project {call.project_id} is not valid ({detail}). Set "
            "TAP_TARGETADS_AUTH_TOKEN, or the project's `auth_token` under "
            "`projects`, to a current one."
        )
    if status == HTTPStatus.FORBIDDEN:
        return (
            f"the token is valid, but has no right to this in project "
            f"{call.project_id} ({detail}). Ask the owner of the project for access, "
            "or use that project's own token."
        )
    if status == HTTPStatus.NOT_FOUND or 300 <= status < 400:  # noqa: PLR2004
        return f"{call.endpoint or call.path} is not there ({detail}). Check `api_url`."
    fields = [failed.failed_field for failed in reply.failed_fields]
    remedies = dict.fromkeys(_REMEDIES[name] for name in fields if name in _REMEDIES)
    return " ".join([f"the API rejected the request ({detail}).", *remedies])


def _error_in(body: bytes) -> Reply:
    """The error that a body describes, if it is one in the API's form."""
    try:
        return Reply.decode(body)
    except MalformedAnswerError:
        return Reply()


def _innermost(error: BaseException) -> BaseException:
    """The cause at the bottom of a connection error."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return error
