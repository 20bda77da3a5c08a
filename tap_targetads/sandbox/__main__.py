"""`python -m tap_targetads.sandbox`."""

from __future__ import annotations

from tap_targetads.sandbox.cli import main

main(prog_name="python -m tap_targetads.sandbox")
