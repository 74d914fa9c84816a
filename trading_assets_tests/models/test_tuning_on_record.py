"""Each set of parameters that was tried is one trial on record, whatever it was called and however often it ran."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl
import pytest

from trading_assets.backtests.trial_registry import latest
from trading_assets.config.models import WalkForward
from trading_assets.models.families.interface import Fitted, TrainingSet
from trading_assets.models.families.own import OwnModelError
from trading_assets.models.families.resolve import fit_shipped
from trading_assets.models.run import run_model
from trading_assets.models.splits import Fold, walk_forward
from trading_assets.models.tables import TUNING_TRIALS
from trading_assets.models.training import Learner, training_rows
from trading_assets.models.tuning import Search, SearchTrial
from trading_assets.models.tuning_on_record import as_tried, record_searches, rows_of_searches
from trading_assets.models.tuning_rows import trials_of
from trading_assets.parallel.workers import IN_PROCESS
from trading_assets.protocol import Protocol, trials_on
from trading_assets.protocol.trials_table import OF_SEARCHES
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.models.panels import NO_HOLDOUT, SETTINGS, dates_of, run
from trading_assets_tests.models.searched import of_products, searching

if TYPE_CHECKING:
    from trading_assets.models.families.own import OwnFamily

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


@dataclass(frozen=True)
class Ending:
    """A family of trees that ends a run at the first training set of more than `most` rows, one way or another."""

    most: int
    by_signal: bool = False
    code: str = ""

    def fit(self, training: TrainingSet, settings: Any, seed: int) -> Fitted:
        if training.label.size > self.most:
            if self.by_signal:
                os.kill(os.getpid(), signal.SIGKILL)
            raise OwnModelError("of the module")
        return fit_shipped(training, settings, seed)

    def load(self, content: bytes) -> Fitted:
        raise NotImplementedError


def until_the_end(data: Path, by_signal: bool) -> None:
    """Train a searched model whose last fold ends the run; what was tried goes on record as in a run."""
    made, settings = of_products(0.8), searching()
    folds = walk_forward(dates_of(made), settings)
    rows = [training_rows(made, fold, made.scorable()).rows.size for fold in folds]
    family = Ending(rows[-2], by_signal)
    learner = Learner(settings, 3, cast("OwnFamily", family))
    record = partial(
        record_searches, Protocol(data, "a"), learner, "week", folds=folds, symbols=["A"], run_id="run", now=NOON
    )
    ends = {"name": "week", "seed": 3, "holdout_start": NO_HOLDOUT, "own": family, "searched": record}
    run_model(made, folds, settings, workers=IN_PROCESS, **cast("Any", ends))


@cache
def tried_to_the_end() -> pl.DataFrame:
    return run(of_products(0.8), searching()).tables[TUNING_TRIALS]


def assert_sets_of_earlier_folds_are_on_record(data: Path) -> None:
    """Each set that a run to the end tries in the folds before the last, worked out by another run."""
    known = trials_on(Protocol(data, "a")).filter(type=OF_SEARCHES)
    whole = tried_to_the_end()
    before = whole.filter(pl.col("fold") < whole["fold"].max())
    depths = [json.loads(each)["depth"] for each in known["params"]]
    assert {json.loads(each)["depth"] for each in before["parameters"]} <= {*depths}
    assert len(depths) == len({*depths}) > 1


def test_what_was_tried_is_on_record_of_a_run_that_a_later_fold_ends(tmp_path: Path) -> None:
    with pytest.raises(OwnModelError, match="of the module"):
        until_the_end(tmp_path, by_signal=False)
    assert_sets_of_earlier_folds_are_on_record(tmp_path)


@pytest.mark.slow
def test_what_was_tried_is_on_record_of_a_process_that_is_killed_in_a_later_fold(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from trading_assets_tests.models.test_tuning_on_record import until_the_end
until_the_end(Path({str(tmp_path)!r}), by_signal=True)
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False).returncode == -signal.SIGKILL
    assert_sets_of_earlier_folds_are_on_record(tmp_path)


def test_a_section_that_no_strategy_reads_is_a_set_that_was_tried_and_one_that_is_read_none(tmp_path: Path) -> None:
    """A search by hand: a section a set, and losses side by side; the first set of a search of Optuna is the same."""
    parts = {
        "models": {"alone": {}, "read": {"trees": 20}, "of_champion": {"trees": 30}, "loser": {"trees": 40}},
        "champions": {"best": {"candidates": ["of_champion", "loser"]}},
        "strategies": {"plain": {"type": "ml", "model": "read"}, "chosen": {"type": "ml", "model": "best"}},
    }
    made = loaded(tmp_path, **parts)
    assert {name for name in made.models if as_tried(made, name, [0, 1]).height} == {"alone"}
    assert as_tried(made, "alone", []).is_empty(), "nothing was trained"
    protocol, own = Protocol(tmp_path, "a"), SETTINGS
    tried = as_tried(made, "alone", [1, 0])
    assert count_after(protocol, tried, settings=own) == 1
    assert count_after(protocol, tried, settings=own.model_copy(update={"trees": 11})) == 2
    searched_since = own.model_copy(update={"tune": searching().tune, "depth": 1})
    assert count_after(protocol, tried, settings=own.model_copy(update={"depth": 1})) == 3
    assert count_after(protocol, searched(0, 1), settings=searched_since) == 3
