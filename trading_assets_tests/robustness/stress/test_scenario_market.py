"""Scenarios as changes of bars: what must hold of the bars they make, and runs on bars changed by hand."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets.backtests.backtest import backtest, prepare
from trading_assets.config import Configuration, ConfigurationError, load_configuration
from trading_assets.config.robustness import StressScenario
from trading_assets.config.sections import Interval
from trading_assets.features.indicators import indicators
from trading_assets.robustness.stress.bar_shocks import common_factor, with_one_factor, with_shock, without_random_bars
from trading_assets.robustness.stress.scenario_market import ScenarioInputs, apply_scenario, one_a_quarter, span_of
from trading_assets.strategies.evaluation.inputs import Frames
from trading_assets_tests.backtests.frames import BENCHMARK, SYMBOLS, frames, frames_for, frames_of, loaded

NAME = "momentum"


@pytest.fixture(scope="module")
def market() -> Frames:
    return frames(sessions=600, seed=3)


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return loaded(tmp_path_factory.mktemp("scenarios"), strategies={NAME: {"type": "equity_momentum"}})


def run(configuration: Configuration, tables: Frames, scenario: StressScenario | None = None) -> pl.DataFrame:
    tables = frames_for(configuration, NAME, tables)
    prepared = prepare(configuration, tables)
    start, end = prepared.axes.sessions[260], prepared.axes.sessions[-1]
    if scenario is not None:
        prepared = apply_scenario(scenario, prepared, ScenarioInputs(configuration, lambda _: tables), start, end)
    return backtest(prepared, start, end, split="train").equity


def test_dropped_bars_are_a_share_and_the_same_whatever_else_is_there(market: Frames) -> None:
    kept = {share: without_random_bars(market.bars, SYMBOLS, share, 7) for share in (0.05, 0.1, 0.2)}
    own = market.bars.filter(pl.col("symbol").is_in(SYMBOLS)).height
    for share, bars in kept.items():
        dropped = market.bars.height - bars.height
        assert dropped == pytest.approx(share * own, abs=4 * np.sqrt(share * own))
        assert bars.filter(symbol=BENCHMARK).height == market.bars.filter(symbol=BENCHMARK).height
    fewer = kept[0.1].join(kept[0.05], on=["symbol", "session"], how="anti")
    assert fewer.is_empty(), "what is missing at 5 % is missing at 10 %"
    one = market.bars.filter(pl.col("symbol") == SYMBOLS[1])
    alone = without_random_bars(one, SYMBOLS, 0.1, 7)
    assert_frame_equal(alone, kept[0.1].filter(symbol=SYMBOLS[1]))
    until = market.bars.filter(pl.col("session") <= dt.date(2001, 6, 29))
    shorter = without_random_bars(until, SYMBOLS, 0.1, 7)
    before_last = pl.col("session") < until["session"].max()
    same = kept[0.1].join(until, on=["symbol", "session"], how="semi")
    assert_frame_equal(shorter.filter(before_last), same.filter(before_last))


def test_a_run_on_dropped_bars_is_a_run_on_bars_that_never_came(configuration: Configuration, market: Frames) -> None:
    holes = without_random_bars(market.bars, SYMBOLS, 0.1, configuration.seed)
    by_hand = frames_of(holes, sessions=market.sessions, instruments=market.instruments, indicators=indicators(holes))
    found = run(configuration, market, StressScenario(drop_bars=0.1))
    assert_frame_equal(found, run(configuration, by_hand))
    assert not found.equals(run(configuration, market))


def test_with_one_factor_every_pair_moves_as_one_by_its_own_amount(market: Frames) -> None:
    changed = with_one_factor(market.bars, SYMBOLS, common_factor([market.bars], SYMBOLS))
    was, now = (_returns(bars) for bars in (market.bars, changed))
    correlations = np.corrcoef(now.T)
    assert correlations.min() > 0.99
    assert np.corrcoef(was.T).min() < 0.5
    assert now.std(axis=0) == pytest.approx(was.std(axis=0), rel=0.02)
    assert_frame_equal(changed.filter(symbol=BENCHMARK), market.bars.filter(symbol=BENCHMARK))
    highest = changed.select(pl.max_horizontal("open", "close") <= pl.col("high") + 1e-9).to_series()
    assert highest.all()


def one_factor_in_parts() -> list[str]:
    """Hashes of the bars under one factor: of all symbols at once, one by one, and of all but the last."""
    bars = frames(sessions=1_501, seed=9).bars.sort("symbol", "session")
    alone = bars.partition_by("symbol", maintain_order=True)
    found = []
    for parts in ([bars], alone, [pl.concat(alone[:-1]), alone[-1]]):
        factor = common_factor(parts, SYMBOLS)
        changed = pl.concat(with_one_factor(part, SYMBOLS, factor) for part in parts)
        found.append(hashlib.sha256(changed.sort("symbol", "session")["adj_close"].to_numpy().tobytes()).hexdigest())
    return found


@pytest.mark.slow
def test_one_factor_is_the_same_in_parts_and_with_any_number_of_threads() -> None:
    """Polars adds up the rows of few symbols thread by thread."""
    program = f"from {__name__} import *; print(*one_factor_in_parts())"
    found = set()
    for threads in ("1", "2", "4"):
        ran = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "POLARS_MAX_THREADS": threads},
            check=True,
            capture_output=True,
            text=True,
        )
        found |= {*ran.stdout.split()}
    assert len(found) == 1


def _returns(bars: pl.DataFrame) -> np.ndarray:
    wide = bars.filter(pl.col("symbol").is_in(SYMBOLS)).pivot(on="symbol", index="session", values="adj_close")
    return np.diff(np.log(wide.sort("session").drop("session").to_numpy()), axis=0)


def test_a_shock_moves_every_price_from_its_session_on(market: Frames) -> None:
    day = market.bars["session"].unique().sort()[300]
    changed = with_shock(market.bars, day, -0.2)
    ratio = changed.select("session", ratio=changed["close"] / market.bars.sort("symbol", "session")["close"])
    before, after = (ratio.filter(side)["ratio"] for side in (pl.col("session") < day, pl.col("session") >= day))
    assert before.to_numpy() == pytest.approx(np.ones(before.len()), rel=1e-12)
    assert after.to_numpy() == pytest.approx(np.full(after.len(), 0.8), rel=1e-12)


@pytest.mark.parametrize(
    "scenario",
    [
        StressScenario(slippage=3),
        StressScenario(fees=3),
        StressScenario(delay=1),
        StressScenario(crash_sessions="quarterly"),
        StressScenario(correlation_one=True),
        StressScenario(shock={"session": dt.date(2001, 9, 3), "move": -0.3}),  # type: ignore[arg-type]
        StressScenario(slippage=2, drop_bars=0.2, crash_sessions=[dt.date(2001, 9, 3)]),
    ],
)
def test_every_scenario_changes_the_run_and_is_the_same_again(
    configuration: Configuration, market: Frames, scenario: StressScenario
) -> None:
    first = run(configuration, market, scenario)
    assert_frame_equal(run(configuration, market, scenario), first)
    assert not first.equals(run(configuration, market))


def test_one_crash_a_quarter() -> None:
    days = pl.date_range(dt.date(2001, 1, 1), dt.date(2002, 12, 31), eager=True).to_list()
    found = one_a_quarter(days, dt.date(2001, 2, 1), dt.date(2002, 11, 30), 7)
    assert [(day.year, (day.month - 1) // 3) for day in found] == [(year, q) for year in (2001, 2002) for q in range(4)]
    assert found[0] >= dt.date(2001, 2, 1) and found[-1] <= dt.date(2002, 11, 30)
    assert one_a_quarter(days, dt.date(2001, 4, 1), dt.date(2002, 11, 30), 7) == found[1:], "a quarter's own draw"
    assert one_a_quarter(days, dt.date(2001, 2, 1), dt.date(2002, 11, 30), 8) != found


D = dt.date
WINDOW = Interval(start=D(2008, 7, 1), end=D(2008, 12, 31))


@pytest.mark.parametrize(
    ("earliest", "start", "end", "expected"),
    [
        (D(2000, 1, 3), D(2005, 1, 3), D(2010, 1, 4), WINDOW),
        (D(2000, 1, 3), D(2009, 1, 3), D(2010, 1, 4), WINDOW),  # before train, but on record
        (D(2008, 7, 2), D(2009, 1, 3), D(2010, 1, 4), Interval(start=D(2008, 7, 2), end=D(2008, 12, 31))),
        (D(2008, 8, 1), D(2009, 1, 3), D(2010, 1, 4), None),  # its first month is not there
        (D(2000, 1, 3), D(2005, 1, 3), D(2008, 11, 28), None),
    ],
)
def test_a_window_is_there_from_its_first_month_to_its_last(
    earliest: dt.date, start: dt.date, end: dt.date, expected: Interval | None
) -> None:
    assert span_of(WINDOW, earliest, start, end) == expected
    assert span_of(None, earliest, start, end) == Interval(start=start, end=end)


@pytest.mark.parametrize(
    ("robustness", "what"),
    [
        ("{stress: {flash_crash: {slippage: 9}}}", "'flash_crash' is a scenario of the house"),
        ("{stress_scenarios: [flash_crush]}", "unknown scenario 'flash_crush'"),
        ("{stress: {mine: {}}}", "the scenario changes nothing"),
        ("{stress: {mine: {slipage: 2}}}", "slippage"),
        ("{stress: {mine: {drop_bars: 1.0}}}", "less than 1"),
    ],
)
def test_scenarios_that_are_none(tmp_path: Path, robustness: str, what: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "name: mine\nstart: 2000-01-01\nmarket_data: [{source: sample}]\n"
        f"strategies: {{momentum: {{type: equity_momentum}}}}\nrobustness: {robustness}\n"
    )
    with pytest.raises(ConfigurationError, match=what) as caught:
        load_configuration(file)
    assert "config.yaml" in str(caught.value)
