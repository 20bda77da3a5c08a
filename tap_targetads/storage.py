"""Downloads the files that jobs leave in the vendor's storage.

API reference: v2 reports. The storage is another host, and the URL itself is the
secret: it goes into no log and no error, and the token never goes along.
"""

from __future__ import annotations

import tempfile
from http import HTTPStatus
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin

import requests

from tap_targetads.addresses import is_protected

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECE = 1 << 20
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class DownloadError(Exception):
    """A file did not arrive.

    Its text tells what happened, without the URL.
    """


class Storage:
    """Fetches files by signed URLs.

    Args:
        timeout: Seconds to wait for an answer.
    """

    def __init__(self, timeout: float) -> None:
        """Open a session of its own, which knows no token."""
        self._timeout = timeout
        self._session = requests.Session()

    def fetch(self, url: str) -> IO[bytes]:
        """Download a file.

        Args:
            url: The signed URL.

        Returns:
            The file, at its beginning: on disk, private and without a name, so that
            nothing of it is left when the process ends.

        Raises:
            DownloadError: If it does not arrive.
        """
        file = tempfile.TemporaryFile()  # noqa: SIM115 - returned
        try:
            self._copy(url, file.write)
        except requests.RequestException as error:
            file.close()
            # The library's own text holds the URL.
            message = f"the download failed ({type(error).__name__})"
            raise DownloadError(message) from None
        except DownloadError:
            file.close()
            raise
        file.seek(0)
        return file

    def _copy(self, url: str, write: Callable[[bytes], int]) -> None:
        for _ in range(_MAX_REDIRECTS + 1):
            _check(url)
            with self._session.get(
                url,
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,
                # Credentials that the machine keeps for hosts stay where they are.
                auth=lambda request: request,
            ) as response:
                if response.status_code in _REDIRECTS:
                    url = urljoin(url, response.headers.get("Location", ""))
                    continue
                if response.status_code != HTTPStatus.OK:
                    message = f"the storage answered {response.status_code}"
                    raise DownloadError(message)
                # Where the server calls gzip the encoding of the transfer, the file
                # arrives unpacked: its first bytes tell.
                for piece in response.iter_content(_PIECE):
                    write(piece)
                return
        message = "the storage redirects in circles"
        raise DownloadError(message)


def _check(url: str) -> None:
    try:
        protected = is_protected(url)
    except ValueError:
        protected = False
    if not protected:
        message = "the storage's address is not https"
        raise DownloadError(message)
