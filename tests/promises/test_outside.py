"""What happens if networks, proxies and firewalls are not ideal."""

from __future__ import annotations

import socket
import tempfile
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.api import downloads
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.support.records import assert_is_truth
from tests.support.running import discover, errors, run_tap, select
from tests.support.strange_server import Exchange, StrangeServer

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.server.sandbox import Sandbox
    from targetads_sandbox.world.world import World

SETTINGS: dict[str, Any] = {
    "auth_token": "4f3c-secret",
    "project_id": PROJECT,
    "start_date": "2024-01-01",
    "end_date": "2024-01-31",
}
CHECK = "Check `api_url`, the network, and HTTPS_PROXY if there is a proxy."
BLOCKED = b"<html><head><title>Access\n denied</title></head><body>No.</body></html>"

STALL_AT: dict[str, bytes] = {
    "headers": b"HTTP/1.1 200 OK\r\nX-Slow: ",
    "body": b'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{"data": [',
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
}


@pytest.mark.parametrize("beginning", STALL_AT.values(), ids=STALL_AT)
def test_an_answer_that_trickles_is_given_up(tmp_path: Path, beginning: bytes) -> None:
    limits = {"request_timeout": 1, "retry_timeout": 1}
    with StrangeServer(lambda exchange: exchange.trickle(beginning)) as server:
        output = run_tap(tmp_path, {**SETTINGS, **limits, "api_url": server.url})

    assert output.exit_code == 1
    assert "no answer within 1 s. Gave up after 1 try." in output.log
    # Once a stream has given up, the others ask once.
    assert len(server.requests) == 4


def test_a_host_without_an_address_ends_the_run_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    output = run_tap(tmp_path, {**SETTINGS, "api_url": "https://api.example.test"})

    assert output.exit_code == 1
    (error,) = errors(output.log)
    assert error == (
        "No connection to api.example.test (gaierror: [Errno -2] Name or service not "
        f"known). Gave up after 9 tries. {CHECK}"
    )


def test_a_proxy_that_is_not_there_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:pa55word@127.0.0.1:9")

    output = run_tap(tmp_path, {**SETTINGS, "api_url": "https://api.example.test"})

    assert output.exit_code == 1
    (error,) = errors(output.log)
    assert error.startswith(
        "No connection to api.example.test through the proxy 127.0.0.1:9 ("
    )
    assert "pa55word" not in output.log


def test_a_proxy_with_another_scheme_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://")

    output = run_tap(tmp_path, {**SETTINGS, "api_url": "https://api.example.test"})

    assert output.exit_code == 1
    (error,) = errors(output.log)
    assert "HTTPS_PROXY" in error
    assert "next in" not in output.log


@pytest.mark.parametrize("arguments", [(), ("--test",)])
def test_a_certificate_that_is_not_trusted_ends_the_run_at_once(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with StrangeServer(lambda e: e.send(200, b"{}"), certificate=True) as server:
        output = run_tap(tmp_path, {**SETTINGS, "api_url": server.url}, *arguments)

    assert output.exit_code == 1
    (error,) = errors(output.log)
    assert error.startswith(f"The certificate of {server.place} is not trusted (")
    assert "REQUESTS_CA_BUNDLE" in error
    assert "next in" not in output.log
    assert not server.requests


def test_a_certificate_in_the_bundle_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StrangeServer(
        lambda e: e.send(200, b'{"valid": true}'), certificate=True
    ) as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.bundle(tmp_path)))
        config = {**SETTINGS, "api_url": server.url}
        catalog = select(discover(config), streams=["projects"])

        output = run_tap(tmp_path, config, catalog=catalog)

    assert output.exit_code == 0
    assert len(output.records["projects"]) == 1


@pytest.mark.parametrize("arguments", [(), ("--test",)])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_cannot_be_used_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    content: str | None,
) -> None:
    bundle = tmp_path / "authorities.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))

    with StrangeServer(lambda e: e.send(200, b"{}"), certificate=True) as server:
        output = run_tap(tmp_path, {**SETTINGS, "api_url": server.url}, *arguments)

    assert output.exit_code == 1
    (error,) = errors(output.log)
    assert str(bundle) in error
    assert "REQUESTS_CA_BUNDLE" in error


@pytest.mark.usefixtures("february")
def test_loopback_is_reached_without_the_proxy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    world: World,
    config: dict[str, Any],
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    # The files of jobs come from another server.
    output = run_tap(tmp_path, {**config, "api_version": "v2"})

    assert_is_truth(output, world)


def maintenance(exchange: Exchange) -> None:
    exchange.send(200, b"\n<html><title>We are\nback soon</title>", "text/html")


