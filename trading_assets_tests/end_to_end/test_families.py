"""Every family of models, through a strategy, from bars to a verdict; then the same again, which computes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.config.models import FAMILIES
from trading_assets.protocol import Protocol, trials_on
from trading_assets.protocol.trials_table import OF_SEARCHES
from trading_assets_tests.conftest import Experiment
from trading_assets_tests.end_to_end.experiments import changed, run
from trading_assets_tests.models.families.test_own import NEAREST

pytestmark = pytest.mark.slow

MORE: dict[str, dict[str, Any]] = {
    **{family: {"trees": 10} for family in ("xgboost", "lightgbm", "catboost", "random_forest", "ranking", "quantile")},
    "mlp": {"epochs": 3},
    "stacking": {"members": [{"type": "ridge"}, {"type": "logistic"}], "inner_folds": 2},
    "per_regime": {"feature": "volatility_20", "member": {"type": "logistic"}},
}
MODELS: dict[str, dict[str, Any]] = {
    **{f"of_{family}": {"type": family, **MORE.get(family, {})} for family in FAMILIES},
    "of_barriers": {"label": "triple_barrier", "trees": 10},
    "of_ranks": {"label": "rank", "trees": 10},
    "of_ones_own": {"type": "mine.nearest"},
    "of_searches": {"trees": 10, "tune": {"search": {"depth": {"low": 1, "high": 4}}, "trials": 4, "inner_folds": 2}},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    folder = tmp_path_factory.mktemp("families")
    (folder / "mine").mkdir()
    (folder / "mine" / "nearest.py").write_text(NEAREST.replace('"signal"', '"return_20"'))
    walk = {"train_sessions": 250, "test_sessions": 126}
    config = changed(
        folder,
        name="families",
        market_data=[{"source": "synthetic", "asset_class": "equity", "calendar": "XNYS", "symbols": 5}],
        benchmarks={"equity": "SPX"},
        models={name: section | walk for name, section in MODELS.items()},
        strategies={f"by_{name}": {"type": "ml", "model": name, "entry_score": 0.3} for name in MODELS},
        registration=None,
        robustness={
            "resamples": 20,
            "permutations": 20,
            "cross_validation_blocks": 4,
            "look_ahead_cuts": 1,
            "stress_scenarios": ["flash_crash"],
            "grids": {f"by_{name}": {"stop_atr": [2.0, 3.0]} for name in MODELS},
        },
    )
    return run(config, folder / "data")


def test_every_model_ends_in_a_verdict(whole: Experiment) -> None:
    assert whole.process.returncode == 0, whole.process.stderr
    rows = whole.warehouse.query("SELECT DISTINCT strategy FROM robustness.verdicts WHERE criterion IS NOT NULL")
    assert set(rows["strategy"]) == {f"by_{name}" for name in MODELS}
    audits = whole.warehouse.query('SELECT DISTINCT strategy, "column" FROM robustness.look_ahead')
    assert set(audits["strategy"]) == {f"by_{name}" for name in MODELS}
    assert set(audits["column"]) == {"none"}


def test_every_model_is_measured_beside_the_same_baselines(whole: Experiment) -> None:
    metrics = whole.warehouse.query("SELECT model, fold, metric, value FROM models.metrics")
    for measure in ("log_loss", "naive_log_loss", "logistic_log_loss", "auc", "naive_brier"):
        assert set(metrics.filter(pl.col("metric") == measure)["model"]) == set(MODELS), measure
    # Whoever learns the same label has the same baselines, to the bit.
    of_sign = [name for name in MODELS if name not in ("of_barriers", "of_ranks", "of_ranking")]
    naive = metrics.filter(metric="naive_log_loss").filter(pl.col("model").is_in(of_sign))
    assert naive.group_by("fold").agg(pl.col("value").n_unique())["value"].to_list() == [1] * naive["fold"].n_unique()


def test_each_family_is_registered_in_its_own_format(whole: Experiment) -> None:
    files = {path.name for path in (whole.configuration.home / "artifacts").rglob("model.*")}
    assert files == {"model.ubj", "model.txt", "model.cbm", "model.npz", "model.bin"}


def test_the_same_again_trains_nothing(whole: Experiment) -> None:
    again = run(whole.config, whole.data)
    assert again.process.returncode == 0
    for name in MODELS:
        assert f"models/{name} unchanged" in again.process.stdout + again.process.stderr, name


def test_who_trades_scores_pays_for_each_set_that_a_search_tried(whole: Experiment) -> None:
    """All of these trade scores on one market: each pays for its own backtests, those of its type, and the searches."""
    searched = whole.warehouse.query("SELECT trials FROM models.tuning_gain WHERE model = 'of_searches'").item()
    assert searched == whole.warehouse.query("SELECT count(DISTINCT parameters) FROM models.tuning_trials").item() > 1
    swept = whole.warehouse.query("SELECT count(DISTINCT trial) FROM robustness.trials").item()
    found = whole.warehouse.query("SELECT DISTINCT value FROM robustness.overfitting WHERE statistic = 'trials'")
    assert found["value"].to_list() == [swept + searched]
    on_record = trials_on(Protocol.of(whole.configuration)).filter(type=OF_SEARCHES)
    assert on_record["trial"].n_unique() == on_record.height == searched
    page = (whole.configuration.home / "reports" / "by_of_searches.html").read_text()
    assert "What the search bought" in page
    assert whole.warehouse.query("SELECT reason FROM models.tuning_gain").item()[:30] in page


def test_scores_are_probabilities(whole: Experiment) -> None:
    scores = whole.warehouse.query("SELECT model, min(score), max(score), count(*) FROM models.predictions GROUP BY 1")
    assert scores.height == len(MODELS)
    for _, low, high, rows in scores.iter_rows():
        assert 0 <= low <= high <= 1 and rows > 500


def test_settings_of_a_family_stay_where_they_are(whole: Experiment, tmp_path: Path) -> None:
    """Another strategy's model is none of a strategy's: its hash stays."""
    before = whole.configuration
    models = {**before.models, "of_mlp": before.models["of_ridge"]}
    after = before.model_copy(update={"models": models})
    assert after.hash_for("by_of_ridge") == before.hash_for("by_of_ridge")
    assert after.hash_for("by_of_mlp") != before.hash_for("by_of_mlp")
