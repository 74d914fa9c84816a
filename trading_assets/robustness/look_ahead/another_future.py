"""What was on record at a past close, and a future that nobody had: made of the past and of a seed.

After the close every symbol goes on from its last bar with prices, volumes, splits and flags that are drawn, on other
sessions than it really did: every session of its calendar for a while and then ever fewer, with holes, some symbols
with none at all, and the last of them is earlier than the real last. Members leave the universe. What was published is
revised, and more is published. Of what came after,
the calendar is read, which is published years ahead, and the date of the last bar.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.market_data.quality import EXTREME_MOVE
from trading_assets.market_data.tables import PUBLICATIONS
from trading_assets.robustness.look_ahead.point_in_time import (
    BETWEEN,
    VOLUME,
    WITHIN,
    MarketSnapshot,
    known_at,
)

#: Sessions after the close that all are there; of those after them one in `THIN` is.
DENSE, THIN = 40, 10
#: Of the bars of a symbol: those that are missing, and those whose move is extreme.
HOLES, EXTREME = 0.1, 0.05
#: One symbol in so many ends at the close, one splits at its next bar, one leaves the universe.
ENDING, SPLITTING, LEAVING = 8, 4, 4
#: Publications of a series.
PUBLISHED = 6
_SERIES = ("provider", "name", "symbol")
#: Of so few symbols none ends: a future without the only one that is traded, or without its benchmark, is none.
FEW = 2


@dataclass(frozen=True)
class Future:
    """What is drawn in place of what came.

    Attributes
    ----------
    bars
        Rows of `market_data.bars` after the close, by symbol and session.
    sessions
        Rows of `market_data.sessions` after it.
    universe
        Rows of `market_data.universe`: what was known of the spells, and when members leave.
    publications
        Rows of `market_data.publications` after it: of each series revisions, and further observations.
    """

    bars: pl.DataFrame
    sessions: pl.DataFrame
    universe: pl.DataFrame
    publications: pl.DataFrame

    def until(self, session: dt.date | None) -> Future:
        """Return no more of it than up to a session; None: nothing."""
        rows = pl.lit(False) if session is None else pl.col("session") <= session
        return replace(
            self,
            bars=self.bars.filter(rows),
            sessions=self.sessions.filter(rows),
            publications=self.publications.filter(rows),
        )


def draw_future(whole: MarketSnapshot, cut: dt.date, seed: int) -> Future:
    """Draw what comes after the close of `cut`.

    Parameters
    ----------
    whole
        Tables as they stand; bars sorted by symbol and session.
    cut
        Last session that is known.
    seed
        The future is drawn by seed and cut, whatever really came.
    """
    draws = np.random.Generator(np.random.PCG64([seed, cut.toordinal(), 1]))
    then = known_at(replace(whole, bars=whole.bars.clear(), parts=None), cut)
    days = _sessions_to_come(whole, cut)
    alive = then.instruments.filter(pl.col("delisted").is_null()).select("symbol", "calendar")
    last_bars = pl.concat(_last_bars(bars, cut) for bars in whole.bars_in_parts())
    last = last_bars.join(alive, on="symbol", how="inner", maintain_order="left")
    ending = -(-last.height // ENDING) if last.height > FEW else 0
    going_on = draws.permutation(last.height) >= ending
    splits = draws.permutation(last.height) < -(-last.height // SPLITTING)
    rows = (
        last.with_columns(pl.Series("splits", splits))
        .filter(pl.Series(going_on))
        .drop("session")
        .join(days, on="calendar", how="inner")
        .sort("symbol", "session")
    )
    return Future(
        bars=_drawn(rows, draws).select(whole.bars.columns),
        sessions=days.select(then.sessions.columns),
        universe=_with_leavers(then.universe, cut, draws),
        publications=_publications_to_come(then, cut, draws),
    )


def followed_by(then: MarketSnapshot, future: Future) -> MarketSnapshot:
    """Return what was on record at a close, see `known_at`, and the future that was drawn for it."""
    return replace(
        then.continued(future.bars),
        sessions=pl.concat([then.sessions, future.sessions]),
        universe=future.universe,
        publications=None if then.publications is None else then.publications.followed_by(future.publications),
    )


def _last_bars(bars: pl.DataFrame, cut: dt.date) -> pl.DataFrame:
    """The last bar of each symbol up to the cut."""
    known = bars.select("symbol", "session").with_row_index("row").filter(pl.col("session") <= cut)
    return bars[known.filter(pl.col("symbol").ne_missing(pl.col("symbol").shift(-1)))["row"]]


def _sessions_to_come(whole: MarketSnapshot, cut: dt.date) -> pl.DataFrame:
    """Calendar and session: the next ones, then a part of the others, none as late as the last bar of all."""
    last = whole.days.max()
    after = whole.sessions.filter(pl.col("session") > cut, pl.col("session") < last).sort("calendar", "session")
    number = pl.int_range(pl.len()).over("calendar")
    return after.filter((number < DENSE) | (number % THIN == 0))


def _publications_to_come(then: MarketSnapshot, cut: dt.date, draws: np.random.Generator) -> pl.DataFrame:
    """Of each series on the days after the close, by turns its last observation revised, and further ones."""
    if then.publications is None:
        return PUBLICATIONS.empty()
    last = then.publications.rows.sort(PUBLICATIONS.key).unique(_SERIES, keep="last", maintain_order=True)
    days = pl.DataFrame({"number": pl.int_range(1, PUBLISHED + 1, dtype=pl.Int64, eager=True)})
    rows = last.join(days, how="cross").with_columns(session=pl.lit(cut) + pl.duration(days=pl.col("number")))
    when = pl.col("session").cast(pl.Datetime("us")) + pl.duration(hours=1)
    factor = pl.Series(np.exp(BETWEEN * draws.standard_normal(rows.height)))
    changed = rows.with_columns(
        published_at=when,
        observed=pl.when(pl.col("number") % 2 == 1).then("observed").otherwise(when),
        value=pl.col("value") * factor + pl.Series(draws.standard_normal(rows.height)),
    )
    return PUBLICATIONS.conform(changed.select(PUBLICATIONS.columns.keys()))


def _drawn(rows: pl.DataFrame, draws: np.random.Generator) -> pl.DataFrame:
    """Bars in place of the last one of each symbol, which `rows` repeats."""
    count = rows.height

    def factor(deviation: float) -> NDArray[np.float64]:
        return np.exp(deviation * draws.standard_normal(count))

    ratio = np.where(rows["splits"].to_numpy(), 2.0, 1.0)
    first = rows["symbol"].ne_missing(rows["symbol"].shift(1)).to_numpy()
    close = rows["close"].to_numpy() / ratio * factor(BETWEEN)
    opening = close * factor(WITHIN)
    volume = np.maximum(rows["volume"].to_numpy(), 1.0) * factor(VOLUME)
    prices = {
        "open": opening,
        "high": np.maximum(opening, close) * np.maximum(factor(WITHIN), 1.0),
        "low": np.minimum(opening, close) * np.minimum(factor(WITHIN), 1.0),
        "close": close,
    }
    extreme = pl.Series(draws.random(count) < EXTREME)
    made = {
        **prices,
        "volume": volume,
        "split_ratio": np.where(first, ratio, 1.0),
        "cash_dividend": np.zeros(count),
        "forward_factor": rows["forward_factor"].to_numpy() * ratio,
        "dollar_volume": close * volume,
    }
    made |= {f"adj_{name}": values * made["forward_factor"] for name, values in prices.items()}
    none = pl.lit([], dtype=pl.List(pl.String))
    return rows.with_columns(
        **{name: pl.Series(values) for name, values in made.items()},
        flags=pl.when(extreme).then(pl.lit([EXTREME_MOVE.name])).otherwise(none),
    ).filter(pl.Series(draws.random(count) >= HOLES))


def _with_leavers(universe: pl.DataFrame, cut: dt.date, draws: np.random.Generator) -> pl.DataFrame:
    """End a part of the spells that have no end yet, some weeks after the close."""
    spells = universe.sort("symbol", "start")
    leaves = pl.Series(draws.permutation(spells.height) < -(-spells.height // LEAVING))
    end = pl.Series(cut.toordinal() + draws.integers(1, 90, spells.height) - dt.date(1970, 1, 1).toordinal())
    drawn = pl.when(pl.col("end").is_null() & leaves).then(end.cast(pl.Int32).cast(pl.Date))
    return spells.with_columns(end=drawn.otherwise("end"))
