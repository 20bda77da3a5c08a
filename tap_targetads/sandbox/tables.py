"""Pages of small results, whose rows are made for the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_targetads.sandbox.pages import frame, row_form, value_form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_targetads.sandbox.dialect import Dialect
    from tap_targetads.sandbox.query import Slice


def table_page(
    fields: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    page: Slice,
    dialect: Dialect,
    *,
    more: bool | None = None,
) -> bytes:
    """The body of an answer.

    Args:
        fields: The columns.
        rows: All rows of the result, in paging order.
        page: Which of them.
        dialect: The form of the answer.
        more: What to say instead of the truth about further rows.
    """
    form = value_form(dialect)
    shown = []
    for row in rows[page.offset : page.offset + page.limit]:
        values = [row[name] for name in fields]
        if form is not None:
            values = list(map(form, values))
        shown.append(msgspec.json.encode(row_form(fields, values, dialect)))
    count = len(shown) if dialect.count == "page" else len(rows)
    if more is None and dialect.has_more:
        more = page.offset + len(shown) < len(rows)
    body = b"".join(frame(fields, shown, count, more, dialect))
    return msgspec.json.format(body, indent=2) if dialect.pretty else body
