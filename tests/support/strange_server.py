"""A server in front of the API that is not the API, on loopback."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import trustme
from typing_extensions import override

from tests.support.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Answer = Callable[["Exchange"], None]


class Exchange:
    """A request, and what is sent back."""

    def __init__(
        self, handler: BaseHTTPRequestHandler, closed: threading.Event
    ) -> None:
        self._handler = handler
        self._closed = closed
        self.path = handler.path
        self.headers = handler.headers

    def send(
        self, status: int, body: bytes, kind: str = "application/json", **headers: str
    ) -> None:
        """Answer at once."""
        self._handler.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.send_header("Content-Length", str(len(body)))
        self._handler.end_headers()
        self._handler.wfile.write(body)

    def trickle(self, beginning: bytes) -> None:
        """Send something, then a byte now and then, until nobody listens any more."""
        write = self._handler.wfile.write
        try:
            write(beginning)
            while not self._closed.wait(0.01):
                write(b" ")
        except OSError:
            return


class StrangeServer(LoopbackServer):
    """Answers every request in the same way.

    Args:
        answer: Sends an answer.
        certificate: Whether it is reached by https, with a certificate that no
            authority of this machine knows.

    Attributes:
        requests: The paths of all requests, and their headers.
        authority: Knows its certificate.
    """

    def __init__(self, answer: Answer, *, certificate: bool = False) -> None:
        self.requests: list[tuple[str, Any]] = []
        self.authority = trustme.CA()
        self._closed = threading.Event()
        super().__init__(self._handler(answer))
        self._scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.authority.issue_cert("127.0.0.1").configure_cert(context)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True
            )
            self._scheme = "https"

    @property
    @override
    def url(self) -> str:
        return f"{self._scheme}://{self.place}"

    def bundle(self, folder: Path) -> Path:
        """A file of the authorities that know its certificate."""
        file = folder / "authorities.pem"
        self.authority.cert_pem.write_to_path(file)
        return file

    @override
    def stop(self) -> None:
        self._closed.set()
        super().stop()

    def _handler(self, answer: Answer) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append((self.path, self.headers))
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer(Exchange(self, server._closed))

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
