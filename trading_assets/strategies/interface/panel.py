"""What a strategy sees: one row a usable bar, and its rules evaluated on it.

A row has the bar, the indicators of its close, the benchmark's `roc_60` of the same session, the features and
the model score that the rules name. Sessions of an extreme move have no row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import polars as pl

from trading_assets.config.sections import AssetClass
from trading_assets.features.history import in_order
from trading_assets.market_data.universe import membership
from trading_assets.models.regime_numbers import NUMBERS_PER_REGIME
from trading_assets.strategies.interface.rules import Rules, columns_of, evaluate

__all__ = ["build_panel", "columns_of", "evaluate", "signal_rows", "with_members", "with_regimes"]


def build_panel(
    bars: pl.DataFrame,
    indicators: pl.DataFrame,
    universe: pl.DataFrame,
    *,
    symbols: list[str],
    benchmarks: Mapping[AssetClass, str],
    daily: pl.DataFrame | None = None,
    scores: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Join what the rules of a strategy may look at.

    Parameters
    ----------
    bars, indicators
        Rows of `market_data.bars` and `features.indicators`, those of the benchmarks among them.
    universe
        Spells (symbol, start, end); `in_universe` is true within one.
    symbols
        Symbols of the strategy.
    benchmarks
        Symbol of the benchmark by asset class; without one `benchmark_roc_60` is null.
    daily
        Further columns by symbol and session.
    scores
        symbol, session, score.

    Returns
    -------
    polars.DataFrame
        Sorted by symbol and session.
    """
    usable = bars.filter(
        pl.col("symbol").is_in(symbols), ~pl.col("flags").list.contains("extreme_move").fill_null(False)
    )
    panel = _beside(usable, _of_symbols(indicators, symbols), ["symbol", "session"])
    del usable
    panel = _beside(panel, _by_asset_class(indicators, benchmarks), ["asset_class", "session"])
    if daily is not None and daily.width > 2:
        panel = _beside(panel, daily, ["symbol", "session"])
    if scores is not None:
        panel = _beside(panel, scores, ["symbol", "session"])
    panel = in_order(panel)
    return panel.with_columns(membership(panel, universe))


def _of_symbols(rows: pl.DataFrame, symbols: Sequence[str]) -> pl.DataFrame:
    """Rows of some symbols; the frame itself, and no copy, where it has no others."""
    is_own = rows["symbol"].is_in(symbols)
    return rows if is_own.all() else rows.filter(is_own)


def _by_asset_class(indicators: pl.DataFrame, benchmarks: Mapping[AssetClass, str]) -> pl.DataFrame:
    """asset_class, session, benchmark_roc_60."""
    by_benchmark = pl.DataFrame(
        {"asset_class": list(benchmarks), "symbol": list(benchmarks.values())},
        schema={"asset_class": pl.String, "symbol": pl.String},
    )
    own = indicators.select("symbol", "session", benchmark_roc_60="roc_60").filter(
        pl.col("symbol").is_in(list(benchmarks.values()))
    )
    return by_benchmark.join(own, on="symbol").select("asset_class", "session", "benchmark_roc_60")


