"""Trials of a data folder: recorded once a name, read across configurations, checked against the chain."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import polars as pl
import pytest

from trading_assets.protocol import LedgerTamperedError, Protocol, record_trials, trials_on
from trading_assets.protocol.trials import own_first, with_benchmarks
from trading_assets.protocol.trials_table import TRIALS

NOON = dt.datetime(2026, 11, 21, 12)


def trials(
    *names: str, strategy: str = "trend", symbols: tuple[str, ...] = ("A", "B"), year: int = 2020
) -> pl.DataFrame:
    rows = [
        {
            "trial": name,
            "strategy": strategy,
            "type": "equity_momentum",
            "params_hash": f"p{name}",
            "params": "{}",
            "symbols": list(symbols),
            "settings_hash": "s",
            "split": "development",
            "start": dt.date(year, 1, 2),
            "end": dt.date(year, 1, 6),
            "data_hash": "d",
            "sharpe": 1.5,
            "sessions": 3,
            "returns": [0.01, -0.02, 0.1],
            "source": "backtests/trend",
            "run_id": "run",
            "evaluated_at": NOON,
        }
        for name in names
    ]
    return pl.DataFrame(rows, schema=TRIALS.empty().schema)


def record(protocol: Protocol, rows: pl.DataFrame) -> int | None:
    found = record_trials(protocol, rows, subject="trend", source="backtests/trend", now=NOON)
    return None if found is None else found.payload["count"]


def test_trials_come_back_as_they_were(tmp_path: Path) -> None:
    protocol, rows = Protocol(tmp_path, "a"), trials("1", "2")
    assert record(protocol, rows) == 2
    found = trials_on(protocol)
    assert found["configuration"].to_list() == ["a", "a"]
    assert found.drop("configuration").equals(rows)


def test_a_trial_on_record_is_not_recorded_again(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "a")
    record(protocol, trials("1", "2"))
    rows = len(protocol.read())
    assert record(protocol, trials("2", "1")) is None
    assert len(protocol.read()) == rows
    assert record(protocol, trials("2", "3")) == 1
    assert trials_on(protocol)["trial"].to_list() == ["1", "2", "3"]


def test_a_trial_that_gives_other_returns_is_recorded_again_and_counts_as_it_was_last_evaluated(tmp_path: Path) -> None:
    """The same settings and bars gave 9 % on the last day when the features were edited, and 10 % without."""
    protocol, honest = Protocol(tmp_path, "a"), trials("1", "2")
    edited = honest.with_columns(returns=pl.Series([[0.01, -0.02, 0.09]] * 2, dtype=pl.List(pl.Float32)))
    assert [record(protocol, rows) for rows in (edited.head(1), honest, honest, edited)] == [1, 2, None, 2]
    assert trials_on(protocol).drop("configuration").equals(edited)
    assert record(protocol, honest.head(1)) == 1
    found = trials_on(protocol).sort("trial")
    assert found["returns"].to_list() == [honest["returns"][0].to_list(), edited["returns"][1].to_list()]


def test_what_a_trial_is_measured_against_is_part_of_its_record(tmp_path: Path) -> None:
    """A plain backtest knows none; a sweep of the same trial does, and a backtest after it takes nothing away."""
    protocol, rows = Protocol(tmp_path, "a"), trials("1", "2")

    def swept(first: float) -> pl.DataFrame:
        series = pl.Series([[first, 0.0, 0.0]] * 2, dtype=pl.List(pl.Float32))
        return with_benchmarks(rows, pl.DataFrame({"trial": ["1", "2"], "returns": series}))

    steps = (rows, swept(0.5), rows, swept(0.5), swept(0.25))
    assert [record(protocol, each) for each in steps] == [2, 2, None, None, 2]
    found = trials_on(protocol, columns=[*TRIALS.columns, "benchmark_returns"])
    assert found.drop("configuration").equals(swept(0.25))
    with duckdb.connect(str(protocol.path)) as connection:
        connection.execute("UPDATE protocol.trials SET benchmark_returns = NULL WHERE trial = '1'")
    with pytest.raises(LedgerTamperedError, match=r"rows of main\.trials were edited"):
        trials_on(protocol)


def test_what_a_strategy_evaluated_itself_comes_before_the_same_trial_of_others(tmp_path: Path) -> None:
    record(Protocol(tmp_path, "a"), trials("1", "2"))
    record(Protocol(tmp_path, "b"), trials("1", "3"))
    record(Protocol(tmp_path, "b"), trials("1", "4", strategy="copy"))
    found = own_first(trials_on(Protocol(tmp_path, "b")), "b", "trend").sort("trial")
    names = [("b", "trend", "1"), ("a", "trend", "2"), ("b", "trend", "3"), ("b", "copy", "4")]
    assert found.select("configuration", "strategy", "trial").rows() == names


def test_another_name_or_configuration_is_a_row_more_of_the_same_trial(tmp_path: Path) -> None:
    record(Protocol(tmp_path, "a"), trials("1"))
    assert record(Protocol(tmp_path, "a"), trials("1", strategy="renamed")) == 1
    assert record(Protocol(tmp_path, "b"), trials("1")) == 1
    found = trials_on(Protocol(tmp_path, "c"))
    names = [("a", "trend", "1"), ("a", "renamed", "1"), ("b", "trend", "1")]
    assert found.select("configuration", "strategy", "trial").rows() == names


def test_trials_are_chosen_by_symbols_and_span(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "a")
    record(protocol, trials("1", symbols=("A", "B")))
    record(protocol, trials("2", symbols=("C",), year=2021))
    record(protocol, trials("3").with_columns(symbols=pl.lit(None, pl.List(pl.String))))
    assert trials_on(protocol, ["B", "Z"])["trial"].to_list() == ["1", "3"]
    assert trials_on(protocol, ["Z"])["trial"].to_list() == ["3"]
    assert trials_on(protocol, start=dt.date(2020, 1, 7))["trial"].to_list() == ["2"]
    assert trials_on(protocol, end=dt.date(2020, 1, 2), columns=["trial"]).rows() == [("a", "1"), ("a", "3")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE protocol.trials SET sharpe = 0.1",
        "UPDATE protocol.trials SET returns = [0.01, -0.02, 0.11]",
        "UPDATE protocol.trials SET symbols = ['Z']",
        "DELETE FROM protocol.trials WHERE trial = '2'",
    ],
)
def test_an_edited_trial_is_noticed(tmp_path: Path, statement: str) -> None:
    protocol = Protocol(tmp_path, "a")
    record(protocol, trials("1", "2"))
    with duckdb.connect(str(protocol.path)) as connection:
        connection.execute(statement)
    with pytest.raises(LedgerTamperedError, match=r"rows of main\.trials were edited"):
        trials_on(protocol)


def test_rows_of_the_first_version_can_be_kept(tmp_path: Path) -> None:
    """Rows of version 0.1.0 have neither type nor symbols nor returns."""
    old = ("type", "params", "symbols", "settings_hash", "returns", "source", "run_id", "sharpe")
    protocol = Protocol(tmp_path, "a")
    rows = trials("1").with_columns(pl.lit(None, TRIALS.columns[name].dtype).alias(name) for name in old)
    assert record(protocol, rows) == 1
    assert trials_on(protocol).drop("configuration").equals(rows)
