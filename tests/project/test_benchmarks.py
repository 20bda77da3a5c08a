from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import day_serving, growth, latency, real_day
from benchmarks.contenders import CONTENDERS, FIELDS, Ready
from benchmarks.environments import bench_python
from benchmarks.imports import COMMANDS, CONFIG
from benchmarks.measuring import ROOT, Ratio, run
from benchmarks.sections import Options
from benchmarks.serving import PROJECT, ROWS_PER_PAGE_VIEW, latest_day
from targetads_sandbox import Sandbox, World, counts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SINGER = ("tap", "no_key", "v2", "vanilla", "plain", "plain_orjson")
PAGES = [key for key in CONTENDERS if key != "v2"]


class Delivery:
    """What each contender has delivered of one day, and what it asked for."""

    def __init__(
        self, ready: Mapping[str, Ready], sandbox: Sandbox, folder: Path
    ) -> None:
        self.rows: dict[str, int] = {}
        self.records: dict[str, list[dict[str, Any]]] = {}
        self.asked: dict[str, list[Any]] = {}
        for key, one in ready.items():
            sandbox.clear_requests()
            output = folder / f"{key}.jsonl"
            with output.open("wb") as stdout:
                run(one.command, stdout=stdout, variables=one.variables)
            self.rows[key] = one.delivered(output)
            messages = map(json.loads, output.read_bytes().splitlines())
            self.records[key] = [m["record"] for m in messages if m["type"] == "RECORD"]
            self.asked[key] = [
                r.body for r in sandbox.requests if r.path == "/v1/reports/raw_reports"
            ]


@pytest.fixture(scope="module")
def world() -> World:
    return World(projects=(PROJECT,), rows_per_day=500)


@pytest.fixture(scope="module")
def day() -> date:
    """The day that is read, although another one may begin while it is."""
    return latest_day()


@pytest.fixture(scope="module")
def delivery(
    world: World, day: date, tmp_path_factory: pytest.TempPathFactory
) -> Delivery:
    folder = tmp_path_factory.mktemp("benchmarks")
    bench = bench_python(folder)
    with Sandbox(world) as sandbox:
        common = {
            "api_url": sandbox.url,
            "auth_token": sandbox.tokens[PROJECT],
            "project_id": PROJECT,
            "start_date": day.isoformat(),
            "end_date": day.isoformat(),
        }
        ready = {
            key: Ready.prepare(contender, common, folder / f"run-{key}", bench)
            for key, contender in CONTENDERS.items()
        }
        return Delivery(ready, sandbox, folder)


def views_on(world: World, day: date) -> int:
    return counts(world, PROJECT, day, day)[day.isoformat()]["PageView"]


@pytest.mark.slow
def test_each_contender_delivers_all_rows(
    delivery: Delivery, world: World, day: date
) -> None:
    expected = views_on(world, day)

    assert expected > 100
    assert delivery.rows == dict.fromkeys(CONTENDERS, expected)


@pytest.mark.slow
def test_each_contender_asks_for_the_same_pages(delivery: Delivery) -> None:
    (body,) = delivery.asked["tap"]

    assert body["Fields"] == list(FIELDS)
    assert len(FIELDS) == 20
    assert delivery.asked == {**{key: [body] for key in PAGES}, "v2": []}


@pytest.mark.slow
def test_each_singer_contender_delivers_all_fields(delivery: Delivery) -> None:
    for key in SINGER:
        for record in delivery.records[key]:
            assert set(FIELDS) <= set(record), key


@pytest.mark.slow
def test_the_variants_of_the_tap_deliver_the_same_keys(delivery: Delivery) -> None:
    keys = {row["_row_key"] for row in delivery.records["tap"]}

    assert len(keys) == delivery.rows["tap"]
    assert {row["_row_key"] for row in delivery.records["v2"]} == keys
    without = [
        {name: value for name, value in row.items() if name != "_row_key"}
        for row in delivery.records["tap"]
    ]
    assert without == delivery.records["no_key"]


def benchmark(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.long
def test_the_benchmark_writes_a_page_with_a_table_and_a_chart(tmp_path: Path) -> None:
    few = ("--rows", "2000", "--runs", "1")
    output = ("--output", str(tmp_path))

    done = benchmark("benchmarks", "--only", "throughput", *few, *output)

    assert done.returncode == 0, done.stderr
    page = (tmp_path / "performance.md").read_text(encoding="utf-8")
    chart = (tmp_path / "img" / "throughput.svg").read_text(encoding="utf-8")
    assert chart.startswith("<svg")
    assert "(img/throughput.svg)" in page
    for contender in CONTENDERS.values():
        assert f"| {contender.label} |" in page
        assert f"| {contender.label} |" in done.stdout
        assert contender.label.replace("`", "") in chart.replace("&apos;", "'")


@pytest.mark.slow
def test_growth_counts_the_rows_that_each_step_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The world that the benchmark serves: one row more or less may change any day.
    rows = round(200 * ROWS_PER_PAGE_VIEW)
    world = World(projects=(PROJECT,), rows_per_day=rows)
    steps = (growth.Step(growth.BY_DAY, 200), growth.Step(growth.ONE_FILE, 200))
    monkeypatch.setattr(growth, "STEPS", steps)
    before = latest_day()

    lines = growth.growth(Options(rows=1, runs=1)).table.splitlines()[2:]

    assert len(lines) == 2
    possible = {str(views_on(world, day)) for day in (before, latest_day())}
    assert {line.split(" | ")[1] for line in lines} <= possible


@pytest.mark.slow
def test_a_real_day_is_measured_by_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_day, "QUICK", 2000)
    monkeypatch.setattr(real_day, "LARGEST", 3000)
    few = Options(rows=1, runs=1, quick=True, full=True)

    lines = real_day.real_day(few).table.splitlines()[2:]

    assert [line.split(" | ")[:2] for line in lines] == [
        ["| a day", "2,000"],
        ["| three days", "3,000"],
    ]


