"""What a feature is, and the words that feature definitions are written in."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Literal, TypeVar

import polars as pl

from trading_assets.config.importing import import_dotted
from trading_assets.features.compiled.expression import Expression

#: Prices of a symbol are divided by its first adjusted close before any feature sees them, so that the
#: absolute tolerances inside TA-Lib mean the same for a penny stock and for bitcoin.
OPEN, HIGH, LOW, CLOSE = pl.col("open"), pl.col("high"), pl.col("low"), pl.col("close")
#: Close times volume as traded: unlike a number of shares it does not jump at a split.
DOLLARS = pl.col("dollar_volume")
#: Log return from the close of the usable bar before; null on a symbol's first bar.
RETURN = pl.col("log_return")

#: A smaller fraction is rounding, not movement.
ROUNDING = 1e-12

#: A word that Polars and the compiled passes share.
Values = TypeVar("Values", pl.Expr, Expression)

Scope = Literal["symbol", "week", "market", "row", "session"]


@dataclass(frozen=True)
class Feature:
    """A column of `features.daily`, declared once.

    Parameters
    ----------
    column
        Name of the column.
    category
        What it describes: momentum, trend, volatility, volume, liquidity, mean_reversion, calendar,
        cross_section, market_relative or alternative.
    expression
        Over the rows of its scope in session order; looks back, never ahead. NaN and infinity become null. Those of
        the house are computed by compiled passes; an expression of Polars has the same words and is computed by it.
    lookback
        Usable bars before *t* that the value at *t* can depend on; None if recursive (Wilder and exponential
        means carry all earlier bars with fading weight).
    description, source
        What it measures, and where the formula is from.
    provider
        Library whose values it has, to the bit; of alternative data its source.
    warm_up
        Usable bars before the first value; default `lookback`.
    scope
        ``symbol``: a symbol's own bars. ``week``: its weekly closes. ``market``: the sessions that it shares with
        its benchmark. ``row``: what is known of the symbol at the session, its benchmark's features among it.
        ``session``: the members of the universe among the symbols of its asset class at one session; sees the
        features of the others, and is null for a symbol that is no member then.
    version
        Rises when the definition changes.
    """

    column: str
    category: str
    expression: pl.Expr | Expression
    lookback: int | None
    description: str
    source: str
    provider: str = "polars"
    warm_up: int = -1
    scope: Scope = "symbol"
    version: int = 1

    def __post_init__(self) -> None:
        if self.warm_up < 0:
            if self.lookback is None:
                raise ValueError(f"{self.column}: a recursive feature states its warm_up")
            object.__setattr__(self, "warm_up", self.lookback)

    @property
    def name(self) -> str:
        """Name in the catalogue, ``category.provider.column``."""
        return f"{self.category}.{self.provider}.{self.column}"

    @property
    def roots(self) -> list[str]:
        """Names of the columns that it is computed from."""
        expression = self.expression
        return expression.root_names() if isinstance(expression, Expression) else expression.meta.root_names()


def import_features(name: str) -> ModuleType:
    """Import a user's own module of features by its dotted name, into this process.

    Raises
    ------
    LookupError
        No such module; it cannot be imported, or has no `FEATURES`.
    """
    module = import_dotted(name)
    found = getattr(module, "FEATURES", None)
    if not isinstance(found, tuple | list) or not found or not all(isinstance(each, Feature) for each in found):
        raise LookupError(f"module {name} does not define FEATURES, a tuple of at least one Feature")
    return module


def change(values: Values, sessions: int) -> Values:
    """Return the change over a number of sessions, a fraction.

    Examples
    --------
    >>> pl.DataFrame({"close": [100.0, 105.0, 110.0]}).select(change(pl.col("close"), 2)).to_series().round(4).to_list()
    [None, None, 0.1]
    """
    return values / values.shift(sessions) - 1


def varies(values: Values, window: int) -> Values:
    """Return whether values of order one differ within the window by more than rounding.

    Steady growth has returns that differ in their last bits only; moments and correlations of those mean nothing.
    """
    return values.rolling_max(window) - values.rolling_min(window) > ROUNDING


def moved(window: int) -> pl.Expr:
    """Return whether the price moved at all within the window, highs and lows included."""
    return HIGH.rolling_max(window) > LOW.rolling_min(window) * (1 + ROUNDING)


def share(part: pl.Expr, window: int) -> pl.Expr:
    """Return the sum of `part` over the dollar volume of the window; null if nothing was traded in it."""
    return pl.when(DOLLARS.rolling_max(window) > 0).then(part.rolling_sum(window) / DOLLARS.rolling_sum(window))


def correlation(left: pl.Expr, right: pl.Expr, window: int) -> pl.Expr:
    """Return the Pearson correlation; null if either side is constant.

    Parameters
    ----------
    left, right
        Values of order one, as returns are: what differs by less than rounding is constant.
    window
        Sessions, this one included.

    Examples
    --------
    >>> rows = pl.DataFrame({"own": [0.01, 0.03, 0.02], "market": [0.0, 0.02, 0.01], "cash": [0.01, 0.01, 0.01]})
    >>> of_market, of_cash = (correlation(pl.col("own"), pl.col(name), 3).alias(name) for name in ("market", "cash"))
    >>> rows.select(of_market.round(4), of_cash).row(-1)
    (1.0, None)
    """
    value = pl.rolling_corr(left, right, window_size=window).clip(-1, 1)
    return pl.when(varies(left, window) & varies(right, window)).then(value)
