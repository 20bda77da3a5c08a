"""Serves a sandbox, from a thread or in the foreground."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn
from typing_extensions import override

from targetads_sandbox.server.app import create_app
from targetads_sandbox.server.backend import Backend
from targetads_sandbox.world.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self


LOOPBACK = "127.0.0.1"

_START_SECONDS = 10
_GRACE_SECONDS = 1
_KEEP_ALIVE_SECONDS = 300
"""Longer than a client may pause between two requests.

A shorter time would close connections just as they are reused: a fault that nobody
asked for.
"""


class SandboxError(RuntimeError):
    """A method of the sandbox was called at the wrong time."""


class Sandbox(Backend):
    """A local TargetADS server.

    As a context manager it serves on a free loopback port, from a background thread,
    until the end of the block. The arguments are those of `Backend`.
    """

    _socket: socket.socket | None = None
    _server: _Server | None = None
    _thread: threading.Thread | None = None

    @classmethod
    def for_projects(cls, projects: Iterable[int] = ()) -> Self:
        """A sandbox with the demo's data of these projects, or of the default ones."""
        return cls(World.demo(projects))

    @property
    @override
    def url(self) -> str:
        """The base URL, without a trailing slash.

        Raises:
            SandboxError: If it does not serve.
        """
        if self._socket is None:
            message = "The sandbox does not serve: call start() first."
            raise SandboxError(message)
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def bind(self, host: str = LOOPBACK, port: int = 0) -> None:
        """Bind an address, so that `url` is known before anything is served.

        Port 0 is any free port.

        Raises:
            OSError: If the address is not available.
            SandboxError: If the sandbox is already bound.
        """
        if self._socket is not None:
            message = "The sandbox has an address already."
            raise SandboxError(message)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # With an explicit protocol, asyncio switches off Nagle's algorithm, which would
        # delay the end of every small response by 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen()
        except OSError:
            listener.close()
            raise
        self._socket = listener

    def start(self) -> None:
        """Serve from a background thread; return when requests are accepted.

        Raises:
            SandboxError: If it already serves, or the server does not start.
        """
        self.bind()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_socket,
            args=(self._socket,),
            name="tap-targetads-sandbox",
            daemon=True,
        )
        self._thread.start()
        if not self._server.ready.wait(_START_SECONDS) or not self._server.started:
            self.stop()
            message = "The sandbox did not start."
            raise SandboxError(message)

    def stop(self) -> None:
        """Stop serving; do nothing if it does not serve."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        if self._socket is not None:
            self._socket.close()
        self._socket = self._server = self._thread = None
        self.close()

    def serve(self, host: str = LOOPBACK, port: int = 0) -> None:
        """Serve in the foreground until the process is interrupted.

        `host` and `port` count if `bind` was not called before.

        Raises:
            OSError: If the address is not available.
        """
        if self._socket is None:
            self.bind(host, port)
        try:
            # The server handles the signal first, and raises it again at the end.
            with suppress(KeyboardInterrupt):
                _Server(self).serve_socket(self._socket)
        finally:
            self.stop()

    def __enter__(self) -> Self:
        """Start serving."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self.stop()


class _Server(uvicorn.Server):
    """A server that reports when it accepts requests."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.ready = threading.Event()
        config = uvicorn.Config(
            create_app(sandbox),
            # Logging and event loops of the host process are not the sandbox's to
            # configure.
            log_config=None,
            log_level="critical",
            access_log=False,
            loop="none",
            lifespan="off",
            ws="none",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        super().__init__(config)

    def serve_socket(self, listener: socket.socket | None) -> None:
        """Serve on a bound socket; returns at the end."""
        try:
            self.run(sockets=[] if listener is None else [listener])
        finally:
            self.ready.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and report it."""
        await super().startup(sockets)
        self.ready.set()
