"""The package as others get it: built, and installed where there is no clone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass
from datetime import date
from email import message_from_bytes
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

from targetads_sandbox import World, counts
from tests.support.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

UV = os.environ.get("UV", "uv")
BESIDE = {
    ".gitignore",  # always put there by the build
    "CHANGELOG.md",
    "LICENSE",
    "PKG-INFO",
    "README.md",
    "README.ru.md",
    "scripts/hatch_build.py",
    "pyproject.toml",
}
STREAMS = {"page_views", "clicks", "impressions", "purchases"}
DAYS = date(2024, 1, 1), date(2024, 1, 2)

pytestmark = pytest.mark.slow


def run(
    *command: str | Path, check: bool = True, **options: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, check=check, capture_output=True, text=True, **options
    )


def build(source: Path, folder: Path, *what: str, **variables: str) -> Path:
    """Build, away from the source."""
    environment = {**os.environ, **variables}
    run(UV, "build", "--quiet", *what, "-o", folder, source, env=environment)
    return folder


def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as content:
        (name,) = [n for n in content.namelist() if n.endswith("dist-info/METADATA")]
        return message_from_bytes(content.read(name))


def readme(wheel: Path) -> str:
    """The long description: what a package's page shows."""
    payload = metadata(wheel).get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


@dataclass
class Built:
    """What the build has made."""

    sdist: Path
    wheel: Path
    wheel_of_sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    direct = build(ROOT, tmp_path_factory.mktemp("direct"), "--sdist", "--wheel")
    (sdist,), (wheel,) = direct.glob("*.tar.gz"), direct.glob("*.whl")
    (other,) = build(sdist, tmp_path_factory.mktemp("other"), "--wheel").glob("*.whl")
    return Built(sdist, wheel, other)


PACKAGES = ("tap_targetads", "targetads_sandbox")


def own_files() -> set[str]:
    """The files of the package in the clone, those that are not committed too."""
    options = ("--cached", "--others", "--exclude-standard")
    listed = run("git", "ls-files", *options, *PACKAGES, cwd=ROOT).stdout
    return {name for name in listed.splitlines() if Path(ROOT, name).exists()}


def test_the_source_holds_the_package_and_what_is_told_of_it_and_nothing_else(
    built: Built,
) -> None:
    with tarfile.open(built.sdist) as content:
        files = {m.name.partition("/")[2] for m in content if m.isfile()}

    assert files == own_files() | BESIDE


def test_the_wheel_holds_the_package_its_data_and_its_types_and_nothing_else(
    built: Built,
) -> None:
    with ZipFile(built.wheel) as content:
        names = set(content.namelist())

    about = {name for name in names if ".dist-info/" in name}
    assert {name.partition("/")[2] for name in about} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }
    assert names - about == own_files()
    data = {"fields.json", "py.typed", "vocabulary.json"}
    assert {Path(name).name for name in names} >= data


