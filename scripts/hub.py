"""The definition of the plugin for the Meltano Hub, made from `meltano.yml`.

    uv run python -m scripts.hub           # write hub/tap-targetads.yml
    uv run python -m scripts.hub --check   # exit 1 if it is not current
    uv run python -m scripts.hub --repo https://github.com/OWNER/tap-targetads

The last form prints what to propose to the hub: with the address of the repository,
from which the plugin is installed, and its owner as the variant.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tap_targetads.tap import TapTargetADS

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "hub" / "tap-targetads.yml"
ABOUT: dict[str, Any] = {
    "definition": "extracts interactions, conversion paths and metrics from TargetADS.",
    "description": "Marketing analytics: page views, clicks, impressions, purchases, "
    "paths to conversions and media metrics",
    "domain_url": "https://targetads.io/help/api",
    "keywords": ["advertising", "api", "attribution", "marketing", "meltano_sdk"],
    "label": "TargetADS",
    "logo_url": "/assets/logos/extractors/targetads.svg",
    "maintenance_status": "active",
    "quality": "unknown",
    "variant": "tap-targetads",
}
"""What only the hub wants to know. The quality is for the hub to say."""


def definition(repo: str | None = None) -> dict[str, Any]:
    """The plugin's definition.

    Args:
        repo: Address of the repository. Without it the plugin is installed from PyPI.
    """
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    plugin: dict[str, Any] = project["plugins"]["extractors"][0]
    _, _, extra = plugin["pip_url"].partition("[")
    name = f"{plugin['name']}[{extra}"
    own: dict[str, Any] = {
        "pip_url": name,
        "settings": sorted(plugin["settings"], key=lambda setting: setting["name"]),
        "supported_python_versions": TapTargetADS.get_supported_python_versions(),
    }
    if repo:
        own["repo"] = repo.removesuffix(".git")
        own["pip_url"] = f"{name}@git+{own['repo']}.git"  # Meltano splits at spaces
        own["variant"] = urlsplit(repo).path.split("/")[1].lower()
    return {**plugin, **ABOUT, **own}


def as_yaml(content: dict[str, Any]) -> str:
    """The file, in the order and form that the hub's linter asks for."""
    text: str = yaml.safe_dump(content, allow_unicode=True, sort_keys=True, width=80)
    return text


def main() -> None:
    """Write the definition, or check or print it."""
    parser = argparse.ArgumentParser(prog="python -m scripts.hub")
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument("--repo", metavar="URL", help="print it for this repository")
    options = parser.parse_args()
    current = as_yaml(definition(options.repo))
    if options.repo:
        print(current, end="")
    elif not options.check:
        FILE.write_text(current, encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != current:
        sys.exit(f"Not current: hub/{FILE.name}. Run: uv run python -m scripts.hub")


if __name__ == "__main__":
    main()
