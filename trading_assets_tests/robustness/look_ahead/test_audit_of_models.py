"""The audit accuses no family and no label that is clean, and catches those that know the future."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import polars as pl
import pytest

from trading_assets.config import Configuration
from trading_assets.config.models import FAMILIES, Barriers
from trading_assets.models.calibration import calibrated
from trading_assets.models.families.interface import Features, Floats
from trading_assets.models.families.label_stream import LabelStream
from trading_assets.models.families.linear import Linear
from trading_assets.models.families.online_state import State
from trading_assets.models.fits import FittedModels
from trading_assets.models.samples import Samples, day
from trading_assets.models.splits import Fold
from trading_assets.models.training import learner_of, training_set
from trading_assets.models.triple_barrier import triple_barrier_labels
from trading_assets.models.tuning import Search, SearchTrial
from trading_assets.robustness.look_ahead.audit import History, computed, differing, look_ahead
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.models.families.test_own import NEAREST
from trading_assets_tests.robustness.look_ahead.test_audit import market_snapshot

CUTS = 2
SMALL: dict[str, dict[str, Any]] = {
    **{each: {"trees": 5} for each in ("xgboost", "lightgbm", "catboost", "random_forest", "ranking")},
    "quantile": {"trees": 30, "learning_rate": 0.3},
    "mlp": {"epochs": 3},
    "online": {"initial_sessions": 60},
    "stacking": {"members": [{"type": "ridge"}, {"type": "logistic"}], "inner_folds": 2},
    "per_regime": {"feature": "volatility_20", "member": {"type": "logistic"}},
}
#: Learns what each label is, and orders as it has learnt.
OF_LABELS = {"sign": "logistic", "size": "ridge", "rank": "ridge", "triple_barrier": "logistic"}


@pytest.fixture(scope="module")
def whole() -> MarketSnapshot:
    return market_snapshot()


def configured(folder: Path, family: str, **more: Any) -> Configuration:
    section = {"type": family, "train_sessions": 150, "test_sessions": 60, "min_rows": 50, **SMALL.get(family, {})}
    strategies = {"ml": {"type": "ml", "model": "own", "entry_score": 0.0}}
    return loaded(folder, strategies=strategies, models={"own": section | more})


def subjects(configuration: Configuration, whole: MarketSnapshot) -> set[str]:
    return set(differing(look_ahead(configuration, "ml", whole, CUTS))["subject"])


def tell_rows_apart(configuration: Configuration, whole: MarketSnapshot) -> bool:
    """Whether any fold has more scores than one: the same for every row could know nothing of the future."""
    fitted = {"own": FittedModels(learner_of(configuration, "own"))}
    scores = computed(configuration, "ml", History(whole, whole), None, fitted).scores["own"]
    return scores.group_by("fold").agg(pl.col("score").n_unique())["score"].max() != 1


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_no_family_is_accused(family: str, whole: MarketSnapshot, tmp_path: Path) -> None:
    configuration = configured(tmp_path, family)
    assert subjects(configuration, whole) == set()
    assert tell_rows_apart(configuration, whole)


@pytest.mark.slow
@pytest.mark.parametrize("label", OF_LABELS)
def test_no_label_is_accused(label: str, whole: MarketSnapshot, tmp_path: Path) -> None:
    configuration = configured(tmp_path, OF_LABELS[label], label=label)
    assert subjects(configuration, whole) == set()
    assert tell_rows_apart(configuration, whole)


@pytest.mark.slow
def test_a_calibrated_model_is_not_accused(whole: MarketSnapshot, tmp_path: Path) -> None:
    configuration = configured(tmp_path, "logistic", calibrate=True)
    assert subjects(configuration, whole) == set()
    assert tell_rows_apart(configuration, whole)
    fitted = {"own": FittedModels(learner_of(configuration, "own"))}
    scores = computed(configuration, "ml", History(whole, whole), None, fitted).scores["own"]
    assert scores.filter(pl.col("fold") > 0, pl.col("score") != pl.col("uncalibrated")).height > 100


TUNE = {"search": {"penalty": {"low": 1.0, "high": 1000.0, "log": True}}, "trials": 4, "inner_folds": 2}


@pytest.mark.slow
def test_a_tuned_model_is_not_accused(whole: MarketSnapshot, tmp_path: Path) -> None:
    configuration = configured(tmp_path, "logistic", tune=TUNE)
    assert subjects(configuration, whole) == set()
    assert tell_rows_apart(configuration, whole)


@pytest.mark.slow
def test_a_search_that_looks_at_what_its_fold_is_tested_on_is_caught(
    whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parameters of every fold follow from the last label that the history has: another history, another choice."""

    def of_all_rows(samples: Samples, rows: Any) -> Any:
        found = training_set(samples, rows)
        known = samples.label[samples.session == samples.session.max() - 10]
        return replace(found, names=(*found.names[:-1], f"{known.tolist()}"))

    def by_what_comes(training: Any, settings: Any, seed: int, fit: Any) -> Search:
        penalty = 1.0 + crc32(training.names[-1].encode()) % 1000
        return Search([SearchTrial({"penalty": penalty}, 0.69, 2, pruned=False)], 0)

    monkeypatch.setattr("trading_assets.models.run.training_set", of_all_rows)
    monkeypatch.setattr("trading_assets.models.tuning.search", by_what_comes)
    assert "scores" in subjects(configured(tmp_path, "logistic", tune=TUNE), whole)


