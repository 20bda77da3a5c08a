"""Which addresses may be asked: what goes over the wire is never unprotected."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def is_protected(url: str) -> bool:
    """Whether a URL has a host, and is https; on loopback, http will do.

    Raises:
        ValueError: If it is no URL.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    loopback = parts.scheme == "http" and host in _LOOPBACK_HOSTS
    return bool(host.encode("idna")) and (parts.scheme == "https" or loopback)
