"""What a model is on record as: a hash of all that its fits depend on, and one of how it is fitted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from trading_assets.config import hash_of
from trading_assets.config.models import WalkForward
from trading_assets.config.stated import completed
from trading_assets.models.families.own import OwnFamily
from trading_assets.models.samples import Samples
from trading_assets.models.splits import Fold
from trading_assets.models.training import Learner

#: Part of every version: raise it when training or labels change meaning.
TRAINING_VERSION = 1


def procedure_of(learner: Learner) -> str:
    """Return the digest of what is fitted anew as data come in: settings, seed, and the code of a user's own module."""
    own = [learner.own.code] if learner.own else []
    return hash_of([TRAINING_VERSION, learner.type, completed(learner.settings), learner.seed, *own])


def model_version(
    samples: Samples,
    folds: Sequence[Fold],
    settings: WalkForward,
    seed: int,
    own: OwnFamily | None = None,
    chosen: Mapping[int, Mapping[str, Any]] | None = None,
) -> str:
    """Return the content hash of whatever the fitted models depend on.

    It is the same until a fold is added or its data change.

    Parameters
    ----------
    samples, folds
        Rows that a model learns from, and the folds of its walk forward; what ends after the last training is left out.
    settings, seed
        Section of the model, and the seed that it is fitted with.
    own
        Module of a user's own; its code is a part of what the models depend on.
    chosen
        Parameters that searches have chosen, by fold; none of a model without `tune`.
    """
    content = samples.digest(max((fold.train_end for fold in folds), default=dt.date.min))
    more = [*([own.code] if own else []), *([sorted(chosen.items())] if chosen else [])]
    return hash_of([TRAINING_VERSION, completed(settings), seed, list(samples.names), content, *more])
