"""The interface of a target-weight strategy: how much of its equity it wants in each symbol.

A strategy is a module of two things: `Parameters` (a `TargetWeightParameters`) and
`target_weights(parameters, panel) -> polars.DataFrame`.

`panel` has one row a usable bar of the strategy's symbols, sorted by symbol and session: the columns of
`market_data.bars` (`open` raw, `adj_open`, `adj_close`, ...) and `features.indicators`, `in_universe` (a member at
that session), `benchmark_roc_60`, and

- the features of `features.daily` that the module's optional function `columns(parameters) -> set[str]` names;
- for a strategy whose parameters have a field `members`, names of other strategies of the configuration:
  ``weight_<member>``, that strategy's target weight of the symbol as known at the close of the row's session (the
  legs of several pairs summed, 0 before the first), and ``regime_<k>``, k = 0, 1, ..., the filtered probabilities of
  `models.regimes` for the benchmark of the strategy's symbols, the same for all symbols of a session: null before
  the first, 0 where no regime of the session has that number (four times `regimes.number` columns).

The result has `session`, `symbol`, `target_weight` (signed fraction of the strategy's own equity), `reason`, and for
legs of pairs `pair_id`. A row is decided at the close of `session`; from the next open on the position in that symbol
(of that pair) is to be `target_weight` of the equity, drifting with prices. All rows of one rebalancing have the same
session. A row at *t* may look back, never ahead: cutting the panel after *t* leaves all rows up to *t* as they are, to
the bit.

The rows of a session are a **full statement**: whatever is held and not named is closed, as if it had a row of weight
0. A session without any row states nothing, and everything stays; a row of weight 0 says that nothing is wanted. A
symbol without a bar at the session cannot be named: where its asset class trades at that session it is closed at its
next bar, else (a stock, when coins are weighted on a Sunday) it stays. A module that sets
``holds_what_is_not_named = True`` gives changes instead: a position stays until the next row of its symbol (of its
pair).

A row whose reason is ``regime`` follows a change of regime, and is no stop: it moves its position by its part of
`risk.max_regime_turnover` a session, and goes on in the sessions after it until its weight is reached or its symbol (of
its pair) has another row (trading rules, section 4.9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from trading_assets.config.strategies import StrategyParameters
    from trading_assets.strategies.interface.module import TargetWeightModule

#: Reason of the exit of what a full statement does not name.
NOT_NAMED = "rebalance"
#: Reason of a row that follows a change of regime, which moves a part of the book a session.
OF_REGIME = "regime"

SCHEMA = {
    "session": pl.Date,
    "symbol": pl.String,
    "pair_id": pl.String,
    "target_weight": pl.Float64,
    "reason": pl.String,
}


class TargetWeightError(Exception):
    """What a strategy's `target_weights` gave back cannot be used; `str()` names the column or the row."""


def stated_weights(module: TargetWeightModule, parameters: StrategyParameters, panel: pl.DataFrame) -> pl.DataFrame:
    """Run a strategy's code over its panel and return its rows as the engine takes them.

    Parameters
    ----------
    module, parameters
        Strategy's module, and its parameters.
    panel
        Rows by symbol and session.

    Returns
    -------
    polars.DataFrame
        Columns of `SCHEMA`, sorted by session, pair and symbol. Of a strategy that makes full statements the rows that
        close what it does not name are among them.

    Raises
    ------
    TargetWeightError
        See `checked`.
    """
    rows = checked(module.target_weights(parameters, panel), panel)
    return rows if getattr(module, "holds_what_is_not_named", False) else full_statement(rows, panel)


def full_statement(rows: pl.DataFrame, panel: pl.DataFrame) -> pl.DataFrame:
    """Add the rows of weight 0 that close what a session's statement does not name.

    A position is closed at the first session after its row at which the strategy states any weight and the symbol's
    asset class trades; where the symbol has no bar then, at its next bar. A row of its own that comes before is not
    preceded.

    Parameters
    ----------
    rows
        See `checked`.
    panel
        session, symbol, asset_class: a row a usable bar.
    """
    key = ["pair_id", "symbol"]
    trading = panel.select("session", "asset_class").unique()
    stated = rows.select("session").unique().join(trading, on="session").sort("session", "asset_class")
    classes = panel.select("symbol", "asset_class").unique(subset="symbol", keep="any")
    held = (
        rows.join(classes, on="symbol", how="left")
        .sort(*key, "session", nulls_last=True)
        .with_columns(own_next=pl.col("session").shift(-1).over(key))
        .filter(pl.col("target_weight") != 0)
        .with_columns(after=pl.col("session") + pl.duration(days=1))
        .sort("after")
    )
    closed = (
        held.join_asof(
            stated.rename({"session": "statement"}),
            left_on="after",
            right_on="statement",
            by="asset_class",
            strategy="forward",
            check_sortedness=False,
        )
        .drop_nulls("statement")
        .sort("statement")
        .join_asof(
            panel.select("symbol", "session").sort("session").rename({"session": "bar"}),
            left_on="statement",
            right_on="bar",
            by="symbol",
            strategy="forward",
            check_sortedness=False,
        )
        .filter(pl.col("bar").is_not_null(), pl.col("own_next").is_null() | (pl.col("bar") < pl.col("own_next")))
    )
    added = closed.select(
        pl.col("bar").alias("session"), *key, target_weight=pl.lit(0.0), reason=pl.lit(NOT_NAMED)
    ).select(*SCHEMA)
    return pl.concat([rows, added]).sort("session", "pair_id", "symbol")


def checked(rows: pl.DataFrame, panel: pl.DataFrame) -> pl.DataFrame:
    """Return rows of a strategy as the engine takes them: complete, sorted by session, pair and symbol.

    Rows that repeat the weight before them are kept: they set a position that drifted back to its weight.

    Raises
    ------
    TargetWeightError
        A column is missing or of another type, a value is null, a weight is not finite or beyond -1 to 1, a session
        and symbol have no bar in the panel, or a symbol (of a pair) has two rows at one session.
    """
    if not isinstance(rows, pl.DataFrame):
        raise TargetWeightError(f"target_weights must return a polars.DataFrame, not {type(rows).__name__}")
    missing = [name for name in SCHEMA if name not in rows.columns and name != "pair_id"]
    if missing:
        raise TargetWeightError(f"target_weights returned no column {', '.join(missing)}")
    if "pair_id" not in rows.columns:
        rows = rows.with_columns(pair_id=pl.lit(None, pl.String))
    try:
        found = rows.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
    except pl.exceptions.PolarsError as error:
        raise TargetWeightError(f"a column of target_weights is of another type: {error}") from None
    key = ["session", "symbol", "pair_id"]
    bars = panel.select("session", "symbol", bar=pl.lit(True))
    weight = pl.col("target_weight")
    faults = {
        "a value is null": pl.any_horizontal(pl.col("session", "symbol", "target_weight", "reason").is_null()),
        "the weight is not within -1 to 1": ~(weight.is_finite() & (weight.abs() <= 1)),
        "the symbol has no bar at that session": pl.col("bar").is_null(),
        "the symbol has two rows at that session": pl.struct(key).is_duplicated(),
    }
    with_bars = found.join(bars, on=["session", "symbol"], how="left", maintain_order="left")
    for fault, condition in faults.items():
        bad = with_bars.filter(condition)
        if bad.height:
            row = ", ".join(f"{name} {value}" for name, value in bad.select(*SCHEMA).row(0, named=True).items())
            raise TargetWeightError(f"{fault} ({bad.height} rows, the first: {row})")
    return found.sort("session", "pair_id", "symbol")
