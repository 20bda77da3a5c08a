"""Run the tap with ``python -m tap_targetads``."""

from __future__ import annotations

from tap_targetads.tap import TapTargetADS

if __name__ == "__main__":
    TapTargetADS.cli()
