"""What is asked of the model of a fold beside its scores, and what all folds say together.

Only rows of a test part whose labels are over before the holdout are asked about.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from trading_assets.config.evaluation import Evaluation
from trading_assets.models import tables
from trading_assets.models.costs import TrainingCosts
from trading_assets.models.evaluation_tables import (
    CONTRIBUTIONS,
    EXPLANATION_DRIFT,
    IMPORTANCE_STABILITY,
    PERMUTATION_IMPORTANCE,
    RELIABILITY,
    SHUFFLED_LABELS,
    types_of_folds,
)
from trading_assets.models.explanation_drift import drift_rows
from trading_assets.models.families.interface import Fitted
from trading_assets.models.families.own import is_own
from trading_assets.models.fold_rows import FoldRows
from trading_assets.models.permutation_importance import permutation_importance
from trading_assets.models.reliability_rows import reliability_rows
from trading_assets.models.samples import RowNumbers, Samples, day
from trading_assets.models.shuffled_labels import Finding, finding_of, score_shuffled
from trading_assets.models.splits import Fold
from trading_assets.models.stability import mean_rank_correlation, most_needed, stability_of
from trading_assets.models.threads import one_thread
from trading_assets.models.training import Learner, model_scores
from trading_assets.warehouse.table import Table

#: Most rows that a model of shuffled labels learns from, if it does with so few.
SHUFFLED_ROWS = 20_000

#: Rows of a fold for which a user's own module, in its process, is asked about every feature.
_MOST_OF_OWN = 500


@dataclass(frozen=True)
class Asked:
    """What the model of a fold is asked about.

    Attributes
    ----------
    samples, fold, holdout_start
        As `run_model` takes them.
    train, test
        Numbers of the rows that it learnt from, and of those that it scores.
    """

    samples: Samples
    fold: Fold
    holdout_start: dt.date
    train: RowNumbers
    test: RowNumbers

    @property
    def known(self) -> RowNumbers:
        """Rows of the test part whose labels are over before the holdout."""
        ends, label = self.samples.label_end[self.test], self.samples.label[self.test]
        return self.test[(ends < day(self.holdout_start)) & ~np.isnan(label)]


def with_evaluation(
    found: FoldRows, asked: Asked, model: Fitted, learner: Learner, settings: Evaluation, costs: TrainingCosts
) -> FoldRows:
    """Add importance of features, and the score of shuffled labels, to what a fold leaves.

    Parameters
    ----------
    found
        What the fold leaves.
    asked
        What the model is asked about.
    model, learner
        Model of the fold, and what makes one of a training set.
    settings
        Section `evaluation`.
    costs
        What takes up the time of each.
    """
    if asked.fold.test_start >= asked.holdout_start or not asked.known.size:
        return found
    is_users = is_own(model)
    with costs.on("permutation_importance", elsewhere=is_users):
        importance = _importance(asked, model, learner.seed, settings, is_own=is_users)
    with costs.on("shuffled_labels", elsewhere=is_users):
        draws = np.random.default_rng([learner.seed, asked.fold.number, 2])
        over = asked.train[asked.samples.label_end[asked.train] < day(asked.holdout_start)]
        # Without its search, which chooses among models that learn from the same rows.
        rows = max(SHUFFLED_ROWS, 2 * learner.settings.min_rows)
        said = score_shuffled(asked.samples, over, asked.known, learner.untuned(), rows, draws)
    if said is None:
        return replace(found, importance=importance)
    values = {"auc_error" if name == "error" else name: value for name, value in asdict(said).items()}
    row = {name: None if np.isnan(value) else value for name, value in values.items()}
    return replace(found, importance=importance, shuffled=[{"fold": asked.fold.number, **row}])


def _importance(asked: Asked, model: Fitted, seed: int, settings: Evaluation, *, is_own: bool) -> pl.DataFrame:
    samples, rows = asked.samples, asked.known
    if is_own:
        settings = settings.model_copy(update={"importance_rows": min(settings.importance_rows, _MOST_OF_OWN)})
    with one_thread():
        made = permutation_importance(
            lambda features, session: model_scores(model, features, session),
            samples.features[rows],
            samples.session[rows],
            samples.label[rows].astype(np.float64),
            settings,
            np.random.default_rng([seed, asked.fold.number, 1]),
        )
    return pl.DataFrame(
        {"feature": samples.names, "loss_increase": made.increase, "standard_error": made.error},
        schema={"feature": pl.String, "loss_increase": pl.Float64, "standard_error": pl.Float64},
    ).with_columns(
        pl.col("loss_increase", "standard_error").fill_nan(None),
        fold=pl.lit(asked.fold.number, pl.Int64),
        rows=pl.lit(made.rows, pl.Int64),
    )


def evaluation_frames(rows: Sequence[FoldRows], settings: Evaluation, horizon: int) -> dict[Table, pl.DataFrame]:
    """Return the frames of the tables of evaluation of a model, without its name and version.

    Parameters
    ----------
    rows
        What each fold left.
    settings
        Section `evaluation`.
    horizon
        Sessions of a label.
    """
    of_importance = types_of_folds(PERMUTATION_IMPORTANCE)
    importance = pl.concat(
        [pl.DataFrame(schema=of_importance)]
        + [each.importance.select(*of_importance) for each in rows if each.importance is not None]
    )
    shuffled = [line for each in rows for line in each.shuffled]
    scored = [each.predictions for each in rows if each.predictions is not None]
    predictions = pl.concat(scored) if scored else tables.PREDICTIONS.empty()
    of_contributions = types_of_folds(CONTRIBUTIONS)
    contributions = pl.concat(
        [pl.DataFrame(schema=of_contributions)]
        + [
            each.explanations.select(pl.col(name).cast(dtype) for name, dtype in of_contributions.items())
            for each in rows
            if each.explanations is not None
        ]
    )
    return {
        PERMUTATION_IMPORTANCE: importance,
        CONTRIBUTIONS: contributions,
        EXPLANATION_DRIFT: pl.DataFrame(list(drift_rows(contributions)), schema=types_of_folds(EXPLANATION_DRIFT)),
        IMPORTANCE_STABILITY: pl.DataFrame(
            [stability_row(importance, settings.top_features)], schema=types_of_folds(IMPORTANCE_STABILITY)
        ),
        SHUFFLED_LABELS: pl.DataFrame(shuffled, schema=types_of_folds(SHUFFLED_LABELS)),
        RELIABILITY: reliability_rows(predictions, horizon),
    }


def stability_row(importance: pl.DataFrame, top: int) -> dict[str, Any]:
    """Return the row of `models.importance_stability` of a model, without its name and version.

    Features without an importance in one of the folds have no part in it.

    Parameters
    ----------
    importance
        Rows of `models.permutation_importance` of the model.
    top
        Most features of a fold that count as chosen; no more than half of them do.
    """
    folds = importance.filter(pl.col("loss_increase").is_not_null().any().over("fold"))
    wide = folds.sort("fold", "feature").pivot("feature", index="fold", values="loss_increase", maintain_order=True)
    wide = wide.drop("fold").select(each for each in wide.drop("fold") if not each.null_count())
    increase = wide.to_numpy().astype(np.float64).reshape(wide.height, wide.width)
    top = max(1, min(top, wide.width // 2))  # if all of them count, nothing is chosen
    found = stability_of(most_needed(increase, top))
    values = {
        "stability": found.value,
        "stability_low": found.low,
        "stability_high": found.high,
        "rank_correlation": mean_rank_correlation(increase),
    }
    return {
        "folds": folds["fold"].n_unique(),
        "features": wide.width,
        "top": top,
        **{name: None if np.isnan(value) else value for name, value in values.items()},
    }


def finding_of_rows(shuffled: pl.DataFrame) -> Finding:
    """Return what rows of `models.shuffled_labels` of a model say together."""
    rows = shuffled.drop_nulls("auc").sort("fold").select("pairs", "auc", "auc_error")
    return finding_of(rows.rows())
