"""What it means when no answer arrives, or one that is not the API's."""

from __future__ import annotations

import os
import re
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from tap_targetads.api.background import StalledError
from tap_targetads.api.retries import PassingFailureError
from tap_targetads.api.session import CONNECT_TIMEOUT, proxy_of
from tap_targetads.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_targetads.api.transport import Response, Transport
    from tap_targetads.errors import TapError

_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.DOTALL | re.IGNORECASE)
_LIKE_JSON = re.compile(rb'[\[{"]|-?\d|null|true|false')
_SHOWN = 80
_CHECK = "Check `api_url`, the network, and HTTPS_PROXY if there is a proxy."


def no_answer(
    error: Exception, transport: Transport, clean: Callable[[str], str]
) -> TapError | PassingFailureError:
    """What to raise when no whole answer arrives.

    Args:
        error: What sending the request raised.
        transport: What sent it.
        clean: Removes secrets from text.
    """
    host = place_of(transport.api_url)
    reason = innermost(error)
    if hopeless := _hopeless(error, reason, host):
        return UnreachableError(clean(hopeless))
    if isinstance(error, requests.ConnectTimeout):
        seconds = min(CONNECT_TIMEOUT, transport.timeout)
        message = f"no connection to {host} within {seconds:g} s."
        return PassingFailureError(message, unreached=not transport.reached)
    if isinstance(error, requests.Timeout | StalledError):
        message = f"no answer within {transport.timeout:g} s."
        return PassingFailureError(message, too_much=True)
    shown = f"({type(reason).__name__}: {reason})"
    if not transport.reached:
        message = clean(f"no connection to {host} {shown}.")
        return PassingFailureError(message, unreached=True)
    # A server that is there, but hangs up, may have had too much to do.
    refused = isinstance(reason, ConnectionRefusedError | socket.gaierror)
    message = clean(f"the connection failed {shown}.")
    return PassingFailureError(message, too_much=not refused)


def _hopeless(error: Exception, reason: BaseException, host: str) -> str:
    """The line for a failure that no retry can fix; empty for others."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {host} is not trusted ({reason.verify_message}). If a "
            "proxy of your network replaces certificates, set REQUESTS_CA_BUNDLE to "
            "the file of its own."
        )
    unreadable = isinstance(reason, ssl.SSLError) and reason.library == "X509"
    if unreadable or not isinstance(error, requests.RequestException | StalledError):
        bundle = os.environ.get("REQUESTS_CA_BUNDLE", "")
        return (
            f"No connection to {host}: there are no certificates in {bundle or error}. "
            "Correct REQUESTS_CA_BUNDLE, or unset it."
        )
    if isinstance(error, ValueError):  # an address, or a proxy, that cannot work
        return f"No connection to {host} ({error}). {_CHECK}"
    return ""


def unreachable(failure: PassingFailureError) -> UnreachableError:
    """The error when a host has never answered."""
    problem = failure.given_up
    return UnreachableError(f"{problem[0].upper()}{problem[1:]} {_CHECK}")


def place_of(url: str) -> str:
    """The host of a URL, and the proxy that leads to it."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    proxy = proxy_of(url)
    return f"{host} through the proxy {proxy}" if proxy else host


def foreign(response: Response, clean: Callable[[str], str]) -> str:
    """What came instead of JSON; empty if it may be JSON, or there is nothing.

    Pages of proxies, firewalls and load balancers come with any status.

    Args:
        response: The response.
        clean: Removes secrets from text, before it is cut in the middle of one.
    """
    body = bytes(response.body[:10_000]).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not body or _LIKE_JSON.match(body):
        return ""
    kind = response.headers.get("Content-Type", "").partition(";")[0] or "text"
    title = _TITLE.search(body)
    text = clean((title[1] if title else body).decode(errors="replace").strip())
    return f"not JSON, but {kind}: '{text[:_SHOWN]}'"


def innermost(error: BaseException) -> BaseException:
    """The cause at the bottom of a connection error."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return error
