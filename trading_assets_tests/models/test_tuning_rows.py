"""What a search leaves as rows, and what it bought: something where one parameter matters, nothing of noise."""

from __future__ import annotations

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.models.fits import rows_to_keep
from trading_assets.models.kept_folds import TABLES, KeptFolds
from trading_assets.models.run import ModelRun, run_model
from trading_assets.models.splits import Fold, walk_forward
from trading_assets.models.tables import FITS, FOLDS, PREDICTIONS, TUNING_GAIN, TUNING_LOSSES, TUNING_TRIALS
from trading_assets.models.training import Learner, model_scores, training_rows, training_set
from trading_assets.models.tuning import Search, SearchTrial, parted
from trading_assets.models.tuning_rows import chosen_by_fold, chosen_of_last, gain_of, losses_of, trials_of
from trading_assets.models.version import model_version
from trading_assets_tests.models.panels import NO_HOLDOUT, dates_of, run, trained, weekdays
from trading_assets_tests.models.searched import of_products, searching

FOLD = Fold(2, *(dt.date(2020, 1, day) for day in (1, 2, 3, 4)))


@pytest.fixture(scope="module")
def found() -> ModelRun:
    return run(of_products(0.8), searching())


def gain(made: ModelRun) -> dict[str, Any]:
    return made.tables[TUNING_GAIN].row(0, named=True)


def test_where_one_parameter_matters_a_search_buys_something_and_says_so(found: ModelRun) -> None:
    bought = gain(found)
    assert bought["result"] == "bought"
    assert "the search bought something: log loss lower by" in bought["reason"]
    assert bought["changed_folds"] == 4
    assert bought["tuned"] < bought["untuned"]
    assert bought["statistic"] > bought["critical"]
    assert bought["effect"] == pytest.approx(bought["untuned"] - bought["tuned"], abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_of_noise_a_search_buys_nothing_and_says_so(seed: int) -> None:
    bought = gain(run(of_products(0.0, seed=seed), searching()))
    assert bought["result"] == "nothing"
    assert "the search bought nothing" in bought["reason"]


def test_each_fold_has_its_trials_and_one_that_was_chosen(found: ModelRun) -> None:
    trials = found.tables[TUNING_TRIALS]
    folds = found.tables[FOLDS]["fold"].to_list()
    assert trials["fold"].to_list() == [fold for fold in folds for _ in range(6)]
    assert trials.filter("chosen")["fold"].to_list() == folds
    assert trials.filter(trial=0)["parameters"].unique().to_list() == ['{"depth": 1}']
    assert gain(found)["trials"] == trials["parameters"].n_unique() == 3, "three depths, however often they were tried"


def test_losses_are_those_of_both_models_on_the_same_rows(found: ModelRun) -> None:
    """The model of the configuration is fitted here on the rows of a fold, and its losses worked out by session."""
    made, settings = of_products(0.8), searching()
    fold = walk_forward(dates_of(made), settings)[3]
    learnt = training_set(made, training_rows(made, fold, made.scorable()).rows)
    plain = Learner(settings, 3).untuned().fit(learnt)
    own = found.tables[PREDICTIONS].filter(fold=3).drop_nulls("label")
    rows = made.keys.with_row_index().join(own, on=["symbol", "session"], how="semi")["index"].to_numpy()
    said = model_scores(plain, made.features[rows], made.session[rows])
    label = own["label"].to_numpy()
    both = own.with_columns(
        untuned=pl.Series(-np.log(np.where(label == 1, said, 1 - said))),
        tuned=pl.Series(-np.log(np.where(label == 1, own["score"].to_numpy(), 1 - own["score"].to_numpy()))),
    )
    expected = both.group_by("session").agg(pl.mean("tuned"), pl.mean("untuned")).sort("session")
    losses = found.tables[TUNING_LOSSES].filter(fold=3)
    assert losses["session"].to_list() == expected["session"].to_list()
    for name in ("tuned", "untuned"):
        assert losses[name].to_list() == pytest.approx(expected[name].to_list(), abs=1e-12)


def test_what_is_compared_is_what_the_models_say_before_any_curve(found: ModelRun) -> None:
    curved = run(of_products(0.8), searching().model_copy(update={"calibrate": True}))
    losses = [each.tables[TUNING_LOSSES].drop("version") for each in (curved, found)]
    assert losses[0].equals(losses[1])
    assert not curved.tables[PREDICTIONS]["score"].equals(found.tables[PREDICTIONS]["score"])


def test_no_loss_of_the_holdout_is_shown() -> None:
    made = of_products(0.8)
    start = dates_of(made)[300]
    losses = run(made, searching(), holdout_start=start).tables[TUNING_LOSSES]
    ends = made.keys.select("session", "label_end").group_by("session").agg(pl.max("label_end"))
    shown = losses.join(ends, on="session")
    assert shown.height == losses.height > 0
    assert shown.filter(pl.col("label_end") >= start).is_empty()


def test_no_session_of_a_test_fold_changes_what_was_chosen_for_it() -> None:
    """The same market with another fourth test fold: what is searched for that fold is the same to the bit."""
    made, settings = of_products(0.8), searching()
    folds = walk_forward(dates_of(made), settings)
    whole = run_model(made, folds, settings, name="model", seed=3, holdout_start=NO_HOLDOUT)
    shorter = of_products(0.8)
    features = shorter.features.copy()
    later = shorter.session >= (folds[3].test_start - dt.date(1970, 1, 1)).days
    features[later] = np.float32(7.0)
    label = np.where(later, 1 - shorter.label, shorter.label)
    other = run_model(
        replace(shorter, features=features, label=label),
        folds,
        settings,
        name="model",
        seed=3,
        holdout_start=NO_HOLDOUT,
    )
    until = pl.col("fold") <= 3
    without = pl.exclude("version")
    one, two = (each.tables[TUNING_TRIALS].filter(until).select(without) for each in (whole, other))
    assert one.equals(two)
    assert not whole.tables[TUNING_TRIALS].filter(~until).equals(other.tables[TUNING_TRIALS].filter(~until))


def test_folds_that_are_kept_leave_what_their_searches_left(found: ModelRun) -> None:
    made, settings = of_products(0.8), searching()
    folds, first = walk_forward(dates_of(made), settings), KeptFolds()

    def again(kept: KeptFolds) -> ModelRun:
        return run_model(made, folds, settings, name="model", seed=3, holdout_start=NO_HOLDOUT, kept=kept)

    rows = {**again(first).tables, FITS: rows_to_keep("model", found.fits)}
    kept = again(KeptFolds(dict(first.digests), {table: rows[table] for table in TABLES}))
    assert kept.untrained == {0, 1, 2, 3}
    assert (kept.version, kept.artifact) == (found.version, found.artifact)
    assert all(frame.equals(kept.tables[table]) for table, frame in found.tables.items())


class Backwards:
    """Workers that take the last part first, several at once."""

    def map(self, compute: Any, shared: Any, items: Any, ended: Any = None) -> list[Any]:
        with ThreadPoolExecutor(3) as pool:
            made = {at: pool.submit(compute, shared, items[at]) for at in reversed(range(len(items)))}
            return [made[at].result() for at in range(len(items))]

    def parts_of(self, items: Any) -> list[Any]:
        return [items]


def test_workers_and_their_order_change_no_bit(found: ModelRun) -> None:
    made, settings = of_products(0.8), searching()
    folds = walk_forward(dates_of(made), settings)
    other = run_model(made, folds, settings, name="model", seed=3, holdout_start=NO_HOLDOUT, workers=Backwards())
    assert (other.version, other.artifact) == (found.version, found.artifact)
    assert all(frame.equals(other.tables[table]) for table, frame in found.tables.items())


def test_what_was_chosen_is_in_the_version_and_the_artifact_is_the_family_s_own(found: ModelRun) -> None:
    made, settings = of_products(0.8), searching()
    folds = walk_forward(dates_of(made), settings)
    chosen = chosen_by_fold(found.tables[TUNING_TRIALS])
    assert model_version(made, folds, settings, 3, None, chosen) == found.version
    assert model_version(made, folds, settings, 3, None, {**chosen, 0: {"depth": 2}}) != found.version
    assert found.artifact is not None
    assert parted(found.artifact) == (None, found.artifact)
    assert chosen_of_last(found.tables[TUNING_TRIALS]) == chosen[max(chosen)]


def test_a_model_that_searches_for_nothing_has_no_such_rows() -> None:
    for table in (TUNING_TRIALS, TUNING_LOSSES, TUNING_GAIN):
        assert trained().tables[table].is_empty()
    assert chosen_of_last(trained().tables[TUNING_TRIALS]) == {}


def make_losses(differences: np.ndarray) -> pl.DataFrame:
    days = weekdays(differences.size)
    tuned = np.full(differences.size, 0.69)
    return pl.DataFrame({"fold": 0, "session": days, "tuned": tuned, "untuned": tuned + differences})


def make_trials(chosen: int) -> pl.DataFrame:
    trials = [SearchTrial({"depth": 1 + number}, 0.69, 2, pruned=number == 2) for number in range(3)]
    return trials_of(Search(trials, chosen), FOLD)


@pytest.mark.parametrize(("shift", "result"), [(0.01, "bought"), (-0.01, "cost"), (0.0, "nothing")])
def test_the_result_follows_the_test(shift: float, result: str) -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 250)
    row = gain_of(make_trials(1), make_losses(noise - noise.mean() + shift), horizon=1).row(0, named=True)
    assert row["result"] == result
    assert (row["trials"], row["pruned"], row["changed_folds"], row["sessions"]) == (3, 1, 1, 250)
    assert row["effect"] == pytest.approx(shift, abs=1e-12)


