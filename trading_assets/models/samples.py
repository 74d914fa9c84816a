"""Features and labels of a model side by side, as arrays."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.models import Barriers, LabelKind
from trading_assets.models.entries import Entries
from trading_assets.models.labels import average_uniqueness, cross_sectional_ranks, forward_labels
from trading_assets.models.splits import Fold
from trading_assets.models.triple_barrier import triple_barrier_labels

RowNumbers = NDArray[np.int64]
Days = NDArray[np.int32]

#: Rows that are put into the matrix of the features at a time.
_BLOCK = 16_384
#: Later than any session: the end of a label that is never over.
NEVER = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Samples:
    """Rows by symbol and session, so that no result depends on the order in which data came.

    Attributes
    ----------
    keys
        symbol, session, label_end, label of each row (null where undefined).
    features
        (rows, features) float32; a missing value is NaN.
    names
        (features,) columns of `features.daily`, sorted: the first of two equally good ones makes a split.
    session, label_end
        (rows,) days since 1970-01-01; `NEVER` where a label has no end.
    label
        (rows,) 1, 0, or NaN where undefined.
    relative_return
        (rows,) what the label is the sign of, a fraction; NaN where undefined.
    first
        (rows,) position of the label's first session among all bars, for its uniqueness.
    span
        Sessions that a label is alive: horizon + 1, or (rows,) where labels end when they are known.
    target
        (rows,) the number that a regression learns, NaN where undefined; None where a class is learnt.
    """

    keys: pl.DataFrame
    features: NDArray[np.float32]
    names: tuple[str, ...]
    session: Days
    label_end: Days
    label: NDArray[np.float32]
    relative_return: NDArray[np.float64]
    first: RowNumbers
    span: int | RowNumbers
    target: NDArray[np.float32] | None = None

    def scorable(self) -> NDArray[np.bool_]:
        """Return rows with at least one feature value."""
        present: NDArray[np.bool_] = np.logical_not(np.isnan(self.features).all(axis=1))
        return present

    def tested_by(self, fold: Fold) -> NDArray[np.bool_]:
        """Return rows of the fold's test sessions."""
        return (self.session >= day(fold.test_start)) & (self.session <= day(fold.test_end))

    def before(self, fold: Fold) -> NDArray[np.bool_]:
        """Return rows of the sessions from the start of training to the test fold."""
        return (self.session >= day(fold.train_start)) & (self.session < day(fold.test_start))

    def over_by(self, date: dt.date) -> NDArray[np.bool_]:
        """Return rows whose label is over by a date (inclusive)."""
        return self.label_end <= day(date)

    def uniqueness(self, rows: RowNumbers) -> NDArray[np.float32]:
        """Return weights of labels among `rows` alone: labels that do not train must not change those that do."""
        span = self.span if isinstance(self.span, int) else self.span[rows]
        return average_uniqueness(self.first[rows], span).astype(np.float32)

    def digest(self, until: dt.date) -> str:
        """Return the SHA-256 of all rows whose label is over by `until`: whatever could have been trained on."""
        rows = np.flatnonzero(self.over_by(until))
        content = hashlib.sha256("\n".join((*self.names, *self.keys["symbol"].gather(rows).to_list())).encode())
        for array in (self.session, self.label_end, self.label, self.features):
            content.update(np.ascontiguousarray(array[rows] + 0).tobytes())
        if not isinstance(self.span, int):
            content.update(self.span[rows].tobytes())
        if self.target is not None:
            content.update((self.target[rows] + 0).tobytes())
        return content.hexdigest()


def build_samples(
    bars: pl.DataFrame,
    benchmark: pl.DataFrame | None,
    features: pl.DataFrame,
    horizon: int,
    label: LabelKind = "sign",
    barriers: Barriers | None = None,
    entries: Entries | None = None,
) -> Samples:
    """Join features with labels; a bar without a row of features is no sample.

    Parameters
    ----------
    bars
        symbol, session, adj_open of the model's universe; the other columns of `BAR_COLUMNS` for a triple barrier.
    benchmark
        symbol, session, adj_open of its benchmark; None if it has none.
    features
        symbol, session, and one float column a feature (null where undefined).
    horizon
        Sessions of the label.
    label, barriers
        What is learnt, and the barriers of a triple barrier.
    entries
        Those of a primary, which alone are samples; None: all bars are.
    """
    names = tuple(sorted(set(features.columns) - {"symbol", "session"}))
    if label == "triple_barrier":
        side = () if entries is None else (entries.side,)
        labels = triple_barrier_labels(bars, horizon, barriers or Barriers(), *side)
    else:
        labels = forward_labels(bars, benchmark, horizon)
    rows = features.select("symbol", "session").with_row_index("row_of_features")
    frame = labels.join(rows, on=["symbol", "session"], how="inner", maintain_order="left")
    if entries is not None:
        frame = frame.join(entries.keys, on=["symbol", "session"], how="semi", maintain_order="left")
    if label == "rank":
        frame = cross_sectional_ranks(frame, bars["session"], horizon)
    days = pl.col("label_end").cast(pl.Int32).fill_null(NEVER)
    return Samples(
        keys=frame.select("symbol", "session", "label_end", "label"),
        features=matrix_of(features, names, frame["row_of_features"]),
        names=names,
        session=frame["session"].cast(pl.Int32).to_numpy(),
        label_end=frame.select(days).to_series().to_numpy(),
        label=frame["label"].cast(pl.Float32).fill_null(float("nan")).to_numpy(),
        relative_return=frame["relative_return"].fill_null(float("nan")).to_numpy(),
        first=frame["position"].to_numpy() + 1,
        span=frame["span"].to_numpy() if "span" in frame.columns else horizon + 1,
        target=_target(frame, label),
    )


def _target(frame: pl.DataFrame, label: LabelKind) -> NDArray[np.float32] | None:
    """What a regression learns: the size of the return, or its rank; None where a class is learnt."""
    column = {"size": "relative_return", "rank": "rank"}.get(label)
    return None if column is None else frame[column].cast(pl.Float32).fill_null(float("nan")).to_numpy()


def matrix_of(features: pl.DataFrame, names: Sequence[str], rows: pl.Series) -> NDArray[np.float32]:
    """Return some rows of features as a model takes them: (rows, names) float32, a missing value NaN.

    Some rows at a time: they stay in the processor's cache, and there is no second copy of all.

    Parameters
    ----------
    features
        One float column a feature.
    names
        Columns, in the order that they are wanted in.
    rows
        Numbers of the rows.
    """
    matrix = np.empty((rows.len(), len(names)), dtype=np.float32)
    for start in range(0, rows.len(), _BLOCK) if names else ():
        own = features.select(names)[rows[start : start + _BLOCK]]
        for place, column in enumerate(own.iter_columns()):
            values = column.cast(pl.Float32).fill_null(float("nan")).to_numpy()
            # What single precision has no number for is no value: some families know NaN, none an infinity.
            matrix[start : start + _BLOCK, place] = np.where(np.isinf(values), np.nan, values)
    return matrix


def day(date: dt.date) -> int:
    """Return days since 1970-01-01."""
    return (date - dt.date(1970, 1, 1)).days