def test_a_page_about_maintenance_is_an_outage(tmp_path: Path) -> None:
    with StrangeServer(maintenance) as server:
        output = run_tap(tmp_path, {**SETTINGS, "api_url": server.url})

    assert output.exit_code == 1
    came = "the answer is not JSON, but text/html: 'We are back soon'."
    assert f"{came} Gave up after 9 tries." in output.log
    assert "Asking for" not in output.log
    # Nine tries of the first stream, and one of each other.
    assert len(server.requests) == 9 + 3


@pytest.mark.parametrize("place", ["http://[::1", "/caf\xe9"])
def test_a_redirect_to_nowhere_is_one_line(tmp_path: Path, place: str) -> None:
    with StrangeServer(lambda e: e.send(302, b"", Location=place)) as server:
        output = run_tap(tmp_path, {**SETTINGS, "api_url": server.url})

    assert output.exit_code == 1
    assert "is not there (302 Found). Check `api_url`." in output.log
    assert "Traceback" not in output.log


def test_no_piece_of_a_token_is_in_a_page_that_shows_it(tmp_path: Path) -> None:
    token = "4f3c-" + "secret" * 30
    page = f"Bad request. Authorization: Bearer {token}".encode()
    with StrangeServer(lambda e: e.send(200, page, "text/plain")) as server:
        config = {**SETTINGS, "auth_token": token, "max_retries": 0}
        output = run_tap(tmp_path, {**config, "api_url": server.url})

    assert "Authorization: Bearer [token]" in output.log
    assert "4f3c" not in output.log


def test_a_firewall_is_not_taken_for_a_missing_right(tmp_path: Path) -> None:
    with StrangeServer(lambda e: e.send(403, BLOCKED, "text/html")) as server:
        config = {**SETTINGS, "api_url": server.url}
        meta = ["campaigns", "creatives", "target_events", "projects"]
        catalog = select(discover(config), streams=meta)

        output = run_tap(tmp_path, config, catalog=catalog)

    assert output.exit_code == 1
    *blocked, last = errors(output.log)
    assert len(blocked) == len(meta)
    assert all("(403 Forbidden, not JSON, but text/html: 'Ac" in e for e in blocked)
    assert all("firewall" in e for e in blocked)
    assert "token is valid" not in output.log
    assert last.startswith("Not delivered completely: ")


def test_a_token_that_is_not_valid_is_one_error_for_each_project(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    del config["project_id"], config["auth_token"]
    projects = [
        {"project_id": PROJECT, "auth_token": "4f3c-expired"},
        {"project_id": OTHER_PROJECT, "auth_token": "4f3c-wrong"},
    ]

    output = run_tap(tmp_path, {**config, "projects": projects})

    assert output.exit_code == 1
    *tokens, last = errors(output.log)
    assert [
        f"project {p} is not valid" in e
        for p, e in zip((PROJECT, OTHER_PROJECT), tokens, strict=True)
    ] == [True, True]
    assert len(sandbox.requests) == 2
    for stream in ("page_views", "clicks", "impressions", "purchases"):
        for project in (PROJECT, OTHER_PROJECT):
            assert f"{stream} of project {project}" in last


def test_a_cookie_of_one_answer_does_not_go_along_with_the_next_request(
    tmp_path: Path,
) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.send(200, b'{"valid": true}', Set_Cookie="session=4f3c; Path=/")

    with StrangeServer(answer) as server:
        config = {**SETTINGS, "api_url": server.url}
        del config["project_id"], config["auth_token"]
        config["projects"] = [
            {"project_id": project, "auth_token": f"4f3c-{project}"}
            for project in (PROJECT, OTHER_PROJECT)
        ]
        catalog = select(discover(config), streams=["projects"])

        output = run_tap(tmp_path, config, catalog=catalog)

    assert output.exit_code == 0
    assert len(server.requests) == 2
    assert not [headers for _, headers in server.requests if "Cookie" in headers]


def no_folder() -> str:
    message = "No usable temporary directory found"
    raise FileNotFoundError(2, message)


def full() -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.usefixtures("february")
def test_without_a_temporary_folder_the_error_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]
) -> None:
    # The sandbox, which runs in this process, needs one too.
    nowhere = SimpleNamespace(TemporaryFile=no_folder, gettempdir=no_folder)
    monkeypatch.setattr(downloads, "tempfile", nowhere)

    output = run_tap(tmp_path, {**config, "api_version": "v2"})

    assert output.exit_code == 1
    error = errors(output.log)[0]
    assert "in a temporary folder (No usable temporary directory found)" in error
    assert "TMPDIR" in error
    assert "Traceback" not in output.log


@pytest.mark.usefixtures("february")
def test_without_room_for_a_file_the_error_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]
) -> None:
    monkeypatch.setattr(
        downloads,
        "tempfile",
        SimpleNamespace(TemporaryFile=full, gettempdir=tempfile.gettempdir),
    )

    output = run_tap(tmp_path, {**config, "api_version": "v2"})

    assert output.exit_code == 1
    error = errors(output.log)[0]
    assert f"in {tempfile.gettempdir()} (No space left on device). Make room" in error
