"""Streams of labels for online models: labels follow from features, and are over two sessions after the score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from trading_assets.config.models import OnlineModel
from trading_assets.models.families.label_stream import LabelStream
from trading_assets.models.families.online_state import Decision, State, first_state, go_on

SYMBOLS, LAG = 20, 2
SETTINGS = OnlineModel(type="online", horizon=1, initial_sessions=60, penalty=1.0)
SIGNAL = np.array([1.5, -1.0, 0.0])


def arrays_of(
    signals: Sequence[np.ndarray], flipped: Sequence[int] = (), seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features, label, session and label_end of rows by session.

    Parameters
    ----------
    signals
        Coefficients of each session.
    flipped
        Sessions whose labels are the opposite.
    seed
        Of the draws.
    """
    random, count = np.random.default_rng(seed), len(signals)
    features = random.standard_normal((count, SYMBOLS, len(SIGNAL)))
    chance = expit(np.einsum("tsf,tf->ts", features, np.array(signals)))
    label = (random.random(chance.shape) < chance).astype(np.float32)
    for false in flipped:
        label[false] = 1 - label[false]
    session = np.repeat(np.arange(count), SYMBOLS).astype(np.int32)
    return (
        features.reshape(-1, len(SIGNAL)).astype(np.float32),
        label.ravel(),
        session,
        (session + LAG).astype(np.int32),
    )


def stream_of(
    signals: Sequence[np.ndarray], flipped: Sequence[int] = (), seed: int = 0, days: int | None = None
) -> LabelStream:
    """The stream of these rows, of the first days alone if any are given.

    Parameters
    ----------
    signals, flipped, seed
        As `arrays_of` takes them.
    days
        How many days.
    """
    made = arrays_of(signals, flipped, seed)
    known = made[2] < (len(signals) if days is None else days)
    return LabelStream.of(*(each[known] for each in made))


def lived(stream: LabelStream, settings: OnlineModel = SETTINGS) -> tuple[State, list[Decision]]:
    """The state after all days of a stream, and what was decided."""
    state, decisions = first_state(stream, settings), list[Decision]()
    for later, decision in go_on(state, stream, settings, 7):
        state = later
        decisions += [] if decision is None else [decision]
    return state, decisions