def test_the_wheel_of_the_source_is_the_same(built: Built) -> None:
    def content(wheel: Path) -> dict[str, int]:
        with ZipFile(wheel) as file:
            return {entry.filename: entry.CRC for entry in file.infolist()}

    assert built.wheel.name == built.wheel_of_sdist.name
    assert content(built.wheel) == content(built.wheel_of_sdist)


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with a tag of its own on what was committed last."""
    folder = tmp_path_factory.mktemp("tagged")
    run("git", "clone", "--quiet", ROOT, folder)
    run("git", "-c", "tag.gpgSign=false", "tag", "v0.7.0", cwd=folder)
    return folder


def test_a_tag_gives_the_version_and_the_repository_the_links(
    tagged: Path, tmp_path: Path
) -> None:
    repository = "https://example.com/owner/tap-targetads"

    build(tagged, tmp_path, RELEASE_REPOSITORY=repository)

    assert {file.name for file in tmp_path.iterdir()} - {".gitignore"} == {
        "tap_targetads-0.7.0.tar.gz",
        "tap_targetads-0.7.0-py3-none-any.whl",
    }
    (wheel,) = tmp_path.glob("*.whl")
    addresses = metadata(wheel).get_all("Project-URL") or []
    assert f"Source, {repository}" in addresses
    text = readme(wheel)
    assert f"]({repository}/raw/v0.7.0/docs/img/throughput.svg)" in text
    targets = re.findall(r"\]\((?!https?://|#)([^)]+)\)", text)
    assert not targets, "dead where there is no clone"
    for path in re.findall(rf"\({repository}/(?:raw|blob)/v0\.7\.0/([^)#]+)", text):
        assert Path(tagged, path).exists(), path


def test_without_an_address_the_readme_is_as_it_is(built: Built) -> None:
    assert metadata(built.wheel)["Project-URL"] is None
    assert readme(built.wheel) == (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_comes_after_a_tag_is_a_version_of_development(
    tagged: Path, tmp_path: Path
) -> None:
    (tagged / "LICENSE").write_text("changed", encoding="utf-8")

    (wheel,) = build(tagged, tmp_path, "--wheel").glob("*.whl")

    assert wheel.name.startswith("tap_targetads-0.7.1.dev0+")


class Installed:
    """An environment in which the package was installed, and nothing of the clone."""

    def __init__(self, folder: Path, requirement: str) -> None:
        self.folder = folder
        run(UV, "venv", "--quiet", f"--python={sys.executable}", folder)
        where = f"--python={folder}"
        run(UV, "pip", "install", "--quiet", where, requirement)

    def run(
        self, name: str, *arguments: str | Path, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run one of its programs, away from the clone."""
        own = ("PYTHON", "TAP_", "VIRTUAL_ENV")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(own)}
        program = self.folder / "bin" / name
        return run(program, *arguments, check=check, cwd=self.folder, env=kept)

    def run_tap(
        self, config: Mapping[str, Any], *arguments: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        file = self.folder / "config.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        return self.run("tap-targetads", "--config", file, *arguments, check=check)


@pytest.fixture(scope="module", params=["wheel", "wheel_of_sdist"])
def package(request: pytest.FixtureRequest, built: Built) -> Path:
    wheel: Path = getattr(built, request.param)
    return wheel


@pytest.fixture(scope="module")
def alone(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("alone"), str(package))


@pytest.fixture(scope="module")
def with_sandbox(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("sandbox"), f"{package}[sandbox]")


ACCOUNT = {
    "project_id": 12486,
    "auth_token": "4f3c",
    "start_date": "2024-01-01",
    "end_date": "2024-01-02",
}
SANDBOX = {"sandbox": True, "start_date": "2024-01-01", "end_date": "2024-01-02"}


def test_installed_alone_it_starts(alone: Installed, package: Path) -> None:
    version = package.name.split("-")[1]
    code = "import tap_targetads; print(tap_targetads.__file__)"

    place = alone.run("python", "-c", code).stdout.strip()
    about = json.loads(alone.run("tap-targetads", "--about", "--format=json").stdout)
    catalog = json.loads(alone.run_tap(ACCOUNT, "--discover").stdout)

    assert Path(place).is_relative_to(alone.folder)
    told = alone.run("tap-targetads", "--version").stdout
    assert told.startswith(f"tap-targetads v{version}, ")
    assert alone.run("python", "-m", "tap_targetads", "--version").stdout == told
    assert about["version"] == version
    assert "auth_token" in about["settings"]["properties"]
    assert {"clicks", "media_report"} <= {s["stream"] for s in catalog["streams"]}


PARQUET = {"encoding": {"format": "parquet"}, "storage": {"root": "file:///nowhere"}}


@pytest.mark.parametrize(
    ("config", "extra"),
    [(SANDBOX, "sandbox"), ({**ACCOUNT, "batch_config": PARQUET}, "parquet")],
    ids=["sandbox", "parquet"],
)
def test_an_extra_that_is_missing_is_named_with_how_to_install_it(
    alone: Installed, config: dict[str, Any], extra: str
) -> None:
    done = alone.run_tap(config, check=False)

    assert done.returncode == 1
    assert f"pip install 'tap-targetads[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert '"RECORD"' not in done.stdout


def test_the_sandboxs_program_names_its_extra_where_it_is_missing(
    alone: Installed,
) -> None:
    done = alone.run("tap-targetads-sandbox", check=False)

    assert done.returncode == 1
    assert "pip install 'tap-targetads[sandbox]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_with_the_sandbox_it_extracts_all_rows(with_sandbox: Installed) -> None:
    world = World.demo()
    days = [counts(world, p, *DAYS).values() for p in world.projects]
    expected = sum((Counter(types) for day in days for types in day), Counter())

    done = with_sandbox.run_tap(SANDBOX)

    messages = map(json.loads, done.stdout.split("\n")[:-1])
    rows = [m for m in messages if m["type"] == "RECORD"]
    found = Counter(
        r["record"]["InteractionType"] for r in rows if r["stream"] in STREAMS
    )
    assert len(found) == len(STREAMS)
    assert found == {kind: expected[kind] for kind in found}


def test_with_the_sandbox_its_program_tells_the_same_truth(
    with_sandbox: Installed,
) -> None:
    world = World()
    first, last = (day.isoformat() for day in DAYS)

    done = with_sandbox.run(
        "tap-targetads-sandbox", "truth", "--date-from", first, "--date-to", last
    )

    truth = {str(p): counts(world, p, *DAYS) for p in world.projects}
    assert json.loads(done.stdout) == truth
