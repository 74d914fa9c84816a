"""What a strategy reads is what the product wrote: an edit by hand is noticed, and its table is named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import duckdb
import polars as pl
import pytest

from trading_assets.asset_factories.step_record import Window
from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests.assets import run
from trading_assets.features.assets import daily
from trading_assets.features.catalog import FEATURES
from trading_assets.features.tables import INDICATORS
from trading_assets.market_data.derived_columns import record_derived
from trading_assets.market_data.tables import BARS, BORROW_RATES, INSTRUMENTS, RISK_FREE, SESSIONS
from trading_assets.models.assets import regimes, train
from trading_assets.models.tables import METRICS, PREDICTIONS
from trading_assets.protocol import Protocol, trials_on
from trading_assets.protocol.made_under import OutdatedRowsError, settings_of_scores
from trading_assets.protocol.written_rows import (
    EditedRowsError,
    assert_as_written,
    hash_whole,
    months_on_record,
    record_written,
    written_on_record,
)
from trading_assets.robustness.exploration import prepare_strategy
from trading_assets.robustness.overfitting.assets import overfitting
from trading_assets.robustness.sensitivity.assets import sensitivity
from trading_assets.robustness.tables import OVERFITTING
from trading_assets.robustness.verdict.assets import caps_of_data
from trading_assets.strategies.assets import signals
from trading_assets.strategies.evaluation.written_inputs import assert_inputs_as_written
from trading_assets.strategies.interface.resolved import configured_strategy
from trading_assets.warehouse import Rows, Table, Whole
from trading_assets_tests.robustness.pipeline import SETTINGS, Experiment

NOW = dt.datetime(2030, 1, 1)


def step_of(experiment: Experiment, strategy: str = "known") -> Step:
    work = experiment.warehouse.unit_of_work()
    return Step(experiment.configuration, work, None, strategy, "run", NOW, None)


def execute(experiment: Experiment, statement: str) -> None:
    with duckdb.connect(str(experiment.configuration.warehouse_path)) as connection:
        connection.execute(statement)


def test_a_run_puts_on_record_what_its_steps_wrote_and_finds_it_as_written(finished: Experiment) -> None:
    assert_inputs_as_written(step_of(finished))
    known = written_on_record(Protocol.of(finished.configuration).read(), "small")
    months = [f"{year}-{month:02d}" for year in (2015, 2016, 2017) for month in range(1, 13)][:30]
    by_month = ("market_data.bars", "features.daily", "features.indicators")
    assert all(sorted(known[table]) == months for table in by_month)
    strategies = ("backtests.metrics", "robustness.sensitivity", "strategies.target_weights")
    assert all(sorted(known[table]) == ["known", "unknown"] for table in strategies)
    others = {"market_data.sessions", "market_data.instruments", "models.regimes"}
    assert others < {*known}


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE features.indicators SET atr_14 = 0.5 * atr_14 WHERE session = '2017-02-03'", "features.indicators"),
        ("UPDATE market_data.bars SET adj_close = 2 * adj_close WHERE session = '2016-02-03'", "market_data.bars"),
        ("DELETE FROM market_data.sessions WHERE session = '2017-02-03'", "market_data.sessions"),
        ("UPDATE market_data.instruments SET asset_class = 'crypto' WHERE symbol = 'AAA'", "market_data.instruments"),
        ("INSERT INTO market_data.risk_free VALUES ('2014-12-31', 0.5)", "market_data.risk_free"),
        ("INSERT INTO market_data.borrow_rates VALUES ('AAA', 0, NULL, 0.0, true)", "market_data.borrow_rates"),
    ],
)
def test_an_update_between_development_and_the_holdout_stops_it(
    experiment: Experiment, statement: str, table: str
) -> None:
    execute(experiment, statement)
    with pytest.raises(EditedRowsError, match=f"rows of {table} were edited"):
        assert_inputs_as_written(step_of(experiment))
    with pytest.raises(EditedRowsError, match=f"rows of {table} were edited"):
        assert_inputs_as_written(step_of(experiment, "unknown"))  # registered or not


def test_an_edited_feature_that_the_strategy_names_is_noticed_and_another_one_is_not_its_own(
    experiment: Experiment,
) -> None:
    configuration = experiment.write(strategies={"known": {"type": "factor", "quantiles": 2}}, robustness={})
    read, *_ = configured_strategy(configuration, "known").features
    other = next(each.column for each in FEATURES if each.column not in (read, "return_5") and each.scope == "symbol")
    execute(experiment, f"UPDATE features.daily SET {other} = 9.0 WHERE session = '2016-11-03'")
    assert_inputs_as_written(step_of(experiment))
    execute(experiment, f"UPDATE features.daily SET {read} = 9.0 WHERE session = '2016-11-03'")
    with pytest.raises(EditedRowsError, match=f"rows of features.daily were edited after they were written: {read}"):
        assert_inputs_as_written(step_of(experiment))


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        (
            "UPDATE strategies.target_weights SET target_weight = 0 WHERE strategy = 'unknown'",
            "strategies.target_weights",
        ),
        ("UPDATE models.regimes SET probability = 1 - probability WHERE session = '2017-02-03'", "models.regimes"),
    ],
)
def test_edited_weights_of_a_member_and_edited_regimes_stop_the_strategy_that_is_made_of_them(
    experiment: Experiment, statement: str, table: str
) -> None:
    known = {"type": "ensemble", "members": ["unknown"]}
    experiment.write(strategies={**SETTINGS["strategies"], "known": known}, robustness={})
    assert_inputs_as_written(step_of(experiment))
    execute(experiment, statement)
    with pytest.raises(EditedRowsError, match=f"rows of {table} were edited"):
        assert_inputs_as_written(step_of(experiment))


@pytest.fixture
def learnt(experiment: Experiment) -> Experiment:
    """The experiment with a model in place of rules, whose scores and metrics are on record."""
    model = {"type": "xgboost", "train_sessions": 250, "test_sessions": 60, "trees": 10}
    experiment.write(models={"forward": model}, strategies={"known": {"type": "ml", "model": "forward"}}, robustness={})
    day, base = dt.date(2016, 2, 3), {"model": "forward", "version": "v", "fold": 0}
    score = {**base, "symbol": "AAA", "session": day, "score": 0.4, "label": 0, "label_end": day}
    put(experiment, PREDICTIONS, pl.DataFrame([score], schema=PREDICTIONS.empty().schema))
    losses = [{**base, "metric": name, "value": value} for name, value in (("log_loss", 0.8), ("naive_log_loss", 0.6))]
    put(experiment, METRICS, pl.DataFrame(losses, schema=METRICS.empty().schema))
    return experiment


def put(experiment: Experiment, table: Table, frame: pl.DataFrame) -> None:
    """Write rows of the model and put them on record, as the step that makes them does."""
    work = experiment.warehouse.unit_of_work()
    work.replace(Rows("model", "forward"), {table: frame})
    written = [hash_whole(table, work.written[table], "forward")]
    record_written(Protocol.of(experiment.configuration), "models/forward", written, NOW)


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE models.predictions SET score = 0.9", "models.predictions"),
        ("UPDATE models.metrics SET value = 0.1 WHERE metric = 'log_loss'", "models.metrics"),
    ],
)
def test_edited_scores_and_metrics_of_a_model_stop_what_reads_it(
    learnt: Experiment, statement: str, table: str
) -> None:
    assert_inputs_as_written(step_of(learnt))
    execute(learnt, statement)
    with pytest.raises(EditedRowsError, match=rf"rows of {table} were edited(?s:.*)materialise models/forward"):
        assert_inputs_as_written(step_of(learnt))


def test_a_verdict_reads_no_edited_metrics_of_a_model(learnt: Experiment) -> None:
    """A fold whose log loss of 0.8 is above the naive 0.6 caps the verdict; at 0.1 it would not."""
    assert any("naive" in each for each in caps_of_data(step_of(learnt)))
    execute(learnt, "UPDATE models.metrics SET value = 0.1 WHERE metric = 'log_loss'")
    with pytest.raises(EditedRowsError, match=r"models\.metrics"):
        caps_of_data(step_of(learnt))


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE robustness.sensitivity SET chosen = NOT chosen WHERE strategy = 'known'", "robustness.sensitivity"),
        (
            "UPDATE backtests.metrics SET value = 2 * value WHERE metric = 'periods_per_year' AND split = 'train'",
            "backtests.metrics",
        ),
    ],
)
def test_edited_trials_stop_what_deflates_by_them(experiment: Experiment, statement: str, table: str) -> None:
    overfitting(step_of(experiment))  # reads what it finds
    execute(experiment, statement)
    with pytest.raises(EditedRowsError, match=f"rows of {table} were edited"):
        overfitting(step_of(experiment))


def test_rows_that_the_product_makes_anew_stand(experiment: Experiment) -> None:
    """The features of one month are edited, that month is made again: what is on record is what the product wrote."""
    execute(experiment, "UPDATE features.indicators SET atr_14 = 1.0 WHERE session = '2017-02-03'")
    with pytest.raises(EditedRowsError, match="atr_14 of 2017-02"):
        assert_inputs_as_written(step_of(experiment))
    months = Window(dt.date(2017, 2, 1), dt.date(2017, 2, 28))
    daily(replace(step_of(experiment), window=months))
    assert_inputs_as_written(step_of(experiment))


@pytest.mark.parametrize("span", [{"start": "2015-03-01"}, {"as_of": "2017-05-31"}])
def test_a_warehouse_that_is_made_anew_from_a_later_start_or_up_to_an_earlier_day_is_as_written(
    experiment: Experiment, span: dict[str, str]
) -> None:
    """No run makes the rows of the months outside any more: that they are gone is no edit."""
    configuration = experiment.write(**span)
    with duckdb.connect(str(configuration.warehouse_path)) as connection:
        for table in ("market_data.bars", "features.daily", "features.indicators"):
            connection.execute(
                f"DELETE FROM {table} WHERE session < ? OR session > ?",
                [configuration.start, configuration.as_of],
            )
    assert_inputs_as_written(step_of(experiment))
    execute(experiment, "DELETE FROM features.indicators WHERE session >= '2017-02-01' AND session < '2017-03-01'")
    with pytest.raises(EditedRowsError, match="of 2017-02"):
        assert_inputs_as_written(step_of(experiment))


def revise(experiment: Experiment, since: dt.date, until: dt.date) -> None:
    """Write bars of twice the volume in dollars, as the asset does when such bars were delivered."""
    work = experiment.warehouse.unit_of_work()
    revised = work.read(BARS).with_columns(
        pl.when(pl.col("session") >= since)
        .then(2 * pl.col("dollar_volume"))
        .otherwise("dollar_volume")
        .alias("dollar_volume")
    )
    whole = {table: work.read(table) for table in (SESSIONS, INSTRUMENTS, BORROW_RATES, RISK_FREE)}
    work.replace_together([(Whole(), {BARS: revised, **whole})])
    record_derived(Protocol.of(experiment.configuration), work, dt.date(2015, 1, 1), until, NOW)


def test_features_of_revised_bars_are_on_record_in_place_of_those_before(experiment: Experiment) -> None:
    protocol, months = Protocol.of(experiment.configuration), Window(dt.date(2017, 2, 1), dt.date(2017, 2, 28))
    before = written_on_record(protocol.read(), "small")["features.indicators"]
    revise(experiment, months.start, dt.date(2017, 6, 30))
    daily(replace(step_of(experiment), window=months))
    after = written_on_record(protocol.read(), "small")
    now = months_on_record(
        experiment.warehouse, INDICATORS, after, dt.date(2017, 6, 30), made=(dt.date.min, dt.date.max)
    )
    assert_as_written(now, after)
    differing = {part for part in before if before[part] != after["features.indicators"][part]}
    assert differing == {"2017-02"}
    (_, old), (_, new) = before["2017-02"], after["features.indicators"]["2017-02"]
    assert [column for column in old if old[column] != new[column]] == ["adv_20"]


@pytest.mark.parametrize("registration", [SETTINGS["registration"], {}])
def test_nothing_is_made_from_edited_bars_or_features_registered_or_not(
    experiment: Experiment, registration: dict[str, object]
) -> None:
    """What was made from them would be on record as written, and stay so once the edit is put back."""
    experiment.write(registration=registration)
    february = Window(dt.date(2017, 2, 1), dt.date(2017, 2, 28))
    edit = "UPDATE market_data.bars SET dollar_volume = {} WHERE session BETWEEN '2016-02-01' AND '2016-02-29'"
    execute(experiment, edit.format("1024 * dollar_volume"))
    with pytest.raises(EditedRowsError, match="bars were edited after they were written: dollar_volume of 2016-02"):
        daily(replace(step_of(experiment), window=february))
    execute(experiment, edit.format("dollar_volume / 1024"))
    daily(replace(step_of(experiment), window=february))
    execute(experiment, "UPDATE features.daily SET volatility_20 = 9.0 WHERE symbol = 'SPX' AND session = '2016-03-01'")
    with pytest.raises(EditedRowsError, match=r"features\.daily were edited after they were written: volatility_20"):
        regimes(step_of(experiment))


def test_a_model_that_no_registered_strategy_reads_is_not_trained_on_edited_features(learnt: Experiment) -> None:
    learnt.write(
        models={"forward": {"type": "xgboost", "train_sessions": 250, "test_sessions": 60, "trees": 10}},
        strategies={"known": {"type": "ml", "model": "forward"}},
        registration={},
        robustness={},
    )
    execute(learnt, "UPDATE features.daily SET return_5 = 9.0 WHERE session = '2016-03-01'")
    with pytest.raises(EditedRowsError, match=r"features\.daily were edited"):
        train(step_of(learnt), "forward")


def test_splits_without_a_holdout_take_no_check_away(experiment: Experiment) -> None:
    execute(experiment, "DELETE FROM models.splits WHERE split = 'holdout'")
    assert_inputs_as_written(step_of(experiment))
    execute(experiment, "UPDATE features.indicators SET atr_14 = 1.0 WHERE session = '2016-11-03'")
    with pytest.raises(EditedRowsError, match=r"features\.indicators"):
        assert_inputs_as_written(step_of(experiment))


def selection_of(experiment: Experiment) -> pl.DataFrame:
    overfitting(step_of(experiment))
    return experiment.warehouse.read(OVERFITTING, rows=Rows("strategy", "known")).drop("config_hash")


@pytest.mark.parametrize("evaluate", [signals, run, sensitivity])
@pytest.mark.parametrize("strategy", ["known", "unknown"])
def test_nothing_is_evaluated_on_edited_features_registered_or_not(
    experiment: Experiment, evaluate: Callable[[Step], object], strategy: str
) -> None:
    """Trials of today may be what a registration of tomorrow is deflated by."""
    before = trials_on(Protocol.of(experiment.configuration))
    execute(experiment, "UPDATE features.indicators SET atr_14 = 0.25 * atr_14 WHERE session >= '2016-01-01'")
    with pytest.raises(EditedRowsError, match=r"features\.indicators were edited after they were written: atr_14"):
        evaluate(step_of(experiment, strategy))
    assert trials_on(Protocol.of(experiment.configuration)).equals(before)


def test_a_parameter_set_is_not_tried_by_hand_on_edited_features(experiment: Experiment) -> None:
    execute(experiment, "UPDATE features.indicators SET atr_14 = 0.25 * atr_14 WHERE session >= '2016-01-01'")
    with pytest.raises(EditedRowsError, match=r"features\.indicators"):
        prepare_strategy(experiment.warehouse, experiment.configuration, "unknown", {})


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM robustness.trial_benchmarks",
        "UPDATE robustness.trial_benchmarks SET returns = list_transform(returns, lambda x: -0.5::FLOAT)",
        "UPDATE robustness.trials SET returns = list_transform(returns, lambda x: 0.5::FLOAT)",
        "DELETE FROM robustness.trials WHERE strategy = 'known'",
    ],
)
def test_the_copies_of_trials_in_the_warehouse_decide_nothing(experiment: Experiment, statement: str) -> None:
    """Their returns and what they are measured against stand in the protocol, which nobody edits unnoticed."""
    before = selection_of(experiment)
    execute(experiment, statement)
    assert selection_of(experiment).equals(before)
    assert before.filter(statistic="pbo_loss")["value"].is_not_null().all()


def test_weights_of_a_member_under_other_parameters_stop_the_strategy_that_is_made_of_it(
    experiment: Experiment,
) -> None:
    def of(stop_atr: float) -> None:
        member = {"type": "equity_momentum", "stop_atr": stop_atr}
        both = {"type": "ensemble", "members": ["unknown"]}
        experiment.write(strategies={"known": both, "unknown": member}, robustness={})

    of(2.5)
    with pytest.raises(OutdatedRowsError, match="materialise strategies/unknown and all"):
        assert_inputs_as_written(step_of(experiment))
    of(2.0)
    assert_inputs_as_written(step_of(experiment))


def test_scores_of_a_model_under_other_parameters_stop_the_strategy_that_reads_them(experiment: Experiment) -> None:
    def of(horizon: int) -> None:
        experiment.write(
            strategies={"known": {"type": "ml", "model": "learnt"}},
            models={"learnt": {"type": "ridge", "horizon": horizon}},
            robustness={},
        )

    of(5)
    made = experiment.configuration
    record_written(Protocol.of(made), "models/learnt", [settings_of_scores(made, "learnt")], NOW)
    assert_inputs_as_written(step_of(experiment))
    of(6)
    with pytest.raises(OutdatedRowsError, match="materialise models/learnt and all"):
        assert_inputs_as_written(step_of(experiment))
