"""From rows to insight: the dbt package, and the page with its charts."""

from __future__ import annotations

import json
import subprocess
from datetime import date
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.rows import dict_row

from targetads_sandbox import Sandbox, World
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.support.browser import Shown, open_page
from tests.support.insight_running import (
    PACKAGE,
    ask,
    assert_built,
    assert_duckdb_is_truth,
    assert_same,
    run,
)
from tests.support.insight_truth import MODELS, Truth, total
from tests.support.records import change
from tests.support.warehouse import Meltano, Warehouse, variables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.insight_truth import Mart

JANUARY = date(2024, 1, 1), date(2024, 1, 31)

pytestmark = pytest.mark.meltano


@pytest.fixture(scope="module")
def insight(
    tmp_path_factory: pytest.TempPathFactory, meltano_environment: Mapping[str, str]
) -> Path:
    """What the one command makes of the sandbox."""
    output = tmp_path_factory.mktemp("insight") / "output"
    assert_built(run(output, meltano_environment))
    return output


@pytest.fixture(scope="module")
def truth() -> Truth:
    world = World.demo()
    return Truth(world, world.projects, *JANUARY)


@pytest.mark.slow
def test_the_marts_of_one_command_are_the_sandboxs_truth(
    insight: Path, truth: Truth
) -> None:
    assert_duckdb_is_truth(insight, truth)


@pytest.mark.slow
def test_every_model_shares_out_exactly_the_conversions(
    insight: Path, truth: Truth
) -> None:
    sums = ", ".join(f"sum(conversions_{m}) AS {m}" for m in MODELS)

    ((found,),) = ask(insight, f"SELECT {sums} FROM insight.channel_attribution")  # noqa: S608

    conversions = total(truth.marts(), "path_length_and_time", "conversions")
    assert conversions > 500
    for model in MODELS:
        assert found[model] == pytest.approx(conversions, abs=1e-3)


