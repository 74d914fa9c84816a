"""A strategy run by hand: the same numbers as the pipeline's, on record, and nothing of the holdout."""

from __future__ import annotations

import json

import polars as pl
import pytest

from trading_assets.asset_factories.failures import UpstreamFailedError
from trading_assets.config import ConfigurationError
from trading_assets.protocol import Protocol
from trading_assets.protocol.trials import trials_on
from trading_assets.robustness.exploration import StrategyBacktest, prepare_strategy
from trading_assets.strategies.evaluation.failure import status_row
from trading_assets.strategies.tables import STATUS
from trading_assets.warehouse import Rows, Warehouse
from trading_assets.warehouse.errors import MissingTableError
from trading_assets_tests.robustness.pipeline import SETTINGS, Experiment


def prepared(experiment: Experiment, strategy: str = "unknown", **parameters: object) -> StrategyBacktest:
    return prepare_strategy(experiment.warehouse, experiment.configuration, strategy, parameters)


def trials(experiment: Experiment) -> set[str]:
    """Trials on record, of which the warehouse and the protocol have the same."""
    found = set(experiment.warehouse.query("SELECT trial FROM robustness.trials")["trial"])
    assert found == set(trials_on(Protocol.of(experiment.configuration), columns=["trial"])["trial"])
    return found


def test_a_run_by_hand_is_that_of_the_pipeline_and_no_further_trial(experiment: Experiment) -> None:
    before = trials(experiment)
    run = prepared(experiment).run()
    where = "WHERE strategy = 'unknown' AND split = 'development'"
    metrics = experiment.warehouse.query(f"SELECT metric, value FROM backtests.metrics {where} ORDER BY metric")
    assert run.metrics.sort("metric").equals(metrics, null_equal=True)
    equity = experiment.warehouse.query(f"SELECT equity FROM backtests.equity {where} ORDER BY session")
    assert run.equity["equity"].equals(equity["equity"])
    assert run.trial in before and trials(experiment) == before


def test_nothing_of_the_holdout_is_in_it(experiment: Experiment) -> None:
    """The development span of the small experiment ends on 2016-12-15; `known` is registered and was looked at."""
    for strategy in ("known", "unknown"):
        ready = prepared(experiment, strategy)
        run = ready.run()
        assert str(ready.span.end) == "2016-12-15"
        for frame in (ready.panel, run.equity, run.trades.rename({"exit_session": "session"}), run.decisions):
            assert str(frame["session"].max()) <= "2016-12-15"


def test_other_parameters_are_a_trial_on_record_before_they_are_returned(experiment: Experiment) -> None:
    before = trials(experiment)
    run = prepared(experiment, stop_atr=2.2).run()
    assert trials(experiment) - before == {run.trial}
    row = experiment.warehouse.query(
        f"SELECT source, run_id, params FROM robustness.trials WHERE trial = '{run.trial}'"
    )
    assert row.row(0)[:2] == ("python/unknown", "python")
    assert json.loads(row["params"][0])["stop_atr"] == 2.2
    beside = experiment.warehouse.query("SELECT trial FROM robustness.trial_benchmarks")
    assert run.trial in set(beside["trial"])


def test_a_sweep_has_a_row_each_and_counts_what_is_new(experiment: Experiment) -> None:
    """Of 2 stops x 2 exits, those of stop 2.0 are on the pipeline's grid: 2.3 makes two new trials."""
    before = trials(experiment)
    ready = prepared(experiment)
    swept = ready.sweep({"stop_atr": [2.0, 2.3], "exit": ["ma_20", "staged"]})
    assert swept.columns[:5] == ["trial", "stop_atr", "exit", "on_grid", "chosen"]
    assert swept.filter("on_grid").select("stop_atr", "exit").rows() == [
        (2.0, "ma_20"),
        (2.0, "staged"),
        (2.3, "ma_20"),
        (2.3, "staged"),
    ]
    assert trials(experiment) - before == set(swept.filter(pl.col("stop_atr") == 2.3)["trial"])
    one = prepared(experiment, stop_atr=2.3, exit="staged").run()
    same = swept.filter(pl.col("trial") == one.trial)
    assert same.select("stop_atr", "exit").row(0) == (2.3, "staged")
    assert same["sharpe"][0] == one.metrics.filter(metric="sharpe")["value"][0]
    swept_again = ready.sweep({"stop_atr": [2.0, 2.3], "exit": ["ma_20", "staged"]})
    assert swept_again.equals(swept, null_equal=True)


