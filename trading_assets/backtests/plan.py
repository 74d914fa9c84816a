"""What a parameter set of a strategy asks of the engine, whatever the kind of the strategy."""

from __future__ import annotations

from dataclasses import dataclass

from trading_assets.backtests.layout import Table
from trading_assets.backtests.market import Signals, Targets


@dataclass(frozen=True)
class Names:
    """What the numbers of a run's records stand for.

    Attributes
    ----------
    entries
        Why a position is entered: triggers by number; of a target-weight strategy the same as `exits`.
    exits
        Why it is left, by number: `market.EXIT_REASONS` with the strategy's own word for its rule, followed by the
        reasons that a target-weight strategy gives.
    pairs
        Pair ids by number.
    """

    entries: tuple[str, ...]
    exits: tuple[str, ...]
    pairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Arrays and numbers of one parameter set; `trial` spans the whole market and is under no stress."""

    signals: Signals | Targets
    trial: Table
    names: Names
