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
  the first, and no such column if the table has none.

The result has `session`, `symbol`, `target_weight` (signed fraction of the strategy's own equity), `reason`, and for
legs of pairs `pair_id`. A row is decided at the close of `session`; from the next open on the position in that symbol
(of that pair) is to be `target_weight` of the equity. It stays until the symbol's (pair's) next row, drifting with
prices; 0 closes it. Rows need not repeat. All rows of one rebalancing have the same session. A row at *t* may look
back, never ahead: cutting the panel after *t* leaves all rows up to *t* as they are, to the bit.
"""

from __future__ import annotations

import polars as pl

SCHEMA = {
    "session": pl.Date,
    "symbol": pl.String,
    "pair_id": pl.String,
    "target_weight": pl.Float64,
    "reason": pl.String,
}


class TargetWeightError(Exception):
    """What a strategy's `target_weights` gave back cannot be used; `str()` names the column or the row."""


def checked(rows: pl.DataFrame, panel: pl.DataFrame) -> pl.DataFrame:
    """Rows of a strategy as the engine takes them: complete, sorted by session, pair and symbol.

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
