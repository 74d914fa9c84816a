"""Trials on a market count under whatever names its symbols had."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl

from trading_assets.protocol import Protocol
from trading_assets.protocol.exposures import exposure
from trading_assets.protocol.recording import record_exposures
from trading_assets.protocol.same_market import TradedMarket, state_of_trials, trials_on_markets
from trading_assets_tests.protocol.test_trials import NOON, record, trials

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=day) for day in range(200)]


def returns(seed: int, shared: float = 0.0) -> pl.DataFrame:
    """Daily returns that correlate by `shared` with those of seed 0."""
    draws = [np.random.default_rng(each).normal(0.0, 0.01, len(DAYS)) for each in (0, seed)]
    return pl.DataFrame({"session": DAYS, "value": shared * draws[0] + (1 - shared**2) ** 0.5 * draws[1]})


def evaluate(protocol: Protocol, name: str, symbols: tuple[str, ...], of_universe: pl.DataFrame) -> None:
    entry = exposure("sensitivity", name, DAYS[0], DAYS[-1], symbols, of_universe)
    record_exposures(protocol, [entry], NOON)
    record(protocol, trials(name, strategy=name, symbols=symbols))


def test_a_universe_of_the_same_returns_is_the_same_market_and_others_are_not(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "a")
    evaluate(protocol, "own", ("SPY",), returns(0, 1.0))
    evaluate(protocol, "renamed", ("IVV",), returns(1, 0.99))
    evaluate(protocol, "inverse", ("SH",), returns(2, -0.9))
    evaluate(protocol, "other", ("GLD",), returns(3, 0.5))
    market = TradedMarket(("SPY",), returns(0, 1.0), DAYS[0], DAYS[-1])
    found = trials_on_markets(Protocol(tmp_path, "b"), [market])
    assert found["trial"].to_list() == ["own", "renamed", "inverse"]
    assert found["symbols"].to_list() == [["SPY"]] * 3, "names decide nothing"


def test_trials_that_share_a_symbol_keep_their_names_and_those_without_returns_need_one(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "a")
    evaluate(protocol, "wider", ("SPY", "QQQ"), returns(4))
    record(protocol, trials("unknown", symbols=("OLD",)))
    record(protocol, trials("older").with_columns(symbols=pl.lit(None, pl.List(pl.String))))
    market = TradedMarket(("SPY",), returns(0, 1.0), DAYS[0], DAYS[-1])
    found = trials_on_markets(protocol, [market])
    assert found.select("trial", "symbols").rows() == [("wider", ["SPY", "QQQ"]), ("older", None)]
    assert trials_on_markets(protocol, [])["trial"].to_list() == ["older"]


def test_the_state_of_trials_changes_with_a_trial_or_a_universe_and_with_nothing_else(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "a")
    evaluate(protocol, "own", ("SPY",), returns(0, 1.0))
    before = state_of_trials(protocol)
    protocol.append("evidence", None, {"asset": "features/daily"}, now=NOON)
    evaluate(protocol, "own", ("SPY",), returns(0, 1.0))  # on record
    entry = exposure("backtests", "own", DAYS[0], DAYS[9], ("SPY",), returns(0, 1.0))
    record_exposures(protocol, [entry], NOON)  # of a universe that is
    assert state_of_trials(protocol) == before
    record(protocol, trials("another", symbols=("SPY",)))
    with_trial = state_of_trials(protocol)
    record_exposures(protocol, [exposure("models", "m", DAYS[0], DAYS[9], ("IVV",), returns(1, 0.99))], NOON)
    assert with_trial != before and state_of_trials(protocol) not in (before, with_trial)
