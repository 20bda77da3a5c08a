"""Which addresses are allowed: tokens only travel encrypted."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


_USER = re.compile(r"(://).*@", re.DOTALL)


def shown_url(url: str) -> str:
    """A URL for log lines: without user and password.

    Args:
        url: What should be one. What does not look like one is not shown: it may be a
            token in the wrong place.
    """
    return repr(_USER.sub(r"\1…@", url)) if "://" in url else "what is given"


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine.

    Raises:
        ValueError: If it is no URL.
    """
    return urlsplit(url).hostname in _LOOPBACK_HOSTS


def is_protected(url: str) -> bool:
    """Whether a URL has a host, and is https; on loopback, http will do.

    Raises:
        ValueError: If it is no URL.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    loopback = parts.scheme == "http" and is_loopback(url)
    return bool(host.encode("idna")) and (parts.scheme == "https" or loopback)
