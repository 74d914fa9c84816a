"""Folds that are not trained again: what they depend on is what it was, and their rows are in the tables.

A session more is no change to a fold that has ended, and training is a function of its samples.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from trading_assets.models import tables
from trading_assets.models.evaluation_tables import CONTRIBUTIONS, PERMUTATION_IMPORTANCE, SHUFFLED_LABELS
from trading_assets.models.online_tables import ONLINE_UPDATES
from trading_assets.models.samples import Samples, day
from trading_assets.models.splits import Fold
from trading_assets.warehouse.table import Table

#: Tables of a model that have rows of folds.
TABLES = (
    tables.FOLDS,
    tables.PREDICTIONS,
    tables.METRICS,
    tables.EXPLANATIONS,
    CONTRIBUTIONS,
    PERMUTATION_IMPORTANCE,
    SHUFFLED_LABELS,
    tables.FITS,
    tables.TUNING_TRIALS,
    tables.TUNING_LOSSES,
    ONLINE_UPDATES,
)

_BY_FOLD = (tables.TUNING_TRIALS, tables.TUNING_LOSSES, ONLINE_UPDATES)


class KeptFold(NamedTuple):
    """What a fold left, without name and version of the model."""

    fold: dict[str, Any]
    predictions: pl.DataFrame | None
    metrics: Sequence[dict[str, Any]]
    explanations: pl.DataFrame | None
    importance: pl.DataFrame | None
    shuffled: Sequence[dict[str, Any]]
    trials: pl.DataFrame | None
    losses: pl.DataFrame | None
    updates: pl.DataFrame | None


@dataclass
class KeptFolds:
    """Rows of the folds of a model as an earlier run of the same settings, code and seed left them.

    Attributes
    ----------
    known
        Digest of what each fold depended on, by its number as text.
    rows
        Rows of each of `TABLES`; empty: nothing is known.
    digests
        The same as `known`, of the folds that were asked for.
    """

    known: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[Table, pl.DataFrame] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def of(self, samples: Samples, folds: Sequence[Fold], holdout_start: dt.date) -> dict[int, KeptFold]:
        """Return the folds that would leave what they left, by number.

        Parameters
        ----------
        samples, folds, holdout_start
            As `run_model` takes them.
        """
        digest_of = _Digests(samples, holdout_start)
        self.digests = {str(fold.number): digest_of(fold) for fold in folds}
        if not self.rows:
            return {}
        own = {table: frame.drop("model", "version", strict=False) for table, frame in self.rows.items()}
        of_folds = {row["fold"]: row for row in own[tables.FOLDS].iter_rows(named=True)}
        same = [
            fold.number
            for fold in folds
            if fold.number in of_folds and self.known.get(str(fold.number)) == self.digests[str(fold.number)]
        ]
        return {number: _kept(own, of_folds[number]) for number in same}

    def fits_of(self, folds: Set[int]) -> pl.DataFrame:
        """Return the rows of `models.fits` of some folds."""
        rows = self.rows.get(tables.FITS, tables.FITS.empty())
        return rows.filter(pl.col("fold").is_in(sorted(folds)))


def _kept(own: Mapping[Table, pl.DataFrame], of_fold: dict[str, Any]) -> KeptFold:
    number, is_trained = of_fold["fold"], of_fold["status"] == tables.OK
    of = pl.col("fold").cast(pl.Int32)  # as it is where a fold is trained
    # A calibrated score follows from other folds as well: what is kept is what the model said.
    said = pl.coalesce("uncalibrated", "score").alias("score")
    scores = own[tables.PREDICTIONS].filter(fold=number).with_columns(of, said)
    predictions = scores.with_columns(pl.lit(None, pl.Float64).alias("uncalibrated"))
    explanations = own[CONTRIBUTIONS].filter(fold=number).select("feature", "value", of)
    importance = own[PERMUTATION_IMPORTANCE].filter(fold=number)
    return KeptFold(
        of_fold,
        predictions if is_trained else None,
        own[tables.METRICS].filter(fold=number).to_dicts(),
        explanations if is_trained and explanations.height else None,
        importance if importance.height else None,
        own[SHUFFLED_LABELS].filter(fold=number).to_dicts(),
        *(own[table].filter(fold=number) for table in _BY_FOLD),
    )


class _Digests:
    """SHA-256 of all that the rows of a fold follow from, the settings apart."""

    def __init__(self, samples: Samples, holdout_start: dt.date) -> None:
        self._samples = samples
        symbols = samples.keys["symbol"]
        rows = samples.session.shape[0]
        symbol = symbols.rle_id().to_numpy()
        values = {each.name: getattr(samples, each.name) for each in fields(samples)}
        # Positions are counted over all bars, so that a bar more of one symbol moves those of others; only those of the
        # same symbol are ever compared.
        values["first"] = samples.first - samples.first[np.unique(symbol, return_index=True)[1]][symbol]
        self._arrays = [each for each in values.values() if isinstance(each, np.ndarray) and each.shape[:1] == (rows,)]
        self._arrays.append(symbol)
        others = [each for each in values.values() if not isinstance(each, np.ndarray | pl.DataFrame)]
        self._known = repr((holdout_start, others, symbols.unique(maintain_order=True).to_list())).encode()

    def __call__(self, fold: Fold) -> str:
        session = self._samples.session
        inside = np.flatnonzero((session >= day(fold.train_start)) & (session <= day(fold.test_end)))
        content = hashlib.sha256(self._known + repr(fold).encode())
        for array in self._arrays:
            content.update(np.ascontiguousarray(array[inside]).data)
        return content.hexdigest()
