"""What it means when the API refuses a request, and what to do about it.

API reference: errors.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_targetads.api.answers import Answer, MalformedAnswerError
from tap_targetads.api.failures import foreign
from tap_targetads.api.retries import PassingFailureError, retry_after
from tap_targetads.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_targetads.api.answers import Body
    from tap_targetads.api.transport import Request, Response

_CODE = re.compile("[1-5][0-9][0-9]")

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


def error_in(body: Body) -> Answer:
    """The error that a body describes, if it is one in the API's form."""
    try:
        return Answer.decode(body)
    except MalformedAnswerError:
        return Answer()


def refusal(
    request: Request, response: Response, answer: Answer, clean: Callable[[str], str]
) -> Exception:
    """What to raise for an error, in the status or in the body.

    Args:
        request: The request.
        response: Its response.
        answer: The error in its body.
        clean: Removes secrets from text.
    """
    status = response.status
    if answer.is_error and response.is_success:
        code = str(answer.ErrorCode)
        status = int(code) if _CODE.fullmatch(code) else 0
        if not answer.has_code:  # it may pass
            status = HTTPStatus.INTERNAL_SERVER_ERROR
    shown = status if answer.has_code else response.status
    text = clean(f"{shown} {answer.message or response.reason or 'error'}")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = retry_after(response.headers.get("Retry-After"))
        return PassingFailureError(
            f"too many requests ({text}).", wait=wait, status=status
        )
    server_error = HTTPStatus.INTERNAL_SERVER_ERROR <= status < 600  # noqa: PLR2004
    server_error = server_error and status != HTTPStatus.NOT_IMPLEMENTED
    if server_error or status == HTTPStatus.REQUEST_TIMEOUT:
        return PassingFailureError(
            f"the API failed ({text}).",
            status=status,
            too_much=status != HTTPStatus.SERVICE_UNAVAILABLE,
        )
    if status == HTTPStatus.FORBIDDEN and not (answer.has_code or answer.ErrorMessage):
        # No status: it says nothing of the token's rights.
        came = foreign(response, clean) or "without a word"
        return ApiError(
            f"{request.subject}: something in between answers in place of the API "
            f"({text}, {came}). Ask whoever runs the firewall or the proxy."
        )
    failed = clean("; ".join(map(str, answer.failed_fields)))
    detail = f"{text}: {failed}" if failed else text
    # How much is too large depends on the rows: that is no rule.
    too_large = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    rejection = f"{request.subject}: the API rejected the request ({detail})."
    return ApiError(
        f"{request.subject}: {_explain(status, request, detail, answer)}",
        status,
        {entry.failed_field: entry.tag for entry in answer.failed_fields},
        too_much=too_large,
        rejection="" if too_large else rejection,
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
