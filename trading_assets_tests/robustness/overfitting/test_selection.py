from __future__ import annotations

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import backtest, prepare, with_parameters
from trading_assets.config.canonical import canonical
from trading_assets.market_data.tables import BARS
from trading_assets.protocol import Protocol, record_trials
from trading_assets.protocol.exposures import exposure
from trading_assets.protocol.recording import record_exposures
from trading_assets.protocol.trials import with_benchmarks
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets.robustness.overfitting.cscv import overfitting
from trading_assets.robustness.overfitting.selection import TrialMissingError, selection, statistics
from trading_assets.robustness.tables import EVERY_STRATEGY, LOGITS, OVERFITTING, SENSITIVITY, TRIALS
from trading_assets.strategies.equity_momentum import Parameters
from trading_assets.strategies.evaluation.inputs import read_frames
from trading_assets.warehouse import Rows
from trading_assets_tests.robustness.pipeline import Experiment

KNOWN, EVERY = Rows("strategy", "known"), Rows("strategy", EVERY_STRATEGY)
START, END = dt.date(2016, 1, 4), dt.date(2016, 12, 15)


def values_of(frame: pl.DataFrame) -> dict[str, float | None]:
    return dict(frame.select("statistic", "value").iter_rows())


def trial(number: int, returns: np.ndarray, **changes: object) -> dict[str, object]:
    return {
        "trial": f"t{number:03d}",
        "strategy": "s",
        "params_hash": f"p{number:03d}",
        "split": "development",
        "start": START,
        "end": END,
        "data_hash": "d",
        "sharpe": float(returns.mean() / returns.std(ddof=1) * np.sqrt(252)),
        "sessions": returns.size,
        "returns": returns.astype(np.float32).tolist(),
        "evaluated_at": dt.datetime(2020, 1, 1),
        **changes,
    }


def trials(*lines: dict[str, object]) -> pl.DataFrame:
    rows = TRIALS.conform(pl.DataFrame(list(lines), schema_overrides={"returns": pl.List(pl.Float32)}))
    return with_benchmarks(rows)


def test_a_trial_keeps_the_daily_returns_of_its_backtest(finished: Experiment) -> None:
    configuration = finished.configuration
    prepared = prepare(configuration, read_frames(finished.warehouse, configuration, "known"))
    rows = finished.warehouse.read(TRIALS).filter(strategy="known")
    assert rows.height == 4
    chosen = canonical(prepared.parameters.model_dump(mode="json"))  # a plain backtest comes before the sweep
    for row in rows.iter_rows(named=True):
        run = backtest(
            with_parameters(prepared, Parameters.model_validate(json.loads(row["params"]))),
            START,
            END,
            split="development",
        )
        expected = run.equity["daily_return"].fill_null(0.0).cast(pl.Float32).to_list()
        assert row["returns"] == pytest.approx(expected, abs=1e-9)
        source = "backtests/known" if row["params"] == chosen else "robustness/sensitivity/known"
        assert (row["source"], row["sessions"]) == (source, run.equity.height)
        assert row["run_id"]
    deepest = finished.warehouse.query("SELECT min(list_min(returns)) AS low FROM robustness.trials")["low"].item()
    assert -1 < deepest < 0


def test_statistics_on_record(finished: Experiment) -> None:
    found = finished.warehouse.read(OVERFITTING, rows=KNOWN)
    values = values_of(found)
    assert values["trials"] == 8  # its own four, and those of the other strategy of its type
    assert 1 <= (values["effective_trials"] or 0) <= 8
    chosen = finished.warehouse.read(SENSITIVITY, rows=KNOWN).filter("chosen", metric="sharpe")["value"].item()
    assert values["sharpe"] == pytest.approx(chosen, rel=1e-5)  # from returns of seven digits
    assert (values["dsr"] or 0) <= (values["psr"] or 0)
    assert found["config_hash"].unique().to_list() == [finished.configuration.hash_of_trials]
    logits = finished.warehouse.read(LOGITS, rows=KNOWN)
    assert logits["combinations"].sum() == 6  # 4 blocks, 2 of them chosen


def test_the_reality_check_is_over_all_trials_on_record(finished: Experiment) -> None:
    found = finished.warehouse.read(OVERFITTING, rows=EVERY)
    assert sorted(found["statistic"]) == ["reality_check_p", "spa_p"]
    on_record = finished.warehouse.read(TRIALS)
    assert found["trials"].unique().to_list() == [on_record["trial"].n_unique()]
    # Nothing of the holdout is in it: 241 sessions before it are too few to tell.
    assert on_record["sessions"].max() < 250 and on_record["end"].max() <= END  # type: ignore[operator]
    assert found["value"].is_null().all()


