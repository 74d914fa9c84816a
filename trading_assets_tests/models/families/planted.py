"""Training sets with something to learn, and settings of every family for them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trading_assets.config.models import FAMILIES, LabelKind, WalkForward
from trading_assets.models.families.interface import TrainingSet
from trading_assets.models.samples import Samples, build_samples
from trading_assets.models.training import Learner, training_set
from trading_assets_tests.models.panels import bars, benchmark, features

#: Small, and fast: what a family is given beside its type.
_SMALL: dict[str, dict[str, Any]] = {
    "xgboost": {"trees": 20, "learning_rate": 0.3},
    "lightgbm": {"trees": 20, "learning_rate": 0.3},
    "catboost": {"trees": 20, "learning_rate": 0.3},
    "online": {"initial_sessions": 60, "window_sessions": 40},
    "random_forest": {"trees": 10, "min_leaf": 20, "depth": 4, "feature_share": 1.0},
    "mlp": {"hidden": [8, 4], "epochs": 10, "learning_rate": 0.01},
    "ranking": {"trees": 20, "learning_rate": 0.3},
    "quantile": {"trees": 20, "learning_rate": 0.3},
    "stacking": {"members": [{"type": "ridge"}, {"type": "xgboost", "trees": 10}]},
    "per_regime": {"feature": "other", "member": {"type": "logistic"}},
}
CLASSES: tuple[LabelKind, ...] = ("sign", "triple_barrier")


def settings_of(family: str, **more: Any) -> WalkForward:
    return FAMILIES[family].model_validate({"type": family, "min_rows": 100, **_SMALL.get(family, {}), **more})


def learner(family: str, **more: Any) -> Learner:
    return Learner(settings_of(family, **more), seed=3)


@cache
def planted(label: LabelKind = "sign", strength: float = 1.0) -> Samples:
    panel = bars(symbols=10, sessions=250)
    return build_samples(panel, benchmark(panel), features(panel, 5, strength), 5, label)


def learnable(made: Samples) -> np.ndarray:
    return np.flatnonzero(~np.isnan(made.label) & made.scorable())


def halves(made: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the first sessions, whose labels are over before those of the others."""
    rows, middle = learnable(made), np.unique(made.session)[150]
    return rows[made.label_end[rows] < middle], rows[made.session[rows] >= middle]


@cache
def training(label: LabelKind = "sign", strength: float = 1.0) -> TrainingSet:
    made = planted(label, strength)
    return training_set(made, halves(made)[0])
