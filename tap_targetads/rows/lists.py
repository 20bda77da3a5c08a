"""Lists in CSV, as the texts that JSON's lists become."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection

    from tap_targetads.rows.row_type import Table

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\'((?:[^\'\\]|\\.)*)\'|NULL', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "0": "\0"}


def with_lists(table: Table, names: Collection[str]) -> Table:
    """A table in which the lists of text columns are JSON, as in version 1."""
    columns = dict(table.columns)
    for name in names:
        texts = columns[name]
        if "[" in "".join(texts):
            columns[name] = [_as_json(t) if t[:1] == "[" else t for t in texts]
    return table._replace(columns=columns)


def _as_json(text: str) -> str:
    """The JSON of a list, which may be in ClickHouse's form: `['a',NULL]`."""
    for form in (text, _TOKEN.sub(_json_token, text)):
        try:
            return msgspec.json.encode(msgspec.json.decode(form, type=list)).decode()
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            continue
    return text


def _json_token(match: re.Match[str]) -> str:
    if match[0] == "NULL":
        return "null"
    if match[1] is None:
        return match[0]
    value = _ESCAPED.sub(lambda m: _ESCAPES.get(m[1], m[1]), match[1])
    return msgspec.json.encode(value).decode()
