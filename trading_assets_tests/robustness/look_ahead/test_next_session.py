"""The session after a cut: its open is true, all else is not, and no record up to the cut may know it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from trading_assets.backtests.engine.simulate import simulate
from trading_assets.backtests.tables import DECISIONS, EQUITY, FILLS
from trading_assets.robustness.look_ahead.next_session import (
    run_until,
    run_whole,
    same_until,
    session_after,
    with_next_session,
)
from trading_assets.robustness.look_ahead.point_in_time import known_at
from trading_assets_tests.backtests.frames import frames, loaded, prepare_strategy
from trading_assets_tests.robustness.look_ahead.test_audit import DAYS, market_snapshot

CUT = 250


def test_the_next_open_alone_is_true() -> None:
    whole, cut = market_snapshot(), DAYS[CUT]
    following = session_after(whole.days, cut)
    assert following == DAYS[CUT + 1]
    near = with_next_session(known_at(whole, cut), whole, cut, 1)
    assert near.bars["session"].max() == near.sessions["session"].max() == following
    known = pl.col("session") <= cut
    assert near.bars.filter(known).equals(whole.bars.filter(known))
    coming, true = (each.filter(session=following) for each in (near.bars, whole.bars))
    assert coming.select("symbol", "open", "split_ratio", "forward_factor").equals(
        true.select("symbol", "open", "split_ratio", "forward_factor")
    )
    assert (coming["close"] != true["close"]).all()
    last = known_at(whole, DAYS[-1])
    assert session_after(whole.days, DAYS[-1]) is None
    assert with_next_session(last, whole, DAYS[-1], 1) is last


def test_a_run_that_knows_a_later_bar_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    """A run on other bars from a session on records the same before it, and other equity at it."""
    tables = frames(260)
    configuration = loaded(tmp_path, strategies={"momentum": {"type": "equity_momentum", "trend_slope": -1.0}})
    late = pl.col("session") > DAYS[240]
    columns = ("open", "high", "low", "close")
    other = tables.bars.with_columns(
        pl.when(late).then(pl.col(name) * 1.01).otherwise(name).alias(name) for name in columns
    )
    one, two = (prepare_strategy(configuration, "momentum", each) for each in (tables, replace(tables, bars=other)))
    runs = [simulate(each.market, each.signals, each.run_parameters, each.settings) for each in (one, two)]
    row = one.axes.sessions.index(DAYS[240])
    assert runs[0].fills.size > 0
    assert same_until(row, *runs)
    assert not same_until(len(one.axes.sessions) - 1, *runs)
    traded, unseen = run_until(lambda: one, lambda: two, DAYS[240])
    assert traded is unseen
    traded, unseen = run_until(lambda: one, lambda: two, DAYS[259])
    assert not traded[EQUITY].equals(unseen[EQUITY])
    whole = run_whole(one)
    assert set(whole) == {DECISIONS, FILLS, EQUITY}
    assert all(whole[table].equals(traded[table]) for table in whole)
