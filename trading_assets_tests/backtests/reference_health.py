"""Data health of the twin's symbols: of the market alone."""

from __future__ import annotations

from typing import Any

from trading_assets.backtests.engine.settings import Settings


def health(market: Any, settings: Settings) -> tuple[list[list[int]], list[list[bool]]]:
    """Missing bars in a row of each symbol, and whether it may not be entered, by session."""
    symbols = range(len(market.symbol_key))
    missing_run = [0 for _ in symbols]
    clean = [0 for _ in symbols]
    unhealthy = [False for _ in symbols]
    runs, barred = [], []
    for expected, present in zip(market.expected, market.present, strict=True):
        for i in symbols:
            if not expected[i]:
                continue
            if present[i]:
                missing_run[i] = 0
                clean[i] += 1
                if clean[i] >= settings.health_clean_sessions:
                    unhealthy[i] = False
            else:
                missing_run[i] += 1
                clean[i] = 0
                if missing_run[i] >= settings.missing_sessions_exit:
                    unhealthy[i] = True
        runs.append(list(missing_run))
        barred.append(list(unhealthy))
    return runs, barred