def test_a_day_of_impressions_has_all_rows_in_order(tmp_path: Path) -> None:
    path = tmp_path / "day.csv.gz"

    day_serving.write_day(path, date(2024, 1, 15), 5000)

    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == list(day_serving.FIELDS)
    assert len(rows) == len(set(map(tuple, rows))) == 5000
    assert {row[0][:10] for row in rows} == {"2024-01-15"}
    assert rows == sorted(rows, key=lambda row: row[0])


@pytest.mark.slow
def test_latency_tells_the_time_of_each_number_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(latency, "DAYS", 3)

    lines = latency.latency(Options(rows=1, runs=1, quick=True)).table.splitlines()[2:]

    at_once, slow = (
        [float(cell.rstrip("s |")) for cell in line.split(" | ")[1:]] for line in lines
    )
    assert len(at_once) == len(slow) == len(latency.AT_ONCE)
    # Three windows, each answered half a second late, one after another.
    assert slow[0] >= 1.5


@pytest.mark.long
@pytest.mark.meltano
def test_pipelines_load_all_rows_or_measure_nothing() -> None:
    done = benchmark("benchmarks", "--only", "end-to-end", "--quick", "--runs", "1")

    assert done.returncode == 0, done.stderr
    for name in ("meltanolabs-target-postgres", "target-jsonl", "bulk-duckdb"):
        assert f"| {name}" in done.stdout


@pytest.mark.long
@pytest.mark.meltano
def test_a_backfill_loads_all_rows_or_measures_nothing() -> None:
    done = benchmark("benchmarks", "--only", "backfill", "--quick")

    assert done.returncode == 0, done.stderr
    assert "| 2 days | 100,000 |" in done.stdout
    assert "| 90 days, computed | 4,500,000 |" in done.stdout


@pytest.mark.parametrize("option", ["--rows", "--runs"])
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_number_that_makes_no_sense_is_told(option: str, value: str) -> None:
    done = benchmark("benchmarks", f"{option}={value}")

    assert done.returncode == 2
    assert f"{option}: {value!r} is not a number from 1 up" in done.stderr


@pytest.mark.slow
def test_the_start_of_the_tap_is_told_by_module() -> None:
    done = benchmark("benchmarks", "--only", "imports", "--runs", "1")

    assert done.returncode == 0, done.stderr
    assert "| `singer_sdk` |" in done.stdout
    assert "| all imports |" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("bound", "exit_code"), [("0.01", 1), ("100", 0)])
def test_a_tap_that_needs_more_than_the_bound_fails(bound: str, exit_code: int) -> None:
    few = ("--rows", "1000", "--runs", "1")

    done = benchmark("benchmarks.guard", *few, "--bound", bound)

    assert done.returncode == exit_code
    assert f"allowed: {bound}" in done.stdout
    assert ("The tap has become slower." in done.stderr) == bool(exit_code)


def test_a_process_is_measured_alone() -> None:
    # More than this process has, whose peak a child begins with.
    work = [sys.executable, "-c", "sum(range(3_000_000)); b'x' * (1 << 30)"]

    first, second = run([*work]), run([sys.executable, "-c", ""])

    assert first.cpu > second.cpu
    assert first.user <= first.cpu
    assert first.memory is not None
    assert first.memory > 1000
    assert second.memory is None or second.memory < 1000


def test_a_process_that_fails_ends_the_measuring_with_its_log() -> None:
    with pytest.raises(SystemExit, match="it is broken"):
        run([sys.executable, "-c", "raise SystemExit('it is broken')"])


def test_a_ratio_is_that_of_medians_with_the_extremes_of_the_rounds() -> None:
    assert str(Ratio.of([2, 30, 8], [1, 3, 2])) == "4 (2 to 10)"


OFFENDERS = ("targetads_sandbox", "pyarrow", "polars")
ATTEMPTS = """
import json, sys

class Attempts:
    seen = []

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        cls.seen.append(name)

sys.meta_path.insert(0, Attempts)
from tap_targetads.tap import TapTargetADS
try:
    TapTargetADS.cli.main(sys.argv[1:])
finally:
    print(json.dumps(Attempts.seen), file=sys.stderr)
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_neither_sandbox_nor_table_libraries_are_loaded_at_the_start(
    command: str, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text(CONFIG, encoding="utf-8")
    words = [word.format(config=config) for word in COMMANDS[command]]

    done = subprocess.run(
        [sys.executable, "-c", ATTEMPTS, *words],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )

    # Not what was loaded, but what was looked for: nobody needs to have them.
    looked_for = json.loads(done.stderr.splitlines()[-1])
    assert "tap_targetads.tap" in looked_for
    assert not [name for name in looked_for if name.startswith(OFFENDERS)]