@pytest.mark.slow
def test_every_column_is_described(insight: Path) -> None:
    query = """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'insight'
    """

    (columns,) = ask(insight, query)

    manifest = json.loads((insight / "dbt" / "manifest.json").read_text("utf-8"))
    described = {
        (node["name"], column["name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["description"]
        for column in node["columns"].values()
        if column["description"]
    }
    assert described == {(c["table_name"], c["column_name"]) for c in columns}


@pytest.fixture(scope="module")
def shown(insight: Path, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The page in a browser."""
    return open_page(insight / "insight.html", tmp_path_factory.mktemp("browser"))


@pytest.mark.slow
def test_the_page_opens_offline_without_an_error(
    shown: Shown, insight: Path, tmp_path: Path
) -> None:
    assert not shown.console
    assert shown.charts == 5

    # The same page without what draws the charts: an error would have been seen.
    text = (insight / "insight.html").read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text(text.replace("vegaEmbed(`", "nothing(`"), encoding="utf-8")
    without = open_page(broken, tmp_path)
    assert "nothing is not defined" in "".join(without.console)
    assert without.charts == 0


def expected_figures(marts: Mapping[str, Mart]) -> dict[str, float]:
    """The figures that the page has to show, by their names on it."""
    steps = ("impressions", "clicks", "page_views", "orders", "amount")
    result: dict[str, float] = {
        "total sessions": len(marts["sessions"]),
        "total conversions": total(marts, "path_length_and_time", "conversions"),
    }
    for step in steps:
        if step != "page_views":
            result[f"total {step}"] = total(marts, "funnel", step)
        for source in {key[2] for key in marts["funnel"]}:
            value = total(marts, "funnel", step, source=source)
            result[f"funnel {source} {step}"] = value
    for model in MODELS:
        what = ("channel_attribution", f"conversions_{model}")
        result[f"channel all {model}"] = total(marts, *what)
        for source in {key[3] for key in marts["channel_attribution"]}:
            result[f"channel {source} {model}"] = total(marts, *what, source=source)
    for source, campaign in {key[2:] for key in marts["campaign_performance"]}:
        name = f"campaign {source} / {campaign}"
        where = {"source": source, "campaign": campaign}
        for column in ("impressions", "clicks", "conversions", "amount"):
            value = total(marts, "campaign_performance", column, **where)
            result[f"{name} {column}"] = value
        clicks, shown = result[f"{name} clicks"], result[f"{name} impressions"]
        result[f"{name} ctr"] = 100 * clicks / shown
    return result


@pytest.mark.slow
def test_the_figures_on_the_page_are_the_truth(shown: Shown, truth: Truth) -> None:
    expected = expected_figures(truth.marts())

    assert set(shown.figures) == set(expected)
    for name, value in expected.items():
        text = shown.figures[name].replace(",", "")
        digits = len(text.rstrip("%").partition(".")[2])
        rounding = 0.5 * 10**-digits + 1e-6
        assert float(text.rstrip("%")) == pytest.approx(value, abs=rounding), name


@pytest.mark.slow
def test_the_charts_draw_the_truth(shown: Shown, truth: Truth) -> None:
    marts = truth.marts()
    paths = ("path_length_and_time", "conversions")
    lengths, delays = zip(*(key[3:] for key in marts[paths[0]]), strict=True)

    assert len(shown.labels) == 5
    for length in set(lengths):
        count = total(marts, *paths, path_length=length)
        label = f"Touches in the path: {length}; Conversions: {count:,.0f}"
        assert label in shown.labels["lengths-chart"]
    for days in set(delays):
        count = total(marts, *paths, days_to_conversion=days)
        label = f"Days from the first touch to the conversion: {days}"
        expected = f"{label}; Conversions: {count:,.0f}"
        assert expected in shown.labels["delays-chart"]
    for source in {key[3] for key in marts["channel_attribution"]}:
        for model in MODELS:
            column = f"conversions_{model}"
            value = total(marts, "channel_attribution", column, source=source)
            name = model.upper().replace("_30", ", 30 days")
            bar = f"; source: {source}; model: {name}"
            (drawn, *_) = [x for x in shown.labels["channels-chart"] if x.endswith(bar)]
            number = float(drawn.removeprefix("conversions: ").removesuffix(bar))
            assert number == pytest.approx(value, abs=1e-6)
    for step, column in (("Impressions", "impressions"), ("Clicks", "clicks")):
        count = total(marts, "funnel", column)
        label = f"Interactions: {count:,.0f}; step: {step}; origin: From a source"
        assert any(x.startswith(label) for x in shown.labels["funnel-chart"])


@pytest.mark.long
def test_late_rows_and_changed_weights_replace_and_older_ones_are_noticed(
    tmp_path: Path, meltano_environment: Mapping[str, str]
) -> None:
    world = World(rows_per_day=40)
    output = tmp_path / "output"
    with Sandbox(world) as sandbox:
        settings = {
            "TAP_TARGETADS_API_URL": sandbox.url,
            "TAP_TARGETADS_PROJECTS": json.dumps(
                [
                    {"project_id": p, "auth_token": sandbox.tokens[p]}
                    for p in (PROJECT, OTHER_PROJECT)
                ]
            ),
            "TAP_TARGETADS_START_DATE": "2024-01-01",
            "TAP_TARGETADS_END_DATE": "2024-01-29",
        }
        prod = "--environment=prod"
        assert_built(run(output, {**meltano_environment, **settings}, prod))
        change(world)
        later = {"END_DATE": "2024-01-31", "LOOKBACK_DAYS": "5"}
        settings |= {f"TAP_TARGETADS_{name}": value for name, value in later.items()}
        assert_built(run(output, {**meltano_environment, **settings}, prod))
    truth = Truth(world, (PROJECT, OTHER_PROJECT), *JANUARY)
    assert_duckdb_is_truth(output, truth)

    ask(output, "DELETE FROM page_views WHERE InteractionDate < DATE '2024-01-03'")
    build = (output, meltano_environment, prod, "--no-load")
    noticed = run(*build)
    fixed = run(*build, "--full-refresh")

    assert noticed.returncode == 1
    assert "Failure in test funnel_counts_every_interaction" in noticed.stdout
    assert "dbt build failed" in noticed.stdout
    assert "Traceback" not in noticed.stdout
    assert_built(fixed)


@pytest.mark.long
def test_postgresql_holds_the_same_marts(
    meltano: Meltano, database: str, tmp_path: Path
) -> None:
    world = World(rows_per_day=40)
    warehouse = Warehouse(database, "targetads")
    with psycopg.connect(database) as connection:
        info = connection.info
        where = {
            "TARGET_POSTGRES_HOST": info.host,
            "TARGET_POSTGRES_PORT": str(info.port),
            "TARGET_POSTGRES_USER": info.user,
            "TARGET_POSTGRES_PASSWORD": info.password,
            "TARGET_POSTGRES_DATABASE": info.dbname,
        }
    packages = ["--with=dbt-core>=1.10.5,<1.12", "--with=dbt-postgres"]
    folders = [f"--{name}-dir={PACKAGE}" for name in ("project", "profiles")]
    folders += [f"--{name}-path={tmp_path}" for name in ("target", "log")]
    command = ["uv", "run", "--no-project", *packages, "dbt", "build", *folders]
    load = ("run", "--state-id-suffix=insight", "tap-targetads", "target-postgres")

    with Sandbox(world) as sandbox:
        settings = variables(sandbox, warehouse, PROJECT, OTHER_PROJECT)
        for end in ("2024-01-29", "2024-01-31"):
            settings["TAP_TARGETADS_END_DATE"] = end
            if end == "2024-01-31":
                change(world)
                settings["TAP_TARGETADS_LOOKBACK_DAYS"] = "5"
            meltano.run(*load, **settings)
            done = subprocess.run(
                [*command, "--target=postgres"],
                env={**meltano.environment, **where},
                check=False,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            assert_built(done)

    truth = Truth(world, (PROJECT, OTHER_PROJECT), *JANUARY)
    expected = truth.marts()
    with psycopg.connect(database, row_factory=dict_row) as connection:
        for mart in expected:
            found = connection.execute(f"SELECT * FROM insight.{mart}").fetchall()  # noqa: S608
            assert_same(found, expected[mart], mart)
