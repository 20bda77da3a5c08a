"""Draws a chart: Vega-Lite in, SVG out. Runs in the environment of `bench`."""

from __future__ import annotations

import sys

import vl_convert

if __name__ == "__main__":
    sys.stdout.write(vl_convert.vegalite_to_svg(sys.stdin.read()))