def test_trials_on_the_same_market_under_other_names_count(experiment: Experiment) -> None:
    """Renamed files, swept by another configuration: four more trials of this strategy, and of all."""
    configuration, at = experiment.configuration, dt.datetime(2026, 1, 1)
    bars = experiment.warehouse.read(BARS)
    names = ["AAA", "BBB", "CCC", "DDD"]
    renamed = [f"{name}.US" for name in names]
    elsewhere = Protocol(configuration.data, "elsewhere")
    of_universe = equal_weight_returns([bars], names, START, END)
    record_exposures(elsewhere, [exposure("sensitivity", "s", START, END, renamed, of_universe)], at)
    tried = experiment.warehouse.read(TRIALS, rows=KNOWN).with_columns(
        pl.format("renamed {}", "trial").alias("trial"),
        pl.lit("s").alias("strategy"),
        pl.lit(renamed, dtype=pl.List(pl.String)).alias("symbols"),
        pl.lit("others").alias("settings_hash"),
    )
    record_trials(elsewhere, tried, subject="s", source="robustness/sensitivity/s", now=at)
    before = [experiment.warehouse.read(OVERFITTING, rows=rows) for rows in (KNOWN, EVERY)]
    assert experiment.run("robustness/overfitting/known", "robustness/reality_check").success
    after = [experiment.warehouse.read(OVERFITTING, rows=rows) for rows in (KNOWN, EVERY)]
    own = [values_of(each[0])["trials"] for each in (before, after)]
    every = [each[1]["trials"].max() for each in (before, after)]
    assert (own, every) == ([8, 12], [8, 12])


def test_every_parameter_set_ever_tried_counts_once() -> None:
    drawn = np.random.default_rng(1).normal(0, 0.01, (6, 120))
    old = {"data_hash": "before", "evaluated_at": dt.datetime(2019, 1, 1)}
    lines = [trial(number, drawn[number]) for number in range(3)]
    lines += [trial(10, drawn[3], **old), trial(11, drawn[4], params_hash="p000", **old)]
    lines += [{**trial(12, drawn[5], **old), "returns": None}]  # a row of version 0.1
    found = selection("s", trials(*lines), "t000", periods=252, blocks=4, config_hash="c")
    values = values_of(found.statistics)
    assert values["trials"] == 5  # p000 was tried on two states of the data
    assert values["effective_trials"] == 5  # three of this span, and each of the two others
    assert found.statistics.filter(statistic="pbo")["trials"].item() == 3
    OVERFITTING.validate(found.statistics)
    LOGITS.validate(found.logits)


def test_more_trials_deflate_more() -> None:
    drawn = np.random.default_rng(2).normal(0.0005, 0.01, (40, 500))
    chosen = int(np.argmax(drawn.mean(axis=1) / drawn.std(axis=1)))
    lines = [trial(number, row) for number, row in enumerate(drawn)]
    few = [lines[chosen], *[line for number, line in enumerate(lines[:6]) if number != chosen]]
    deflated = [
        values_of(selection("s", trials(*some), f"t{chosen:03d}", periods=252, blocks=4, config_hash="c").statistics)
        for some in (few, lines)
    ]
    for name in ("dsr", "dsr_effective", "haircut_sharpe"):
        assert deflated[0][name] > deflated[1][name]  # type: ignore[operator]
    assert deflated[0]["psr"] == deflated[1]["psr"]


def test_other_types_and_copies_under_another_name_deflate_more_and_twins_do_not() -> None:
    drawn = np.random.default_rng(3).normal(0.0006, 0.01, (30, 500))
    lines = [trial(number, row) for number, row in enumerate(drawn[:10])]

    def found(*own: dict[str, object], **options: object) -> dict[str, float | None]:
        arguments = {"periods": 252, "blocks": 4, "config_hash": "c", **options}
        return values_of(selection("s", trials(*own), "t000", **arguments).statistics)  # type: ignore[arg-type]

    alone = found(*lines)
    assert (alone["distinct_trials"], alone["types"]) == (10, 1)
    three = found(*lines, types=3)
    assert 1 - three["dsr"] == pytest.approx(3 * (1 - alone["dsr"]))  # type: ignore[operator]
    copies = [trial(100 + number, row, type="own.copy") for number, row in enumerate(drawn[10:])]
    pooled = found(*lines, alike=trials(*copies))
    assert pooled["distinct_trials"] == 30
    assert pooled["dsr"] < alone["dsr"]  # type: ignore[operator]
    assert found(*lines, alike=trials(*copies).clear()) == alone
    # The same returns under 20 other parameter sets: no further trial, and no narrower spread.
    twins = found(*lines, *(trial(200 + number, drawn[4]) for number in range(20)))
    assert (twins["trials"], twins["distinct_trials"]) == (30, 10)
    assert twins["dsr"] == pytest.approx(alone["dsr"])


