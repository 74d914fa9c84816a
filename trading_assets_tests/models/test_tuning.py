"""A search sees no test row, is the same wherever it runs, and finds what is there to be found."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from trading_assets.config.models import MlpModel, WalkForward
from trading_assets.config.tuning import Choices, Range, Tuning
from trading_assets.models.families.interface import Constant, Fitted, TrainingSet
from trading_assets.models.families.resolve import fit_shipped
from trading_assets.models.training import Learner, training_set
from trading_assets.models.tuning import Tuned, inner_folds, parted, search, tried_before, tuned, with_parameters
from trading_assets_tests.models.panels import SETTINGS, dates_of, labelled
from trading_assets_tests.models.searched import of_products, searching


def window(share: float = 0.8, sessions: int = 300) -> TrainingSet:
    """The rows of the first sessions of a market."""
    made = of_products(share)
    last = dates_of(made)[sessions]
    rows = np.flatnonzero(~np.isnan(made.label) & made.over_by(last))
    return training_set(made, rows)


def made_of(sessions: list[int], horizon: int) -> TrainingSet:
    """One row a session, whose label ends `horizon` + 1 sessions later."""
    days = np.array(sessions, dtype=np.int32)
    ends = np.array([*sessions[horizon + 1 :], *range(sessions[-1] + 1, sessions[-1] + horizon + 2)], dtype=np.int32)
    rows = days.size
    flat = np.zeros(rows, dtype=np.float32)
    return TrainingSet(np.zeros((rows, 1), dtype=np.float32), flat, flat + 1, days, ends[:rows])


@given(
    gaps=st.lists(st.integers(1, 5), min_size=20, max_size=80),
    number=st.integers(2, 6),
    embargo=st.integers(0, 8),
    horizon=st.integers(1, 10),
)
@bounded(max_examples=100)
def test_no_label_that_learns_ends_within_the_embargo_of_a_tested_block(
    gaps: list[int], number: int, embargo: int, horizon: int
) -> None:
    training = made_of(np.cumsum(gaps).tolist(), horizon)
    sessions = sorted(set(training.session.tolist()))
    seen: list[int] = []
    for learnt, tested in inner_folds(training, number, embargo):
        first = sessions.index(int(training.session[tested].min()))
        ends = [sessions.index(end) for end in training.label_end[learnt].tolist()]
        assert max(ends, default=-1) <= first - embargo - 1
        assert not (learnt & tested).any()
        seen += training.session[tested].tolist()
    assert len(seen) == len(set(seen)), "blocks do not overlap"
    assert seen == sorted(seen), "and follow each other in time"


def test_a_search_finds_the_one_parameter_that_matters() -> None:
    """Two features tell the label by their product alone: a tree of one level cannot say so, one of two can."""
    found = search(window(), searching(), 3, fit_shipped)
    assert found.trials[0].parameters == {"depth": 1}
    assert found.parameters["depth"] > 1
    losses = [each.loss for each in found.trials if each.loss is not None and not each.pruned]
    assert found.trials[found.chosen].loss == min(losses) < losses[0] - 0.02


def test_the_loss_of_a_trial_is_the_mean_of_its_inner_folds() -> None:
    """Worked out by hand: each inner fold fitted here, and its log loss by scikit-learn, weighted by uniqueness."""
    training, section = window(), searching()
    losses = []
    for learnt, tested in inner_folds(training, 2, section.embargo_sessions):
        model = fit_shipped(training.take(learnt), with_parameters(section, {"depth": 1}), 3)
        score = model.score(training.features[tested])
        losses.append(log_loss(training.label[tested], score, sample_weight=training.weight[tested], labels=[0, 1]))
    assert len(losses) == 2
    assert search(training, section, 3, fit_shipped).trials[0].loss == pytest.approx(np.mean(losses), abs=1e-12)


def test_a_search_is_a_function_of_its_arguments() -> None:
    section = searching(trials=8)
    one, again = (Learner(section, 3).fit(window()).save() for _ in range(2))
    assert one == again
    assert parted(one) != parted(Learner(section, 4).fit(window()).save())


def test_a_tuned_model_is_the_family_s_with_what_was_chosen() -> None:
    training, section = window(), searching()
    made = Learner(section, 3).fit(training)
    assert isinstance(made, Tuned)
    plain = Learner(with_parameters(section, made.search.parameters), 3).fit(training)
    assert made.model.save() == plain.save() == parted(made.save())[1]
    assert made.score(training.features).tolist() == plain.score(training.features).tolist()
    loaded = Learner(section, 3).load(made.save())
    assert isinstance(loaded, Tuned)
    assert loaded.search == made.search
    assert loaded.save() == made.save()


class Counting:
    """A family that counts what it is asked to fit, and is worse with a higher `trees`."""

    def __init__(self) -> None:
        self.asked: Counter[int] = Counter()

    def __call__(self, training: TrainingSet, settings: Any, seed: int) -> Fitted:
        self.asked[settings.trees] += 1
        assert settings.tune is None
        return Constant(min(0.5 + settings.trees / 1000, 0.99))


def coins() -> TrainingSet:
    """Labels that are 1 in half of the rows of any block: the nearer to one half a score is, the better."""
    made = window(0.0)
    return replace(made, label=np.arange(made.label.size, dtype=np.float32) % 2)


def of_trees(trials: int, pruner: str = "median", inner: int = 4) -> WalkForward:
    tune = Tuning(search={"trees": Range(low=1, high=400)}, trials=trials, inner_folds=inner, pruner=pruner)  # type: ignore[arg-type]
    return SETTINGS.model_copy(update={"trees": 300, "tune": tune})


def test_a_search_costs_at_most_trials_times_inner_folds() -> None:
    family = Counting()
    found = search(coins(), of_trees(12, "none"), 0, family)
    assert len(found.trials) == 12
    different = len({each.parameters["trees"] for each in found.trials})
    assert family.asked.total() == 4 * different <= 4 * 12
    assert set(family.asked.values()) == {4}, "what was tried before is known"


def test_a_trial_that_is_worse_than_most_ends_early_and_is_a_trial_all_the_same() -> None:
    family = Counting()
    found = search(coins(), of_trees(30), 0, family)
    pruned = [each for each in found.trials if each.pruned]
    assert len(found.trials) == 30
    assert pruned
    assert all(0 < each.folds < 4 and each.loss is not None for each in pruned)
    assert family.asked.total() < 4 * 30
    assert not found.trials[found.chosen].pruned
    # The fewer trees the better: what is chosen is the least that was tried to the end.
    assert found.parameters["trees"] == min(each.parameters["trees"] for each in found.trials if not each.pruned)


def test_of_equals_the_first_is_chosen() -> None:
    found = search(coins(), of_trees(6), 0, lambda *_: Constant(0.5))
    assert found.chosen == 0


def test_too_few_rows_are_no_search() -> None:
    few = window().take(labelled(of_products(0.8), 90))
    family = Counting()
    found = search(few, of_trees(6), 0, family)
    assert [each.loss for each in found.trials] == [None]
    assert found.chosen == 0
    assert not family.asked


def test_choices_and_steps_are_kept_to() -> None:
    tune = Tuning(
        search={"hidden": Choices(choices=[[4], [2, 2]]), "epochs": Range(low=1, high=3, step=2)},
        trials=5,
        inner_folds=2,
    )
    section = MlpModel(type="mlp", hidden=[4], epochs=1, min_rows=100, tune=tune)
    found = search(window(), section, 1, fit_shipped)
    assert found.trials[0].parameters == {"epochs": 1, "hidden": [4]}
    assert {str(each.parameters["hidden"]) for each in found.trials} == {"[4]", "[2, 2]"}
    assert {each.parameters["epochs"] for each in found.trials} <= {1, 3}


def test_a_section_without_a_search_has_none() -> None:
    with pytest.raises(ValueError, match="tune"):
        search(window(), SETTINGS, 0, fit_shipped)


def test_an_error_that_ends_a_search_has_what_was_tried_with_it_and_stays_what_it_is() -> None:
    """Two inner folds a set: the fifth fit is the first of the third trial. Threads and workers pass errors on."""
    fits: list[WalkForward] = []

    def until_the_fifth(training: TrainingSet, settings: WalkForward, seed: int) -> Fitted:
        fits.append(settings)
        if len({each.model_dump_json() for each in fits}) == 3:
            raise ArithmeticError("of the family")
        return fit_shipped(training, settings, seed)

    with pytest.raises(ArithmeticError, match="of the family") as caught:
        tuned(window(), searching(trials=20), 3, until_the_fifth)
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        tried = tried_before(error)
        assert tried is not None
        assert {each.parameters["depth"] for each in tried.trials} == {1, 2, 3}
        assert tried.trials[-1].pruned
        assert tried.trials[-1].loss is None
    assert tried_before(ArithmeticError("of no search")) is None


def test_an_error_of_the_fit_after_a_search_has_all_that_was_tried_with_it() -> None:
    training = window()

    def of_parts_alone(part: TrainingSet, settings: WalkForward, seed: int) -> Fitted:
        if part.label.size == training.label.size:
            raise ArithmeticError("of the family")
        return fit_shipped(part, settings, seed)

    with pytest.raises(ArithmeticError) as caught:
        tuned(training, searching(), 3, of_parts_alone)
    tried = tried_before(caught.value)
    assert tried is not None
    assert tried.trials == search(training, searching(), 3, fit_shipped).trials
