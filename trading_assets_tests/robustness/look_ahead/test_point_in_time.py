"""The market as it was known at a close, and with noise after it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from trading_assets.robustness.look_ahead.point_in_time import known_at, with_noise_after
from trading_assets_tests.backtests.frames import BENCHMARK
from trading_assets_tests.robustness.look_ahead.test_audit import DAYS, DELISTED, LEFT, SPLIT, market_snapshot


@pytest.mark.parametrize("cut", [DAYS[200], SPLIT, DAYS[270], DAYS[310]])
def test_what_was_known_then(cut: dt.date) -> None:
    whole = market_snapshot()
    then = known_at(whole, cut)
    assert then.bars["session"].max() == cut
    assert set(then.bars["symbol"]) == {"AAA", "BBB", "CCC", "DDD", BENCHMARK}
    delisted = then.instruments.filter(symbol="CCC")["delisted"].item()
    assert delisted == (DELISTED if cut >= DELISTED else None)
    left = then.universe.filter(symbol="BBB")["end"].item()
    assert left == (LEFT if cut >= LEFT else None)


def test_rates_are_known_from_their_day_on() -> None:
    days = [None, DAYS[200], DAYS[201]]
    whole = replace(
        market_snapshot(),
        borrow_rates=pl.DataFrame({"symbol": "AAA", "session": days}),
        risk_free=pl.DataFrame({"session": days[1:], "rate": 0.01}),
    )
    then = known_at(whole, DAYS[200])
    assert then.borrow_rates["session"].to_list() == days[:2]
    assert then.risk_free["session"].to_list() == days[1:2]


def test_noise_leaves_the_past_and_the_next_open() -> None:
    whole = market_snapshot()
    cut = DAYS[250]
    noisy, bars = with_noise_after(whole, cut, 1).bars, whole.bars
    past = pl.col("session") <= cut
    assert noisy.filter(past).equals(bars.filter(past))
    coming = pl.col("session") == DAYS[251]
    for name in ("open", "adj_open"):
        assert noisy.filter(coming)[name].equals(bars.filter(coming)[name])
    for name in ("high", "low", "close", "volume", "adj_close", "dollar_volume"):
        assert (noisy.filter(~past)[name] != bars.filter(~past)[name]).all(), name
    later = noisy.filter(pl.col("session") > DAYS[251])
    assert (later["open"] != bars.filter(pl.col("session") > DAYS[251])["open"]).all()
    inside = noisy.select(
        pl.col("low") <= pl.min_horizontal("open", "close"), pl.col("high") >= pl.max_horizontal("open", "close")
    )
    assert inside.to_numpy().all()
