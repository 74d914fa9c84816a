"""What is asked of the model of each fold: out of sample, before the holdout, and the same for who asks again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from trading_assets.config.evaluation import Evaluation
from trading_assets.config.models import OwnModel
from trading_assets.models.evaluation_tables import (
    IMPORTANCE_STABILITY,
    PERMUTATION_IMPORTANCE,
    RELIABILITY,
    SHUFFLED_LABELS,
)
from trading_assets.models.fold_evaluation import finding_of_rows, stability_row
from trading_assets.models.run import ModelRun, run_model
from trading_assets.models.samples import Samples, build_samples, day
from trading_assets.models.splits import Fold, walk_forward
from trading_assets.models.tables import PREDICTIONS
from trading_assets_tests.models.families.test_own import NEAREST, family
from trading_assets_tests.models.panels import (
    NO_HOLDOUT,
    SETTINGS,
    bars,
    benchmark,
    dates_of,
    features,
    run,
    samples,
    trained,
)
from trading_assets_tests.narrow import as_number

TABLES = (PERMUTATION_IMPORTANCE, IMPORTANCE_STABILITY, SHUFFLED_LABELS, RELIABILITY)


def test_the_planted_feature_is_needed_in_every_fold_and_the_others_are_not() -> None:
    made = trained().tables
    rows = made[PERMUTATION_IMPORTANCE]
    mean = dict(rows.group_by("feature").agg(pl.col("loss_increase").mean()).iter_rows())
    assert mean["signal"] > 0.2
    assert abs(mean["noise"]) < 0.02 and abs(mean["other"]) < 0.02
    stability = made[IMPORTANCE_STABILITY].row(0, named=True)
    # Of three features one counts, and it is the same in all folds.
    assert (stability["folds"], stability["features"], stability["top"]) == (3, 3, 1)
    assert stability["stability"] == pytest.approx(1.0)


def test_shuffled_labels_are_scored_in_every_fold_and_say_nothing() -> None:
    rows = trained().tables[SHUFFLED_LABELS]
    assert rows["fold"].to_list() == [0, 1, 2]
    assert not finding_of_rows(rows).is_leak
    assert (rows["log_loss"] > rows["base_log_loss"]).any()


def test_nothing_of_the_holdout_is_asked() -> None:
    """Whatever the labels that end in it are, and however many folds it has."""
    data = samples()
    start = dates_of(data)[230]
    inside = data.label_end >= day(start)
    assert inside.sum() > 400
    other = replace(
        data,
        label=np.where(inside, 1 - data.label, data.label).astype(np.float32),
        relative_return=np.where(inside, -data.relative_return, data.relative_return),
    )
    one, two = (run(each, holdout_start=start) for each in (data, other))
    for table in TABLES:
        assert one.tables[table].drop("version").equals(two.tables[table].drop("version"))
    assert one.version != two.version
    assert one.tables[PERMUTATION_IMPORTANCE]["fold"].unique().to_list() == [0, 1]
    assert one.tables[SHUFFLED_LABELS]["fold"].to_list() == [0, 1]


def test_other_settings_ask_more_closely_and_change_no_score() -> None:
    data = samples()
    folds = walk_forward(dates_of(data), SETTINGS)
    closer = Evaluation(importance_repeats=8, importance_rows=60, top_features=2)
    found = run_model(data, folds, SETTINGS, name="model", seed=3, holdout_start=NO_HOLDOUT, evaluation=closer)
    usual = trained()
    assert found.version == usual.version and found.artifact == usual.artifact
    assert found.tables[PREDICTIONS].equals(usual.tables[PREDICTIONS])
    assert found.tables[PERMUTATION_IMPORTANCE]["rows"].is_between(20, 60).all()
    assert found.tables[SHUFFLED_LABELS].equals(usual.tables[SHUFFLED_LABELS])


def test_a_model_that_needs_more_rows_than_are_usual_is_tried_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trading_assets.models.fold_evaluation.SHUFFLED_ROWS", SETTINGS.min_rows - 1)
    data = samples()
    found = run_model(
        data, walk_forward(dates_of(data), SETTINGS), SETTINGS, name="model", seed=3, holdout_start=NO_HOLDOUT
    )
    tried = found.tables[SHUFFLED_LABELS]
    assert tried["fold"].to_list() == [0, 1, 2]
    assert tried["train_rows"].is_between(SETTINGS.min_rows, 2 * SETTINGS.min_rows).all()


class LeakingSamples(Samples):
    """Samples of a walk forward that purges nothing and trains on what it tests."""

    def before(self, fold: Fold) -> np.ndarray:
        return (self.session >= day(fold.train_start)) & (self.session <= day(fold.test_end))

    def over_by(self, date: object) -> np.ndarray:
        return ~np.isnan(self.label)


def leaking(seed: int) -> ModelRun:
    panel = bars(seed=seed)
    made = build_samples(panel, benchmark(panel), features(panel, 5, 0.0), 5)
    data = LeakingSamples(**{name: getattr(made, name) for name in made.__dataclass_fields__})
    deep = SETTINGS.model_copy(update={"trees": 60, "depth": 8, "min_child_weight": 0.0})
    return run(data, deep)


def test_a_walk_forward_that_trains_on_what_it_tests_is_seen() -> None:
    found = finding_of_rows(leaking(1).tables[SHUFFLED_LABELS])
    assert found.is_leak and found.auc > 0.8


def test_features_that_a_fold_lacks_have_no_part_in_the_stability() -> None:
    """`b` is null in fold 1, fold 2 has none at all: of two folds `a` is first in one, `c` in the other."""
    lines = [(0, "a", 0.3), (0, "b", 0.9), (0, "c", 0.1), (1, "a", 0.1), (1, "b", None), (1, "c", 0.2), (2, "a", None)]
    rows = pl.DataFrame(lines, schema=["fold", "feature", "loss_increase"], orient="row")
    found = stability_row(rows, top=5)
    assert (found["folds"], found["features"], found["top"]) == (2, 2, 1)
    assert found["stability"] == pytest.approx(-1.0)
    assert found["rank_correlation"] == pytest.approx(-1.0)


def test_no_fold_has_no_stability() -> None:
    found = stability_row(PERMUTATION_IMPORTANCE.empty(), top=5)
    assert (found["folds"], found["features"], found["stability"]) == (0, 0, None)
    assert not finding_of_rows(SHUFFLED_LABELS.empty()).is_leak


@pytest.mark.slow
def test_a_module_of_ones_own_is_asked_about_few_rows_and_held_to_the_same(tmp_path: Path) -> None:
    own = family(tmp_path, NEAREST)
    spans = {name: getattr(SETTINGS, name) for name in ("train_sessions", "test_sessions", "min_rows")}
    settings = OwnModel(type="mine.nearest", parameters={"neighbours": 60}, **spans)
    panel = bars(symbols=12)
    made = build_samples(panel, benchmark(panel), features(panel, 5, 1.0), 5)
    folds = walk_forward(dates_of(made), settings)[:1]
    found = run_model(made, folds, settings, name="own", seed=3, holdout_start=NO_HOLDOUT, own=own)
    own.module.process.end()
    rows = found.tables[PERMUTATION_IMPORTANCE]
    assert rows["rows"].is_between(400, 500).all()
    assert as_number(rows.filter(feature="signal")["loss_increase"].item()) > 0.1
    assert rows.filter(feature="noise")["loss_increase"].item() == 0.0  # it looks at one feature alone
    assert not finding_of_rows(found.tables[SHUFFLED_LABELS]).is_leak
    # The clock's seconds, for another process does it.
    assert found.costs.seconds["permutation_importance"] > 0.01


def test_a_calibrated_model_is_asked_for_what_it_says_before_its_curve() -> None:
    plain, curved = (run(samples(), SETTINGS.model_copy(update={"calibrate": on})) for on in (False, True))
    own = [each.tables[PERMUTATION_IMPORTANCE].drop("version") for each in (plain, curved)]
    assert own[0].equals(own[1])
    kinds = [each.tables[RELIABILITY]["kind"].unique(maintain_order=True).to_list() for each in (plain, curved)]
    assert kinds == [["score"], ["score", "uncalibrated"]]
    before = curved.tables[RELIABILITY].filter(kind="uncalibrated")["score"].to_list()
    assert before == plain.tables[RELIABILITY]["score"].to_list()
