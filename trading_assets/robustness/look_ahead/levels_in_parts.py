"""Features and indicators of a market some symbols at a time, compared with those of the whole run as they are made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from trading_assets.config import Configuration
from trading_assets.features.audit import CHANGES, changes
from trading_assets.features.indicators import indicators
from trading_assets.robustness.look_ahead.point_in_time import MarketSnapshot
from trading_assets.robustness.look_ahead.what_is_read import indicators_read
from trading_assets.strategies.evaluation.market_rows import MarketRows, RowParts, RowsAside
from trading_assets.strategies.interface.resolved import resolve_strategy

_KEY = ("symbol", "session")
#: Subjects of the audit that are compared part by part.
FEATURES, INDICATORS = "features", "indicators"


@dataclass
class Levels:
    """What follows from the bars of a symbol and the benchmarks alone.

    Attributes
    ----------
    snapshot
        In parts.
    compute
        Features of some bars that the strategy depends on, see `daily_features`.
    """

    configuration: Configuration
    strategy: str
    snapshot: MarketSnapshot
    compute: Callable[[pl.DataFrame], pl.DataFrame]
    _found: dict[str, list[pl.DataFrame]] = field(default_factory=dict)

    def put_aside(self, cut: dt.date | None, known: RowParts | None) -> tuple[RowsAside, dict[str, pl.DataFrame]]:
        """Compute all parts; return them, and by subject what differs from the whole run up to a cut.

        Parameters
        ----------
        cut, known
            Last session that is compared, and the parts of the whole run; None: this is it.
        """
        parts = self.snapshot.parts
        assert parts is not None
        rows = RowsAside(self._computed(parts, cut, known), parts.folder)
        return rows, {subject: together(found) for subject, found in self._found.items()}

    def _computed(self, parts: RowParts, cut: dt.date | None, known: RowParts | None) -> Iterator[MarketRows]:
        traded = set(resolve_strategy(self.configuration, self.strategy, self.snapshot.instruments).symbols)
        names = indicators_read(self.configuration, self.strategy)
        for_comparison = iter(known or ())
        for part in parts:
            own = pl.col("symbol").is_in(part.symbols)
            daily = self.compute(pl.concat([part.bars, self.snapshot.bars.filter(~own)])).filter(own)
            made = part._replace(daily=daily, indicators=indicators(part.bars, names))
            if cut is not None:
                whole = next(for_comparison)
                self._compare(FEATURES, whole.daily, made.daily, cut)
                self._compare(INDICATORS, whole.indicators, made.indicators, cut)
            yield made._replace(symbols=[symbol for symbol in part.symbols if symbol in traded])

    def _compare(self, subject: str, whole: pl.DataFrame, again: pl.DataFrame, cut: dt.date) -> None:
        until = pl.col("session") <= cut
        self._found.setdefault(subject, []).append(changes(whole.filter(until), again.filter(until), _KEY))


def together(found: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the changes of several parts as those of one frame, see `features.audit.changes`."""
    rows = pl.concat([pl.DataFrame(schema=CHANGES), *found]).sort("session", "symbol")
    return rows.group_by("column", maintain_order=True).agg(
        pl.col("rows").sum(), pl.col("symbol", "session").first(), pl.col("difference").max()
    )
