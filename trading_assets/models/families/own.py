"""A model in a module of the user's own: it learns and scores in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trading_assets.config import Configuration
from trading_assets.config.models import OwnModel
from trading_assets.config.plugins import Plugin, model_module, origin_of
from trading_assets.features.own import code_of
from trading_assets.models.families import arrays
from trading_assets.models.families.interface import Days, Features, Fitted, Floats, TrainingSet
from trading_assets.models.families.own_answers import training_as_bytes
from trading_assets.sandbox.process import StoppedError


class OwnModelError(Exception):
    """A user's own model failed; `str()` is one block for people."""


@dataclass(frozen=True)
class OwnFitted:
    """A model of a user's own as bytes, which its process makes a model of."""

    module: Plugin
    content: bytes

    def score(self, features: Features) -> Floats:
        """Return the probability of label 1 of (rows, features), all of one session."""
        return self.score_by_session(features, np.zeros(len(features), dtype=np.int32))

    def score_by_session(self, features: Features, session: Days) -> Floats:
        """Return the probability of label 1 of (rows, features), asked for session by session in order of time.

        The process is a new one, which knows nothing but the bytes of the model: whatever it remembers is of sessions
        before the one that it is asked about.

        Parameters
        ----------
        features, session
            (rows, features), and (rows,) days since 1970-01-01 of each.
        """
        score = np.empty(len(features))
        with self.module.in_new_process() as module:
            for day in np.unique(session):
                own = np.flatnonzero(session == day)
                rows = arrays.to_bytes({"features": np.ascontiguousarray(features[own])})
                answer = _asked(module, "model_score", model=self.content, features=rows)
                score[own] = arrays.from_bytes(answer)["score"]
        return score

    def save(self) -> bytes:
        """Return what the module saved."""
        return self.content


@dataclass(frozen=True)
class OwnFamily:
    """A module of a user's own, as a family."""

    module: Plugin

    @property
    def code(self) -> str:
        """A hash of the module's text, of those that it imports, and of the files that it declares."""
        return code_of(self.module)

    def fit(self, training: TrainingSet, settings: Any, seed: int) -> Fitted:
        """Learn in a new process, which has seen no other training set and no session to score.

        Parameters
        ----------
        training
            What it learns from.
        settings, seed
            Section of the model, and the seed.

        Raises
        ------
        OwnModelError
            The module fails, or does otherwise than a model does.
        """
        rows = training_as_bytes(training)
        with self.module.in_new_process() as module:
            content = _asked(module, "model_fit", training=rows, values=settings.parameters, seed=seed)
        return OwnFitted(self.module, content)

    def load(self, content: bytes) -> Fitted:
        """Return the model that was saved; its process reads it when it is asked to score."""
        return OwnFitted(self.module, content)


def is_own(model: Fitted) -> bool:
    """Return whether a model is of a user's own module, after a search or without one."""
    return isinstance(getattr(model, "raw", model), OwnFitted)


def own_family(configuration: Configuration, model: str) -> OwnFamily | None:
    """Return the module of a model of the configuration; None if its family is of this package.

    Raises
    ------
    LookupError
        There is no such module, or it is none of a model.
    """
    settings = configuration.models[model]
    if not isinstance(settings, OwnModel):
        return None
    return OwnFamily(model_module(settings.type, origin_of(configuration)))


def _asked(module: Plugin, do: str, **request: Any) -> bytes:
    try:
        return bytes(module.ask(do, **request))
    except StoppedError as error:
        raise OwnModelError(f"model {module.name}: {error}") from None
    except Exception as error:
        step = do.removeprefix("model_")
        raise OwnModelError(f"model {module.name} fails at {step}: {type(error).__name__}: {error}") from None
