"""Logistic regression that learns session by session: elastic weight consolidation on a sliding window.

`fit` goes through the training rows in the order in which their labels were over, and keeps every weight that was in
force. Within a fold the model learns on, see `trading_assets.models.online`: what scores a session has learnt from
labels that were over before it.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from scipy.special import expit

from trading_assets.config.models import OnlineModel
from trading_assets.models.families import arrays
from trading_assets.models.families.elastic_weights import Memory
from trading_assets.models.families.interface import Days, Features, Fitted, Floats, TrainingSet
from trading_assets.models.families.label_stream import LabelStream, inputs_of
from trading_assets.models.families.linear import Scaling
from trading_assets.models.families.online_state import Checkpoint, State, Watch, first_state, go_on

FILE_NAME = "model.npz"


@dataclass(frozen=True)
class Online:
    """An online model as far as it has come."""

    state: State

    def score(self, features: Features) -> Floats:
        """Return the probability of label 1 of (rows, features) by the weights in force now."""
        return self._scored(features, self.state.path[-1][None, :])

    def score_by_session(self, features: Features, session: Days) -> Floats:
        """Return the probability of label 1 of (rows, features), each by the weights that were in force.

        Parameters
        ----------
        features, session
            (rows, features), and (rows,) days since 1970-01-01 of each.
        """
        return self._scored(features, self.state.weights_at(session))

    def contributions(self, features: Features) -> Floats:
        """Return (rows, features) the part of each value in the log-odds, by the weights in force now."""
        parts: Floats = inputs_of(self.state.scaling, features)[:, 1:] * self.state.path[-1][1:]
        return parts

    def _scored(self, features: Features, weights: Floats) -> Floats:
        # Row by row, not by a matrix product, whose last bits depend on the number of rows.
        probability: Floats = expit((inputs_of(self.state.scaling, features) * weights).sum(axis=1))
        return probability

    def save(self) -> bytes:
        """Return a ``.npz``."""
        state = self.state
        medians, location, scale = astuple(state.scaling)
        kept = state.checkpoints
        watch = state.watch
        return arrays.to_bytes(
            {
                "medians": medians,
                "location": location,
                "scale": scale,
                "since": state.since,
                "path": state.path,
                "counts": np.array([state.done, state.in_force, watch.count]),
                "checkpoints": np.array([[each.number, each.since, each.memory.merged] for each in kept]),
                "weights": np.array([each.memory.weights for each in kept]),
                "fisher": np.array([each.memory.fisher for each in kept]),
                "pull": np.array([each.memory.pull for each in kept]),
                "losses": watch.losses,
                "watch": np.array([watch.mean, watch.deviation, watch.threshold, watch.excess]),
            }
        )


def fit(training: TrainingSet, settings: OnlineModel, seed: int) -> Fitted:
    """Learn from the first sessions at once, and from those after them one by one.

    Rows weigh by the length of a label, which is known of each alone: the uniqueness of a row depends on those that
    come later.

    Parameters
    ----------
    training
        What it learns from.
    settings, seed
        Section of the model, and the seed of the draws of the alarm's threshold.
    """
    stream = LabelStream.of(training.features, training.label, training.session, training.label_end)
    state = first_state(stream, settings)
    for later, _ in go_on(state, stream, settings, seed):
        state = later
    return Online(state)


def load(content: bytes) -> Online:
    """Return the model that was saved."""
    found = arrays.from_bytes(content)
    done, in_force, count = found["counts"].tolist()
    parts = (found["checkpoints"].tolist(), found["weights"], found["fisher"], found["pull"])
    checkpoints = tuple(
        Checkpoint(number, since, Memory(weights, fisher, pull, merged))
        for (number, since, merged), weights, fisher, pull in zip(*parts, strict=True)
    )
    watch = Watch(found["losses"], count, *found["watch"].tolist())
    scaling = Scaling(found["medians"], found["location"], found["scale"])
    return Online(State(scaling, done, found["since"], found["path"], checkpoints, in_force, watch))
