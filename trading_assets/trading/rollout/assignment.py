"""Which positions a stage sends: decided by a hash of the position and the subject, never by a draw.

A position is what is entered and left together: both legs of a pair; of a strategy of target weights the symbol, whose
weight it goes on changing; else the entry. Each has a number between 0 and 1, and a stage sends those below its share.
So a larger stage sends all that a smaller one does, on any machine and in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trading_assets.config.canonical import digest

_DIGITS = 13


def position_of(order: Mapping[str, Any], *, is_weight: bool) -> str:
    """Return what identifies the position that an order is of.

    Parameters
    ----------
    order
        pair_id, symbol and order_id of an entry.
    is_weight
        Whether a target weight is behind it.
    """
    if order["pair_id"] is not None:
        return str(order["pair_id"])
    return str(order["symbol"] if is_weight else order["order_id"])


def number_of(subject: str, position: str) -> float:
    """Return the number of a position: uniform between 0 and 1 over positions, the same at every time.

    Parameters
    ----------
    subject, position
        `strategy/<name>`, and the position.

    Examples
    --------
    >>> round(number_of("strategy/momentum", "momentum-1-20170711-AAA-buy"), 4)
    0.0877
    """
    return int(digest([subject, position])[:_DIGITS], 16) / 16.0**_DIGITS


def is_assigned(subject: str, position: str, share: float) -> bool:
    """Return whether a position is among the share that is sent.

    Parameters
    ----------
    subject, position
        `strategy/<name>`, and the position.
    share
        Of the stage, from 0 (none) to 1 (all).
    """
    return number_of(subject, position) < share