def test_a_pipeline_after_it_judges_all_trials(experiment: Experiment) -> None:
    """What was tried by hand is part of the number of trials that the next verdict corrects for."""

    def counted() -> float:
        found = experiment.warehouse.query(
            "SELECT max(trials) FROM robustness.overfitting WHERE strategy = 'unknown'"
        ).item()
        return float(found)

    before = counted()
    prepared(experiment).sweep({"capacity": [0.001, 0.003]})
    assert experiment.run("robustness/overfitting/unknown").success
    assert counted() == before + 2


def test_parameters_that_do_not_exist_or_fit_are_refused(experiment: Experiment) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'stop_atr'"):
        prepared(experiment, stop_art=2.0)
    with pytest.raises(ConfigurationError, match="-1 is no value of stop_atr"):
        prepared(experiment, stop_atr=-1)
    with pytest.raises(ConfigurationError, match=r"key: grid\.exit"):
        prepared(experiment).sweep({"exit": ["never"]})


def test_without_a_run_it_says_what_to_run(experiment: Experiment) -> None:
    empty = Warehouse(experiment.folder / "none.duckdb")
    with pytest.raises(MissingTableError, match=r"models\.splits"):
        prepare_strategy(empty, experiment.configuration, "unknown", {})


def composed(experiment: Experiment) -> Experiment:
    """The small experiment with a strategy of scores and one of members, neither of which was run."""
    experiment.write(
        models={"scores": {"type": "xgboost", "universe": "equity", "train_sessions": 250}},
        strategies={
            **SETTINGS["strategies"],
            "ml": {"type": "ml", "model": "scores"},
            "both": {"type": "ensemble", "members": ["known", "unknown"]},
        },
    )
    return experiment


@pytest.mark.parametrize(
    ("strategy", "changes", "said"),
    [
        ("ml", {"model": "scoers"}, "no model 'scoers'\n  key: strategies.ml.model\n  expected: one of `models`: s"),
        ("both", {"members": ["knwon"]}, "no strategy 'knwon'; did you mean 'known'?\n  key: strategies.both.members"),
        ("both", {"members": ["both"]}, "both -> both: a strategy cannot be a member of itself"),
    ],
)
def test_what_a_file_would_be_refused_for_is_no_trial(
    experiment: Experiment, strategy: str, changes: dict[str, object], said: str
) -> None:
    before = trials(experiment)
    with pytest.raises(ConfigurationError) as caught:
        prepared(composed(experiment), strategy, **changes)
    assert str(caught.value).startswith(said)
    assert trials(experiment) == before


def test_what_is_made_of_something_that_did_not_run_is_no_trial(experiment: Experiment) -> None:
    composed(experiment)
    with pytest.raises(MissingTableError, match="models/scores was not run yet, and ml looks at it"):
        prepared(experiment, "ml")
    with pytest.raises(MissingTableError, match="strategies/ml was not run yet, and both looks at it"):
        prepared(experiment, "both", members=["known", "ml"])
    failed = status_row("strategies", "known", ValueError("no such column"))
    experiment.warehouse.replace(Rows("asset", "strategies/known"), {STATUS: failed})
    with pytest.raises(UpstreamFailedError, match="strategies/known failed: ValueError: no such column"):
        prepared(experiment, "both")
    assert prepared(experiment, "both", members=["unknown"]).panel["weight_unknown"].dtype == pl.Float64
