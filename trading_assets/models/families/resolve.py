"""From the type of a model to its family."""

from __future__ import annotations

import importlib
from typing import Any, cast

from trading_assets.models.families.interface import (
    Constant,
    Family,
    Fitted,
    TrainingSet,
    load_constant,
    varying,
)

_HERE = __name__.rpartition(".")[0]


def shipped_family(name: str) -> Family:
    """Return the module of a family of this package: it is imported when it is asked for."""
    return cast(Family, importlib.import_module(f"{_HERE}.{name}"))


def fit_shipped(training: TrainingSet, settings: Any, seed: int) -> Fitted:
    """Fit a model of this package; a `Constant` where its features tell no two rows apart.

    XGBoost answers that itself, with the bytes that it always had.

    Parameters
    ----------
    training
        What it learns from; both labels are among it.
    settings, seed
        Section of the model, whose `type` names the family, and the seed of what is drawn.
    """
    if settings.type != "xgboost" and not varying(training.features):
        return Constant(training.base_rate())
    return shipped_family(settings.type).fit(training, settings, seed)


def load_shipped(name: str, content: bytes) -> Fitted:
    """Return the model of a family of this package that was saved."""
    return load_constant(content) or shipped_family(name).load(content)
