"""The best names by mean rank, against plain loops over the bars."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from trading_assets.strategies import factor
from trading_assets_tests.strategies.panels import SYMBOLS, panel, rows_of
from trading_assets_tests.strategies.test_reference_rules import factor_twin


@pytest.mark.parametrize(("quantiles", "gross"), [(5, 0.8), (2, 0.5), (1, 0.8)])
def test_the_best_fifth_by_mean_rank_is_held_from_month_to_month(quantiles: int, gross: float) -> None:
    seen = panel("factor")
    # Ties, and members that leave: what random walks do not bring by themselves.
    seen = seen.with_columns(
        adv_20=(pl.col("adv_20") / 1e8).round(),
        in_universe=pl.col("in_universe") & ~((pl.col("symbol") == "S03") & (pl.col("session") > dt.date(2002, 4, 10))),
    )
    found = factor.target_weights(factor.Parameters(quantiles=quantiles, gross=gross), seen)
    weights = {(row["session"], row["symbol"]): row["target_weight"] for row in rows_of(found)}
    assert weights == factor_twin(rows_of(seen), quantiles, gross)
    assert len({session for session, _ in weights}) >= 5


def test_a_name_without_a_bar_on_the_first_session_is_left_as_it_is() -> None:
    seen = panel("factor")
    everything = factor.Parameters(quantiles=1)
    first = dt.date(2002, 3, 1)
    holed = seen.filter((pl.col("symbol") != "S02") | (pl.col("session") != first))
    rows = factor.target_weights(everything, holed).filter(session=first)
    assert rows.height == 8
    assert "S02" not in rows["symbol"].to_list()


def test_with_two_asset_classes_the_month_begins_when_both_trade() -> None:
    """Crypto trades on Sunday the 1st; the stocks on Monday."""
    seen = panel("factor").filter(pl.col("symbol").is_in(SYMBOLS[:4]))
    sundays = seen.filter(symbol="S00").with_columns(symbol=pl.lit("COIN"), asset_class=pl.lit("crypto"))
    shifted = sundays.with_columns(pl.col("session").dt.offset_by("-1d"))
    both = pl.concat([seen, sundays, shifted]).unique(["symbol", "session"]).sort("symbol", "session")
    found = factor.target_weights(factor.Parameters(quantiles=1), both)
    assert {session.day for session in found["session"] if session.month == 3} == {1}
    assert all(session.weekday() < 5 for session in found["session"])
    assert both.filter(pl.col("session").dt.weekday() == 7).height > 50
