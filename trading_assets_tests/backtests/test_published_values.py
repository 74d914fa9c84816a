"""A published example through the strategy interface: GOOG, means of 10 and 30 sessions, flips at each cross.

The bars and the reference are of the backtesting package (backtesting.py 0.6): no costs, orders at the next open,
0.9999 of the equity in whole shares, the last trade finalised at the open of the last bar.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.backtest import backtest, metrics_of
from trading_assets.backtests.results.run_tables import Result
from trading_assets.market_data.tables import BARS
from trading_assets_tests.backtests.frames import frames_of, loaded, prepare_strategy

CASH = 10_000.0
WIDE = {"max_symbol": 1.0, "max_sector": 1.0, "max_gross": 1.0, "var_limit": 1.0}
WIDE |= {"daily_loss_limit": 1.0, "drawdown_limit": 1.0}
FREE = {"equity": {"fee_bps": 0, "slippage_bps": 0, "tick": 0}, "noise": "off", "borrow_bps": 0}


@pytest.fixture(scope="module")
def reference() -> Any:
    """Statistics of the reference; `_trades` and `_equity_curve` among them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from backtesting import Backtest, Strategy
        from backtesting.lib import crossover
        from backtesting.test import GOOG, SMA

        class Cross(Strategy):  # type: ignore[misc]
            def init(self) -> None:
                self.fast = self.I(SMA, self.data.Close, 10)
                self.slow = self.I(SMA, self.data.Close, 30)

            def next(self) -> None:
                if crossover(self.fast, self.slow):
                    self.position.close()
                    self.buy()
                elif crossover(self.slow, self.fast):
                    self.position.close()
                    self.sell()

        return Backtest(GOOG, Cross, cash=CASH, commission=0, finalize_trades=True).run()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, dict[str, float]]:
    """The same by a configuration, and its metrics by name."""
    bars = goog()
    days = bars["session"]
    configuration = loaded(
        tmp_path_factory.mktemp("goog"),
        benchmarks={},
        risk={"starting_equity": CASH} | WIDE,
        costs=FREE,
        strategies={"cross": {"type": "trading_assets_tests.backtests.sma_cross", "last": days[-2]}},
    )
    prepared = prepare_strategy(configuration, "cross", frames_of(bars))
    result = backtest(prepared, days[0], days[-1], split="full")
    return result, dict(metrics_of(prepared, result).select("metric", "value").iter_rows())


def goog() -> pl.DataFrame:
    """Bars of GOOG, 2004-08-19 to 2013-03-01, which had no split or dividend then."""
    from backtesting.test import GOOG

    prices = ("open", "high", "low", "close")
    columns = {name: GOOG[name.title()].to_numpy(dtype=float) for name in (*prices, "volume")}
    rows = pl.DataFrame({"session": GOOG.index.to_numpy(dtype="datetime64[D]"), **columns})
    return BARS.conform(
        rows.with_columns(
            symbol=pl.lit("GOOG"),
            asset_class=pl.lit("equity"),
            split_ratio=pl.lit(1.0),
            cash_dividend=pl.lit(0.0),
            forward_factor=pl.lit(1.0),
            dollar_volume=pl.col("close") * pl.col("volume"),
            flags=pl.lit([], dtype=pl.List(pl.String)),
            source=pl.lit("backtesting"),
            **{f"adj_{name}": pl.col(name) for name in prices},
        )
    )


def test_the_reference_is_the_published_one(reference: Any) -> None:
    assert len(reference._trades) == 66
    assert reference["Equity Final [$]"] == pytest.approx(51_422.99, abs=0.005)
    assert reference["Sharpe Ratio"] == pytest.approx(0.5806232, abs=5e-8)
    assert reference["Max. Drawdown [%]"] == pytest.approx(-47.980127, abs=5e-7)


def test_trade_by_trade(reference: Any, ours: tuple[Result, dict[str, float]]) -> None:
    trades, theirs = ours[0].trades.sort("entry_session"), reference._trades.sort_values("EntryBar")
    assert trades.height == len(theirs) == 66
    for column, name in (("entry_session", "EntryTime"), ("exit_session", "ExitTime")):
        assert trades[column].to_list() == theirs[name].dt.date.tolist()
    assert trades["quantity"].to_list() == theirs["Size"].abs().tolist()
    assert trades["side"].to_list() == ["long" if size > 0 else "short" for size in theirs["Size"]]
    for column, name in (("entry_price", "EntryPrice"), ("exit_price", "ExitPrice"), ("pnl", "PnL")):
        np.testing.assert_allclose(trades[column], theirs[name], rtol=1e-12, atol=1e-8)


def test_session_by_session(reference: Any, ours: tuple[Result, dict[str, float]]) -> None:
    np.testing.assert_allclose(ours[0].equity["equity"], reference._equity_curve["Equity"], rtol=1e-12)


def test_figures(ours: tuple[Result, dict[str, float]]) -> None:
    """The reference compounds its Sharpe: geometric mean a year over the deviation of compounded returns."""
    result, metrics = ours
    returns = result.equity["daily_return"].to_numpy()[1:]
    mean = np.exp(np.log1p(returns).mean())
    deviation = np.sqrt((returns.var(ddof=1) + mean**2) ** 252 - mean ** (2 * 252))
    assert result.equity["equity"][-1] == pytest.approx(51_422.99, abs=0.005)
    assert (mean**252 - 1) / deviation == pytest.approx(0.5806232, abs=5e-8)
    assert metrics["max_drawdown"] == pytest.approx(-0.47980127, abs=5e-9)
    assert metrics["trades"] == 66
