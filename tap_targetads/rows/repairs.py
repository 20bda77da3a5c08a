"""Repairs of JSON that decoders refuse, though every value in it can be told.

One such value would otherwise keep a whole page from being read, for ever. What is
cut off stays so. Decision 11 says what is repaired, and how.
"""

from __future__ import annotations

import math
import re

import msgspec

DEEPEST = 64
"""Levels of a nested value that are read as such, when a page has deeper ones."""

_FIELD_LEVEL = 3
"""The brackets around a field's value: of the answer, its rows, and a row."""

_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_TOKENS = re.compile(_STRING + rb"|[-+.\w]+|[][{}]", re.DOTALL)

_ODD_NUMBER = re.compile(
    rb"[:,[]\s*[-+]?(?:nan|inf|[\d.]+e\+?\d{3})|\d{309}", re.IGNORECASE
)
"""Where numbers without a value may be; also inside texts."""

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_SURROGATES = re.compile(
    rb"(?<!\\)((?:\\\\)*)"
    rb"(\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|"
    rb"\\u[dD][89a-fA-F][\da-fA-F]{2})"
)
_PAIR_LENGTH = len(rb"\ud83d\ude00")


def repaired(body: bytes) -> bytes:
    """JSON with texts that are Unicode, and numbers that are numbers.

    Bytes that are no UTF-8, and halves of surrogate pairs, become U+FFFD. Numbers
    beyond all range, and words like `NaN`, become texts, as in CSV.

    Args:
        body: JSON, or nearly.

    Returns:
        The repaired JSON; the same bytes if there was nothing to repair.
    """
    try:
        body.decode()
    except UnicodeDecodeError:
        body = body.decode(errors="replace").encode()
    if _SURROGATE.search(body):
        body = _SURROGATES.sub(_whole_pair, body)
    if _ODD_NUMBER.search(body):
        body = _TOKENS.sub(_with_value, body)
    return body


def flattened(body: bytes) -> bytes:
    """JSON in which values of fields that are nested too deep are their own JSON text.

    Args:
        body: The JSON of an answer with rows.

    Returns:
        The flattened JSON; the same bytes if nothing is nested that deep.
    """
    parts: list[bytes] = []
    done = start = depth = deepest = 0
    for token in _TOKENS.finditer(body):
        if token[0] in {b"[", b"{"}:
            if depth == _FIELD_LEVEL:
                start, deepest = token.start(), 0
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in {b"]", b"}"}:
            depth -= 1
            if depth == _FIELD_LEVEL and deepest > _FIELD_LEVEL + DEEPEST:
                value = body[start : token.end()].decode(errors="replace")
                parts += body[done:start], msgspec.json.encode(value)
                done = token.end()
    return b"".join([*parts, body[done:]])


def _whole_pair(match: re.Match[bytes]) -> bytes:
    backslashes, found = match.groups()
    return match[0] if len(found) == _PAIR_LENGTH else backslashes + rb"\ufffd"


def _with_value(match: re.Match[bytes]) -> bytes:
    token = match[0]
    if not token.startswith(b'"'):
        try:
            if not math.isfinite(float(token)):
                return b'"' + token + b'"'
        except ValueError:
            pass
    return token
