"""What an older version left behind holds for this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_targetads.tap import TapTargetADS
from tests.upgrades.recording import (
    FOLDER,
    RECORDINGS,
    catalog_of,
    lasting,
    run,
    settings_of,
    with_changes,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_same_rows_give_the_same_messages_keys_and_states(
    tmp_path: Path, name: str
) -> None:
    output = run(tmp_path, name)

    assert output.exit_code == 0, output.log
    recorded = (FOLDER / f"{name}.jsonl").read_bytes()
    assert lasting(output.stdout) == lasting(recorded)


def test_the_catalog_is_the_same() -> None:
    config = settings_of("pages", "http://localhost")
    expected = with_changes(catalog_of("pages"))

    assert TapTargetADS(config=config).catalog_dict == expected
