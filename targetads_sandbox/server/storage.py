"""An object store: whoever has a signed URL can download the file.

Like the stores of the API's files (API reference: v2 reports), it accepts the URL as
the only credential, and reports errors as XML.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from itertools import count
from math import floor
from time import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

PREFIX = "/storage/"
_BUCKET = "/storage/reports/"
_CHUNK = 1 << 20
_NOISE = b"\xff" * 16
"""Not valid UTF-8, and rejected by any checksum."""


class SignedUrl(NamedTuple):
    """A URL, and when it expires."""

    url: str
    expires_at: datetime


class Storage:
    """Signs URLs, valid for some seconds, and checks them."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._secret = secrets.token_bytes(32)
        self._serials = count(1)
        self._revoked: set[str] = set()

    def sign(self, base: str, name: str, made: float | None = None) -> SignedUrl:
        """A new URL for the file `name`, below the URL `base` of the store.

        It is valid for some seconds from now, or from when the file's job was `made`.
        """
        expires = floor((time() if made is None else made) + self._seconds)
        query = {
            "X-Serial": str(next(self._serials)),
            "X-Expires": str(expires),
        }
        query["X-Signature"] = self._signature(name, query)
        moment = datetime.fromtimestamp(expires, UTC)
        return SignedUrl(f"{base}{_BUCKET}{name}?{urlencode(query)}", moment)

    def revoke(self, params: Mapping[str, str]) -> None:
        """Make a URL expire early."""
        self._revoked.add(params.get("X-Signature", ""))

    def refusal(
        self, name: str, params: Mapping[str, str], authorization: str
    ) -> Response | None:
        """The response to a request that gets nothing; None if it gets the file."""
        if authorization:
            message = (
                "Only one auth mechanism allowed; only the X-Signature query parameter "
                "or the Authorization header should be specified"
            )
            return _error(400, "InvalidArgument", message)
        given = params.get("X-Signature", "")
        if not hmac.compare_digest(given, self._signature(name, params)):
            message = "The request signature we calculated does not match"
            return _error(403, "SignatureDoesNotMatch", message)
        if given in self._revoked or time() >= int(params["X-Expires"]):
            return _error(403, "AccessDenied", "Request has expired")
        return None

    def _signature(self, name: str, params: Mapping[str, str]) -> str:
        signed = [name, params.get("X-Serial", ""), params.get("X-Expires", "")]
        content = "\n".join(signed).encode()
        return hmac.new(self._secret, content, hashlib.sha256).hexdigest()


def missing() -> Response:
    """The response for a file that does not exist."""
    return _error(404, "NoSuchKey", "The specified key does not exist.")


def _error(status: int, code: str, message: str) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return Response(body, status_code=status, media_type="application/xml")


class FileResponse(Response):
    """A file that is sent while it is read, complete or damaged.

    Attributes:
        promised: The number of bytes that the response announces.
        sent: The number of bytes after which it ends.
        corrupt: Replace some bytes in the middle.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(media_type="application/octet-stream")
        self.path = path
        self.promised = self.sent = path.stat().st_size
        self.corrupt = False

    def damage(self, kind: str) -> None:
        """Let something go wrong: see the kinds of faults."""
        if kind == "cut":
            self.sent //= 2
        elif kind in {"malformed", "truncated_file"}:
            self.promised = self.sent = self.sent // 2
        elif kind == "corrupt_file":
            self.corrupt = True

    async def __call__(
        self,
        scope: Scope,  # noqa: ARG002 - ASGI's signature
        receive: Receive,  # noqa: ARG002
        send: Send,
    ) -> None:
        """Send the file; sending less than promised makes the server hang up."""
        self.headers["Content-Length"] = str(self.promised)
        start = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        await send(start)
        position = 0
        with self.path.open("rb") as file:
            while position < self.sent:
                chunk = file.read(min(_CHUNK, self.sent - position))
                if self.corrupt:
                    chunk = _with_noise(chunk, self.sent // 2 - position)
                position += len(chunk)
                await send(
                    {"type": "http.response.body", "body": chunk, "more_body": True}
                )
        if self.sent == self.promised:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _with_noise(chunk: bytes, offset: int) -> bytes:
    """A chunk, with noise from an offset on if that is in it."""
    if not 0 <= offset < len(chunk):
        return chunk
    noise = _NOISE[: len(chunk) - offset]
    return chunk[:offset] + noise + chunk[offset + len(noise) :]
