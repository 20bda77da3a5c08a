"""What the README says, command by command, until the rows are in PostgreSQL."""

from __future__ import annotations

import os
import re
import socket
import socketserver
import subprocess
import threading
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

import psycopg
import pytest

from targetads_sandbox import World
from tests.support.places import ROOT
from tests.support.warehouse import Warehouse, assert_is_truth

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SECTION = "Into PostgreSQL, in your own Meltano project"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
# A day that a month of rows need not wait for.
END = date(2024, 1, 31)


def blocks(heading: str) -> list[tuple[str, str]]:
    """The blocks of a section, each with its language."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return BLOCK.findall(section)


@contextmanager
def on_a_port(url: str) -> Iterator[int]:
    """Let the tests' server, which has only a socket in a folder, listen on a port."""
    with psycopg.connect(url) as connection:
        info = connection.info
        path = f"{info.host}/.s.PGSQL.{info.port}"

    def pump(source: socket.socket, sink: socket.socket) -> None:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(path)
                back = threading.Thread(target=pump, args=(server, self.request))
                back.start()
                pump(self.request, server)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield proxy.server_address[1]
        finally:
            proxy.shutdown()


def bash(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euc", script],  # noqa: S607 - as the reader has it
        cwd=folder,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.meltano
def test_the_readmes_own_commands_end_in_rows_in_postgresql(
    tmp_path: Path, database: str, meltano_environment: Mapping[str, str]
) -> None:
    world = World.demo()
    (project, *_) = world.projects
    name = "readme_steps"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
        own = psycopg.conninfo.make_conninfo(database, dbname=name)
    tools = {"UV_TOOL_DIR": "tools", "UV_TOOL_BIN_DIR": "bin"}
    environment = {
        **meltano_environment,
        **{variable: str(tmp_path / folder) for variable, folder in tools.items()},
    }
    environment["PATH"] = os.pathsep.join([str(tmp_path / "bin"), environment["PATH"]])
    (_, make), (_, block), (_, load) = blocks(SECTION)

    bash(make, tmp_path, environment)
    (folder,) = (file.parent for file in tmp_path.glob("*/meltano.yml"))
    # Where the reader has a clone, a token and rows of last month, there is a sandbox.
    block = block.replace("/path/to/the/clone", str(ROOT))
    config = f"config: {{sandbox: true, end_date: '{END}'}}"
    block = block.replace("    select:", f"    {config}\n    select:")
    with (folder / "meltano.yml").open("a", encoding="utf-8") as file:
        file.write(block)
    with on_a_port(own) as port, psycopg.connect(own) as connection:
        words = {
            "12345": str(project),
            "your_token_here": "any",
            "localhost": "127.0.0.1",
            "5432": str(port),
            "loader": connection.info.user,
            "warehouse": name,
        }
        for word, value in words.items():
            assert word in load
            load = load.replace(word, value)
        said = bash(load, folder, environment)

    assert f"Project {project}: ok" in said
    assert_is_truth(Warehouse(own, "targetads"), world, [project])
