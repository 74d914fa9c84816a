"""Other bars than those that came: holes, one common factor, a shock.

Every function takes and gives back rows of `market_data.bars`. Where prices change, the adjusted ones do, raw ones
follow by the forward factor, and cash dividends with the close before them, so that their yield stays. Flags and the
money traded (`dollar_volume`) stay as they are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

_PARTS = ("overnight", "intraday")
_NAMES = ("open", "high", "low", "close")
_CONSTANT = 1e-12


def without_random_bars(bars: pl.DataFrame, symbols: Sequence[str], share: float, seed: int) -> pl.DataFrame:
    """Leave out a share of the bars of `symbols`; a bar that is left out is a missing session.

    Whether one is, is a function of seed, symbol and session alone: the same bars are missing whatever the order of
    the symbols, the strategy or the span, and what is missing at 5 % is missing at 10 %. The first and the last bar
    of a symbol stay (they say when it is listed), and so does one with a corporate action, which is known from
    elsewhere.

    Parameters
    ----------
    bars
        Rows of `market_data.bars`; those of other symbols stay.
    symbols
        Symbols that lose bars.
    share
        Expected fraction of the bars that is left out, 0 to 1.
    seed
        Bars are drawn by seed, symbol and session.
    """
    ordered, losing = bars.sort("symbol", "session"), set(symbols)
    days = ordered["session"].to_physical().to_numpy()
    kept = ((ordered["split_ratio"] != 1) | (ordered["cash_dividend"] != 0)).fill_null(False).to_numpy().copy()
    begin = 0
    for symbol, count in ordered["symbol"].rle().struct.unnest().select("value", "len").iter_rows():
        own = slice(begin, begin + count)
        begin += count
        if symbol not in losing:
            kept[own] = True
            continue
        # A number for every day since 1970, so that a later bar changes nothing of the earlier ones.
        first, last = int(days[own][0]), int(days[own][-1])
        numbers = np.random.Generator(np.random.PCG64([seed, *symbol.encode()]).advance(first))
        kept[own] |= numbers.random(last - first + 1)[days[own] - first] >= share
        kept[own.start] = kept[own.stop - 1] = True
    return ordered.filter(pl.Series(kept))


def common_factor(bars: Iterable[pl.DataFrame], symbols: Sequence[str]) -> pl.DataFrame:
    """Return the mean of the standardised returns of `symbols` on each session: session, overnight, intraday.

    Parameters
    ----------
    bars
        Rows of `market_data.bars`, all of some symbols at a time; those of other symbols do no harm.
    symbols
        Symbols that make the factor.
    """
    numbers = {symbol: number for number, symbol in enumerate(sorted(symbols))}
    parts = []
    for rows in bars:
        moves = _moves(rows.sort("symbol", "session").filter(pl.col("symbol").is_in(list(symbols))))
        scores = {part: _standardised(moves["symbol"], moves[part]) for part in _PARTS}
        parts.append(
            moves.select(
                "session",
                pl.col("symbol").replace_strict(numbers, return_dtype=pl.UInt32),
                *(pl.when(score.is_finite()).then(score).alias(part) for part, score in scores.items()),
            )
        )
    ordered = pl.concat(parts).sort("session", "symbol")  # a sum of floats depends on their order
    return ordered.group_by("session", maintain_order=True).agg(pl.col(*_PARTS).mean())


def with_one_factor(bars: pl.DataFrame, symbols: Sequence[str], factor: pl.DataFrame) -> pl.DataFrame:
    """Raise the correlation to one: nothing of a symbol is its own but how much it moves.

    Of every bar the log returns close to open and open to close are replaced, each by the common factor times the
    symbol's own deviation plus its own mean, over all bars given. The factor is standardised over the sessions of each
    symbol. So mean and deviation of both returns stay to rounding, and two symbols with the same sessions have
    correlation 1. High and low keep their distance to open and close. The scenario knows the whole span; the strategy
    in it does not. The benchmark is another index than these symbols and stays itself, if it is not among them. A
    symbol alone stays itself too.

    Parameters
    ----------
    bars
        Rows of `market_data.bars`, all of some symbols.
    symbols
        Symbols whose bars change.
    factor
        See `common_factor`.
    """
    rows = bars.sort("symbol", "session")
    own = rows.filter(pl.col("symbol").is_in(list(symbols)))
    moves = _moves(own)
    for part in _PARTS:
        scores = factor.select("session", score=part)
        moves = moves.join(scores, on="session", how="left", maintain_order="left")
        common = moves.select(pl.when(pl.col(part).is_not_null()).then(pl.col("score"))).to_series()
        mean, deviation = _mean_and_deviation(moves["symbol"], moves[part])
        moved = _standardised(moves["symbol"], common) * deviation + mean
        moves = moves.with_columns(pl.when(moved.is_finite()).then(moved).otherwise(part).alias(part)).drop("score")
    changed = own.with_columns(moves["overnight"], moves["intraday"])
    open_to_close = pl.col("intraday").cum_sum().over("symbol")
    gaps = pl.col("overnight").fill_null(0.0).cum_sum().over("symbol")
    first = pl.col("adj_open").first().over("symbol")
    body = {"top": pl.max_horizontal, "bottom": pl.min_horizontal}
    changed = changed.with_columns(
        new_close=first * (gaps + open_to_close).exp(),
        new_open=first * (gaps + open_to_close - pl.col("intraday")).exp(),
        above=pl.col("adj_high") / body["top"]("adj_open", "adj_close"),
        below=pl.col("adj_low") / body["bottom"]("adj_open", "adj_close"),
    )
    prices = {
        "open": pl.col("new_open"),
        "close": pl.col("new_close"),
        "high": body["top"]("new_open", "new_close") * pl.col("above"),
        "low": body["bottom"]("new_open", "new_close") * pl.col("below"),
    }
    return _put(rows, _priced(changed, prices))


def with_shock(bars: pl.DataFrame, session: dt.date, move: float) -> pl.DataFrame:
    """Multiply every price of the market by 1 + `move` from the open of `session` on, benchmarks included.

    Parameters
    ----------
    bars
        Rows of `market_data.bars`.
    session, move
        First session of the shock, and its size as a fraction: -0.2 is a fall of 20 %.
    """
    rows = bars.sort("symbol", "session")
    scale = pl.when(pl.col("session") >= session).then(1.0 + move).otherwise(1.0)
    return _priced(rows, {name: pl.col(f"adj_{name}") * scale for name in _NAMES}).select(bars.columns)


def _moves(bars: pl.DataFrame) -> pl.DataFrame:
    """Log returns close to open and open to close: symbol, session, overnight, intraday."""
    before = pl.col("adj_close").shift(1).over("symbol")
    return bars.select(
        "symbol",
        "session",
        overnight=(pl.col("adj_open") / before).log(),
        intraday=(pl.col("adj_close") / pl.col("adj_open")).log(),
    )


def _standardised(symbol: pl.Series, values: pl.Series) -> pl.Series:
    """Deviations from the mean of the symbol; null where that has none."""
    mean, deviation = _mean_and_deviation(symbol, values)
    scores = (values - mean) / deviation
    return scores.set(~(deviation > _CONSTANT).fill_null(False), None)


def _mean_and_deviation(symbol: pl.Series, values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Mean and standard deviation of the values of each symbol, at each of its rows; null where there are too few.

    Symbol by symbol, in order: Polars adds up otherwise where a frame has few symbols and it has several threads.
    """
    array = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    mean, deviation = np.full((2, len(array)), np.nan)
    begin = 0
    for count in symbol.rle().struct.field("len"):
        own = slice(begin, begin + count)
        begin += count
        known = array[own][~np.isnan(array[own])]
        if known.size:
            mean[own] = known.mean()
        if known.size > 1:
            deviation[own] = known.std(ddof=1)
    return pl.Series(mean).fill_nan(None), pl.Series(deviation).fill_nan(None)


def _priced(rows: pl.DataFrame, adjusted: dict[str, pl.Expr]) -> pl.DataFrame:
    """Rows at other adjusted prices, and all that follows from them; in order of symbol and session."""
    level = adjusted["close"] / pl.col("adj_close")
    priced = rows.with_columns(level=level, **{f"to_{name}": price for name, price in adjusted.items()})
    before = pl.col("level").shift(1).over("symbol").fill_null(1.0)
    return priced.with_columns(
        *(pl.col(f"to_{name}").alias(f"adj_{name}") for name in _NAMES),
        *((pl.col(f"to_{name}") / pl.col("forward_factor")).alias(name) for name in _NAMES),
        cash_dividend=pl.col("cash_dividend") * before,
        volume=pl.col("volume") / pl.col("level"),
    )


def _put(rows: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    others = rows.join(changed, on=["symbol", "session"], how="anti")
    return pl.concat([others, changed.select(rows.columns)]).sort("symbol", "session")
