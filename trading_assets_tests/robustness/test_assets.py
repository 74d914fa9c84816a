"""The assets of the stage on a real warehouse: what is written, when, and when not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests import tables as backtests
from trading_assets.backtests.backtest import backtest, prepare
from trading_assets.backtests.results.run_tables import Result
from trading_assets.market_data.tables import BARS, INSTRUMENTS
from trading_assets.models.tables import SPLITS
from trading_assets.robustness import tables
from trading_assets.robustness.holdout.assets import registration_of
from trading_assets.robustness.prepared_market import read_market
from trading_assets.robustness.verdict.current import current_verdict
from trading_assets.strategies.evaluation.failure import cause_of_failure
from trading_assets.strategies.evaluation.inputs import read_frames
from trading_assets.strategies.tables import SIGNALS, STATUS
from trading_assets.warehouse import Rows, Table, Whole
from trading_assets_tests.robustness.pipeline import SETTINGS, Experiment, checks_of

HOLDOUT_START, HOLDOUT_END = dt.date(2016, 12, 16), dt.date(2017, 6, 30)
KNOWN = Rows("strategy", "known")
BY_SESSION = {
    backtests.TRADES: "exit_session",
    backtests.EQUITY: "session",
    backtests.DECISIONS: "session",
    backtests.ORDERS: "decision_session",
    backtests.FILLS: "session",
}
RESULTS_OF_HOLDOUT = (tables.STRESS, tables.RESAMPLING, tables.BANDS)
TIMES = ("evaluated_at", "recorded_at", "run_id")


def everything(experiment: Experiment) -> dict[str, str]:
    """Fingerprint of every table that the holdout or the stage writes."""
    written = [item for item in vars(tables).values() if isinstance(item, Table)] + list(backtests.RUN_TABLES)
    warehouse = experiment.warehouse
    return {
        table.name: warehouse.fingerprint(table, exclude=[name for name in TIMES if name in table.columns])
        for table in written
    }


def caps_of(experiment: Experiment, word: str) -> int:
    """How many reasons of the verdict name something."""
    caps = experiment.warehouse.read(tables.VERDICTS, rows=KNOWN).filter(kind="cap")
    return caps.filter(pl.any_horizontal(pl.col(pl.String).str.contains(word))).height


def splits(experiment: Experiment, table: Table, strategy: str = "known") -> set[str]:
    return set(experiment.warehouse.read_or_empty(table, rows=Rows("strategy", strategy))["split"])


def result_of(experiment: Experiment, strategy: str = "known") -> tuple[str, str]:
    verdicts = experiment.warehouse.read(tables.VERDICTS, rows=Rows("strategy", strategy))
    row = verdicts.filter(kind="result").row(0, named=True)
    return row["result"], row["note"]


def error_of(result: dg.ExecuteInProcessResult) -> str:
    return "\n".join(
        str(evaluation.metadata["error"].value)
        for evaluation in result.get_asset_check_evaluations()
        if evaluation.check_name == "completed" and not evaluation.passed
    )


def test_no_table_with_rows_of_the_holdout_is_forgotten() -> None:
    declared = [item for item in vars(backtests).values() if isinstance(item, Table)]
    assert {table.name for table in declared if "split" in table.columns} == {
        table.name for table in backtests.RUN_TABLES
    }


@pytest.mark.slow
def test_what_runs_on_train_and_validation_is_shown_no_bar_of_the_holdout(finished: Experiment, tmp_path: Path) -> None:
    """An own strategy enters only where the last session of its panel is that of validation, 15 December."""
    experiment, module = finished.copy_to(tmp_path), "trading_assets_tests.robustness.watching_strategy"
    watching = {"type": module, "last_seen": dt.date(2016, 12, 15)}
    robustness = {**SETTINGS["robustness"], "grids": {"watching": {"stop_atr": [2.0, 2.5]}}}
    experiment.write(strategies={"watching": watching}, registration={}, robustness=robustness)
    stages = ("robustness/sensitivity", "robustness/resampling", "robustness/stress")
    assert experiment.run(*(f"{stage}/watching" for stage in ("strategies", "backtests", *stages))).success
    own = Rows("strategy", "watching")
    trades = experiment.warehouse.read(backtests.METRICS, rows=own).filter(metric="trades")
    assert (trades["value"] > 0).all()
    swept = experiment.warehouse.read(tables.SENSITIVITY, rows=own).filter(metric="trades")
    assert swept.height == 2 and (swept["value"] > 0).all()
    resampled = experiment.warehouse.read(tables.RESAMPLING, rows=own).filter(statistic="trades")
    stressed = experiment.warehouse.read(tables.STRESS, rows=own).filter(metric="trades", scenario="slippage_2x")
    assert (pl.concat([resampled["value"], stressed["value"]]) > 0).all()


def test_a_shorter_panel_makes_the_same_runs_to_the_bit(finished: Experiment) -> None:
    configuration = finished.configuration
    frames = read_frames(finished.warehouse, configuration, "known")
    whole, cut = prepare(configuration, frames), prepare(configuration, frames, dt.date(2016, 12, 15))
    assert cut.panel["session"].max() == dt.date(2016, 12, 15) < whole.panel["session"].max()  # type: ignore[operator]
    runs = [backtest(each, dt.date(2016, 1, 4), dt.date(2016, 12, 15), split="development") for each in (whole, cut)]
    for name in ("equity", "trades", "fills", "decisions"):
        one, two = (getattr(run, name) for run in runs)
        assert one.equals(two) and not one.is_empty()


def test_an_unregistered_strategy_leaves_no_holdout_rows_anywhere(finished: Experiment) -> None:
    warehouse, rows = finished.warehouse, Rows("strategy", "unknown")
    for table, session in BY_SESSION.items():
        frame = warehouse.read(table, rows=rows)
        assert not frame.is_empty()
        assert frame[session].max() < HOLDOUT_START  # type: ignore[operator]
    for table in (*backtests.RUN_TABLES, *RESULTS_OF_HOLDOUT):
        assert "holdout" not in splits(finished, table, "unknown")
    for table in (tables.HOLDOUT_LEDGER, tables.HOLDOUT_RESULTS, tables.REGISTRATIONS):
        assert warehouse.read(table)["strategy"].to_list() == ["known"]
    assert warehouse.read(tables.TRIALS)["end"].max() < HOLDOUT_START  # type: ignore[operator]
    assert result_of(finished, "unknown")[0] == "insufficient_evidence"


def test_a_registered_strategy_has_all_four_splits(finished: Experiment) -> None:
    warehouse = finished.warehouse
    for table in (backtests.EQUITY, backtests.METRICS):
        assert splits(finished, table) == {"train", "validation", "development", "holdout", "full"}
    assert splits(finished, backtests.BASELINES) == {"development", "holdout", "full"}
    equity = warehouse.read(backtests.EQUITY, rows=KNOWN)
    held = equity.filter(split="holdout")
    assert (held["session"].min(), held["session"].max()) == (HOLDOUT_START, HOLDOUT_END)
    assert equity.filter(split="full")["session"].max() == HOLDOUT_END
    assert held["cash"][0] == 100_000  # flat start
    ledger = warehouse.read(tables.HOLDOUT_LEDGER)
    registration = warehouse.read(tables.REGISTRATIONS)
    assert ledger["registration_hash"].to_list() == registration["registration_hash"].to_list()
    assert '"2017-06-30"' in registration["content"].item()


def test_the_holdout_leaves_train_and_validation_as_they_are(experiment: Experiment) -> None:
    before = {table: experiment.warehouse.read(table, rows=KNOWN) for table in backtests.RUN_TABLES}
    assert experiment.run("backtests/known").success
    for table, frame in before.items():
        after = experiment.warehouse.read(table, rows=KNOWN)
        assert frame.equals(after)  # what a look left is there, too: nothing takes it away
    # `full` is one run: until the end of validation it does not know of the holdout.
    equity = before[backtests.EQUITY].filter(pl.col("split") == "full", pl.col("session") < HOLDOUT_START)
    development = experiment.warehouse.read(backtests.EQUITY, rows=KNOWN).filter(split="development")
    assert equity.drop("split").equals(development.drop("split"))


@pytest.mark.slow
def test_the_verdict_waits_until_the_holdout_was_evaluated_again(experiment: Experiment) -> None:
    before = everything(experiment)
    assert experiment.run("backtests/known").success
    refused = experiment.run("robustness/verdict/known")
    assert checks_of(refused, "completed") == {"robustness/verdict/known": False}
    assert "backtests/known has run since" in error_of(refused)
    assert experiment.warehouse.read(tables.VERDICTS, rows=KNOWN).is_empty()
    again = experiment.run("robustness/holdout/known", "robustness/verdict/known")
    assert set(checks_of(again, "completed").values()) == {True}
    assert everything(experiment) == before


@pytest.mark.slow
def test_rerun_changes_nothing(experiment: Experiment) -> None:
    before = everything(experiment)
    assert experiment.run(
        *(
            f"robustness/{asset}/known"
            for asset in ("sensitivity", "overfitting", "stress", "resampling", "holdout", "verdict")
        )
    ).success
    assert everything(experiment) == before
    # In another order: neither takes away what the other wrote.
    assert experiment.run("robustness/stress/known", "robustness/resampling/known").success
    assert everything(experiment) == before


def test_a_change_is_refused_until_a_reason_is_given_and_stays_on_record(experiment: Experiment) -> None:
    changed = {**SETTINGS["strategies"], "known": {**SETTINGS["strategies"]["known"], "stop_atr": 3.0}}
    experiment.write(strategies=changed)
    seen = {
        table: experiment.warehouse.read(table, rows=KNOWN).filter(split="holdout")
        for table in (*backtests.RUN_TABLES, *RESULTS_OF_HOLDOUT)
    }
    verdict = result_of(experiment)
    stages = ("sensitivity", "overfitting", "look_ahead", "holdout", "verdict")
    keys = ("backtests/known", *(f"robustness/{asset}/known" for asset in stages))
    refused = experiment.run(*keys)
    assert checks_of(refused, "completed") == {
        "backtests/known": True,
        "robustness/sensitivity/known": True,
        "robustness/overfitting/known": True,
        "robustness/look_ahead/known": True,
        "robustness/holdout/known": False,
        "robustness/verdict/known": True,
    }
    assert "registration.known.override" in error_of(refused)
    assert "parameters.stop_atr: 2.5 -> 3.0" in error_of(refused)
    for table, frame in seen.items():
        assert frame.equals(experiment.warehouse.read(table, rows=KNOWN).filter(split="holdout")), table.name
    assert experiment.warehouse.read(tables.HOLDOUT_LEDGER).height == 1
    assert result_of(experiment) == (
        verdict[0],
        f"Of an earlier registration (look 1); what is registered now was refused a look. {verdict[1]}",
    )
    status = experiment.warehouse.read(STATUS, rows=KNOWN).filter(asset="robustness/holdout/known").row(0, named=True)
    assert status["status"] == "refused" and status["error"].startswith("the holdout of known has been looked at")
    current = current_verdict(experiment.warehouse, experiment.configuration, "known")
    assert current.refused == status["error"] and not current.meets(verdict[0])

    claim = {"indices": dict.fromkeys(("AAA", "BBB", "CCC", "DDD"), "DAX")}
    reason = {"known": {**SETTINGS["registration"]["known"], "override": "the stop was mistyped", **claim}}
    assert caps_of(experiment, "departures") == 1
    experiment.write(strategies=changed, registration=reason)
    assert set(checks_of(experiment.run(*keys), "completed").values()) == {True}
    ledger = experiment.warehouse.read(tables.HOLDOUT_LEDGER)
    assert ledger.select("look", "override").rows() == [(1, None), (2, "the stop was mistyped")]
    _, words = result_of(experiment)
    assert caps_of(experiment, "departures") == 0 and words.count("which nothing checks: AAA (DAX), BBB (DAX)") == 1
    assert "looked at 2 times: look 2 after a change (the stop was mistyped)" in words
    assert "At best conditional: it is look 2, after a change (the stop was mistyped)." in words
    assert words.partition(". ")[0].startswith(
        "known: insufficient evidence, retrospective; seen before its registration: small/known (strategies) saw "
        "2016-12-16 to 2017-06-30"
    )

    # Back to what was registered first: the same look, but the other one is not forgotten.
    experiment.write()
    assert set(checks_of(experiment.run(*keys), "completed").values()) == {True}
    assert experiment.warehouse.read(tables.HOLDOUT_LEDGER).equals(ledger)
    assert experiment.warehouse.read(tables.HOLDOUT_RESULTS)["look"].to_list() == [1]
    assert "the stop was mistyped" in result_of(experiment)[1]


def test_the_verdict_is_not_made_from_a_holdout_of_another_configuration(experiment: Experiment) -> None:
    experiment.write(risk={"max_positions": 7})
    refused = experiment.run("robustness/verdict/known")
    assert "the configuration has changed since" in error_of(refused)


def test_the_verdict_is_not_made_from_trials_of_another_configuration(experiment: Experiment) -> None:
    experiment.warehouse.replace(KNOWN, {tables.OVERFITTING: tables.OVERFITTING.empty()})
    refused = experiment.run("robustness/verdict/known")
    assert "materialise robustness/sensitivity/known, then robustness/overfitting/known" in error_of(refused)


def test_the_verdict_is_not_made_without_the_audit(experiment: Experiment) -> None:
    experiment.warehouse.replace(KNOWN, {tables.LOOK_AHEAD: tables.LOOK_AHEAD.empty()})
    refused = experiment.run("robustness/verdict/known")
    assert "materialise robustness/look_ahead/known" in error_of(refused)


@pytest.mark.slow
def test_a_strategy_that_knows_the_future_never_sees_its_holdout(experiment: Experiment) -> None:
    leaky = {"type": "trading_assets_tests.robustness.leaking_strategies", "leak": "tomorrow"}
    registration = {"leaky": SETTINGS["registration"]["known"]}
    experiment.write(strategies={"leaky": leaky}, registration=registration, robustness={"look_ahead_cuts": 2})
    looks = experiment.warehouse.read(tables.HOLDOUT_LEDGER).height
    stages = ("strategies/leaky", "backtests/leaky", "robustness/look_ahead/leaky", "robustness/holdout/leaky")
    result = experiment.run(*stages, "robustness/verdict/leaky")
    assert result.success  # no step of another strategy is skipped for it
    assert checks_of(result, "nothing_looks_ahead") == {"robustness/look_ahead/leaky": False}
    assert experiment.warehouse.read(tables.HOLDOUT_LEDGER).height == looks
    status = experiment.warehouse.read(STATUS, rows=Rows("strategy", "leaky"))
    assert status.filter(status="failed")["asset"].to_list() == [
        f"robustness/{asset}/leaky" for asset in ("holdout", "look_ahead", "verdict")
    ]
    cause = cause_of_failure(status)
    assert cause is not None and cause.startswith("robustness/look_ahead: it looks ahead: ")
    assert "Error" not in cause
    assert not experiment.warehouse.read(tables.LOOK_AHEAD, rows=Rows("strategy", "leaky")).is_empty()
    assert experiment.warehouse.read_or_empty(tables.VERDICTS, rows=Rows("strategy", "leaky")).is_empty()


@pytest.mark.slow
def test_a_registration_opens_the_holdout_only_for_signals_that_reach_it(experiment: Experiment) -> None:
    last = experiment.warehouse.read(SIGNALS, rows=Rows("strategy", "unknown"))["session"].max()
    assert last < HOLDOUT_START <= experiment.warehouse.read(SIGNALS, rows=KNOWN)["session"].max()  # type: ignore[operator]
    looks = experiment.warehouse.read(tables.HOLDOUT_LEDGER).height
    experiment.write(registration=dict.fromkeys(("known", "unknown"), SETTINGS["registration"]["known"]))
    refused = experiment.run("robustness/holdout/unknown")
    assert "the signals of unknown end on 2016-12-15" in error_of(refused)
    assert experiment.warehouse.read(tables.HOLDOUT_LEDGER).height == looks
    assert experiment.run("strategies/unknown", "robustness/holdout/unknown").success
    assert experiment.warehouse.read(tables.HOLDOUT_LEDGER).height == looks + 1
    assert experiment.warehouse.read(SIGNALS, rows=Rows("strategy", "unknown"))["session"].max() >= HOLDOUT_START  # type: ignore[operator]


@pytest.mark.slow
def test_a_bar_that_a_model_is_trained_on_and_a_delisting_are_of_the_registration(experiment: Experiment) -> None:
    """The strategy trades two of the four symbols; its model is trained on all of them."""
    learnt = {"type": "ml", "model": "m", "universe": ["AAA", "BBB"]}
    experiment.write(
        strategies={"learnt": learnt, "alone": {"type": "equity_momentum", "universe": ["AAA", "BBB"]}},
        models={"m": {"type": "xgboost"}},
        registration=dict.fromkeys(("learnt", "alone"), SETTINGS["registration"]["known"]),
        robustness={},
    )

    def hashes() -> list[str]:
        found = []
        for name in ("learnt", "alone"):
            work = experiment.warehouse.unit_of_work()
            step = Step(experiment.configuration, work, None, name, "run", dt.datetime(2020, 1, 1), None)
            frames, prepared, spans = read_market(step)
            found.append(registration_of(step, prepared, frames, spans).hash)
        return found

    def changed(table: Table, column: str, value: pl.Expr, **where: object) -> list[bool]:
        """Whether each registration is another one after a change, which is taken back."""
        before, stored = hashes(), experiment.warehouse.read(table)
        here = pl.all_horizontal(pl.col(name) == given for name, given in where.items())
        now = stored.with_columns(pl.when(here).then(value).otherwise(column).alias(column))
        assert not now.equals(stored)
        experiment.warehouse.replace(Whole(), {table: now})
        after = hashes()
        experiment.warehouse.replace(Whole(), {table: stored})
        return [one != other for one, other in zip(before, after, strict=True)]

    volume, gone = pl.col("volume") + 1, pl.lit(dt.date(2017, 3, 1))
    assert changed(BARS, "volume", volume, symbol="DDD", session=dt.date(2016, 3, 1)) == [True, False]
    assert changed(BARS, "volume", volume, symbol="AAA", session=HOLDOUT_END) == [True, True]
    assert changed(INSTRUMENTS, "delisted", gone, symbol="DDD") == [True, False]
    assert changed(INSTRUMENTS, "delisted", gone, symbol="AAA") == [True, True]
    assert changed(INSTRUMENTS, "delisted", pl.lit(dt.date(2018, 1, 2)), symbol="AAA") == [False, False]


def test_taking_the_registration_back_takes_the_holdout_rows_away(experiment: Experiment) -> None:
    # As if the flat start had closed no trade in the holdout: those of `all` go nevertheless.
    trades = experiment.warehouse.read(backtests.TRADES, rows=KNOWN)
    assert trades.filter(split="full")["exit_session"].max() >= HOLDOUT_START  # type: ignore[operator]
    experiment.warehouse.replace(KNOWN, {backtests.TRADES: trades.filter(pl.col("split") != "holdout")})
    experiment.write(registration={})
    result = experiment.run("robustness/holdout/known", "robustness/verdict/known")
    assert checks_of(result, "registered") == {"robustness/holdout/known": False}
    for table in (*backtests.RUN_TABLES, *RESULTS_OF_HOLDOUT):
        assert "holdout" not in splits(experiment, table)
    for table, session in BY_SESSION.items():
        assert experiment.warehouse.read(table, rows=KNOWN)[session].max() < HOLDOUT_START  # type: ignore[operator]
    verdict, words = result_of(experiment)
    assert verdict == "insufficient_evidence"
    assert "looked at once" in words


@pytest.mark.slow
def test_a_holdout_is_not_looked_at_before_it_is_over(experiment: Experiment) -> None:
    """A week to come: no new look in the ledger, no rows of the holdout, and the verdict says what it waits for."""
    until = HOLDOUT_END + dt.timedelta(days=7)
    locked = pl.when(pl.col("split") == "holdout").then(pl.lit(until)).otherwise("end").alias("end")
    resolved = experiment.warehouse.read(SPLITS)
    looks = experiment.warehouse.read(tables.HOLDOUT_LEDGER)
    experiment.warehouse.replace(Whole(), {SPLITS: resolved.with_columns(locked)})
    result = experiment.run("robustness/holdout/known", "robustness/verdict/known")
    assert result.success
    assert experiment.warehouse.read(tables.HOLDOUT_LEDGER).equals(looks)
    verdict, words = result_of(experiment)
    assert verdict == "insufficient_evidence"
    assert f"lasts until {until}, which the data do not reach" in words
    for table in (*backtests.RUN_TABLES, *RESULTS_OF_HOLDOUT):
        assert "holdout" not in splits(experiment, table)


def test_checks(finished: Experiment) -> None:
    result = finished.run("robustness/verdict/unknown")
    assert checks_of(result, "verdict_is_go") == {"robustness/verdict/unknown": False}
    assert result.success  # an honest no stops nothing


@pytest.mark.slow
def test_the_look_is_on_record_even_if_the_evaluation_fails(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment.write(seed=6, registration={"known": {**SETTINGS["registration"]["known"], "override": "another seed"}})

    def broken(*arguments: Any, split: str) -> Result:
        if split == "development":  # by which the idea is known, before the look
            return backtest(*arguments, split=split)
        raise ZeroDivisionError("in the strategy")

    monkeypatch.setattr("trading_assets.backtests.backtest.backtest", broken)
    result = experiment.run("robustness/holdout/known")
    assert "ZeroDivisionError" in str(experiment.warehouse.read(STATUS, rows=KNOWN)["error"].to_list())
    assert checks_of(result, "completed") == {"robustness/holdout/known": False}
    assert experiment.warehouse.read(tables.HOLDOUT_LEDGER)["look"].to_list() == [1, 2]
