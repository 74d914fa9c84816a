"""What an account has published, as it was written: rows and state on record by their hashes, read and added to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from trading_assets import __version__
from trading_assets.asset_factories.table_asset import Step
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.row_hashes import Hashes, WrittenRows
from trading_assets.protocol.written_rows import hash_whole, record_written, written_on_record
from trading_assets.trading.opening import Opening
from trading_assets.trading.tables import PUBLISHED, SAVED_STATES
from trading_assets.warehouse import Rows, Table

if TYPE_CHECKING:
    from trading_assets.backtests.running_backtest import SavedBacktest

STAGE = "trading"


class AccountEditedError(Exception):
    """What an account has published is not what the product wrote; `str()` says where."""


@dataclass(frozen=True)
class Published:
    """Rows of all accounts of a strategy by table, and the state that one of them goes on from."""

    rows: Mapping[Table, pl.DataFrame]
    states: pl.DataFrame

    def of(self, table: Table, account: str) -> pl.DataFrame:
        """Return the rows of an account in a table."""
        return self.rows[table].filter(account=account)

    def saved(self, account: str) -> SavedBacktest | None:
        """Return the state of an account at its last close; None before the first.

        Raises
        ------
        StateLayoutError
            Another version of the product wrote it.
        """
        from trading_assets.trading.saved_state import decode

        own = self.states.filter(account=account)
        return None if own.is_empty() else decode(own["state"].item())


def read_published(step: Step, strategy: str) -> Published:
    """Return what the accounts of a strategy have published.

    Raises
    ------
    AccountEditedError
        Rows were edited, or deleted, since the product wrote them.
    """
    rows = Rows("strategy", strategy)
    with step.work.aside().held_open() as held:
        found = {table: held.read_or_empty(table, rows=rows) for table in (*PUBLISHED, SAVED_STATES)}
    now = hashes_of(found, strategy)
    empty = {table.name for table, own in found.items() if own.is_empty()}
    on_record = _on_record(Protocol.of(step.configuration).read(), step.configuration.name, strategy)
    if not any(all(_fits(each, known, empty) for each in now) for known in on_record):
        edited = next(each.table for each in now if not _fits(each, on_record[-1], empty))
        raise AccountEditedError(
            f"rows of {edited} were edited or deleted after they were published: {strategy}\n"
            "  expected: the rows of the last run, by their hashes on record\n"
            "  what to do: restore the warehouse from a backup; what is published is not made anew"
        )
    return Published({table: found[table] for table in PUBLISHED}, found[SAVED_STATES])


def _on_record(records: Sequence[Record], configuration: str, strategy: str) -> list[dict[str, Hashes]]:
    """Hashes by table after the last run and after the one before: a run may have been killed before it wrote rows."""
    asset, found = asset_of(strategy), [dict[str, Hashes]()]
    for record in records:
        if record.kind == "evidence" and record.payload.get("asset") == asset:
            written = written_on_record([record], configuration)
            found.append({**found[-1], **{table: parts[strategy][1] for table, parts in written.items()}})
    return found[-2:]


def _fits(now: WrittenRows, known: Mapping[str, Hashes], empty: Collection[str]) -> bool:
    """Whether rows are what was on record at a time; where none were, none may be there."""
    (hashes,) = now.parts.values()
    return hashes == known[now.table] if now.table in known else now.table in empty


def asset_of(strategy: str) -> str:
    """Return the key of the asset that publishes the accounts of a strategy."""
    return f"{STAGE}/account/{strategy}"


def extended(
    opening: Opening, before: Published, new: Mapping[Table, pl.DataFrame], saved: SavedBacktest
) -> dict[Table, pl.DataFrame]:
    """Return all rows of a strategy with those of some sessions more.

    Parameters
    ----------
    opening
        Account that goes on.
    before, new
        What is published, and the rows of new sessions by table.
    saved
        State at the last of these.
    """
    from trading_assets.trading.saved_state import LAYOUT, encode

    tables = {table: pl.concat([before.rows[table], rows]).sort(table.key) for table, rows in new.items()}
    state = {
        "strategy": opening.strategy,
        "account": opening.account,
        "session": saved.sessions[-1],
        "layout": LAYOUT,
        "product_version": __version__,
        "state": encode(saved),
    }
    others = before.states.filter(pl.col("account") != opening.account)
    states = pl.concat([others, SAVED_STATES.conform(pl.DataFrame([state]))])
    return {**tables, SAVED_STATES: states.sort(SAVED_STATES.key)}


def put_on_record(step: Step, tables: Mapping[Table, pl.DataFrame], strategy: str) -> None:
    """Put the hashes of what is about to be published on record.

    The record is there before the rows: whoever is killed between the two has published nothing, and the next run makes
    the same rows.

    Parameters
    ----------
    step, tables, strategy
        Step that publishes, all rows of the strategy by table, and its name.
    """
    record_written(Protocol.of(step.configuration), asset_of(strategy), hashes_of(tables, strategy), step.now)


def hashes_of(tables: Mapping[Table, pl.DataFrame], strategy: str) -> list[WrittenRows]:
    """Return the hashes of the rows of a strategy, by table."""
    return [hash_whole(table, rows, strategy) for table, rows in tables.items()]
