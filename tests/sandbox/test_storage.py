from __future__ import annotations

import gzip
import re
from collections import Counter
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from targetads_sandbox import DOCUMENTED, Sandbox, World
from tests.sandbox.asking import PROJECT, TOKEN
from tests.sandbox.jobs import (
    NESTED,
    RAW_JOB,
    create,
    fetch,
    finished,
    poll,
    table,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_storage_has_another_host_name(sandbox: Sandbox) -> None:
    storage = urlsplit(finished(sandbox)["download_url"])
    api = urlsplit(sandbox.url)
    assert (api.hostname, storage.hostname) == ("127.0.0.1", "localhost")
    assert storage.port == api.port
    assert storage.path.startswith("/storage/")


def test_the_storage_refuses_a_request_with_an_authorization_header(
    sandbox: Sandbox,
) -> None:
    response = fetch(finished(sandbox), Authorization=f"Bearer {TOKEN}")
    assert response.status_code == 400
    assert "<Code>InvalidArgument</Code>" in response.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"X-Signature=\w{8}", "X-Signature=00000000"),
        (r"X-Signature=\w*", ""),
        (r"X-Expires=\d", "X-Expires=9"),
        (r"X-Expires=\d*", "X-Expires=never"),
        (r"reports/[^?]*", "reports/other.csv"),
    ],
)
def test_the_storage_refuses_an_address_that_it_did_not_sign(
    sandbox: Sandbox, old: str, new: str
) -> None:
    url = re.sub(old, new, finished(sandbox)["download_url"])
    assert requests.get(url, timeout=10).status_code == 403


def test_an_address_expires_and_each_question_gives_another() -> None:
    with Sandbox(World(rows_per_day=10), url_seconds=0) as sandbox:
        job = finished(sandbox)
        assert fetch(job).status_code == 403
        assert poll(sandbox, job)["download_url"] != job["download_url"]


def test_a_file_is_gzip_without_a_content_encoding() -> None:
    with Sandbox(World(rows_per_day=100), gzip=True) as sandbox:
        packed = fetch(finished(sandbox))
        sandbox.dialect = replace(DOCUMENTED, csv_gzip=False)
        plain = fetch(finished(sandbox))
    assert "Content-Encoding" not in {*packed.headers, *plain.headers}
    assert gzip.decompress(packed.content).startswith(b"InteractionTime,")
    assert plain.content.startswith(b"InteractionTime,")
    assert len(packed.content) < len(plain.content) / 3


def test_a_file_can_begin_with_a_mark_and_have_its_columns_in_another_order(
    sandbox: Sandbox,
) -> None:
    sandbox.dialect = replace(
        DOCUMENTED, csv_gzip=False, csv_bom=True, csv_columns="other"
    )
    content = {**NESTED, "Fields": ["InteractionTime", "InteractionType"]}
    file = fetch(finished(sandbox, content)).content
    assert file.startswith("\ufeffInteractionType,InteractionTime\r\n".encode())


def test_values_are_quoted_and_missing_ones_are_empty() -> None:
    day = date(2024, 1, 15)
    world = World(rows_per_day=0)
    row = {"InteractionTime": "2024-01-15 10:00:00", "InteractionType": "Click"}
    texts = ['a "b", c', "d\r\ne\nf", "\u2028", "", None]
    world.replace_day(PROJECT, day, [{**row, "InteractionCity": t} for t in texts])
    fields = ["InteractionCity", "InteractionNewCookie", "InteractionType"]
    with Sandbox(world, dialect=replace(DOCUMENTED, csv_gzip=False)) as sandbox:
        file = fetch(finished(sandbox, {**NESTED, "Fields": fields})).content
    assert Counter(row["InteractionCity"] for row in table(file)) == Counter(
        text or "" for text in texts
    )
    assert b'"a ""b"", c",,Click\r\n' in file
    assert b'"d\r\ne\nf",,Click\r\n' in file
    assert file.endswith(b"\r\n")


def test_a_day_without_rows_is_a_header(sandbox: Sandbox) -> None:
    days = {"DateFrom": "2024-01-21", "DateTo": "2024-01-21"}
    job = finished(sandbox, {**NESTED, "InteractionFilter": days})
    assert job["row_count"] == 0
    assert table(fetch(job).content) == []


def test_a_big_day_comes_in_pieces_with_the_same_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("targetads_sandbox.world.world._PIECE", 300)
    world, day = World(), date(2024, 1, 16)
    pieces = list(world.pieces(PROJECT, day))
    found = [row for p in pieces for part in p.parts.values() for row in part.rows]
    whole = world.day(PROJECT, day)
    assert len(pieces) > 2
    assert max(piece.size for piece in pieces) < 320
    assert Counter(found) == Counter(
        row for part in whole.parts.values() for row in part.rows
    )


def test_files_are_private_and_gone_when_the_sandbox_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sandbox = Sandbox(World(rows_per_day=10))
    for _ in range(2):
        with sandbox:
            assert list(tmp_path.iterdir()) == []
            finished(sandbox)
            [directory] = tmp_path.iterdir()
            assert directory.stat().st_mode & 0o077 == 0
            assert len(list(directory.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_stopping_gives_up_jobs_that_still_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Sandbox(World(rows_per_day=3_000_000)) as sandbox:
        create(sandbox)
    assert list(tmp_path.iterdir()) == []


def test_requests_to_the_storage_are_logged(sandbox: Sandbox) -> None:
    job = finished(sandbox)
    fetch(job)
    paths = [(r.method, r.path, r.project_id, r.status) for r in sandbox.requests]
    assert paths[0] == ("POST", RAW_JOB, PROJECT, 200)
    assert paths[1] == ("GET", f"/v2/jobs/{job['job_id']}", PROJECT, 200)
    assert paths[-1] == ("GET", urlsplit(job["download_url"]).path, None, 200)
    *asked, fetched = sandbox.requests
    assert all(request.authorized for request in asked)
    assert not fetched.authorized
    assert fetched.params["X-Signature"] in job["download_url"]
