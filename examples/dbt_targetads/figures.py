"""Asks the marts for what the page shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]

STEPS = ("impressions", "clicks", "page_views", "orders")
"""The steps of the funnel. Orders, not rows of purchases: these are one per item."""

_TOTALS = """
    SELECT
        (SELECT min(interaction_date) FROM f) AS first_day,
        (SELECT max(interaction_date) FROM f) AS last_day,
        (SELECT sum(impressions) FROM f) AS impressions,
        (SELECT sum(clicks) FROM f) AS clicks,
        (SELECT sum(page_views) FROM f) AS page_views,
        (SELECT sum(orders) FROM f) AS orders,
        (SELECT sum(amount) FROM f) AS amount,
        (SELECT count(*) FROM s) AS sessions,
        (SELECT coalesce(sum(conversions), 0) FROM p) AS conversions
    FROM (SELECT 1)
"""

_QUERIES = {
    "funnel": """
        SELECT
            source, sum(impressions) AS impressions, sum(clicks) AS clicks,
            sum(page_views) AS page_views, sum(orders) AS orders, sum(amount) AS amount
        FROM f GROUP BY source ORDER BY source = '(none)', sum(impressions) DESC, source
    """,
    "days": """
        SELECT
            interaction_date AS day, sum(impressions) AS impressions,
            sum(clicks) AS clicks, sum(page_views) AS page_views, sum(orders) AS orders
        FROM f GROUP BY interaction_date ORDER BY interaction_date
    """,
    "campaigns": """
        SELECT
            source, campaign, sum(impressions) AS impressions, sum(clicks) AS clicks,
            sum(clicks) / nullif(sum(impressions), 0) AS ctr,
            sum(conversions) AS conversions, sum(amount) AS amount
        FROM c GROUP BY source, campaign ORDER BY sum(amount) DESC, source, campaign
    """,
    "lengths": """
        SELECT path_length, sum(conversions) AS conversions
        FROM p GROUP BY path_length ORDER BY path_length
    """,
    "delays": """
        SELECT days_to_conversion AS days, sum(conversions) AS conversions
        FROM p GROUP BY days_to_conversion ORDER BY days_to_conversion
    """,
}

_MARTS = {
    "f": "funnel",
    "s": "sessions",
    "a": "channel_attribution",
    "c": "campaign_performance",
    "p": "path_length_and_time",
}


class NothingToShowError(ValueError):
    """There is nothing to show."""


@dataclass(frozen=True)
class Figures:
    """What the page shows, rows by name of column.

    Attributes:
        projects: The projects that are shown.
        totals: First and last day, and sums over the period.
        models: Names of the attribution models, as the columns of the mart have them.
        channels: Conversions by source, a column per model.
        funnel: Steps by source.
        days: Steps by day.
        campaigns: Sums by source and campaign; `ctr` is that of the sums.
        lengths: Conversions by length of path.
        delays: Conversions by days since the first touch.
    """

    projects: list[int]
    totals: Row
    models: list[str]
    channels: list[Row]
    funnel: list[Row]
    days: list[Row]
    campaigns: list[Row]
    lengths: list[Row]
    delays: list[Row]


def read_figures(
    connection: duckdb.DuckDBPyConnection, projects: list[int] | None = None
) -> Figures:
    """Read the marts.

    Args:
        connection: The database.
        projects: The projects to show; all, if None.

    Raises:
        NothingToShowError: If there is nothing to show.
    """
    known = [row[0] for row in connection.sql(
        "SELECT DISTINCT project_id FROM insight.funnel ORDER BY 1"
    ).fetchall()]  # fmt: skip
    chosen = [p for p in known if projects is None or p in projects]
    if not chosen:
        message = (
            f"There are no rows of --project: the projects are {known}."
            if known
            else "No interactions have arrived, so there is nothing to show."
        )
        raise NothingToShowError(message)

    for alias, mart in _MARTS.items():
        connection.execute(
            f"CREATE TEMP VIEW {alias} AS SELECT * FROM insight.{mart} "
            f"WHERE project_id IN ({', '.join(map(str, chosen))})"
        )
    columns = [row[0] for row in connection.sql("DESCRIBE a").fetchall()]
    prefix = "conversions_"
    models = [
        name.removeprefix(prefix)
        for name in columns
        if name.startswith(prefix) and f"amount_{name.removeprefix(prefix)}" in columns
    ]
    sums = ", ".join(f'sum("{prefix}{m}") AS "{m}"' for m in models)
    channels = (
        f'SELECT source, {sums} FROM a GROUP BY source ORDER BY "{models[0]}" DESC'
    )
    return Figures(
        projects=chosen,
        totals=_rows(connection, _TOTALS)[0],
        models=models,
        channels=_rows(connection, channels),
        **{name: _rows(connection, query) for name, query in _QUERIES.items()},
    )


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    result = connection.execute(query)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