@pytest.mark.slow
def test_a_curve_of_the_folds_own_labels_is_caught(
    whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_its_own_labels(samples: Samples, folds: Sequence[Fold], *rest: Any) -> Any:
        return calibrated(samples, [replace(fold, train_end=fold.test_end) for fold in folds], *rest)

    monkeypatch.setattr("trading_assets.models.run.calibrated", of_its_own_labels)
    assert "scores" in subjects(configured(tmp_path, "logistic", calibrate=True), whole)


def barriers_that_end_when_they_begin(bars: pl.DataFrame, horizon: int, barriers: Barriers) -> pl.DataFrame:
    """The label is said to be over at the next session, whenever a barrier is touched."""
    made = triple_barrier_labels(bars, horizon, barriers)
    following = pl.col("session").shift(-1).over("symbol")
    return made.with_columns(label_end=pl.when(pl.col("label").is_not_null()).then(following))


@pytest.mark.slow
def test_a_barrier_that_is_touched_later_than_its_label_says_is_caught(
    whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading_assets.models.samples.triple_barrier_labels", barriers_that_end_when_they_begin)
    assert "scores" in subjects(configured(tmp_path, "logistic", label="triple_barrier", horizon=10), whole)


def ranks_among_every_session(labels: pl.DataFrame, sessions: pl.Series, horizon: int) -> pl.DataFrame:
    """A return has its place among those of all sessions, what comes later with them."""
    place = pl.col("relative_return").rank() / pl.col("relative_return").count()
    return labels.with_columns(rank=place).with_columns(label=(pl.col("rank") > 0.5).cast(pl.Int8))


@pytest.mark.slow
def test_ranks_among_sessions_to_come_are_caught(
    whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading_assets.models.samples.cross_sectional_ranks", ranks_among_every_session)
    assert "scores" in subjects(configured(tmp_path, "ridge", label="rank"), whole)


@pytest.mark.slow
def test_a_score_that_depends_on_the_rest_of_the_fold_is_caught(
    whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score: Callable[[Linear, Features], Floats] = Linear.score

    def centred(self: Linear, features: Features) -> Floats:
        found = score(self, features)
        return np.asarray(np.clip(found - found.mean() + 0.5, 0, 1))

    monkeypatch.setattr(Linear, "score", centred)
    assert "scores" in subjects(configured(tmp_path, "logistic"), whole)


class TooEarly(LabelStream):
    """Labels are said to be over on the session of their score."""

    @classmethod
    def of(cls, features: Any, label: Any, session: Any, label_end: Any) -> LabelStream:
        return super().of(features, label, session, session)


def labels_to_come(samples: Samples, fold: Fold, scorable: Any) -> Any:
    """Rows of the fold are learnt from in the order of their sessions, whether their labels are over or not."""
    return np.flatnonzero((samples.session < day(fold.test_end)) & scorable & ~np.isnan(samples.label))


@pytest.mark.slow
def test_updates_by_labels_that_are_not_over_are_caught(
    whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading_assets.models.online.rows_to_learn", labels_to_come)
    monkeypatch.setattr("trading_assets.models.families.label_stream.LabelStream", TooEarly)
    monkeypatch.setattr("trading_assets.models.families.online.LabelStream", TooEarly)
    assert "scores" in subjects(configured(tmp_path, "online", initial_sessions=60), whole)


@pytest.mark.slow
def test_scores_by_updates_that_come_after_them_are_caught(
    whole: MarketSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is turned around: every session of a fold is scored by what the fold has taught at its end."""

    def by_the_last(self: State, session: Any) -> Floats:
        return np.repeat(self.path[-1][None, :], len(session), axis=0)

    monkeypatch.setattr(State, "weights_at", by_the_last)
    assert "scores" in subjects(configured(tmp_path, "online", initial_sessions=60), whole)


def with_module(folder: Path, source: str) -> Configuration:
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "mine" / "nearest.py").write_text(source.replace('"signal"', '"return_20"'))
    return configured(folder, "mine.nearest")


@pytest.mark.slow
def test_a_module_of_ones_own_is_not_accused(whole: MarketSnapshot, tmp_path: Path) -> None:
    assert subjects(with_module(tmp_path, NEAREST), whole) == set()


#: It remembers every row that it was ever asked about, and answers by how many these were.
REMEMBERS = NEAREST.replace("    def score(self", "    asked = 0\n\n    def score(self").replace(
    "        return np.array([self.labels",
    "        Nearest.asked += len(features)\n        return np.array([(Nearest.asked % 97) / 97 + 0 * self.labels",
)


@pytest.mark.slow
def test_a_module_that_remembers_what_it_was_asked_is_refused(whole: MarketSnapshot, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"scores otherwise|depend on its own row alone"):
        subjects(with_module(tmp_path, REMEMBERS), whole)
