"""What searches for a model's parameters cost the strategies that trade scores: each set that was tried is a trial.

A search has no returns of a strategy. It is counted as a trial of which none are known: the number that the deflated
Sharpe ratio allows for grows, the spread of the Sharpe ratios is that of the backtests.
"""

from __future__ import annotations

import polars as pl

from trading_assets.config import Configuration
from trading_assets.protocol.trials_table import OF_SEARCHES
from trading_assets.strategies.interface.resolved import configured_strategy

_IS_SEARCH = pl.col("type").eq_missing(pl.lit(OF_SEARCHES))


def backtests_and_searches(trials: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part rows of `robustness.trials` into backtests and what searches for parameters of models tried."""
    return trials.filter(~_IS_SEARCH), trials.filter(_IS_SEARCH)


def reads_scores(configuration: Configuration, strategy: str) -> bool:
    """Return whether a strategy, or a member of it, trades the scores of any model.

    Parameters
    ----------
    configuration, strategy
        Configuration, and the name of one of its strategies.
    """
    return any(configured_strategy(configuration, each).model for each in configuration.behind(strategy))


def with_searches(configuration: Configuration, strategy: str, own: pl.DataFrame, every: pl.DataFrame) -> pl.DataFrame:
    """Add to the trials of a strategy all that searches tried on its market, if it trades scores.

    Of which model, and under what name, does not matter: who looks at what a search found, and writes it down as the
    parameters of another model, has chosen among the same trials.

    Parameters
    ----------
    configuration, strategy
        Configuration, and the name of one of its strategies.
    own
        Trials that its result could have been selected from.
    every
        All trials of its market.
    """
    if not reads_scores(configuration, strategy):
        return own
    searched = backtests_and_searches(every)[1].unique("trial", keep="first", maintain_order=True)
    return pl.concat([own, searched])