def _beside(rows: pl.DataFrame, columns: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """Join to the left; what is the same in all rows is no part of the key, and rows of equal keys need no search."""
    if rows.select(on).equals(columns.select(on)):
        return rows.hstack(columns.drop(on))
    first = on[0]
    if rows.height and rows[first].n_unique() == 1:
        columns = columns.filter(pl.col(first) == rows[first][0]).drop(first)
        on = on[1:]
    return rows.join(columns, on=on, how="left", maintain_order="left")


def with_members(panel: pl.DataFrame, members: Sequence[str], target_weights: pl.DataFrame) -> pl.DataFrame:
    """Add ``weight_<member>``: what each member would hold of the symbol, known at the close of the row's session.

    Parameters
    ----------
    target_weights
        Rows of `strategies.target_weights`. The legs of several pairs in one symbol are summed.
    """
    for member in members:
        known = _net(target_weights.filter(strategy=member)).rename({"weight": f"weight_{member}"})
        panel = panel.sort("session").join_asof(known, on="session", by="symbol", check_sortedness=False)
        panel = panel.with_columns(pl.col(f"weight_{member}").fill_null(0.0))
    return panel.sort("symbol", "session")


def _net(target_weights: pl.DataFrame) -> pl.DataFrame:
    """symbol, session, weight over all pairs of one strategy, at each session on which one of them changes."""
    columns = ["session", "symbol", "pair_id", "target_weight"]
    found: dict[tuple[object, str], float] = {}
    standing: dict[str, dict[str | None, float]] = {}
    for session, symbol, pair, weight in target_weights.select(columns).sort("session").iter_rows():
        of_symbol = standing.setdefault(symbol, {})
        of_symbol[pair] = weight
        if weight == 0:
            del of_symbol[pair]
        found[session, symbol] = math.fsum(of_symbol.values())  # whatever the order: the same sum
    rows = [(session, symbol, weight) for (session, symbol), weight in found.items()]
    return pl.DataFrame(rows, schema={"session": pl.Date, "symbol": pl.String, "weight": pl.Float64}, orient="row")


def with_regimes(panel: pl.DataFrame, regimes: pl.DataFrame, benchmark: str | None, number: int) -> pl.DataFrame:
    """Add ``regime_<k>`` from rows of `models.regimes` of one benchmark: the last known at the row's session.

    There are `NUMBERS_PER_REGIME` columns a regime whether or not any is known: a column that comes later must not
    show before. A number that no regime has at a session has the probability 0 there.

    Parameters
    ----------
    panel
        Rows with symbol and session.
    regimes, benchmark
        Rows of `models.regimes`, and the symbol of the benchmark that count; None: no regime is known.
    number
        Regimes of a fit.
    """
    own = regimes.filter(pl.col("benchmark") == (benchmark or "")).sort("session", "regime")
    wide = own.select("session").unique().sort("session")
    for k in range(number * NUMBERS_PER_REGIME):
        of_regime = own.filter(regime=k).select("session", pl.col("probability").alias(f"regime_{k}"))
        wide = wide.join(of_regime, on="session", how="left").with_columns(pl.col(f"regime_{k}").fill_null(0.0))
    return panel.sort("session").join_asof(wide, on="session").sort("symbol", "session")


def signal_rows(
    strategy: str, rules: Rules, panel: pl.DataFrame, *, stop_atr: float, risk_per_trade: float, max_position: float
) -> pl.DataFrame:
    """Return rows of `strategies.signals`.

    An `enter` row wherever a trigger fires while the symbol is eligible, held or not; the last trigger that
    fires is the reason. An `exit` row on the first session on which the exit condition is true, not on those
    that follow. The target weight is what risk per trade buys at the close with the stop `stop_atr` ATR
    away from it, up to `max_position`; negative where the rules sell short.

    Parameters
    ----------
    strategy, rules
        Name of the strategy, and its rules.
    panel
        Rows by symbol and session, with adj_close and atr_14.
    stop_atr
        Distance of the stop in ATRs.
    risk_per_trade, max_position
        Fractions of equity: what a stop loses, and the largest weight of a position.
    """
    found = evaluate(rules, panel)
    label, score = pl.lit(None, pl.String), pl.lit(None, pl.Float64)
    for number, trigger in enumerate(rules.triggers):
        fires = pl.col(f"strength_{number}") >= trigger.threshold
        label = pl.when(fires).then(pl.lit(trigger.name)).otherwise(label)
        score = pl.when(fires).then(pl.col(f"rank_{number}")).otherwise(score)
    weight = risk_per_trade * panel["adj_close"] / (stop_atr * panel["atr_14"])
    found = found.with_columns(reason=label, score=score.fill_nan(None), weight=weight)
    enter = found.filter("eligible", pl.col("reason").is_not_null()).select(
        "session",
        "symbol",
        "reason",
        "score",
        action=pl.lit("enter"),
        target_weight=rules.sign * pl.when(pl.col("weight").is_finite()).then(pl.col("weight").clip(0, max_position)),
    )
    if rules.exit is None:
        return _ordered(strategy, enter)
    condition = pl.col(f"exit_{rules.exit.signal}")
    leave = found.filter(condition & ~condition.shift(1, fill_value=False).over("symbol")).select(
        "session",
        "symbol",
        reason=pl.lit(rules.exit_reason),
        score=pl.lit(None, pl.Float64),
        action=pl.lit("exit"),
        target_weight=pl.lit(0.0),
    )
    return _ordered(strategy, pl.concat([enter, leave], how="diagonal"))


def _ordered(strategy: str, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(strategy=pl.lit(strategy)).sort("session", "symbol", "action")
