"""The charts of the page, as Vega-Lite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
from figures import STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from figures import Figures, Row

BLUE, GREY = "#2f6db5", "#b9bec6"
UNADVERTISED = "(none)"
LABELS = {"impressions": "Impressions", "clicks": "Clicks",
          "page_views": "Page views", "orders": "Orders"}  # fmt: skip
_WIDTH = 1040
_MOST_LABELS = 20
_FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"


def model_label(model: str) -> str:
    """The name of a model as analysts write it: `FTDM, 30 days`."""
    name, _, days = model.upper().partition("_")
    return f"{name}, {days} days" if days else name


def specifications(figures: Figures) -> dict[str, Mapping[str, Any]]:
    """The charts by the id of their place on the page.

    Without conversions there are none of them.
    """
    charts = {
        "funnel-chart": _funnel(figures.funnel),
        "days-chart": _days(figures.days),
    }
    if figures.channels:
        days = "Days from the first touch to the conversion"
        charts |= {
            "channels-chart": _channels(figures.channels, figures.models),
            "lengths-chart": _conversions(
                figures.lengths, "path_length", "Touches in the path"
            ),
            "delays-chart": _conversions(figures.delays, "days", days),
        }
    return {name: _styled(chart).to_dict() for name, chart in charts.items()}


def _styled(chart: alt.TopLevelMixin) -> alt.TopLevelMixin:
    return (
        chart.configure(font=_FONT, background="transparent")
        .configure_view(stroke=None)
        .configure_axis(
            labelFontSize=12, titleFontSize=12, titleFontWeight="normal",
            titleColor="#5b6470", labelColor="#2a2f36", gridColor="#e6e8eb",
            domain=False, ticks=False, labelLimit=220,
        )
        .configure_header(labelFontSize=13, labelFontWeight="bold", title=None)
        .configure_legend(labelFontSize=12, title=None, orient="top")
    )  # fmt: skip


def _funnel(rows: list[Row]) -> alt.TopLevelMixin:
    """Bars of the steps, parted by whether advertising was the source."""
    values = [
        {
            "step": LABELS[step],
            "origin": origin,
            "count": sum(
                int(row[step])
                for row in rows
                if (row["source"] == UNADVERTISED) == (origin == "Without a source")
            ),
            "order": number,
        }
        for step in STEPS
        for number, origin in enumerate(("From a source", "Without a source"))
    ]
    return (
        alt.Chart(alt.Data(values=values))
        .mark_bar(cornerRadius=2)
        .encode(
            y=alt.Y("step:N", sort=list(LABELS.values()), title=None),
            x=alt.X("count:Q", title="Interactions", axis=alt.Axis(format=",d")),
            color=alt.Color(
                "origin:N",
                scale=alt.Scale(
                    domain=["From a source", "Without a source"], range=[BLUE, GREY]
                ),
            ),
            order="order:Q",
            tooltip=["step:N", "origin:N", alt.Tooltip("count:Q", format=",d")],
        )
        .properties(width=_WIDTH - 140, height=alt.Step(34))
    )


def _days(rows: list[Row]) -> alt.TopLevelMixin:
    """A line for each step, each with a scale of its own."""
    values = [
        {"day": row["day"].isoformat(), "step": LABELS[step], "count": int(row[step])}
        for row in rows
        for step in STEPS
    ]
    return (
        alt.Chart(alt.Data(values=values))
        .mark_line(color=BLUE, point=alt.OverlayMarkDef(size=14, color=BLUE))
        .encode(
            x=alt.X(
                "utcyearmonthdate(day):T",
                title=None,
                scale=alt.Scale(type="utc"),
                axis=alt.Axis(format="%d %b", tickCount=5, grid=False),
            ),
            y=alt.Y("count:Q", title=None, axis=alt.Axis(tickCount=4, format=",d")),
            facet=alt.Facet("step:N", columns=4, sort=list(LABELS.values())),
            tooltip=["day:N", "step:N", alt.Tooltip("count:Q", format=",d")],
        )
        .resolve_scale(y="independent")
        .properties(width=(_WIDTH - 240) // 4, height=110)
    )


def _channels(rows: list[Row], models: list[str]) -> alt.TopLevelMixin:
    """A panel for each model; the sources stand in the same order in all of them."""
    values = [
        {
            "source": row["source"],
            "model": model_label(model),
            "conversions": round(row[model], 6),
        }
        for row in rows
        for model in models
    ]
    base = alt.Chart().encode(
        y=alt.Y("source:N", sort=[row["source"] for row in rows], title=None),
        x=alt.X("conversions:Q", title=None, axis=None),
        tooltip=[
            "source:N",
            "model:N",
            alt.Tooltip("conversions:Q", format=",.1f"),
        ],
    )
    bars = base.mark_bar(color=BLUE, cornerRadius=2)
    numbers = base.mark_text(align="left", dx=4, fontSize=11, color="#2a2f36").encode(
        text=alt.Text("conversions:Q", format=",.0f")
    )
    panel = (_WIDTH - 200) // len(models) - 20
    return (
        alt.layer(bars, numbers, data=alt.Data(values=values))
        .properties(width=panel, height=alt.Step(24))
        .facet(
            column=alt.Column("model:N", sort=[model_label(m) for m in models]),
            spacing=20,
        )
    )


def _conversions(rows: list[Row], column: str, title: str) -> alt.TopLevelMixin:
    """Bars of conversions over a whole number; those that do not occur stay empty."""
    values = [
        {column: row[column], "conversions": int(row["conversions"])} for row in rows
    ]
    every = range(min(r[column] for r in rows), max(r[column] for r in rows) + 1)
    labels = list(every[:: 7 if len(every) > _MOST_LABELS else 1])
    return (
        alt.Chart(alt.Data(values=values))
        .mark_bar(color=BLUE, cornerRadius=1)
        .encode(
            x=alt.X(
                f"{column}:O",
                title=title,
                scale=alt.Scale(domain=list(every)),
                axis=alt.Axis(labelAngle=0, values=labels),
            ),
            y=alt.Y("conversions:Q", title="Conversions", axis=alt.Axis(tickCount=5)),
            tooltip=[
                alt.Tooltip(f"{column}:O", title=title),
                alt.Tooltip("conversions:Q", title="Conversions", format=",d"),
            ],
        )
        .properties(width=_WIDTH // 2 - 90, height=210)
    )
