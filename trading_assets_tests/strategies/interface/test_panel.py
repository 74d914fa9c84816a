"""What a strategy sees, and the signals that it makes of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from trading_assets.strategies.interface.panel import build_panel, columns_of, evaluate, signal_rows
from trading_assets.strategies.interface.rules import ExitRule, Rules, Trigger
from trading_assets.strategies.tables import SIGNALS
from trading_assets_tests.backtests.frames import BENCHMARK, SYMBOLS, frames, weekdays
from trading_assets_tests.narrow import as_date

CLOSE = pl.col("adj_close")


def rules(**changes: Any) -> Rules:
    """Enters when the close rose over a session, leaves when it fell."""
    rise = CLOSE / CLOSE.shift(1) - 1
    values: dict[str, Any] = {
        "eligible": pl.col("ma_20").is_not_null(),
        "triggers": (Trigger("up", rise, 0.0, rise), Trigger("jump", rise, 0.02, -rise)),
        "exits": {"fell": rise < 0},
        "exit": ExitRule("fell"),
        "exit_reason": "fell",
        **changes,
    }
    return Rules(**values)


def panel(**changes: pl.DataFrame) -> pl.DataFrame:
    tables = frames(120)
    parts = {"bars": tables.bars, "indicators": tables.indicators, "universe": tables.universe} | changes
    return build_panel(**parts, symbols=list(SYMBOLS), benchmarks={"equity": BENCHMARK})


def rows(of: Rules, on: pl.DataFrame) -> pl.DataFrame:
    return signal_rows("s", of, on, stop_atr=2.0, risk_per_trade=0.0075, max_position=0.15)


def test_a_row_is_a_usable_bar_of_the_strategys_symbols() -> None:
    made = panel()
    assert made["symbol"].unique().sort().to_list() == list(SYMBOLS)
    assert made.height == 120 * len(SYMBOLS)
    bars = frames(120).bars
    extreme = pl.when((pl.col("symbol") == "BBB") & (pl.col("session") == weekdays(120)[60])).then(
        pl.lit(["extreme_move"])
    )
    assert panel(bars=bars.with_columns(flags=extreme.otherwise("flags"))).height == made.height - 1


def test_the_benchmark_is_that_of_the_same_session() -> None:
    known = frames(120).indicators.filter(symbol=BENCHMARK).select("session", wanted="roc_60")
    made = panel().join(known, on="session", how="left")
    assert made["benchmark_roc_60"].equals(made["wanted"].alias("benchmark_roc_60"), null_equal=True)
    assert made["benchmark_roc_60"].null_count() == 60 * len(SYMBOLS)


def test_a_shift_never_reaches_another_symbol() -> None:
    found = evaluate(rules(), panel())
    assert found.group_by("symbol", maintain_order=True).first()["strength_0"].null_count() == len(SYMBOLS)


def test_outside_its_spells_a_symbol_is_not_eligible() -> None:
    days = weekdays(120)
    spells = pl.DataFrame(
        {
            "symbol": ["AAA", "AAA", "BBB"],
            "start": [days[30], days[90], days[0]],
            "end": [days[50], None, days[70]],
        }
    )
    eligible = evaluate(rules(), panel(universe=spells)).filter("eligible")
    assert eligible.filter(symbol="AAA")["session"].to_list() == days[30:51] + days[90:]
    assert eligible.filter(symbol="BBB")["session"].to_list() == days[19:71]
    assert set(eligible["symbol"]) == {"AAA", "BBB"}


def test_signals_are_every_firing_and_the_first_session_of_an_exit() -> None:
    made = panel().filter(symbol="AAA")
    rise = (made["adj_close"] / made["adj_close"].shift(1) - 1).to_list()
    found = rows(rules(), made)
    SIGNALS.validate(SIGNALS.conform(found))
    sessions = made["session"].to_list()
    up = [t for t in range(19, 120) if rise[t] >= 0]
    enter = found.filter(action="enter")
    assert enter["session"].to_list() == [sessions[t] for t in up]
    assert enter["reason"].to_list() == ["jump" if rise[t] >= 0.02 else "up" for t in up]
    assert enter["score"].to_list() == pytest.approx([-rise[t] if rise[t] >= 0.02 else rise[t] for t in up])
    fell = [t for t in range(1, 120) if rise[t] < 0 and not (rise[t - 1] or 0) < 0]
    assert found.filter(action="exit")["session"].to_list() == [sessions[t] for t in fell]
    assert set(found.filter(action="exit")["target_weight"]) == {0.0}


def test_target_weight_is_risk_over_stop_distance_up_to_the_cap() -> None:
    made = panel().filter(symbol="AAA")
    found = rows(rules(), made).filter(action="enter").join(made, on="session")
    wanted = [min(0.15, 0.0075 * row["adj_close"] / (2 * row["atr_14"])) for row in found.iter_rows(named=True)]
    assert found["target_weight"].to_list() == pytest.approx(wanted)


def test_a_strategy_without_an_exit_rule_has_no_exit_rows() -> None:
    assert set(rows(rules(exit=None), panel())["action"]) == {"enter"}


def test_columns_are_those_that_the_expressions_name() -> None:
    assert columns_of(rules(exits={"x": pl.col("adx_14") > 20})) == {
        "adj_close",
        "ma_20",
        "adx_14",
        "roc_60",
        "benchmark_roc_60",
    }


def test_signals_up_to_a_session_do_not_know_what_follows() -> None:
    """Prefix invariance, on the rows as they are written."""
    tables, cut = frames(120), weekdays(120)[79]
    short = {name: getattr(tables, name).filter(pl.col("session") <= cut) for name in ("bars", "indicators")}
    before = rows(rules(), panel(**short))
    assert before.equals(rows(rules(), panel()).filter(pl.col("session") <= cut))
    assert as_date(before["session"].max()) >= cut - dt.timedelta(days=7)
