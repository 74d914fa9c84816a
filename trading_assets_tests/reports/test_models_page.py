"""The page of all models says what their tables say, and stands where there is nothing yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from trading_assets.config import Configuration, load_configuration
from trading_assets.models.costs import TrainingCosts, cost_rows
from trading_assets.models.evaluation_tables import (
    COSTS,
    EXPLANATION_DRIFT,
    PERMUTATION_IMPORTANCE,
    SHUFFLED_LABELS,
)
from trading_assets.models.run import ModelRun
from trading_assets.models.tables import METRICS
from trading_assets.reports import build_reports
from trading_assets.reports.models_page import importance_by_feature, models_content, models_page
from trading_assets.warehouse import Rows, Warehouse
from trading_assets_tests.conftest import TINY
from trading_assets_tests.models.panels import SETTINGS, run, samples, trained
from trading_assets_tests.models.test_assets import configuration as configured
from trading_assets_tests.narrow import as_number
from trading_assets_tests.reports.pages import NAME, Page, equity, fill

NOW = dt.datetime(2026, 11, 30)


def write(warehouse: Warehouse, made: ModelRun, name: str, runs: Mapping[str, float]) -> None:
    """Tables of a model, and a row of costs for each run: its seconds."""
    own = pl.lit(name).alias("model")
    frames = {table: frame.with_columns(own) for table, frame in made.tables.items()}
    warehouse.replace(Rows("model", name), frames)
    for number, (run_id, seconds) in enumerate(runs.items()):
        costs = TrainingCosts({"model": seconds, "logistic": seconds / 10}, 321.0, 3 if seconds else 0, 900)
        warehouse.append(COSTS, cost_rows(name, run_id, costs, NOW + dt.timedelta(days=number)))


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Configuration, Warehouse]:
    made = configured(
        tmp_path, plain=SETTINGS.model_dump(), curved=SETTINGS.model_dump() | {"calibrate": True}, idle={"horizon": 3}
    )
    warehouse = Warehouse(made.warehouse_path)
    write(warehouse, trained(), "plain", {"first": 7.0, "second": 12.5, "third": 0.0})
    write(warehouse, run(samples(), SETTINGS.model_copy(update={"calibrate": True})), "curved", {"only": 3.0})
    return made, warehouse


def test_models_are_side_by_side_with_their_baselines_and_what_the_last_training_took(
    whole: tuple[Configuration, Warehouse],
) -> None:
    contents = models_content(*whole)
    assert [each.name for each in contents] == ["plain", "curved", "idle"]
    assert contents[0].costs["run_id"].unique().to_list() == ["second"]
    page = Page(models_page("mine", "equity from sample", contents))
    loss = as_number(trained().tables[METRICS].filter(metric="log_loss")["value"].mean())
    naive = as_number(trained().tables[METRICS].filter(metric="naive_log_loss")["value"].mean())
    assert f"{loss:.4f}" in page.text and f"{naive:.4f}" in page.text
    assert "12.50" in page.text and "1.25" in page.text and "321" in page.text
    assert "7.00" not in page.text


def test_charts_are_of_what_the_models_said_and_need(whole: tuple[Configuration, Warehouse]) -> None:
    html = models_page("mine", "equity from sample", models_content(*whole))
    assert html.count('class="chart"') == 4
    assert html.count("before calibration") >= 2
    assert '"signal"' in html
    assert "no sign that labels of the test part reach it" in html
    assert "Nothing is known of whether folds need the same features." in html  # idle has no fold


def test_a_leak_is_said_in_words(whole: tuple[Configuration, Warehouse]) -> None:
    made, warehouse = whole
    leaking = warehouse.read(SHUFFLED_LABELS, rows=Rows("model", "plain")).with_columns(auc=pl.lit(0.9))
    warehouse.replace(Rows("model", "plain"), {SHUFFLED_LABELS: leaking})
    assert "labels of the test part reach it" in models_page(
        "mine", "equity from sample", models_content(made, warehouse)
    )


def test_a_change_of_explanations_is_said_in_words(whole: tuple[Configuration, Warehouse]) -> None:
    made, warehouse = whole
    assert "what moves its scores went to other features;" in models_page("mine", "bars", models_content(*whole))
    rows = warehouse.read(EXPLANATION_DRIFT, rows=Rows("model", "plain")).with_columns(total_variation=pl.lit(0.9))
    warehouse.replace(Rows("model", "plain"), {EXPLANATION_DRIFT: rows})
    html = models_page("mine", "bars", models_content(made, warehouse))
    assert "90.0% of what moves its scores went to other features, more than the" in html
    assert "whether it goes by the same features after a refit" in html  # idle has no fold


def test_features_are_in_the_order_of_their_worth_and_shared_ones_last() -> None:
    """Of `a` 0.1 and 0.3, errors 0.03 and 0.04: the mean 0.2 has an error of 0.05 / 2. `b` has one fold, `c` none."""
    lines = [(0, "a", 0.1, 0.03), (1, "a", 0.3, 0.04), (0, "b", 0.5, 0.1), (1, "b", None, None), (0, "c", None, None)]
    schema = ["fold", "feature", "loss_increase", "standard_error"]
    found = importance_by_feature(pl.DataFrame(lines, schema=schema, orient="row"))
    assert found["feature"].to_list() == ["b", "a", "c"]
    assert found.row(1)[1:] == (pytest.approx(0.2), 0.1, 0.3, pytest.approx(0.025), 2)
    assert found.row(2)[1:] == (None, None, None, None, 0)
    assert importance_by_feature(PERMUTATION_IMPORTANCE.empty()).is_empty()


def test_reports_have_the_page_where_there_is_a_model_and_the_index_leads_to_it(tmp_path: Path) -> None:
    configuration = load_configuration(TINY, tmp_path)
    warehouse = Warehouse(configuration.warehouse_path)
    fill(warehouse, equity=equity())
    for models in (configuration.models, {}):
        made = configuration.model_copy(update={"models": models, "champions": {}})
        made_of = models_content(made, warehouse)
        index, _ = build_reports(made, warehouse, [NAME])
        assert len(made_of) == len(models)
        assert ("models.html" in Page(index.read_text()).links) == bool(models)
        page = index.parent / "models.html"
        assert page.exists() == bool(models)
        page.unlink(missing_ok=True)
