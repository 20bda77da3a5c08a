"""The tokens of the sandbox's projects."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Literal

_END_OF_2099 = 4_102_444_799
_KEY = b"sandbox"


def default_token(project_id: int, form: Literal["words", "jwt"] = "words") -> str:
    """The token of a project for which none was chosen."""
    if form == "words":
        return f"sandbox-token-{project_id}"
    content = {"project_id": project_id, "exp": _END_OF_2099}
    parts = [
        _encoded(json.dumps(part, separators=(",", ":")).encode())
        for part in ({"alg": "HS256", "typ": "JWT"}, content)
    ]
    signed = ".".join(parts)
    signature = hmac.new(_KEY, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_encoded(signature)}"


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
