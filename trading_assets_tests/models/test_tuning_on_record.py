"""Each set of parameters that was tried is one trial on record, whatever it was called and however often it ran."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from trading_assets.backtests.trial_registry import latest
from trading_assets.config.models import WalkForward
from trading_assets.models.splits import Fold
from trading_assets.models.training import Learner
from trading_assets.models.tuning import Search, SearchTrial
from trading_assets.models.tuning_on_record import record_searches, rows_of_searches
from trading_assets.models.tuning_rows import trials_of
from trading_assets.protocol import Protocol, trials_on
from trading_assets.protocol.trials_table import OF_SEARCHES
from trading_assets_tests.models.searched import searching

NOON = dt.datetime(2026, 11, 30, 12)
FOLDS = [
    Fold(number, dt.date(2020, 1, 1), dt.date(2020, 2 + number, 1), dt.date(2020, 3, 1), dt.date(2020, 4, 1))
    for number in range(2)
]


def searched(fold: int, *depths: int, pruned: bool = False) -> pl.DataFrame:
    found = [SearchTrial({"depth": depth}, 0.69, 2, pruned=pruned and place > 0) for place, depth in enumerate(depths)]
    return trials_of(Search(found, 0), FOLDS[fold])


def count_after(
    protocol: Protocol,
    trials: pl.DataFrame,
    name: str = "week",
    settings: WalkForward | None = None,
    symbols: tuple[str, ...] = ("A", "B"),
    seed: int = 3,
) -> int:
    """How many trials of searches are on record once these are."""
    learner = Learner(settings or searching(), seed)
    record_searches(protocol, learner, name, trials, folds=FOLDS, symbols=symbols, run_id="run", now=NOON)
    return trials_on(protocol).filter(type=OF_SEARCHES)["trial"].n_unique()


def test_a_pruned_trial_is_a_trial_and_a_rerun_is_none(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "a")
    trials = searched(0, 1, 2, 3, pruned=True)
    assert count_after(protocol, trials) == 3
    records = len(protocol.read())
    assert count_after(protocol, trials) == 3
    assert len(protocol.read()) == records, "nothing is written again"


def test_the_same_set_in_another_fold_or_search_or_under_another_name_counts_once(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "a")
    assert count_after(protocol, pl.concat([searched(0, 1, 2), searched(1, 1, 3)])) == 3
    assert count_after(protocol, searched(0, 1, 2, 3), settings=searching(trials=50)) == 3
    assert count_after(protocol, searched(0, 1, 2, 3), name="renamed") == 3
    assert count_after(Protocol(tmp_path, "b"), searched(0, 1, 2, 3)) == 3


def test_another_set_another_question_another_market_or_another_seed_is_a_further_trial(tmp_path: Path) -> None:
    protocol, trials = Protocol(tmp_path, "a"), searched(0, 1)
    assert count_after(protocol, trials) == 1
    assert count_after(protocol, searched(0, 4)) == 2
    assert count_after(protocol, trials, settings=searching().model_copy(update={"horizon": 9})) == 3
    assert count_after(protocol, trials, symbols=("A", "C")) == 4
    assert count_after(protocol, trials, seed=4) == 5


def test_a_symbol_that_is_listed_since_is_no_further_choice(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "a")
    count_after(protocol, searched(0, 1, 2))
    assert count_after(protocol, searched(0, 1, 2), symbols=("A", "B", "C")) == 4, "rows on record, of two universes"
    assert latest(trials_on(protocol)).height == 2


def test_a_row_says_what_was_tried_and_has_no_returns() -> None:
    row = rows_of_searches(Learner(searching(), 3), "week", searched(1, 2), folds=FOLDS, symbols=["B", "A"]).row(
        0, named=True
    )
    assert '"depth":2' in row["params"]
    assert '"tune":null' in row["params"]
    assert row["symbols"] == ["A", "B"]
    assert (row["returns"], row["sharpe"], row["sessions"]) == (None, None, 0)
    assert (row["start"], row["end"]) == (FOLDS[1].train_start, FOLDS[1].train_end)


def test_a_model_without_a_search_leaves_no_record(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "a")
    assert count_after(protocol, searched(0, 1).clear()) == 0
    assert not protocol.read()