def test_few_sessions_or_no_other_choice_are_nothing() -> None:
    few = gain_of(make_trials(1), make_losses(np.linspace(0.01, 0.02, 8)), horizon=1).row(0, named=True)
    assert (few["result"], few["statistic"]) == ("nothing", None)
    assert "8 sessions are too few" in few["reason"]
    kept = gain_of(make_trials(0), make_losses(np.zeros(250)), horizon=1).row(0, named=True)
    assert kept["reason"] == "the search bought nothing: each of 1 folds kept the parameters of the configuration"
    assert gain_of(make_trials(0).clear(), make_losses(np.zeros(0)), horizon=1).is_empty()


def test_trials_and_losses_as_rows() -> None:
    rows = make_trials(1)
    assert rows.rows()[2] == (2, 2, '{"depth": 3}', 0.69, 2, True, False)
    assert [json.loads(each) for each in rows["parameters"]] == [{"depth": 1}, {"depth": 2}, {"depth": 3}]
    scored = pl.DataFrame(
        {
            "symbol": ["A", "B"],
            "session": [FOLD.test_start] * 2,
            "score": [0.5, 0.5],
            "label": [1, 0],
            "label_end": [FOLD.test_end] * 2,
        }
    )
    # By hand: -ln 0.5 each; with the others the mean of -ln 0.8 and -ln 0.6.
    losses = losses_of(scored, np.array([0.8, 0.4]), FOLD)
    expected = (2, FOLD.test_start, -np.log(0.5), -(np.log(0.8) + np.log(0.6)) / 2)
    assert losses.row(0) == pytest.approx(expected)
