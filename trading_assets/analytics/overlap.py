"""How much strategies are one and the same: correlations, also in drawdowns, common holdings, risk of holding all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from trading_assets.analytics.risk_contributions import shortfall_contributions, volatility_contributions
from trading_assets.analytics.tables import OVERLAP

#: Depth of the first strategy's drawdown from which on a session is one.
DEEP = 0.05
#: Sessions that a correlation needs.
LEAST = 60
#: In the place of a second strategy: all of them in equal shares.
BOOK = "all in equal shares"


def overlaps(curves: Mapping[str, pl.DataFrame], held: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of `analytics.overlap`.

    Strategies are compared over the sessions that both have, from one of them to the next: where one trades on
    weekends, its Monday has what it made since Friday.

    Parameters
    ----------
    curves
        By strategy session, daily_return and drawdown (fractions) of its longest open run.
    held
        By strategy symbol and session of what it held at closes.
    """
    found: list[tuple[str, str, str, float | None, int]] = []
    level = (1 + pl.col("daily_return").fill_null(0.0)).cum_prod()
    curves = {name: each.sort("session").select("session", "drawdown", level=level) for name, each in curves.items()}
    for one in sorted(curves):
        for other in sorted(curves):
            if one != other:
                found += _of_pair(one, other, curves, held)
    found += _of_book(curves)
    return pl.DataFrame(found, schema=OVERLAP.empty().schema, orient="row").sort(OVERLAP.key)


def _of_pair(
    one: str, other: str, curves: Mapping[str, pl.DataFrame], held: Mapping[str, pl.DataFrame]
) -> list[tuple[str, str, str, float | None, int]]:
    rows = curves[one].join(curves[other], on="session", suffix="_other").sort("session")
    rows = rows.with_columns(made=_between("level"), made_other=_between("level_other"))
    deep = rows.filter(pl.col("drawdown") < -DEEP)
    shared = held[one].join(held[other], on=["session", "symbol"]).join(rows, on="session", how="semi").height
    either = sum(held[name].join(rows, on="session", how="semi").height for name in (one, other)) - shared
    return [
        (one, other, "correlation", _correlation(rows), rows.height),
        (one, other, "correlation_in_drawdowns", _correlation(deep), deep.height),
        (one, other, "common_holdings", shared / either if either else None, rows.height),
    ]


def _between(level: str) -> pl.Expr:
    """What was made since the row before; null after a total loss."""
    before = pl.col(level).shift(1, fill_value=1.0)
    return pl.when(before > 0).then(pl.col(level) / before - 1)


def _correlation(rows: pl.DataFrame) -> float | None:
    pair = rows.select("made", "made_other").drop_nulls().to_numpy()
    if pair.shape[0] < LEAST or (pair.std(axis=0) <= 1e-14).any():
        return None
    return float(np.corrcoef(pair, rowvar=False)[0, 1])


def _of_book(curves: Mapping[str, pl.DataFrame]) -> list[tuple[str, str, str, float | None, int]]:
    """Contributions to the risk of all strategies in equal shares, over the sessions that each of them has."""
    names = sorted(curves)
    if len(names) < 2:
        return []
    table = curves[names[0]].select("session", pl.col("level").alias(names[0]))
    for name in names[1:]:
        table = table.join(curves[name].select("session", pl.col("level").alias(name)), on="session")
    parts = table.sort("session").select(_between(name).alias(name) for name in names).fill_null(0.0).to_numpy()
    parts = parts / len(names)
    found: list[tuple[str, str, str, float | None, int]] = []
    for measure, of in (("volatility", volatility_contributions), ("shortfall", shortfall_contributions)):
        contributions = of(parts)
        if contributions is not None:
            found += [
                (name, BOOK, measure, value, parts.shape[0])
                for name, value in zip(names, contributions.tolist(), strict=True)
            ]
    return found
