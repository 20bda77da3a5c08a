from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests

from targetads_sandbox import DOCUMENTED, LIVE, Sandbox, World
from tests.sandbox.asking import OTHER_PROJECT, PROJECT, ask, body, errors

VALIDATE = "/v1/meta/token_validate"
INVALID_TOKEN = {"ErrorCode": 401, "ErrorMessage": "invalid or expired token"}
NO_ACCESS = {"ErrorCode": 403, "ErrorMessage": "no access to project"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ResponseType": None}, ("ResponseType", "required", None)),
        ({"ResponseType": "CSV"}, ("ResponseType", "oneof", "CSV")),
        ({"Fields": None}, ("Fields", "required", None)),
        ({"Fields": []}, ("Fields", "required", None)),
        ({"Fields": "InteractionTime"}, ("Fields", "array", "InteractionTime")),
        ({"Fields": ["InteractionTime", "Nope"]}, ("Fields", "oneof", "Nope")),
        ({"Fields": [7]}, ("Fields", "oneof", 7)),
        ({"DateFrom": None}, ("DateFrom", "required", None)),
        ({"DateTo": None}, ("DateTo", "required", None)),
        ({"DateFrom": "15.01.2024"}, ("DateFrom", "datetime", "15.01.2024")),
        ({"DateTo": "20240117"}, ("DateTo", "datetime", "20240117")),
        ({"DateTo": 20240117}, ("DateTo", "datetime", 20240117)),
        ({"DateFrom": "2024-01-18"}, ("DateFrom", "ltefield", "2024-01-18")),
        ({"InteractionType": ["View"]}, ("InteractionType", "oneof", "View")),
        ({"InteractionType": [["Click"]]}, ("InteractionType", "oneof", ["Click"])),
        ({"InteractionType": "Click"}, ("InteractionType", "array", "Click")),
        ({"Limit": None}, ("Limit", "required", None)),
        ({"Limit": 0}, ("Limit", "min", 0)),
        ({"Limit": 100_001}, ("Limit", "max", 100_001)),
        ({"Limit": "10"}, ("Limit", "number", "10")),
        ({"Limit": True}, ("Limit", "number", True)),
        ({"Offset": -1}, ("Offset", "min", -1)),
        ({"Offset": 1.5}, ("Offset", "number", 1.5)),
        ({"MediaCampaignId": list(range(21))}, ("MediaCampaignId", "max", 21)),
        ({"MediaCampaignId": ["x"]}, ("MediaCampaignId", "number", ["x"])),
    ],
)
def test_a_wrong_parameter_is_named(
    sandbox: Sandbox, change: dict[str, Any], error: tuple[str, str, Any]
) -> None:
    response = ask(sandbox, json=body(**change))
    assert response.status_code == 400
    assert response.json()["ErrorMessage"] == "validate error"
    assert errors(response) == [error]


def test_everything_that_is_wrong_is_named_at_once(sandbox: Sandbox) -> None:
    response = ask(sandbox, json={})
    assert [field for field, _, _ in errors(response)] == [
        "ResponseType",
        "Fields",
        "Limit",
        "DateFrom",
        "DateTo",
    ]


@pytest.mark.parametrize("data", [b"{", b"", b"[]", b"\xff", b"null"])
def test_a_body_that_is_no_json_object_is_refused(
    sandbox: Sandbox, data: bytes
) -> None:
    response = ask(sandbox, data=data or b" ")
    assert response.status_code == 400
    assert errors(response) == [("body", "json", None)]


@pytest.mark.parametrize(
    ("project_id", "tag", "value"),
    [
        (None, "required", None),
        ("", "required", None),
        ("abc", "number", "abc"),
        ("-1", "number", "-1"),
        ("9" * 19, "number", "9" * 19),
    ],
)
def test_a_project_that_is_no_number_is_refused(
    sandbox: Sandbox, project_id: object, tag: str, value: object
) -> None:
    response = ask(sandbox, json=body(), project_id=project_id)
    assert response.status_code == 400
    assert errors(response) == [("project_id", tag, value)]


def test_the_list_of_errors_has_either_name(sandbox: Sandbox) -> None:
    documented = ask(sandbox, json=body(Limit=0)).json()
    sandbox.dialect = replace(DOCUMENTED, errors_key="ErrorsField")
    other = ask(sandbox, json=body(Limit=0)).json()
    assert list(documented) == ["ErrorCode", "ErrorMessage", "Errors"]
    assert list(other) == ["ErrorCode", "ErrorMessage", "ErrorsField"]
    error = {"Error": True, "FailedField": "Limit", "Tag": "min", "Value": 0}
    assert documented["Errors"] == other["ErrorsField"] == [error]


@pytest.mark.parametrize("path", [VALIDATE, "/v1/reports/raw_reports"])
@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_without_a_right_token_nothing_is_told(
    sandbox: Sandbox, path: str, token: str | None
) -> None:
    content = None if path == VALIDATE else body()
    response = ask(sandbox, path, token=token, json=content)
    assert response.status_code == 401
    assert response.json() == INVALID_TOKEN


def test_only_the_bearer_scheme_is_accepted(sandbox: Sandbox) -> None:
    response = requests.get(
        f"{sandbox.url}{VALIDATE}?project_id={PROJECT}",
        headers={"Authorization": "Token sandbox-token-12486"},
        timeout=10,
    )
    assert response.status_code == 401


@pytest.mark.parametrize("project_id", [OTHER_PROJECT, 99])
def test_a_token_opens_its_own_project_only(sandbox: Sandbox, project_id: int) -> None:
    response = ask(sandbox, json=body(), project_id=project_id)
    assert response.status_code == 403
    assert response.json() == NO_ACCESS


def test_projects_can_share_a_token() -> None:
    tokens = {PROJECT: "common", OTHER_PROJECT: "common"}
    with Sandbox(World(rows_per_day=10), tokens=tokens) as sandbox:
        answers = [
            ask(sandbox, VALIDATE, project_id=project, token=token)
            for project, token in tokens.items()
        ]
    assert [answer.json()["project_id"] for answer in answers] == list(tokens)


def test_a_valid_token_is_described(sandbox: Sandbox) -> None:
    answer = ask(sandbox, VALIDATE).json()
    campaigns = [p.placement_id for p in sandbox.world.placements(PROJECT)]
    assert answer == {
        "valid": True,
        "project_id": PROJECT,
        "is_admin": False,
        "campaign_access": campaigns,
        "expires_at": "2099-12-31T23:59:59Z",
    }


def test_live_a_valid_token_gets_an_empty_answer(sandbox: Sandbox) -> None:
    sandbox.dialect = LIVE
    response = ask(sandbox, VALIDATE)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("path", ["/", "/v1/reports/nothing", "/v3/meta"])
def test_an_unknown_path_is_not_found(sandbox: Sandbox, path: str) -> None:
    assert ask(sandbox, path).status_code == 404
    assert ask(sandbox, path, json={}).json()["ErrorCode"] == 404
