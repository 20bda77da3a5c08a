"""Downloads the files that jobs leave in the vendor's storage.

API reference: v2 reports. The storage is another host, and the URL itself is the
secret: it goes into no log and no error, and the token never goes along.
"""

from __future__ import annotations

import contextlib
import ssl
import tempfile
from functools import partial
from http import HTTPStatus
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin

import requests

from tap_targetads.api.addresses import is_protected
from tap_targetads.api.background import StalledError, while_it_moves
from tap_targetads.api.failures import innermost, place_of
from tap_targetads.api.retries import PassingFailureError, gave_up, retry_after
from tap_targetads.api.session import PIECE, Session, timeouts
from tap_targetads.errors import TapError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_targetads.api.retries import Retries

_MAX_REDIRECTS = 5
_GZIP = frozenset({"gzip", "x-gzip"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class DownloadError(Exception):
    """A file is not at its address, or no longer.

    Its text tells what happened, without the URL.
    """


class Downloads:
    """Fetches files by signed URLs.

    Args:
        timeout: Seconds to wait for an answer to begin, and for each MiB of it.
        retries: How often a download is tried again after a passing failure.
    """

    def __init__(self, timeout: float, retries: Retries) -> None:
        self._timeout = timeout
        self._retries = retries
        self._session = Session()

    def fetch(self, url: str, subject: str) -> IO[bytes]:
        """Download a file.

        Args:
            url: The signed URL.
            subject: What is being read, as error lines name it.

        Returns:
            The file at its beginning, packed once more if gzip is the transfer's
            encoding: a temporary file without a name, of which nothing is left when
            the process ends.

        Raises:
            DownloadError: If it is not there; a fresh address may help.
            ApiError: If all tries have failed.
            TapError: If the disk is full.
        """
        try:
            return self._retries.run(lambda: self._attempt(url), subject)
        except PassingFailureError as failure:
            raise gave_up(subject, failure) from None

    def _attempt(self, url: str) -> IO[bytes]:
        try:
            with contextlib.ExitStack() as unless_whole:
                file = unless_whole.enter_context(_new_file())
                while_it_moves(
                    partial(self._copy, url, file), least=PIECE, seconds=self._timeout
                )
                file.seek(0)
                unless_whole.pop_all()
                return file
        except (requests.RequestException, StalledError) as error:
            raise _no_file(error, url) from None
        except OSError as error:
            raise _no_room(error) from None

    def _copy(self, url: str, file: IO[bytes], progress: Callable[[int], None]) -> None:
        for _ in range(_MAX_REDIRECTS + 1):
            _check(url)
            with self._session.get(
                url,
                timeout=timeouts(self._timeout),
                stream=True,
                allow_redirects=False,
                headers={"Accept-Encoding": "gzip"},
                # No credentials from .netrc.
                auth=lambda request: request,
            ) as response:
                progress(PIECE)  # the headers are there
                if response.status_code in _REDIRECTS:
                    url = _redirected(url, response.headers.get("Location", ""))
                    continue
                if response.status_code != HTTPStatus.OK:
                    raise _failure(response)
                # The reader unpacks, and notices if the end is missing.
                if response.headers.get("Content-Encoding", "").lower() in _GZIP:
                    response.raw.headers.discard("Content-Encoding")
                for piece in response.iter_content(PIECE):
                    file.write(piece)
                    progress(len(piece))
                return
        message = "the storage redirects in circles"
        raise DownloadError(message)


def _redirected(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        message = "the storage redirects to what is no address"
        raise DownloadError(message) from None


def _new_file() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise _no_room(error) from None


def _no_room(error: OSError) -> TapError:
    try:
        folder = tempfile.gettempdir()
    except OSError:  # none of those that Python tries
        folder = "a temporary folder"
    message = (
        f"The file of a job cannot be kept in {folder} ({error.strerror or error}). "
        "Make room there, or set TMPDIR to another folder."
    )
    return TapError(message)


def _no_file(error: Exception, url: str) -> Exception:
    """What to raise when no whole file arrives: the library's text holds the URL."""
    place = place_of(url)
    reason = innermost(error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadError(f"the certificate of {place} is not trusted")
    kind = type(error if isinstance(error, requests.Timeout) else reason).__name__
    message = f"the download of the job's file from {place} failed ({kind})."
    return PassingFailureError(message)


def _failure(response: requests.Response) -> Exception:
    status = response.status_code
    message = f"the storage answered {status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = retry_after(response.headers.get("Retry-After"))
        return PassingFailureError(f"{message}.", wait=wait, status=status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return PassingFailureError(f"{message}.", status=status)
    return DownloadError(message)


def _check(url: str) -> None:
    try:
        protected = is_protected(url)
    except ValueError:
        protected = False
    if not protected:
        message = "the storage's address is not https"
        raise DownloadError(message)
