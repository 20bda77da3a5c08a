"""Draws the page: one file, with its charts and all that they need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
import vl_convert
from charts import LABELS, model_label, specifications
from jinja2 import Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    from figures import Figures

NONE = "\N{EN DASH}"


def render(figures: Figures) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.filters["percent"] = percent
    return environment.get_template("page.html").render(
        figures=figures,
        labels=LABELS,
        model_label=model_label,
        charts=for_script(specifications(figures)),
        vega=vl_convert.javascript_bundle(vl_version=_vega_lite_version()),
    )


def number(value: float | None, digits: int = 0) -> str:
    """A number with commas, as the charts have it; a dash for null."""
    return NONE if value is None else f"{value:,.{digits}f}"


def percent(part: float | None, whole: float | None = 1) -> str:
    """A share in per cent; a dash where there is nothing to divide by."""
    if part is None or not whole:
        return NONE
    return f"{float(part) / float(whole):.2%}"


def for_script(value: Any) -> str:
    """JSON that nothing in it can end a script with."""
    return json.dumps(value, ensure_ascii=False).replace("<", r"\u003c")


def _vega_lite_version() -> str:
    """The version for which Altair writes, in so far as it can be bundled."""
    major_minor = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
    known = vl_convert.get_vegalite_versions()
    return major_minor if major_minor.removeprefix("v") in known else known[-1]
