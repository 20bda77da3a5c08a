"""`python -m targetads_sandbox`."""

from __future__ import annotations

from targetads_sandbox.cli import main

main(prog_name="python -m targetads_sandbox")
