"""Entries of a primary strategy: the only rows of a model of meta-labels (Lopez de Prado, 2018, section 3.6).

A primary says when and on which side to enter, a second model whether that entry will pay. Strategies come after
models, and import from them: so entries come as rows of `strategies.signals`, which the asset of the primary has
written before, and nothing here knows what a strategy is. An entry is each session whose close is a signal to enter,
also while the primary would hold the symbol already: which of them it takes depends on the portfolio.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.models import WalkForward
from trading_assets.models.entry_tables import FAILED, SIGNALS, STATUS
from trading_assets.protocol.made_under import assert_made_under, settings_of_strategy
from trading_assets.protocol.row_hashes import WrittenRows
from trading_assets.protocol.written_rows import EditedRowsError, hash_whole, is_as_written, last_written
from trading_assets.warehouse import Rows, Warehouse

_STAGE = "strategies"
_COLUMNS = ("symbol", "session")


class EntriesError(Exception):
    """Signals of a primary that are no entries of one side; `str()` is one block for people."""


@dataclass(frozen=True)
class Entries:
    """Where a primary enters.

    Attributes
    ----------
    keys
        symbol, session of each entry, by these: it is known at the close of the session.
    side
        1 of a primary that buys, -1 of one that sells short.
    """

    keys: pl.DataFrame
    side: int


def entries_of(signals: pl.DataFrame) -> Entries:
    """Return the entries among the signals of a primary.

    Parameters
    ----------
    signals
        Rows of `strategies.signals` of one strategy. One without a weight is no entry, as no size follows from it.

    Raises
    ------
    EntriesError
        They are of both sides.

    Examples
    --------
    The second row enters; the first one leaves, and the third has no size.

    >>> days = pl.Series(["2024-01-02", "2024-01-03", "2024-01-04"]).str.to_date()
    >>> rows = {"symbol": ["A"] * 3, "session": days, "action": ["exit", "enter", "enter"]}
    >>> found = entries_of(pl.DataFrame({**rows, "target_weight": [0.0, -0.1, None]}))
    >>> found.keys.rows(), found.side
    ([('A', datetime.date(2024, 1, 3))], -1)
    """
    enter = signals.filter(pl.col("action") == "enter", pl.col("target_weight") != 0)
    sides = enter["target_weight"].sign().unique().sort().to_list()
    if len(sides) > 1:
        raise EntriesError(
            "the primary enters on both sides\n  expected: entries that are all bought, or all sold short\n"
            "  what to do: name an order-based strategy as `primary`"
        )
    return Entries(enter.select(_COLUMNS).unique().sort(_COLUMNS), int(next(iter(sides), 1)))


def assets_of_primaries(models: Iterable[WalkForward]) -> list[str]:
    """Return the keys of the assets that write the signals of the primaries of models, each once and ascending."""
    return sorted({f"{_STAGE}/{each.primary}" for each in models if each.primary is not None})


def hash_of_signals(rows: pl.DataFrame, primary: str) -> WrittenRows:
    """Return the hashes of the signals of a primary, as its asset puts them on record."""
    return hash_whole(SIGNALS, rows, primary)


def primary_entries(
    warehouse: Warehouse, configuration: Configuration, primary: str, until: dt.date = dt.date.max
) -> Entries:
    """Return the entries of a primary as they are on record; none of one that has failed, which has emptied its rows.

    Parameters
    ----------
    warehouse, configuration
        Warehouse with its signals, and what is on record of them.
    primary
        Name of the strategy.
    until
        First session that may not be seen.

    Raises
    ------
    EditedRowsError
        Its signals are not those that its asset wrote.
    OutdatedRowsError
        They are of the primary as it was under other parameters, or with other code.
    EntriesError
        See `entries_of`.
    """
    rows, statuses = warehouse.read_or_empty(SIGNALS, rows=Rows("strategy", primary)), _statuses(warehouse, primary)
    if FAILED in statuses["status"]:
        rows = rows.clear()
    elif rows.height or statuses.height:  # else it never ran
        on_record = last_written(configuration)
        if rows.height and not is_as_written(hash_of_signals(rows, primary), on_record):
            raise EditedRowsError(SIGNALS.name, primary, "rows", f"{_STAGE}/{primary}")
        assert_made_under(settings_of_strategy(configuration, primary), on_record, is_required=True)
    return entries_of(rows.filter(pl.col("session") < until))


def ends_before(warehouse: Warehouse, primary: str | None, until: dt.date) -> dt.date | None:
    """Return the day before which the scores of a model end; None: the holdout is open to it.

    Parameters
    ----------
    warehouse
        Warehouse with the status of the primary.
    primary
        Primary of the model, whose signals may have been made before its holdout was opened; None: it has none.
    until
        First session that the model may not see; the end of time: all may.
    """
    if until != dt.date.max:
        return until
    ends = [] if primary is None else _statuses(warehouse, primary)["until"].drop_nulls().to_list()
    return min((last + dt.timedelta(days=1) for last in ends), default=None)


def _statuses(warehouse: Warehouse, primary: str) -> pl.DataFrame:
    return warehouse.read_or_empty(STATUS, rows=Rows("asset", f"{_STAGE}/{primary}"))
