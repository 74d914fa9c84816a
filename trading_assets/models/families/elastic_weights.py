"""Elastic weight consolidation of a logistic regression: what was learnt pulls weights back as far as it mattered.

Rows that have left the window are remembered by their Fisher information alone, the whole matrix: it says how much each
direction of the weights mattered to them, and the weights of that time where they mattered. An update is one step of
Newton's on the loss of the window and that pull.

Source: Kirkpatrick et al., Overcoming catastrophic forgetting in neural networks, PNAS 114 (2017), equation 3, with the
whole Fisher matrix in place of its diagonal; Schwarz et al., Progress and compress, ICML (2018), section 3.2, for the
decay of what is older.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from trading_assets.models.families.interface import Floats

#: Part of the ridge penalty that the intercept has: enough that labels of one class have a fit.
_OF_INTERCEPT = 0.01
_MOST_STEPS = 50
_CLOSE = 1e-9


@dataclass(frozen=True)
class Rows:
    """Rows that weights are fitted to.

    Attributes
    ----------
    inputs
        (rows, weights) standardised features after a column of ones.
    label
        (rows,) 1 or 0.
    """

    inputs: Floats
    label: Floats

    def losses(self, weights: Floats) -> Floats:
        """Return the log loss of each row: log(1 + exp(-z)) of a label 1, of a label 0 the same of -z."""
        total = self.inputs @ weights
        found: Floats = np.logaddexp(0.0, np.where(self.label > 0, -total, total))
        return found

    def fisher(self, weights: Floats) -> Floats:
        """Return the (weights, weights) Fisher information: the sum of p (1 - p) x x'."""
        probability = expit(self.inputs @ weights)
        found: Floats = (self.inputs * (probability * (1 - probability))[:, None]).T @ self.inputs
        return found

    def gradient(self, weights: Floats) -> Floats:
        """Return the (weights,) gradient of the sum of the losses."""
        found: Floats = self.inputs.T @ (expit(self.inputs @ weights) - self.label)
        return found


@dataclass(frozen=True)
class Memory:
    """What weights are, and what pulls them back.

    Attributes
    ----------
    weights
        (weights,) intercept and coefficients.
    fisher
        (weights, weights) decayed sum of the Fisher information of what was consolidated.
    pull
        (weights,) decayed sum of each of these times the weights of its time.
    merged
        How many days of the stream are consolidated.
    """

    weights: Floats
    fisher: Floats
    pull: Floats
    merged: int

    def consolidated(self, rows: Rows, decay: float, row_weight: float) -> Memory:
        """Return the memory with one more day in it.

        Parameters
        ----------
        rows
            Rows of the day.
        decay
            What is left of older days.
        row_weight
            How many independent rows a row counts for.
        """
        fisher = rows.fisher(self.weights) * row_weight
        return Memory(
            self.weights, decay * self.fisher + fisher, decay * self.pull + fisher @ self.weights, self.merged + 1
        )


@dataclass(frozen=True)
class Penalties:
    """How strongly weights are held.

    Attributes
    ----------
    ridge
        Of the coefficients towards 0.
    consolidation
        Weight of what is remembered beside the rows of the window.
    row_weight
        How many independent rows a row counts for: labels overlap.
    """

    ridge: float
    consolidation: float
    row_weight: float


def newton_step(start: Floats, rows: Rows, memory: Memory, penalties: Penalties) -> Floats:
    """Return the weights after one step of Newton's from `start`.

    Of the loss  row_weight x sum of log losses + consolidation / 2 x (w' F w - 2 w' b) + ridge / 2 x w' w,  in which F
    and b are `fisher` and `pull` of the memory. Up to a constant the second part is the sum of
    consolidation / 2 x (w - w_k)' F_k (w - w_k) over the days k that are remembered.

    Parameters
    ----------
    start
        (weights,) where the step begins.
    rows, memory, penalties
        Window, what is remembered, and how strongly.

    Examples
    --------
    One row x = 1 with label 1, from weights 0, nothing remembered: the gradient is 0.5 - 1, and the second derivative
    0.25 + ridge; 0.5 / (0.25 + 0.25 x 0.01) is the step of the only weight, which is an intercept.

    >>> row, nothing = Rows(np.ones((1, 1)), np.ones(1)), Memory(np.zeros(1), np.zeros((1, 1)), np.zeros(1), 0)
    >>> newton_step(np.zeros(1), row, nothing, Penalties(0.25, 1.0, 1.0)).round(4).tolist()
    [1.9802]
    """
    ridge = ridge_of(start, penalties)
    gradient = penalties.row_weight * rows.gradient(start)
    gradient += penalties.consolidation * (memory.fisher @ start - memory.pull) + ridge * start
    curvature = penalties.row_weight * rows.fisher(start) + penalties.consolidation * memory.fisher + np.diag(ridge)
    return np.asarray(start - np.linalg.solve(curvature, gradient), dtype=np.float64)


def ridge_of(weights: Floats, penalties: Penalties) -> Floats:
    """Return the (weights,) ridge penalty of each: of the intercept, which is the first, a hundredth."""
    ridge = np.full(weights.size, penalties.ridge)
    ridge[0] *= _OF_INTERCEPT
    return ridge


def fitted(rows: Rows, penalties: Penalties) -> Floats:
    """Return the weights of the least loss of rows with nothing remembered: Newton's steps, halved until they help.

    Parameters
    ----------
    rows
        Rows that are fitted.
    penalties
        Ridge, and the weight of a row.
    """
    size = rows.inputs.shape[1]
    weights: Floats = np.zeros(size)
    nothing = Memory(np.zeros(size), np.zeros((size, size)), np.zeros(size), 0)

    def loss(at: Floats) -> float:
        ridge = float((ridge_of(at, penalties) * at * at).sum()) / 2
        return penalties.row_weight * float(rows.losses(at).sum()) + ridge

    for _ in range(_MOST_STEPS):
        step = np.asarray(newton_step(weights, rows, nothing, penalties) - weights)
        before = loss(weights)
        while loss(weights + step) > before and np.abs(step).max() > _CLOSE:
            step = np.asarray(step * 0.5)
        weights = np.asarray(weights + step, dtype=np.float64)
        if np.abs(step).max() <= _CLOSE:
            break
    return weights
