"""A search for a family's parameters within one training window: inner folds judge, the test fold is never seen.

A search is a part of the fit: a function of the training set, the section and the seed. So whoever fits a tuned model
anew, at another cut of history, in another process or order, searches anew and finds the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_assets.config.models import WalkForward
from trading_assets.config.tuned import counts, value_of, with_values
from trading_assets.config.tuning import Choices, Range, Tuning
from trading_assets.models.families.interface import TUNED, Days, Features, Fitted, Floats, TrainingSet, scores_in_turn
from trading_assets.models.families.odds import log_losses

#: Trials before the pruner compares any, and before the sampler learns from them (half of a short search).
_FREE_OF_PRUNING, _FREE_OF_SAMPLING = 5, 10
#: Attribute of an error with the trials of the search that it ended.
_TRIED = "trials_of_the_search"

Parameters = Mapping[str, Any]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SearchTrial:
    """A set of parameters that a search has tried.

    Attributes
    ----------
    parameters
        Values of the parameters that are searched.
    loss
        Mean over the inner folds that it was judged by of their log loss; None where none could be.
    folds
        How many inner folds these are.
    pruned
        Whether it ended before the last of them.
    """

    parameters: Parameters
    loss: float | None
    folds: int
    pruned: bool


@dataclass(frozen=True)
class Search:
    """All trials of one training window in their order, the first what the section says; and which one was chosen."""

    trials: Sequence[SearchTrial]
    chosen: int

    @property
    def parameters(self) -> Parameters:
        """Values that were chosen."""
        return self.trials[self.chosen].parameters


@dataclass(frozen=True)
class Tuned:
    """A model with the parameters that a search has chosen."""

    model: Fitted
    search: Search

    @property
    def raw(self) -> Fitted:
        """The model that explains itself, if any does."""
        found: Fitted = getattr(self.model, "raw", self.model)
        return found

    def score(self, features: Features) -> Floats:
        """Return the probability of label 1 of (rows, features)."""
        return self.model.score(features)

    def score_by_session(self, features: Features, session: Days) -> Floats:
        """Return the probability of label 1 of (rows, features), session by session where that matters to the model.

        Parameters
        ----------
        features, session
            See `scores_in_turn`.
        """
        return scores_in_turn(self.model, features, session)

    def save(self) -> bytes:
        """Return a line with the search, then what the family saves."""
        trials = [[dict(each.parameters), each.loss, each.folds, each.pruned] for each in self.search.trials]
        said = json.dumps([self.search.chosen, trials], separators=(",", ":"), allow_nan=False)
        return TUNED + said.encode() + b"\n" + self.model.save()


def parted(content: bytes) -> tuple[Search | None, bytes]:
    """Return the search of a saved model, None where there was none, and the bytes that its family saved."""
    if not content.startswith(TUNED):
        return None, content
    said, _, native = content[len(TUNED) :].partition(b"\n")
    chosen, trials = json.loads(said)
    return Search([SearchTrial(*each) for each in trials], chosen), native


def tuned(training: TrainingSet, settings: WalkForward, seed: int, fit: Callable[..., Fitted]) -> Tuned:
    """Search within the training set, then fit on all of it with what was chosen.

    Parameters
    ----------
    training
        What the model learns from.
    settings, seed
        Section of the model with `tune`, and the seed of the sampler and of what the family draws.
    fit
        The family: makes a model of a training set, a section and a seed.
    """
    found = search(training, settings, seed, fit)
    try:
        return Tuned(fit(training, with_parameters(settings, found.parameters), seed), found)
    except Exception as error:
        _say_what_was_tried(error, found.trials)
        raise


def tried_before(error: Exception) -> Search | None:
    """Return the trials of the search that an error ended, pruned at the latest by it; None if it ended no search."""
    trials = getattr(error, _TRIED, None)
    return Search(trials, -1) if trials else None


def _say_what_was_tried(error: Exception, trials: Sequence[SearchTrial]) -> None:
    """Put trials on an error, which stays what it is to all that know it, and takes them from worker to client."""
    setattr(error, _TRIED, list(trials))


def with_parameters(settings: WalkForward, parameters: Parameters) -> WalkForward:
    """Return the section of a model with other parameters, and no search."""
    return with_values(settings, parameters)


def search(training: TrainingSet, settings: WalkForward, seed: int, fit: Callable[..., Fitted]) -> Search:
    """Try sets of parameters on inner folds of a training set, at most trials x inner folds fits.

    The first trial is what the section says; Optuna's sampler (TPE, seeded) proposes the others. The one with the least
    loss is chosen, the earliest of equals. Where no inner fold can be judged, as with too few rows, there is one trial.

    Parameters
    ----------
    training, settings, seed, fit
        As `tuned` takes them.
    """
    tuning = _tuning_of(settings)
    first = {name: value_of(settings, name) for name in sorted(tuning.search)}
    parts = [
        (learnt, tested)
        for learnt, tested in inner_folds(training, tuning.inner_folds, settings.embargo_sessions)
        if np.count_nonzero(learnt) >= settings.min_rows and np.unique(training.label[learnt]).size == 2
    ]
    judged = _Judge(training, settings, seed, fit, parts)
    if not parts:
        return Search([SearchTrial(first, None, 0, False)], 0)
    space = _Space(settings)
    study = _study_of(tuning, seed)
    study.enqueue_trial(space.proposed(first))
    trials: list[SearchTrial] = []
    for _ in range(tuning.trials):
        asked = study.ask(space.distributions)
        values = space.values(asked.params)
        try:
            made = _tried(asked, values, judged)
        except Exception as error:
            _say_what_was_tried(error, [*trials, SearchTrial(values, None, 0, pruned=True)])
            raise
        # None: what it was judged by so far is its value, and it counts as pruned.
        study.tell(asked, None if made.pruned else made.loss, state=_state(made))
        trials.append(made)
    whole = [number for number, each in enumerate(trials) if not each.pruned]
    return Search(trials, min(whole, key=lambda number: (trials[number].loss, number)))


def inner_folds(training: TrainingSet, number: int, embargo: int) -> Iterator[tuple[Mask, Mask]]:
    """Yield which rows learn and which are tested in each inner fold: a walk forward over the sessions of the rows.

    The sessions are parted into `number` + 1 blocks, and each but the first is tested by a model of those before. A row
    learns if its label is over more than `embargo` sessions before the block begins, as in the outer walk forward.

    Parameters
    ----------
    training
        Rows with session and label end.
    number, embargo
        Inner folds, and sessions between the last that learns and the first that is tested.
    """
    sessions = np.unique(training.session)
    blocks = np.array_split(np.arange(sessions.size), number + 1)
    for block in blocks[1:]:
        if not block.size or block[0] - embargo - 1 < 0:
            continue
        last = sessions[block[0] - embargo - 1]
        tested = (training.session >= sessions[block[0]]) & (training.session <= sessions[block[-1]])
        yield training.label_end <= last, tested


@dataclass(frozen=True)
class _Judge:
    """Inner folds, and what they say of a set of parameters; weights are those of the whole training set."""

    training: TrainingSet
    settings: WalkForward
    seed: int
    fit: Callable[..., Fitted]
    parts: Sequence[tuple[Mask, Mask]]
    known: dict[str, list[float]] = field(default_factory=dict)

    def losses(self, parameters: Parameters) -> Iterator[float]:
        """Yield the log loss of each inner fold in turn; what was tried before is known."""
        known = self.known.setdefault(json.dumps(dict(parameters), sort_keys=True), [])
        for place, (learnt, tested) in enumerate(self.parts):
            if place == len(known):
                part = self.training.take(learnt)
                model = self.fit(part, with_parameters(self.settings, parameters), self.seed)
                features, session = self.training.features[tested], self.training.session[tested]
                known.append(_log_loss(scores_in_turn(model, features, session), self.training, tested))
            yield known[place]


def _log_loss(score: Floats, training: TrainingSet, tested: Mask) -> float:
    label, weight = (each[tested].astype(np.float64) for each in (training.label, training.weight))
    return float(np.average(log_losses(score, label), weights=weight))


def _tried(asked: Any, parameters: Parameters, judged: _Judge) -> SearchTrial:
    """Judge a proposal fold by fold, until the pruner ends it or there is no further one."""
    losses: list[float] = []
    count = len(judged.parts)
    for loss in judged.losses(parameters):
        losses.append(loss)
        mean = float(np.mean(losses))
        asked.report(mean, len(losses))
        if len(losses) < count and asked.should_prune():
            return SearchTrial(parameters, mean, len(losses), pruned=True)
    return SearchTrial(parameters, float(np.mean(losses)), count, pruned=False)


def _state(made: SearchTrial) -> Any:
    from optuna.trial import TrialState

    return TrialState.PRUNED if made.pruned else TrialState.COMPLETE


def _study_of(tuning: Tuning, seed: int) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(
        seed=seed % 2**32, n_startup_trials=min(_FREE_OF_SAMPLING, max(tuning.trials // 2, 1))
    )
    pruner: Any = optuna.pruners.NopPruner()
    if tuning.pruner == "median":
        pruner = optuna.pruners.MedianPruner(n_startup_trials=_FREE_OF_PRUNING)
    return optuna.create_study(direction="minimize", sampler=sampler, pruner=pruner)


class _Space:
    """The ranges of a search as Optuna's distributions; choices go by their places."""

    def __init__(self, settings: WalkForward) -> None:
        self._choices = {
            name: each.choices for name, each in _tuning_of(settings).search.items() if isinstance(each, Choices)
        }
        self.distributions = {
            name: _distribution(settings, name, each) for name, each in _tuning_of(settings).search.items()
        }

    def proposed(self, parameters: Parameters) -> dict[str, Any]:
        """Return values of parameters as a trial has them."""
        return {
            name: self._choices[name].index(value) if name in self._choices else value
            for name, value in parameters.items()
        }

    def values(self, proposed: Mapping[str, Any]) -> Parameters:
        """Return the values of the parameters that a trial has, in order of their names."""
        return {
            name: self._choices[name][int(value)] if name in self._choices else value
            for name, value in sorted(proposed.items())
        }


def _distribution(settings: WalkForward, name: str, values: Range | Choices) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(values, Choices):
        return CategoricalDistribution(range(len(values.choices)))
    if counts(settings, name, values):
        step = 1 if values.step is None else int(values.step)
        high = int(values.high)
        return IntDistribution(int(values.low), high - (high - int(values.low)) % step, log=values.log, step=step)
    return FloatDistribution(float(values.low), float(values.high), log=values.log, step=values.step)


def _tuning_of(settings: WalkForward) -> Tuning:
    if settings.tune is None:
        raise ValueError("a search asks for the section `tune`")
    return settings.tune
