"""Rules across the symbols of an asset class. What they say about a session depends on no later one.

Each takes bars sorted by symbol and session and answers row by row (Boolean series).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from trading_assets.config.quality import LOOK_BACK, Quality
from trading_assets.market_data.bar_windows import previous
from trading_assets.market_data.quality.values import PRICES

#: A symbol of which this many of the last bars repeat the one before is dead or pegged, no witness of a stale day.
_DEAD, _RECENT = 5, 10
_MARKET = ("asset_class", "session")


def stale_days(bars: pl.DataFrame, quality: Quality) -> pl.Series:
    """Return bars that repeat all prices of the symbol's bar before, in sessions in which most bars of live symbols do.

    A symbol is live unless five of its ten bars before repeat theirs: dead and pegged coins say nothing about a day.
    """
    repeats = pl.all_horizontal((pl.col(name) == previous(name)).fill_null(False) for name in PRICES)
    marked = bars.select(*_MARKET, repeats=repeats)
    sizes = marked.group_by(_MARKET).agg(pl.len(), pl.col("repeats").sum())
    stale = sizes.filter(
        pl.col("repeats") > quality.most_symbols * pl.col("len"), pl.col("len") >= quality.fewest_symbols
    )
    if stale.is_empty():
        return pl.zeros(bars.height, dtype=pl.Boolean, eager=True)
    before = pl.col("repeats").cast(pl.Int8).rolling_sum(_RECENT, min_samples=1).shift(1).over("symbol")
    rows = marked.with_columns(symbol=bars["symbol"]).with_columns(live=before.fill_null(0) < _DEAD)
    live = rows.filter("live").join(stale.select(*_MARKET), on=_MARKET, how="semi")
    sizes = live.group_by(_MARKET).agg(pl.len(), pl.col("repeats").sum())
    stale = sizes.filter(
        pl.col("repeats") > quality.most_symbols * pl.col("len"), pl.col("len") >= quality.fewest_symbols
    )
    on_stale_day = rows.join(stale.select(*_MARKET, stale=True), on=_MARKET, how="left", maintain_order="left")
    return on_stale_day.select(pl.col("repeats") & pl.col("live") & pl.col("stale").fill_null(False)).to_series()


def copies(bars: pl.DataFrame, quality: Quality) -> tuple[pl.Series, pl.Series]:
    """Return bars of symbols that have carried another one's bars for long: those of most symbols, and those of a few.

    A bar is another's if all prices and the volume are. Sessions in which the close did not move, or nothing was
    traded at one price, are no evidence either way: two pegged or dead coins stay two.
    """
    content = pl.struct(*_MARKET, *PRICES, "volume")
    # Most bars differ in close and volume already; whole rows are compared among the few that do not.
    hashed = bars.select(pl.struct("session", "close", "volume").hash()).to_series().to_numpy()
    in_order = np.sort(hashed)
    several = np.unique(in_order[1:][in_order[1:] == in_order[:-1]])
    some = np.flatnonzero(np.isin(hashed, several))
    same = bars.select(*_MARKET, *PRICES, "volume")[some].select(content.is_duplicated()).to_series()
    shared = pl.Series(some).filter(same)
    none = pl.zeros(bars.height, dtype=pl.Boolean, eager=True)
    if shared.is_empty():
        return none, none
    traded = (pl.col("volume").fill_null(0.0) > 0) | (pl.max_horizontal(PRICES) > pl.min_horizontal(PRICES))
    moved = (pl.col("close") != previous("close")).fill_null(False) & traded
    rows = bars.select("symbol", *_MARKET, moved=moved).with_columns(shared=none.scatter(shared, True))
    rows = rows.with_columns(spell=(~pl.col("shared")).cum_sum().over("symbol"))
    rows = rows.with_columns(evidence=(pl.col("shared") & pl.col("moved")).cum_sum().over("symbol", "spell"))
    long_ago = pl.col("evidence").shift(LOOK_BACK).over("symbol", "spell").fill_null(0)
    rows = rows.with_columns(copied=pl.col("shared") & (pl.col("evidence") - long_ago >= quality.identical_sessions))
    found = rows.select(
        "copied",
        most=(pl.col("copied").sum().over(_MARKET) > quality.most_symbols * pl.len().over(_MARKET))
        & (pl.len().over(_MARKET) >= quality.fewest_symbols),
    )
    return found.select(pl.col("copied") & pl.col("most")).to_series(), found.select(
        pl.col("copied") & ~pl.col("most")
    ).to_series()
