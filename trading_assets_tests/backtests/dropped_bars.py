"""Drop bars from the arrays of a prepared backtest, its indicators and returns as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.engine.arrays import Candidates, Flags, Targets
from trading_assets.backtests.perturbations import postponed


def without_bars(prepared: PreparedBacktest, missing: Flags) -> PreparedBacktest:
    """Drop bars: no fill, mark or signal on them. Indicators and returns of other sessions stay as they are.

    A target weight decided on a dropped bar is decided on the next one instead, both legs of a pair together, unless
    the strategy has decided anew by then.

    Parameters
    ----------
    missing
        (sessions, symbols), true where the bar is dropped.
    """
    market, signals = prepared.market, prepared.signals
    present = market.present & ~missing
    holes = market._replace(
        present=present,
        fillable=market.fillable & ~missing,
        tradable=market.tradable & ~missing,
        close=np.where(missing, np.nan, market.close),
        high=np.where(missing, np.nan, market.high),
        low=np.where(missing, np.nan, market.low),
        open=np.where(missing, np.nan, market.open),
    )
    if isinstance(signals, Targets):
        return replace(prepared, market=holes, signals=postponed(signals, present))
    fewer = _without(signals.candidates, missing)
    return replace(prepared, market=holes, signals=signals._replace(candidates=fewer))


def _without(candidates: Candidates, missing: Flags) -> Candidates:
    rows = np.repeat(np.arange(missing.shape[0]), np.diff(candidates.first))
    kept = ~missing[rows, candidates.symbol]
    counts = np.bincount(rows[kept], minlength=missing.shape[0])
    return Candidates(
        first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        symbol=candidates.symbol[kept],
        eligible=candidates.eligible[kept],
        strength=np.ascontiguousarray(candidates.strength[:, kept]),
        rank=np.ascontiguousarray(candidates.rank[:, kept]),
        relative_strength=candidates.relative_strength[kept],
    )
