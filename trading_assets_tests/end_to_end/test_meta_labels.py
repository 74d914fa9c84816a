"""A model of meta-labels from bars to a verdict: it is asked about the entries of a primary, and gates these alone.

The market is that of the champion's test: each stock goes up or down for forty sessions or so, and breakouts of the
primary come early or late in a rise.
"""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.models.entries import primary_entries
from trading_assets.models.session_scores import score_session
from trading_assets.models.tables import OUTCOMES, PREDICTIONS
from trading_assets.protocol.trials_table import TRIALS
from trading_assets.protocol.written_rows import EditedRowsError
from trading_assets.robustness.tables import LOOK_AHEAD, VERDICTS
from trading_assets.strategies.evaluation.failure import StrategyError, status_row
from trading_assets.strategies.tables import SIGNALS, STATUS
from trading_assets.warehouse import Rows
from trading_assets_tests.end_to_end.test_champion import HOLDOUT, SETTINGS, market, written
from trading_assets_tests.robustness.pipeline import Experiment

pytestmark = pytest.mark.slow

GATES = ("gated", "timed")
OWN: dict[str, Any] = {
    "name": "bets",
    "models": {
        "pays": {
            "type": "logistic",
            "label": "triple_barrier",
            "primary": "breakouts",
            "horizon": 10,
            "barriers": {"upper": 2.0, "lower": 2.0},
            "train_sessions": 250,
            "test_sessions": 60,
            "min_rows": 50,
        }
    },
    "champions": {},
    "strategies": {
        "breakouts": {"type": "equity_momentum"},
        "gated": {"type": "meta_labels", "model": "pays", "entry_score": 0.5},
        "timed": {"type": "ml", "model": "pays", "entry_score": 0.5, "max_hold": 10},
    },
    "registration": {"gated": {"registered_on": "2016-12-30", "hypothesis": "Early breakouts pay."}},
    "robustness": SETTINGS["robustness"] | {"grids": {name: {"stop_atr": [2.0, 2.5]} for name in GATES}},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    made = written(tmp_path_factory.mktemp("bets") / "own", market(), **OWN)
    result = made.run()
    failed = [each.node_name for each in result.get_step_failure_events()]
    assert not failed, failed
    return made


def entries(made: Experiment, strategy: str) -> pl.DataFrame:
    rows = made.warehouse.read(SIGNALS, rows=Rows("strategy", strategy))
    return rows.filter(action="enter").select("symbol", "session")


def scores(made: Experiment) -> pl.DataFrame:
    return made.warehouse.read(PREDICTIONS, rows=Rows("model", "pays"))


def test_what_is_scored_are_the_entries_of_the_primary(whole: Experiment) -> None:
    scored = scores(whole)
    assert scored.height > 100
    first = scored["session"].min()
    asked = entries(whole, "breakouts").filter(pl.col("session") >= first).sort("symbol", "session")
    assert scored.select("symbol", "session").equals(asked)
    assert scored["score"].n_unique() > 50


def test_each_gate_takes_those_above_its_score_and_no_others(whole: Experiment) -> None:
    believed = scores(whole).filter(pl.col("score") > 0.5).select("symbol", "session")
    assert 20 < believed.height < scores(whole).height
    assert entries(whole, "gated").sort("symbol", "session").equals(believed)
    until = believed.filter(pl.col("session") < HOLDOUT)  # `timed` is not registered
    assert entries(whole, "timed").sort("symbol", "session").equals(until)


def test_the_gate_leaves_as_the_primary_does(whole: Experiment) -> None:
    exits = {
        name: whole.warehouse.read(SIGNALS, rows=Rows("strategy", name)).filter(action="exit").drop("strategy")
        for name in ("breakouts", "gated")
    }
    assert exits["gated"].equals(exits["breakouts"])
    reasons = whole.warehouse.query("SELECT DISTINCT exit_reason FROM backtests.trades WHERE strategy = 'gated'")
    assert "ma_cross" in reasons["exit_reason"]


def test_the_audit_makes_entries_labels_and_scores_anew_and_finds_nothing(whole: Experiment) -> None:
    found = whole.warehouse.read(LOOK_AHEAD)
    assert set(found["strategy"]) == {"breakouts", *GATES}
    assert found["column"].unique().to_list() == ["none"]
    assert whole.warehouse.read(STATUS)["status"].unique().to_list() == ["ok"]
    verdicts = whole.warehouse.read(VERDICTS).filter(kind="result")
    assert "gated" in verdicts["strategy"]


def test_the_registered_gate_opens_the_primary_as_far_as_it_is_asked(whole: Experiment) -> None:
    """The primary itself is not registered: its signals are read by one that is, as those of a member are."""
    assert whole.configuration.behind("gated") == ["gated", "breakouts"]
    assert entries(whole, "breakouts")["session"].max() > HOLDOUT  # type: ignore[operator]
    assert whole.warehouse.read(OUTCOMES)["until"].to_list() == [None]


def test_without_a_registration_nothing_of_the_holdout_is_scored(tmp_path: Path) -> None:
    made = written(tmp_path / "closed", market(), **{**OWN, "registration": {}})
    before = ("market_data/raw_bars", "market_data/bars", "features/daily", "models/splits")
    result = made.run(*before, "strategies/breakouts", "models/pays", "strategies/gated")
    assert result.success
    for frame in (scores(made), entries(made, "breakouts"), entries(made, "gated")):
        assert frame.height > 0
        assert frame["session"].max() < HOLDOUT  # type: ignore[operator]
    assert made.warehouse.read(OUTCOMES)["until"].to_list() == [HOLDOUT]


def test_edited_entries_are_told_and_nothing_is_learnt_from_them(whole: Experiment, tmp_path: Path) -> None:
    """Whoever takes the entries that failed out of the table would have a better model."""
    made = Experiment(tmp_path / "edited")
    shutil.copytree(whole.folder, made.folder)
    own = Rows("strategy", "breakouts")
    rows = made.warehouse.read(SIGNALS, rows=own)
    made.warehouse.replace(own, {SIGNALS: rows.filter(pl.col("session") > dt.date(2016, 6, 1))})
    with pytest.raises(EditedRowsError, match=r"rows of strategies\.signals were edited"):
        primary_entries(made.warehouse, made.configuration, "breakouts")
    assert not made.run("models/pays").success


def test_entries_of_the_primary_under_other_parameters_are_no_entries_of_todays(
    whole: Experiment, tmp_path: Path
) -> None:
    """A run of the gate alone would put a trial on record under today's parameters, with the result of others."""
    made = Experiment(tmp_path / "outdated")
    shutil.copytree(whole.folder, made.folder)
    trials = made.warehouse.read(TRIALS).height
    narrow = {"breakouts": {"type": "equity_momentum", "fast_clearance": 0.02, "slow_clearance": 0.03}}
    made.write(**{**SETTINGS, **OWN, "strategies": OWN["strategies"] | narrow})
    gate = ("strategies/gated", "backtests/gated")
    assert not made.run("models/pays", *gate).success
    made.run(*gate)  # nor are scores of the old ones
    status = made.warehouse.read(STATUS, rows=Rows("strategy", "gated"))
    assert "materialise models/pays and all" in status.filter(stage="strategies")["error"].item()
    assert made.warehouse.read(TRIALS).height == trials
    assert made.run("models/splits", "strategies/breakouts", "models/pays", *gate).success
    assert made.warehouse.read(TRIALS).height == trials + 1
    assert 0 < entries(made, "breakouts").height < entries(whole, "breakouts").height


def test_what_a_primary_failed_with_is_what_its_gate_fails_with(whole: Experiment, tmp_path: Path) -> None:
    made = Experiment(tmp_path / "failed")
    shutil.copytree(whole.folder, made.folder)
    failed = status_row("strategies", "breakouts", StrategyError(ValueError("planted")))
    made.warehouse.replace(Rows("asset", "strategies/breakouts"), {STATUS: failed})
    made.run("strategies/gated")
    row = made.warehouse.read(STATUS, rows=Rows("asset", "strategies/gated")).row(0, named=True)
    assert row["status"] == "failed"
    assert "strategies/breakouts failed: ValueError: planted" in row["error"]
    assert primary_entries(made.warehouse, made.configuration, "breakouts").keys.is_empty()


def test_a_session_between_two_refits_is_scored_where_the_primary_enters(whole: Experiment) -> None:
    last = scores(whole)["session"].max()
    assert isinstance(last, dt.date)
    found = score_session(whole.warehouse, whole.configuration, "pays", last, dt.datetime(2017, 7, 1)).rows
    on_record = scores(whole).filter(session=last).select("symbol", "session", "score")
    assert found.select("symbol", "session", "score").sort("symbol").equals(on_record.sort("symbol"))
