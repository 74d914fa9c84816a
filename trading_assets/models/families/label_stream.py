"""Labelled rows in the order in which their labels are over: a day of the stream is a session on which any was."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trading_assets.models.families.elastic_weights import Rows
from trading_assets.models.families.interface import Days, Features, Floats
from trading_assets.models.families.linear import Scaling

#: Standardised features are cut here: the scaling is of earlier sessions, and markets change.
FARTHEST = 5.0


def inputs_of(scaling: Scaling, features: Features) -> Floats:
    """Return (rows, 1 + features): ones, then the features filled, standardised and cut."""
    scaled = np.clip(scaling.apply(features), -FARTHEST, FARTHEST)
    return np.concatenate([np.ones((len(features), 1)), scaled], axis=1)


@dataclass
class LabelStream:
    """Rows by the day on which their labels are over; within a day in the order in which they were given.

    Attributes
    ----------
    days
        (days,) the different ends of labels, ascending, in days since 1970-01-01.
    session
        (rows,) session of each row's score.
    """

    features: Features
    label: Floats
    session: Days
    days: Days
    _starts: NDArray[np.int64]
    _inputs: dict[int, Floats] = field(default_factory=dict)
    _ready: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    @classmethod
    def of(cls, features: Features, label: NDArray[np.float32], session: Days, label_end: Days) -> LabelStream:
        """Put labelled rows in the order of their labels' ends.

        Parameters
        ----------
        features
            (rows, features) float32; a missing value is NaN.
        label
            (rows,) 1 or 0.
        session, label_end
            (rows,) days since 1970-01-01.
        """
        order = np.argsort(label_end, kind="stable")
        days, starts = np.unique(label_end[order], return_index=True)
        bounds = np.append(starts, len(order)).astype(np.int64)
        return cls(features[order], label[order].astype(np.float64), session[order], days.astype(np.int32), bounds)

    def scaling(self, number: int, enough: int) -> Scaling:
        """Return how features become numbers after some days, by the values that are known of each by then.

        A feature that began later, or did not vary yet, is 0 whatever its values: its scale is infinite.

        Parameters
        ----------
        number
            How many days.
        enough
            Days on which a feature has a value that is not its first one, before it is scaled.
        """
        rows, ready = self.features[self.until(number)], self._telling(enough) <= number
        width = self.features.shape[1]
        medians, location, scale = np.zeros(width), np.zeros(width), np.full(width, np.inf)
        for place in np.flatnonzero(ready):
            column = rows[:, place : place + 1]
            own = Scaling.of(column[~np.isnan(column[:, 0])])
            medians[place], location[place], scale[place] = own.medians[0], own.location[0], own.scale[0]
        return Scaling(medians, location, scale)

    def begin(self, number: int, enough: int) -> NDArray[np.bool_]:
        """Return (features,) whether each is scaled after some days and was not the day before; see `scaling`.

        Parameters
        ----------
        number, enough
            As `scaling` takes them.
        """
        return np.asarray(self._telling(enough) == number)

    def is_late(self, rows: slice, span: int) -> NDArray[np.bool_]:
        """Return (rows,) whether a label took longer than others do, as of a symbol that is halted.

        Parameters
        ----------
        rows
            Rows, by their numbers.
        span
            Days from the session of a score to the end of its label, where the symbol trades on each.
        """
        ends = np.searchsorted(self._starts, np.arange(rows.start, rows.stop), side="right") - 1
        return np.asarray(ends - np.searchsorted(self.days, self.session[rows]) > span)

    def _telling(self, enough: int) -> NDArray[np.int64]:
        """(features,) after how many days each may be scaled: a function of these alone; the largest number: never."""
        if enough not in self._ready:
            known = ~np.isnan(self.features)
            first = self.features[known.argmax(axis=0), np.arange(self.features.shape[1])]
            tells = np.logical_or.reduceat(known & (self.features != first), self._starts[:-1], axis=0)
            is_ready = np.cumsum(tells, axis=0, dtype=np.int64) >= enough
            after = np.where(is_ready.any(axis=0), is_ready.argmax(axis=0) + 1, np.iinfo(np.int64).max)
            self._ready[enough] = after
        return self._ready[enough]

    def until(self, number: int) -> slice:
        """Return the rows of all days before a day, by its number."""
        return slice(0, int(self._starts[number]))

    def of_day(self, number: int) -> slice:
        """Return the rows of a day."""
        return slice(int(self._starts[number]), int(self._starts[number + 1]))

    def rows(self, first: int, stop: int, scaling: Scaling, before: int | None = None) -> Rows:
        """Return the rows of some days.

        Parameters
        ----------
        first, stop
            Number of the first day, and of the day after the last one.
        scaling
            How features become inputs: the same at each call, or all of them are forgotten before.
        before
            Rows of days whose label is not over before this one are left out; None: none are.
        """
        last = stop if before is None else min(stop, int(np.searchsorted(self.days, before)))
        parts = [self._of(number, scaling) for number in range(first, last)]
        width = 1 + self.features.shape[1]
        inputs = np.concatenate([np.empty((0, width)), *parts])
        start, end = self._starts[first], self._starts[max(last, first)]
        return Rows(inputs, self.label[start:end])

    def forget(self, before: int) -> None:
        """Let go of the inputs of days before a day."""
        for number in [each for each in self._inputs if each < before]:
            del self._inputs[number]

    def _of(self, number: int, scaling: Scaling) -> Floats:
        if number not in self._inputs:
            self._inputs[number] = inputs_of(scaling, self.features[self.of_day(number)])
        return self._inputs[number]
