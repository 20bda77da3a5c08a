#!/usr/bin/env -S uv run --quiet --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["chdb-core==26.9.0"]
# ///
"""ClickHouse's engine without a server: does what `clickhouse local` does.

    engine.py --path FOLDER --queries-file FILE

For tests and for trying things out. Who comes while somebody else is at the folder
waits.
"""

from __future__ import annotations

import argparse
import fcntl
import sys
from pathlib import Path

from chdb import session

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--path", type=Path, required=True)
parser.add_argument("--queries-file", type=Path, required=True)
arguments = parser.parse_args()
arguments.path.mkdir(parents=True, exist_ok=True)
with arguments.path.with_suffix(".lock").open("w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    script = arguments.queries_file.read_text(encoding="utf-8")
    with session.Session(str(arguments.path)) as clickhouse:
        try:
            print(clickhouse.query(script, "JSONEachRow"), end="")
        except RuntimeError as error:
            sys.exit(str(error))
