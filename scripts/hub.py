"""The tap's settings in `meltano.yml`, and the definition for the Meltano Hub.

    uv run python -m scripts.hub           # write both
    uv run python -m scripts.hub --check   # exit 1 if one is not current
    uv run python -m scripts.hub --repo https://github.com/OWNER/tap-targetads

The settings come from their JSON schema, all else of the definition from `meltano.yml`.
The last form prints what to propose to the hub: with the address of the repository,
from which the plugin is installed, and its owner as the variant.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from tap_targetads.config.schema import CONFIG_SCHEMA
from tap_targetads.tap import TapTargetADS

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "meltano.yml"
HUB = ROOT / "hub" / "tap-targetads.yml"
BEGIN = "    settings: # from config/schema.py, by `uv run poe hub`\n"
END = "    # Those of the SDK:\n"
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


def setting(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A setting as Meltano describes it."""
    options = [value for value in schema.get("enum", ()) if value is not None]
    # Days are texts too: Meltano's own kind takes 01.02.2024 for the second of January.
    kind = "options" if options else schema["type"][0]
    described = {"name": name, "kind": kind}
    if "default" in schema:
        described["value"] = schema["default"]
    if options:
        described["options"] = [{"label": value, "value": value} for value in options]
    if '"secret": true' in json.dumps(schema):  # or a part of it
        described["sensitive"] = True
    described["label"] = schema["title"]
    described["description"] = schema["description"]
    return described


def project() -> str:
    """`meltano.yml` with the settings of the schema."""
    schemas = CONFIG_SCHEMA.to_dict()["properties"]
    settings = [setting(name, schema) for name, schema in schemas.items()]
    text = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False, width=84)
    before, rest = PROJECT.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{indent(text, '    ')}{END}{after}"


def definition(repo: str | None = None) -> dict[str, Any]:
    """The plugin's definition.

    Args:
        repo: Address of the repository. Without it the plugin is installed from PyPI.
    """
    plugin: dict[str, Any] = yaml.safe_load(project())["plugins"]["extractors"][0]
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
    """Write the settings and the definition, or check or print it."""
    parser = argparse.ArgumentParser(prog="python -m scripts.hub")
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument("--repo", metavar="URL", help="print it for this repository")
    options = parser.parse_args()
    if options.repo:
        print(as_yaml(definition(options.repo)), end="")
        return
    for file, current in ((PROJECT, project()), (HUB, as_yaml(definition()))):
        if not options.check:
            file.write_text(current, encoding="utf-8")
        elif file.read_text(encoding="utf-8") != current:
            sys.exit(f"Not current: {file.name}. Run: uv run python -m scripts.hub")


if __name__ == "__main__":
    main()
