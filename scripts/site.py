"""MkDocs hook that completes the documentation.

It fills in the reference, adds the changelog and others to the site, so that they need
no copies, and turns links to files of the repository into links of the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

from scripts.reference import with_places_filled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.nav import Navigation
    from mkdocs.structure.pages import Page
    from mkdocs.utils.templates import TemplateContext

ROOT = Path(__file__).resolve().parent.parent
TAKEN_IN = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "LICENSE": "LICENSE",
    "SECURITY.md": "security.md",
    "examples/dbt_targetads/README.md": "insight.md",
    "meltano.yml": "meltano.yml",
}
"""Files of the repository that the site shows or offers, and where."""
ELSEWHERE = {
    **TAKEN_IN,
    "README.md": "index.md",
    "README.ru.md": "ru/index.md",
    "docs/decisions": "decisions/index.md",
}
"""Where the site has the files that links name by their path in the repository."""
LINK = re.compile(r"(?<=\]\()(?P<target>[^)#:\s]+)(?P<anchor>#[^)\s]*)?(?=\))")
NOT_MEASURED = """# Performance

There are no measurements in this copy of the repository. Make them with
`uv run python -m benchmarks`.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not under `docs`."""
    for source, target in TAKEN_IN.items():
        files.append(File.generated(config, target, abs_src_path=str(ROOT / source)))
    decisions = "\n".join(_decisions(Path(config.docs_dir, "decisions")))
    index = f"# Decisions\n\nWhy the tap is built as it is.\n\n{decisions}\n"
    files.append(File.generated(config, "decisions/index.md", content=index))
    if files.get_file_from_path("performance.md") is None:
        files.append(File.generated(config, "performance.md", content=NOT_MEASURED))
    return files


def on_page_markdown(
    markdown: str, /, *, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Fill in the reference, and convert links, also those of included texts."""
    del config, files
    folder = posixpath.dirname(page.file.src_uri)
    taken_in = page.file.src_uri in TAKEN_IN.values()

    def turned(link: re.Match[str]) -> str:
        base = "" if taken_in else posixpath.join("docs", folder)
        place = posixpath.normpath(posixpath.join(base, link["target"]))
        inside = ELSEWHERE.get(place) or place.removeprefix("docs/")
        if inside == place and place not in ELSEWHERE:
            return link[0]  # not on the site: MkDocs reports it
        return posixpath.relpath(inside, folder or ".") + (link["anchor"] or "")

    return LINK.sub(turned, with_places_filled(markdown))


def on_page_context(
    context: TemplateContext, /, *, page: Page, config: MkDocsConfig, nav: Navigation
) -> TemplateContext:
    """Let the theme speak the page's language."""
    del nav
    russian = page.file.src_uri.startswith("ru/")
    config.theme["language"] = "ru" if russian else "en"
    return context


def _decisions(folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("[0-9]*.md")):
        title = file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        number, _, words = title.partition(". ")
        yield f"{int(number)}. [{words}]({file.name})"
