"""Which model answers: the current one, or the last good one where that fails again and again (a circuit breaker).

A new model takes the place of the one before between two requests, and the one before is kept beside it. If the new
one fails, the one before answers in its place; after some failures in a row the new one is not asked again for a while.
Every answer says which version it is of.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from trading_assets.models.families.interface import Floats
from trading_assets.models.registered_model import RegisteredModel
from trading_assets.serving.rows import RowsError, features_of_rows

#: Failures in a row after which a model is not asked for `REST_SECONDS`.
MOST_FAILURES = 3
REST_SECONDS = 30.0

logger = logging.getLogger(__name__)


class NoModelError(Exception):
    """Nothing can answer; `str()` says why."""


@dataclass(frozen=True)
class Answer:
    """Scores, the model that they are of, and why it is not the current one; None: it is."""

    scores: Floats
    model: RegisteredModel
    trouble: str | None


@dataclass(frozen=True)
class CircuitState:
    """What the circuit is at a moment.

    Attributes
    ----------
    current
        The model that is asked first; None: there is none yet.
    last_good
        The one before, which answers where the current one fails.
    refused
        Why the current one is not the registered champion; None: it is.
    failing
        Why the current one is not asked; None: it is asked.
    failures
        How often in a row it has failed.
    again_at
        Time of the clock at which it is asked again.
    """

    current: RegisteredModel | None = None
    last_good: RegisteredModel | None = None
    refused: str | None = "no model has been loaded yet"
    failing: str | None = None
    failures: int = 0
    again_at: float = 0.0

    @property
    def answering(self) -> RegisteredModel | None:
        """The model that answers now."""
        return self.current if self.failing is None else self.last_good

    @property
    def trouble(self) -> str | None:
        """Why the registered champion does not answer; None: it does."""
        return self.failing or self.refused


class Circuit:
    """Models that answer, exchanged between two requests.

    Parameters
    ----------
    clock
        Seconds of a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._standing = CircuitState()

    @property
    def standing(self) -> CircuitState:
        """How it stands now."""
        return self._standing

    def put(self, model: RegisteredModel, refused: str | None = None) -> None:
        """Make a model the current one; the one before stays beside it, if it has not failed.

        Parameters
        ----------
        model
            The model, verified.
        refused
            Why it is not the registered champion; None: it is.
        """
        with self._lock:
            old = self._standing
            same = old.current is not None and old.current.sha256 == model.sha256 and old.current.model == model.model
            if same and old.current is not None and old.current.curve == model.curve:
                self._standing = replace(old, current=model, refused=refused)
            else:
                good = old.last_good if old.failures else old.current
                self._standing = CircuitState(model, good, refused)
        logger.info("model %s, version %s answers", model.model, model.version)

    def refuse(self, why: str) -> None:
        """Note that the registered champion cannot be used: what answered goes on."""
        with self._lock:
            if self._standing.refused != why:
                logger.warning("%s", why)
            self._standing = replace(self._standing, refused=why)

    def answer(self, body: object) -> Answer:
        """Score the rows of a request by the current model or, where that fails, by the last good one.

        Raises
        ------
        RowsError
            The rows are none that the model takes.
        NoModelError
            There is no model that can answer.
        """
        standing = self._standing
        if standing.current is None:
            raise NoModelError(standing.refused or "no model")
        why = standing.failing
        if why is None or self._clock() >= standing.again_at:
            features = features_of_rows(body, standing.current.features)
            try:
                scores = _probabilities(standing.current, features)
            except Exception as error:  # a library's own, of whatever kind
                why = f"model {standing.current.model}, version {standing.current.version} fails: {error}"
                self._failed(standing.current, why)
            else:
                self._succeeded(standing)
                return Answer(scores, standing.current, standing.refused)
        return self._by_last_good(standing, body, why)

    def _by_last_good(self, standing: CircuitState, body: object, why: str) -> Answer:
        good = standing.last_good
        if good is None:
            raise NoModelError(f"{why}; there is no version before it")
        try:
            return Answer(_probabilities(good, features_of_rows(body, good.features)), good, why)
        except RowsError:
            # The rows may be right for the current model, which has other features.
            if standing.current is not None and standing.current.features == good.features:
                raise
            raise NoModelError(f"{why}; the version before it has other features") from None
        except Exception as error:
            raise NoModelError(f"{why}; the version before it fails, too: {error}") from error

    def _failed(self, model: RegisteredModel, why: str) -> None:
        with self._lock:
            now = self._standing
            if now.current is not model:  # exchanged meanwhile
                return
            failures = now.failures + 1
            opened = failures >= MOST_FAILURES
            again_at = self._clock() + REST_SECONDS if opened else now.again_at
            self._standing = replace(now, failures=failures, failing=why if opened else None, again_at=again_at)
        logger.warning("%s", why)

    def _succeeded(self, standing: CircuitState) -> None:
        if standing.failures:
            with self._lock:
                if self._standing.current is standing.current:
                    self._standing = replace(self._standing, failures=0, failing=None)


def _probabilities(model: RegisteredModel, features: np.ndarray) -> Floats:
    """Scores of a model, all of which have to be probabilities."""
    scores = model.score(features)
    if scores.shape != (len(features),) or not bool(((scores >= 0) & (scores <= 1)).all()):
        raise ValueError("scores are no probabilities")
    return scores
