"""Rules across the symbols of an asset class. What they say about a session depends on no later one.

Each takes bars sorted by symbol and session and answers row by row (Boolean series).
"""

from __future__ import annotations

import math

import polars as pl

from trading_assets.config.quality import LOOK_BACK, Quality
from trading_assets.market_data.bar_windows import previous
from trading_assets.market_data.quality.values import PRICES

#: Logarithm of the ratios that count as one: a quarter of a percent either way.
_ONE_RATIO = math.log1p(0.005)
_MARKET = ("asset_class", "session")


def stale_days(bars: pl.DataFrame, quality: Quality) -> pl.Series:
    """Bars that repeat all prices of the symbol's bar before, in sessions in which most bars do."""
    repeats = pl.all_horizontal((pl.col(name) == previous(name)).fill_null(False) for name in PRICES)
    marked = bars.select(*_MARKET, repeats=repeats)
    sizes = marked.group_by(_MARKET).agg(pl.len(), pl.col("repeats").sum())
    stale = sizes.filter(
        pl.col("repeats") > quality.most_symbols * pl.col("len"), pl.col("len") >= quality.fewest_symbols
    )
    if stale.is_empty():
        return pl.zeros(bars.height, dtype=pl.Boolean, eager=True)
    on_stale_day = marked.join(stale.select(*_MARKET, stale=True), on=_MARKET, how="left", maintain_order="left")
    return on_stale_day.select(pl.col("repeats") & pl.col("stale").fill_null(False)).to_series()


def copies(bars: pl.DataFrame, quality: Quality) -> tuple[pl.Series, pl.Series]:
    """Bars of symbols that have carried another one's bars for long: those of most symbols, and those of a few.

    A bar is another's if all prices and the volume are. Sessions in which the close did not move are no evidence
    either way: two pegged or dead coins stay two.
    """
    content = pl.struct(*_MARKET, *PRICES, "volume")
    # Most bars differ in close and volume already; whole rows are compared among the few that do not.
    some = bars.select(*_MARKET, *PRICES, "volume").with_row_index("row")
    some = some.filter(pl.struct(*_MARKET, "close", "volume").is_duplicated())
    shared = some.filter(content.is_duplicated())["row"]
    none = pl.zeros(bars.height, dtype=pl.Boolean, eager=True)
    if shared.is_empty():
        return none, none
    moved = (pl.col("close") != previous("close")).fill_null(False)
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


def common_jumps(bars: pl.DataFrame, quality: Quality) -> pl.Series:
    """Bars of symbols that moved by one ratio together with many others.

    Moves after corporate actions (`factor_change`) are compared: no news moves a fifth of a market by the same
    ratio to a quarter of a percent.
    """
    move = (pl.col("close") * pl.col("factor_change") / previous("close")).log()
    moves = bars.select(*_MARKET, move=move).with_row_index("row").drop_nulls("move")
    sizes = moves.group_by(_MARKET).len("symbols")
    far = moves.filter(pl.col("move").abs() > math.log1p(quality.jump))
    cells = far.with_columns(cell=(pl.col("move") / (_ONE_RATIO / 2)).floor().cast(pl.Int64))
    counts = cells.group_by(*_MARKET, "cell").len("here")
    # A ratio at the edge of a cell has its companions in the next one.
    beside = [
        counts.select(*_MARKET, pl.col("cell") + shift, pl.col("here").alias(name))
        for shift, name in ((1, "below"), (-1, "above"))
    ]
    together = cells.join(counts, on=[*_MARKET, "cell"], how="left")
    for neighbours in beside:
        together = together.join(neighbours, on=[*_MARKET, "cell"], how="left")
    together = together.join(sizes, on=list(_MARKET), how="left").fill_null(0)
    most = pl.col("here") + pl.max_horizontal("below", "above")
    jumped = together.filter((most >= quality.fewest_symbols) & (most >= quality.jump_share * pl.col("symbols")))
    return pl.zeros(bars.height, dtype=pl.Boolean, eager=True).scatter(jumped["row"].sort(), True)