def test_the_choice_is_measured_against_the_benchmarks_on_record() -> None:
    drawn = np.random.default_rng(4).normal(0.001, 0.0005, (4, 200))
    drawn[3] += 0.0005  # the best of any half
    lines = [trial(number, row) for number, row in enumerate(drawn)]
    rows = pl.DataFrame(
        {"trial": [line["trial"] for line in lines[:4]], "returns": [[0.002] * 200] * 3 + [[0.002] * 199]},
        schema_overrides={"returns": pl.List(pl.Float32)},
    )

    def loss(benchmarks: pl.DataFrame | None) -> float | None:
        measured = with_benchmarks(trials(*lines).drop("benchmark_returns"), benchmarks)
        some = selection("s", measured, "t000", periods=252, blocks=4, config_hash="c")
        return values_of(some.statistics)["pbo_loss"]

    assert loss(None) is None, "what nobody knows is no pass"
    assert loss(rows.head(0)) is None
    # Every trial earns less than the benchmark, also the best one: its own row is not of its sessions, so it is
    # measured against those of the others.
    assert loss(rows) == loss(rows.head(3)) == 1.0
    cash = rows.with_columns(returns=pl.lit([0.0] * 200, pl.List(pl.Float32)))
    assert loss(cash) == 0.0
    # The one that asks for most of them: the best trial earns 0.15 % a day, more than cash and less than 0.2 %.
    assert loss(pl.concat([rows.head(1), cash[1:3]])) == 1.0


def test_twins_are_one_set_where_the_choice_is_cross_validated() -> None:
    """One set with an edge among five without: it is best everywhere, so PBO is 0, however many copies it has."""
    drawn = np.random.default_rng(5).normal(0.0, 0.01, (6, 800))
    drawn[0] += 0.004
    copies = drawn[0] + np.random.default_rng(6).normal(0.0, 0.0005, (40, 800))

    def found(rows: np.ndarray) -> pl.DataFrame:
        lines = [trial(number, row) for number, row in enumerate(drawn)]
        lines += [trial(100 + number, row) for number, row in enumerate(rows)]
        return selection("s", trials(*lines), "t000", periods=252, blocks=8, config_hash="c").statistics

    raw = overfitting(np.vstack([drawn, copies]), 8)
    assert raw is not None and raw.probability > 0.3, "the best of many twins in one half is any of them in the other"
    alone, copied = found(copies[:0]), found(copies)
    assert values_of(alone)["pbo"] == values_of(copied)["pbo"] == 0.0
    assert copied.filter(statistic="pbo")["trials"].item() == 6


def test_sets_that_are_all_alike_are_no_choice() -> None:
    same = np.random.default_rng(6).normal(0.001, 0.01, 400)
    found = selection("s", trials(*(trial(n, same) for n in range(8))), "t000", periods=252, blocks=4, config_hash="c")
    assert values_of(found.statistics)["pbo"] is None
    assert found.statistics.filter(statistic="pbo")["trials"].item() == 1


def test_one_trial_is_no_choice() -> None:
    found = selection(
        "s",
        trials(trial(0, np.random.default_rng(0).normal(0.001, 0.01, 200))),
        "t000",
        periods=252,
        blocks=4,
        config_hash="c",
    )
    values = values_of(found.statistics)
    assert values["pbo"] is None and found.logits.is_empty()
    assert values["dsr"] == pytest.approx(values["psr"], rel=1e-12)


def test_a_run_that_never_traded() -> None:
    flat = np.zeros((1, 100))
    values = statistics(flat[0], flat, sharpes=np.array([]), distinct_trials=1, raw_trials=1, types=1, periods=252)
    assert values["trials"] == 1 and values["effective_trials"] == 1
    assert {values[name] for name in ("psr", "dsr", "min_track_record", "haircut_sharpe")} == {None}


def test_a_chosen_trial_that_is_not_on_record() -> None:
    with pytest.raises(TrialMissingError, match="robustness/sensitivity/s"):
        selection("s", trials(trial(0, np.arange(10.0))), "other", periods=252, blocks=4, config_hash="c")
