"""The throughput chart."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.environments import bench_python
from benchmarks.measuring import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.sections import Bar

OWN, OTHER = "#0b6e4f", "#a9b4b9"
WIDTH, STEP = 300, 26


def draw(bars: Sequence[Bar], subtitle: str) -> str:
    """The chart as SVG.

    Args:
        bars: The contenders, from top to bottom.
        subtitle: What was measured, and where.
    """
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [bench_python(Path(folder)), "-m", "benchmarks.drawing"],
            cwd=ROOT,
            input=json.dumps(specification(bars, subtitle)),
            check=True,
            capture_output=True,
            text=True,
        )
    return done.stdout


def specification(bars: Sequence[Bar], subtitle: str) -> dict[str, Any]:
    """The chart in Vega-Lite: speed on the left, memory on the right."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": "white",
        # Labels are wider in some readers' fonts than they are taken for here.
        "padding": {"left": 45, "top": 5, "right": 5, "bottom": 5},
        "title": {
            "text": "Reading the same pages",
            "subtitle": subtitle,
            "anchor": "start",
        },
        "data": {"values": [asdict(bar) for bar in bars]},
        "hconcat": [
            _panel("speed", "Rows per CPU second (more is better)", labels=True),
            _panel("memory", "Peak memory in MB (less is better)", labels=False),
        ],
        "config": {"view": {"stroke": None}, "font": "sans-serif"},
    }


def _panel(field: str, title: str, *, labels: bool) -> dict[str, Any]:
    y: dict[str, Any] = {
        "field": "label",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelLimit": 320, "ticks": False, "domain": False},
    }
    if not labels:
        y["axis"] = None
    own = {"test": "indexof(datum.label, 'tap-targetads') === 0", "value": OWN}
    x = {
        "field": field,
        "type": "quantitative",
        "title": title,
        "axis": {"grid": False, "tickCount": 4},
    }
    return {
        "width": WIDTH,
        "height": {"step": STEP},
        "encoding": {"y": y, "x": x},
        "layer": [
            {
                "mark": {"type": "bar", "height": STEP * 0.7},
                "encoding": {"color": {"condition": own, "value": OTHER}},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 4},
                "encoding": {"text": {"field": field, "format": ",.0f"}},
            },
        ],
    }
