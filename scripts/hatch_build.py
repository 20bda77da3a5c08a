"""Metadata that depends on the repository, which only a release knows.

The README's relative links are dead on PyPI. If the environment variable
RELEASE_REPOSITORY has the repository's URL, they lead to the files of the released tag.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_TARGET = re.compile(r"(?<=\]\()(?!https?://|#)[^)]+(?=\))")
_IMAGES = (".png", ".svg")


class RepositoryHook(MetadataHookInterface):
    """Adds the README and the project's URLs."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add `readme`, and `urls` if the repository is known."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        if address := os.environ.get("RELEASE_REPOSITORY"):
            text = _with_addresses(text, address, f"v{metadata['version']}")
            metadata["urls"] = {
                "Source": address,
                "Issues": f"{address}/issues",
                "Changelog": f"{address}/blob/HEAD/CHANGELOG.md",
            }
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def _with_addresses(text: str, address: str, tag: str) -> str:
    """The text with absolute links; images need raw files."""

    def absolute(target: re.Match[str]) -> str:
        kind = "raw" if target[0].endswith(_IMAGES) else "blob"
        return f"{address}/{kind}/{tag}/{target[0]}"

    return _TARGET.sub(absolute, text)
