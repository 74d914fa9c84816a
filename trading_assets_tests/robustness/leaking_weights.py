"""Target weights that know the future of other symbols, one a way of knowing it; and the honest ones beside them."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from trading_assets.config.strategies import TargetWeightParameters

CLOSE = pl.col("adj_close")
_NEXT = CLOSE.shift(-1).over("symbol", order_by="session") / CLOSE


def _best(panel: pl.DataFrame, score: pl.Expr) -> pl.DataFrame:
    """The best member of each session gets half of the equity."""
    members = panel.filter("in_universe").with_columns(score=score).drop_nulls("score")
    ordered = members.sort("session", "score", "symbol", descending=[False, True, False])
    best = ordered.unique("session", keep="first", maintain_order=True)
    return best.select("session", "symbol", target_weight=pl.lit(0.5), reason=pl.lit("best"))


def _honest(panel: pl.DataFrame) -> pl.DataFrame:
    return _best(panel, CLOSE / pl.col("ma_20"))


def _best_of_tomorrow(panel: pl.DataFrame) -> pl.DataFrame:
    return _best(panel.with_columns(next=_NEXT), pl.col("next"))


def _survivors(panel: pl.DataFrame) -> pl.DataFrame:
    ends = pl.col("session").max().over("symbol") == pl.col("session").max()
    return _best(panel.filter(ends), CLOSE / pl.col("ma_20"))


def _scaled_by_all_rows(panel: pl.DataFrame) -> pl.DataFrame:
    return _honest(panel).with_columns(target_weight=0.5 * pl.col("target_weight") / panel.height**0.01)


def _standardised_over_everything(panel: pl.DataFrame) -> pl.DataFrame:
    """Of each symbol by its own mean and deviation over all sessions: what the best is depends on all of them."""
    return _best(panel, (CLOSE - CLOSE.mean().over("symbol")) / CLOSE.std().over("symbol"))


def _peers_that_trade_tomorrow(panel: pl.DataFrame) -> pl.DataFrame:
    trades = pl.col("session").shift(-1).over("symbol", order_by="session").is_not_null()
    peers = panel.with_columns(trades=trades).group_by("session").agg(peers=pl.col("trades").sum())
    weight = pl.col("target_weight") / (1 + pl.col("peers"))
    return _honest(panel).join(peers, on="session").with_columns(target_weight=weight).drop("peers")


def _out_before_the_market_falls(panel: pl.DataFrame) -> pl.DataFrame:
    """Nothing is held where half of the symbols lose a fifth over the sessions to come: here they never do."""
    fall = (CLOSE.shift(-3).over("symbol", order_by="session") < 0.8 * CLOSE).fill_null(False)
    share = panel.with_columns(fall=fall).group_by("session").agg(falling=pl.col("fall").mean())
    weight = pl.when(pl.col("falling") < 0.5).then("target_weight").otherwise(0.0)
    return _honest(panel).join(share, on="session").with_columns(target_weight=weight).drop("falling")


LEAKS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "best_of_tomorrow": _best_of_tomorrow,
    "survivors": _survivors,
    "scaled_by_all_rows": _scaled_by_all_rows,
    "standardised_over_everything": _standardised_over_everything,
    "peers_that_trade_tomorrow": _peers_that_trade_tomorrow,
}
#: What it knows never comes.
DORMANT: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "out_before_the_market_falls": _out_before_the_market_falls
}
HONEST = "honest"


class Parameters(TargetWeightParameters):
    leak: str = HONEST
    capacity: float = 1.0


def columns(parameters: Parameters) -> set[str]:
    """Return what it reads."""
    return {"ma_20"}


def target_weights(parameters: Parameters, panel: pl.DataFrame) -> pl.DataFrame:
    """Return the weights of a way of knowing the future."""
    return (LEAKS | DORMANT).get(parameters.leak, _honest)(panel)
