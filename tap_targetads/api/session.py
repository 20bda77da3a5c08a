"""HTTP sessions, for the API and for the storage of files."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from typing_extensions import override

from tap_targetads.api.addresses import is_loopback

CONNECT_TIMEOUT = 30.0
"""Seconds to wait for a connection."""

PIECE = 1 << 20
"""Bytes that are read at once: ten times faster than the small pieces of requests."""

_CONNECTIONS = 64


class Session(requests.Session):
    """Keeps no cookies, which are one project's, and needs no proxy on loopback."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))

    @override
    def get_redirect_target(self, resp: Any) -> None:
        """None: who is redirected decides. An odd address would be a traceback here."""

    @override
    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        settings = super().merge_environment_settings(
            url, proxies, stream, verify, cert
        )
        if is_loopback(url):
            settings["proxies"] = {}
        return settings


def timeouts(seconds: float) -> tuple[float, float]:
    """How long to wait for a connection, and for each byte of an answer."""
    return min(CONNECT_TIMEOUT, seconds), seconds


def proxy_of(url: str) -> str:
    """Host and port of the proxy in use, without its password; empty if there is none.

    Raises:
        ValueError: If it is no URL.
    """
    if is_loopback(url):
        return ""
    proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return ""
    return urlsplit(proxy if "://" in proxy else f"//{proxy}").netloc.rpartition("@")[2]
