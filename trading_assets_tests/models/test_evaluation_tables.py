"""The tables of evaluation as the step of a model leaves them, and the check that reads one of them."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from trading_assets.config.evaluation import Evaluation
from trading_assets.models.assets import build_assets
from trading_assets.models.checks import build_checks
from trading_assets.models.evaluation_tables import (
    COSTS,
    EXPLANATION_DRIFT,
    PARTS,
    PERMUTATION_IMPORTANCE,
    SHUFFLED_LABELS,
)
from trading_assets.warehouse import Rows
from trading_assets_tests.models.panels import SETTINGS
from trading_assets_tests.models.test_assets import Project, project


def materialise(made: Project) -> dg.ExecuteInProcessResult:
    """Splits and the model, without its checks."""
    chosen = dg.AssetSelection.assets(["models", "splits"], ["models", "week"])
    resources = {"configuration": made.configuration, "warehouse": made.warehouse}
    result = dg.materialize(build_assets(made.configuration), selection=chosen, resources=resources)
    assert result.success
    return result


@pytest.mark.parametrize(("auc", "passes"), [(0.56, False), (0.54, True), (None, True)])
def test_a_model_that_scores_shuffled_labels_blocks_what_follows(
    auc: float | None, tmp_path: Path, *, passes: bool
) -> None:
    """Of an error of 0.015: four deviations above one half are a leak, 2.7 are none."""
    made = project(tmp_path, week=SETTINGS.model_dump())
    row = {"model": "week", "version": "v", "fold": 0, "train_rows": 900, "rows": 600, "pairs": 900 if auc else 0}
    row |= {"auc": auc, "auc_error": None if auc is None else 0.015, "log_loss": 0.7, "base_log_loss": 0.693}
    rows = SHUFFLED_LABELS.conform(pl.DataFrame([row], schema=SHUFFLED_LABELS.empty().schema))
    made.warehouse.replace(Rows("model", "week"), {SHUFFLED_LABELS: rows})
    key = dg.AssetCheckKey(dg.AssetKey(["models", "week"]), "shuffled_labels")
    (check,) = [each for each in build_checks(made.configuration) if key in each.check_keys]
    assert all(spec.blocking for spec in check.check_specs)
    found = check(dg.build_asset_check_context(resources={"warehouse": made.warehouse}))
    assert isinstance(found, dg.AssetCheckResult)
    assert found.passed == passes
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert ("what to do" in found.metadata) != passes


@pytest.mark.parametrize(
    ("moved", "passes"), [([0.9, 0.1], True), ([0.1, 0.51], False), ([0.9, None], False), ([], True)]
)
def test_explanations_that_move_at_the_last_refit_are_a_warning(
    moved: list[float | None], tmp_path: Path, *, passes: bool
) -> None:
    made = project(tmp_path, week=SETTINGS.model_dump())
    row = {"model": "week", "version": "v", "previous_fold": 0, "features": 3, "rank_correlation": None}
    lines = [{**row, "fold": fold, "total_variation": each} for fold, each in enumerate(moved, 1)]
    rows = EXPLANATION_DRIFT.conform(pl.DataFrame(lines, schema=EXPLANATION_DRIFT.empty().schema))
    made.warehouse.replace(Rows("model", "week"), {EXPLANATION_DRIFT: rows})
    key = dg.AssetCheckKey(dg.AssetKey(["models", "week"]), "explanations_stable")
    (check,) = [each for each in build_checks(made.configuration) if key in each.check_keys]
    found = check(dg.build_asset_check_context(resources={"warehouse": made.warehouse}))
    assert isinstance(found, dg.AssetCheckResult)
    assert (found.passed, found.severity) == (passes, dg.AssetCheckSeverity.WARN)
    assert not any(spec.blocking for spec in check.check_specs)


def test_what_a_training_took_has_a_row_for_each_run_and_part(tmp_path: Path) -> None:
    made = project(tmp_path, week=SETTINGS.model_dump())
    result = materialise(made)
    rows = made.warehouse.read(COSTS).filter(model="week", run_id=result.run_id)
    assert sorted(rows["part"]) == sorted(PARTS)
    taken = {row["part"]: row for row in rows.iter_rows(named=True)}
    assert taken["model"]["trained_folds"] == 2 and taken["model"]["seconds"] > 0 and taken["model"]["peak_mb"] > 50
    assert taken["shuffled_labels"]["seconds"] > 0


def test_another_number_of_repeats_asks_the_kept_model_again(tmp_path: Path) -> None:
    made = project(tmp_path, week=SETTINGS.model_dump())
    materialise(made)
    before = made.warehouse.read(PERMUTATION_IMPORTANCE)
    closer = made.configuration.model_copy(update={"evaluation": Evaluation(importance_repeats=9)})
    materialise(Project(closer, made.warehouse))
    after = made.warehouse.read(PERMUTATION_IMPORTANCE)
    assert after["feature"].equals(before["feature"])
    assert not after["loss_increase"].equals(before["loss_increase"])
