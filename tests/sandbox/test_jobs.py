from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from targetads_sandbox import DOCUMENTED, LIVE, Dialect, Sandbox, World
from targetads_sandbox.world.fields import PATH_FIELDS, RAW_FIELDS, job_field
from tests.sandbox.asking import PATHS, all_rows, ask, errors
from tests.sandbox.jobs import (
    DAYS,
    FLAT,
    FLAT_PATHS,
    NESTED,
    NESTED_PATHS,
    PATH_JOB,
    RAW_JOB,
    create,
    fetch,
    finished,
    poll,
    rows_of,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FLAT_DIALECT = replace(DOCUMENTED, job_body="flat")
DIALECTS = [
    DOCUMENTED,
    LIVE,
    replace(DOCUMENTED, csv_bom=True, csv_gzip=False),
    replace(DOCUMENTED, csv_columns="other"),
]


@pytest.fixture
def small() -> Iterator[Sandbox]:
    """A sandbox whose clock of jobs can be set."""
    with Sandbox(World(rows_per_day=10), job_seconds=3600) as sandbox:
        yield sandbox


def as_csv(value: object) -> str:
    """A value of v1's documented dialect, as v2 writes it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_tuples(
    found: list[dict[str, Any]], fields: Mapping[str, str]
) -> Counter[tuple[str, ...]]:
    return Counter(tuple(as_csv(row[name]) for name in fields) for row in found)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_job_has_the_rows_of_v1(sandbox: Sandbox, dialect: Dialect) -> None:
    expected = as_tuples(all_rows(sandbox, 100_000, DateTo="2024-01-16"), RAW_FIELDS)
    sandbox.dialect = dialect
    flat = dialect.job_body == "flat"
    found = rows_of(sandbox, FLAT if flat else NESTED)
    assert as_tuples(found, RAW_FIELDS) == expected


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_job_with_paths_has_the_rows_of_v1_and_other_names_of_weights(
    sandbox: Sandbox, dialect: Dialect
) -> None:
    expected = as_tuples(all_rows(sandbox, 100_000, path=PATHS), PATH_FIELDS)
    sandbox.dialect = dialect
    flat = dialect.job_body == "flat"
    found = rows_of(sandbox, FLAT_PATHS if flat else NESTED_PATHS, PATH_JOB)
    renamed = [{n: row[job_field(n)] for n in PATH_FIELDS} for row in found]
    assert as_tuples(renamed, PATH_FIELDS) == expected
    assert {"MLI", "FTDM30", "MLI30", "FL60"} < set(found[0])


@pytest.mark.parametrize(
    ("content", "path", "asked"),
    [
        ({**FLAT, "InteractionType": "Click"}, RAW_JOB, {"InteractionType": ["Click"]}),
        ({**FLAT_PATHS, "EventType": "Lead"}, PATH_JOB, {"EventType": ["Lead"]}),
        (
            {**FLAT_PATHS, "InteractionType": "Click"},
            PATH_JOB,
            {"InteractionType": ["Click"]},
        ),
    ],
)
def test_a_flat_body_chooses_one_type(
    sandbox: Sandbox, content: dict[str, Any], path: str, asked: dict[str, Any]
) -> None:
    if path == RAW_JOB:
        expected = all_rows(sandbox, 100_000, **asked, DateTo="2024-01-16")
    else:
        expected = all_rows(sandbox, 100_000, path=PATHS, **asked)
    sandbox.dialect = FLAT_DIALECT
    assert len(rows_of(sandbox, content, path)) == len(expected) > 0


def test_the_answers_look_as_documented(sandbox: Sandbox) -> None:
    created = create(sandbox)
    done = finished(sandbox)
    file = fetch(done)
    assert list(created) == ["job_id", "status", "created_at", "estimated_seconds"]
    assert created["status"] == "CREATED"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", created["job_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created["created_at"])
    assert list(done) == [
        "job_id", "status", "created_at", "row_count", "file_size_bytes",
        "download_url", "download_expires_at",
    ]  # fmt: skip
    assert done["row_count"] == len(table(file.content))
    assert done["file_size_bytes"] == len(file.content)
    expires = datetime.fromisoformat(done["download_expires_at"])
    assert 3500 < (expires - datetime.now(UTC)).total_seconds() <= 3600


def test_a_job_that_takes_no_time_is_done_when_it_is_first_asked_for(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("targetads_sandbox.server.jobs._PATIENCE", 60)
    assert poll(sandbox, create(sandbox))["status"] == "DONE"


def test_a_job_goes_through_its_states(
    small: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("targetads_sandbox.server.jobs.monotonic", lambda: clock[0])
    job = create(small)
    monkeypatch.setattr(small.jobs.find(job["job_id"]), "began", 1000.0)
    seen = []
    for clock[0] in (1001.0, 3000.0, 4601.0):
        seen.append(poll(small, job))
    assert [answer["status"] for answer in seen] == ["CREATED", "PROCESSING", "DONE"]
    assert [a.get("estimated_seconds") for a in seen] == [3600, 3600, None]


@pytest.mark.parametrize(
    ("content", "path", "missing"),
    [
        (FLAT, RAW_JOB, ["InteractionFilter"]),
        (FLAT_PATHS, PATH_JOB, ["InteractionFilter", "TargetFilter"]),
    ],
)
def test_a_flat_body_is_refused_where_a_nested_one_is_documented(
    sandbox: Sandbox, content: dict[str, Any], path: str, missing: list[str]
) -> None:
    response = ask(sandbox, path, json=content)
    assert response.status_code == 400
    assert errors(response) == [(name, "required", None) for name in missing]


@pytest.mark.parametrize(
    ("content", "path"), [(NESTED, RAW_JOB), (NESTED_PATHS, PATH_JOB)]
)
def test_a_nested_body_is_refused_where_a_flat_one_is_met(
    sandbox: Sandbox, content: dict[str, Any], path: str
) -> None:
    sandbox.dialect = FLAT_DIALECT
    response = ask(sandbox, path, json=content)
    assert response.status_code == 400
    assert errors(response)[0] == ("DateFrom", "required", None)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"Fields": []}, ("Fields", "required", None)),
        ({"Fields": ["MLI"]}, ("Fields", "oneof", "MLI")),
        ({"InteractionType": ["Click"]}, ("InteractionType", "string", ["Click"])),
        ({"InteractionType": "View"}, ("InteractionType", "oneof", "View")),
        ({"DateTo": "2024-01-18"}, ("DateTo", "max", "2024-01-18")),
        ({"ResponseType": "XML"}, ("ResponseType", "oneof", "XML")),
    ],
)
def test_a_wrong_parameter_of_a_job_is_named(
    sandbox: Sandbox, change: dict[str, Any], error: tuple[str, str, Any]
) -> None:
    sandbox.dialect = FLAT_DIALECT
    response = ask(sandbox, RAW_JOB, json={**FLAT, **change})
    assert response.status_code == 400
    assert errors(response) == [error]


def test_stable_is_a_flag(sandbox: Sandbox) -> None:
    response = ask(sandbox, RAW_JOB, json={**NESTED, "Stable": "yes"})
    assert errors(response) == [("Stable", "oneof", "yes")]


def test_the_days_that_are_limited_are_those_of_the_conversions(
    sandbox: Sandbox,
) -> None:
    content = {**NESTED_PATHS, "TargetFilter": {**DAYS, "DateTo": "2024-01-18"}}
    response = ask(sandbox, PATH_JOB, json=content)
    assert errors(response) == [("DateTo", "max", "2024-01-18")]


def test_the_history_ends_after_90_days(sandbox: Sandbox) -> None:
    try:
        sandbox.today = date(2024, 4, 14)
        within = ask(sandbox, RAW_JOB, json=NESTED)
        sandbox.today = date(2024, 4, 15)
        before = ask(sandbox, RAW_JOB, json=NESTED)
    finally:
        sandbox.today = None
    assert within.status_code == 200
    assert errors(before) == [("DateFrom", "min", "2024-01-15")]


def test_weights_have_their_names_of_v1_in_v1_only(sandbox: Sandbox) -> None:
    content = {**NESTED_PATHS, "Fields": ["Weight_MLI"]}
    response = ask(sandbox, PATH_JOB, json=content)
    assert errors(response) == [("Fields", "oneof", "Weight_MLI")]


def test_a_job_is_shown_to_its_own_project_only(sandbox: Sandbox) -> None:
    path = f"/v2/jobs/{create(sandbox)['job_id']}"
    other = ask(sandbox, path, project_id=12487, token="sandbox-token-12487")  # noqa: S106
    assert other.status_code == 404
    assert ask(sandbox, path, token=None).status_code == 401
    assert ask(sandbox, "/v2/jobs/unknown").status_code == 404
