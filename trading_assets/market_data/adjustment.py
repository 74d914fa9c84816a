"""Splits and dividends, on record or from a source's adjusted close, and prices adjusted forward in time.

What is on record holds. Elsewhere actions are inferred: a source that adjusts backward rewrites its past with every
action; all that is stable is the change of `adj_close / close` between neighbouring bars. From actions comes the
forward factor, which at *t* knows only what has happened up to *t*.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.quality import LOOK_BACK
from trading_assets.market_data.bar_windows import previous, usual_moves
from trading_assets.market_data.prior_results import NO_PRIOR_RESULTS, PriorResults
from trading_assets.market_data.reference.corporate_actions import NO_ACTIONS, at_bars

#: What `with_factor_change` adds.
FACTOR_COLUMNS = ("recorded_split", "recorded_dividend", "inferred_change", "inferred_noise", "factor_change")
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Changes of the factor below this are noise whatever was printed: a tenth of a basis point.
SMALLEST_CHANGE = 1e-5
#: A change beyond as many usual moves of the symbol, and beyond half a percent, that is not on record is
#: one only if the raw price moved with it at least half of the way; where no usual move is known yet, one beyond 5 %.
_UNSUPPORTED_MOVES, _LEAST_UNSUPPORTED, _UNKNOWN_USUAL = 6.0, 0.005, 0.05
#: Share ratios that a change of the factor can stand for: n-for-1, 1-for-n, and n-for-m up to 10-for-4.
_WHOLE = [float(n) for n in range(2, 101)]
_MIXED = [n / m for m in (2, 3, 4) for n in range(1, 11) if n % m]
SPLIT_RATIOS = np.unique([*_WHOLE, *(1 / n for n in _WHOLE), *_MIXED])
#: How near to such a ratio a split is: room for a dividend on the same day, not for a special dividend.
SPLIT_NEARNESS = 0.005
#: Dividends per share are whole multiples of this (quote currency).
DIVIDEND_GRID = 0.0025
_MAX_DECIMALS, _UNPRINTED_DECIMALS = 8, 12


def with_units(bars: pl.DataFrame) -> pl.DataFrame:
    """Add `close_unit` and `adj_close_unit`: the last decimal that each is printed with, 0.01 for 12.34."""
    return bars.with_columns(
        pl.Series(f"{name}_unit", _units(bars[name].to_numpy()), nan_to_null=True) for name in ("close", "adj_close")
    )


def with_factor_change(bars: pl.DataFrame, actions: pl.DataFrame = NO_ACTIONS) -> pl.DataFrame:
    """Add `FACTOR_COLUMNS` to bars of `with_units` sorted by symbol and session.

    `recorded_split` and `recorded_dividend` are those of `corporate_actions.at_bars`. `factor_change` is what they come
    to, `recorded_split / (1 - recorded_dividend / previous close)`, or, where nothing is on record, `inferred_change`.

    `inferred_change` is the change of `adj_close / close` since the symbol's last bar that had one, or exactly 1
    where none of the last `LOOK_BACK` had, or it is within `inferred_noise`: what rounding to the printed decimals can
    do to the four prices, in log terms. Decimals are those of as many bars (trailing zeros are not stored), so a
    later bar changes nothing. A change that neither the raw price nor a record supports is none, whatever the adjusted
    closes say: at the seam of two deliveries, adjusted for different later events, only they move. An `adj_close` that
    is no positive finite number is ignored.
    """
    inferred = _with_inferred_change(at_bars(bars, actions))
    kept = 1 - pl.col("recorded_dividend") / previous("close")
    recorded = pl.when(kept > 0).then(pl.col("recorded_split") / kept)
    return inferred.with_columns(factor_change=pl.coalesce(recorded, "inferred_change"))


def _with_inferred_change(bars: pl.DataFrame) -> pl.DataFrame:
    if bars["adj_close"].null_count() == bars.height:
        return bars.with_columns(inferred_change=pl.lit(1.0), inferred_noise=pl.lit(0.0))
    known = pl.col("adj_close").is_finite() & (pl.col("adj_close") > 0)
    ratio = pl.when(known).then(pl.col("adj_close") / pl.col("close"))
    noise = pl.when(known).then(_rounding("adj_close") + _rounding("close"))
    both = bars.with_columns(_ratio=ratio, _noise=noise)
    both = both.with_columns(
        inferred_change=pl.col("_ratio") / previous(pl.col("_ratio").forward_fill(LOOK_BACK - 1).over("symbol")),
        inferred_noise=pl.col("_noise") + previous(pl.col("_noise").forward_fill(LOOK_BACK - 1).over("symbol")),
    )
    is_noise = pl.col("inferred_change").log().abs() <= pl.col("inferred_noise") + SMALLEST_CHANGE
    told = both.with_columns(
        inferred_change=pl.when(is_noise).then(1.0).otherwise(pl.col("inferred_change")).fill_null(1.0),
        inferred_noise=pl.col("inferred_noise").fill_null(0.0),
    )
    rows = _unsupported(told, known)
    told = told.drop("_ratio", "_noise")
    return told.with_columns(told["inferred_change"].scatter(rows, 1.0)) if len(rows) else told


def _unsupported(bars: pl.DataFrame, known: pl.Expr) -> Integers:
    """Rows whose change of the factor is far and not in the raw price, at the open or at the close.

    A split moves the price by its whole ratio and a dividend by its amount, give or take the market's day; compared
    with the close of the bar that the change is measured from, the last one with a `known` adjusted close.
    """
    change = np.log(bars["inferred_change"].to_numpy())
    rows: Integers = np.flatnonzero((np.abs(change) > _LEAST_UNSUPPORTED) & bars["recorded_split"].is_null().to_numpy())
    usual = usual_moves(bars, rows, (pl.col("close") / previous("close")).log())
    limit = np.where(np.isnan(usual), _UNKNOWN_USUAL, _UNSUPPORTED_MOVES * usual)
    rows = rows[np.abs(change[rows]) > limit]
    if not len(rows):
        return rows
    base = previous(pl.when(known).then(pl.col("close")).forward_fill(LOOK_BACK - 1).over("symbol"))
    some = bars.select("open", "close", base=base)[rows.tolist()]
    fell = np.stack([np.log(some["base"].to_numpy() / some[name].to_numpy()) for name in ("open", "close")])
    supported = (fell * np.sign(change[rows]) >= np.abs(change[rows]) / 2).any(axis=0)
    unsupported: Integers = rows[~supported]
    return unsupported


def adjust(
    bars: pl.DataFrame,
    split_threshold: float,
    actions: pl.DataFrame = NO_ACTIONS,
    prior: PriorResults = NO_PRIOR_RESULTS,
) -> pl.DataFrame:
    """Add corporate actions, the forward factor and adjusted prices; replaces the source's `adj_close`.

    Parameters
    ----------
    bars
        Usable bars, sorted by symbol and session: symbol, open, high, low, close, volume, adj_close.
    split_threshold
        An inferred change of the factor further than this from 1 can be a split.
    actions
        On record, of `corporate_actions.read_actions`; they hold where they are.
    prior
        F goes on from that of the last bar before `prior.since`; earlier ones get none.

    Returns
    -------
    DataFrame
        And split_ratio (2-for-1: 2.0), cash_dividend (quote currency per old share), forward_factor F, adj_open,
        adj_high, adj_low, adj_close (raw x F), dollar_volume. An action is on the ex-session, known at its open.
        Beside them what was recorded (null: nothing) and inferred: recorded_split, recorded_dividend, inferred_split,
        inferred_dividend, inferred_change, inferred_noise, adj_close_received (the source's), states_actions (whether
        the bar's row has a column of actions).

    Notes
    -----
    F is 1 at the first bar and is multiplied at each ex-session by `split_ratio` and by
    `1 / (1 - cash_dividend / previous raw close)` (trading rules, section 1).
    """
    inferred = _inferred_actions(with_factor_change(with_units(bars), actions), split_threshold)
    before = previous("close")
    change = pl.col("split_ratio") / (1 - (pl.col("cash_dividend") / before).fill_null(0.0))
    is_recorded = pl.col("recorded_split").is_not_null() & ~(pl.col("recorded_dividend") >= before).fill_null(False)
    stated = [pl.col(name).is_not_null() for name in ("cash_dividend", "split_ratio") if name in bars.columns]
    used = inferred.with_columns(
        states_actions=pl.any_horizontal(stated) if stated else pl.lit(value=False),
        split_ratio=pl.when(is_recorded).then("recorded_split").otherwise("inferred_split"),
        cash_dividend=pl.when(is_recorded).then("recorded_dividend").otherwise("inferred_dividend"),
    )
    reached = prior.last.select("symbol", "session", reached="forward_factor")
    keys = used.select("symbol", "session")  # a join of all columns would copy them
    before_since = keys.join(reached, on=["symbol", "session"], how="left", maintain_order="left")["reached"]
    rows = used.with_columns(before_since, change=change)
    step = pl.when(pl.col("session") < prior.since).then(pl.col("reached").fill_null(1.0)).otherwise("change")
    factored = rows.with_columns(adj_close_received="adj_close", forward_factor=step.cum_prod().over("symbol")).drop(
        "change", "reached"
    )
    return factored.with_columns(
        *[(pl.col(name) * pl.col("forward_factor")).alias(f"adj_{name}") for name in ("open", "high", "low", "close")],
        dollar_volume=pl.col("close") * pl.col("volume"),
    ).drop("factor_change", "close_unit", "adj_close_unit")


def _inferred_actions(bars: pl.DataFrame, split_threshold: float) -> pl.DataFrame:
    """Add inferred_split and inferred_dividend, row by row from `inferred_change` and the two closes.

    A change beyond the threshold and within `SPLIT_NEARNESS` (or the noise) of a simple ratio is that split;
    what it leaves unexplained is a dividend. So a spin-off, whose ratio is not simple, becomes a dividend of
    its value. A change below 1 that is no reverse split is no action of any kind and is ignored.
    """
    rows = np.flatnonzero(bars["inferred_change"].to_numpy() != 1.0)
    dated = bars.select("inferred_change", "inferred_noise", "close", _previous=previous("close"))
    some = dated[rows.tolist()].with_columns(_adjusted=bars.select(_rounding("adj_close")).to_series()[rows.tolist()])
    change, noise, before, close, fine_noise = (
        some[name].to_numpy() for name in ("inferred_change", "inferred_noise", "_previous", "close", "_adjusted")
    )
    split = _nearest_split(change, noise, split_threshold)
    split_ratio, dividend = np.ones(bars.height), np.zeros(bars.height)
    split_ratio[rows] = split
    dividend[rows] = _dividend(change, split, noise, 2 * fine_noise, before, close)
    return bars.with_columns(inferred_split=pl.Series(split_ratio), inferred_dividend=pl.Series(dividend))


def _nearest_split(change: Floats, noise: Floats, threshold: float) -> Floats:
    """The simple ratio that each change stands for, or 1."""
    above = np.searchsorted(SPLIT_RATIOS, change).clip(1, len(SPLIT_RATIOS) - 1)
    lower, upper = SPLIT_RATIOS[above - 1], SPLIT_RATIOS[above]
    nearest = np.where(change / lower <= upper / change, lower, upper)
    is_near = np.abs(np.log(change / nearest)) <= np.maximum(noise, SPLIT_NEARNESS)
    return np.where(is_near & (np.abs(change - 1) > threshold), nearest, 1.0)


def _dividend(
    change: Floats, split: Floats, noise: Floats, fine_noise: Floats, previous: Floats, close: Floats
) -> Floats:
    """The dividend per old share that explains what a split does not; 0 within the noise.

    Sources relate a dividend D to the previous close (CRSP, Yahoo: a factor of 1 - D / previous) or to the
    close of the ex-session (Quandl: a total return of (close + D) / previous). Only one of the two gives an
    amount of money that is paid in practice: a whole multiple of `DIVIDEND_GRID`, which is then taken exactly.
    If both do or none does, the first, unrounded only if it is none.
    """
    by_previous = previous * (1 - split / change)
    by_close = close * (change - split)
    on_grid = np.round(by_previous / DIVIDEND_GRID) * DIVIDEND_GRID
    on_grid_by_close = np.round(by_close / DIVIDEND_GRID) * DIVIDEND_GRID
    error = np.maximum(fine_noise, 1e-12) * np.maximum(previous, close) * np.maximum(change, 1.0)
    is_told = error <= DIVIDEND_GRID / 10
    first = is_told & (np.abs(by_previous - on_grid) <= error)
    second = is_told & (np.abs(by_close - on_grid_by_close) <= error) & (on_grid_by_close < previous)
    amount = np.where(first, on_grid, np.where(second, on_grid_by_close, by_previous))
    is_noise = np.abs(np.log(change / split)) <= noise + SMALLEST_CHANGE
    return np.where(is_noise | (amount <= 0), 0.0, amount)


def _rounding(name: str) -> pl.Expr:
    """Largest relative error of a printed value, as a log: half a unit of the last decimal seen of late."""
    finest = pl.col(f"{name}_unit").rolling_min(LOOK_BACK, min_samples=1).over("symbol")
    value = pl.when(pl.col(name).is_finite() & (pl.col(name) > 0)).then(pl.col(name))
    sound: pl.Expr = 1 - (finest / 2 / value).clip(0, 0.999)
    return -sound.log()


def _units(values: Floats) -> Floats:
    """10 to the minus decimals; beyond `_MAX_DECIMALS` as of twelve; NaN for what is no positive finite number."""
    units = np.full(len(values), np.nan)
    left = np.flatnonzero(np.isfinite(values) & (values > 0))
    for places in range(_MAX_DECIMALS + 1):
        scaled = values[left] * 10.0**places
        is_whole = np.abs(scaled - np.round(scaled)) <= 1e-9 * np.maximum(scaled, 1.0)
        units[left[is_whole]] = np.exp(-places * np.log(10))
        left = left[~is_whole]
    units[left] = np.exp(-_UNPRINTED_DECIMALS * np.log(10))
    return units
