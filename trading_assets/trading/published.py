"""What an account has published, as it was written: rows and state on record by their hashes, read and added to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from trading_assets import __version__
from trading_assets.asset_factories.table_asset import Step
from trading_assets.config.canonical import digest
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.restores import RESTORE
from trading_assets.protocol.row_hashes import Hashes, WrittenRows
from trading_assets.protocol.written_rows import hash_whole, record_written, written_on_record
from trading_assets.trading.closing.record import Closing
from trading_assets.trading.opening import Opening
from trading_assets.trading.tables import DIFFERENCES, PUBLISHED, SAVED_STATES
from trading_assets.warehouse import Rows, Table

if TYPE_CHECKING:
    from trading_assets.backtests.running_backtest import SavedBacktest

STAGE = "trading"


class AccountEditedError(Exception):
    """What an account has published is not what the product wrote; `str()` says where."""


@dataclass(frozen=True)
class Intended:
    """What a run put on record before it wrote rows: it may have been killed before it did.

    Attributes
    ----------
    row
        Record that says so; 0: nothing is.
    account, through
        Account that it went on with, and the last session that it was to publish.
    hashes
        Of all rows of the strategy after it, by table.
    """

    row: int
    account: str
    through: dt.date | None
    hashes: Mapping[str, Hashes]


@dataclass(frozen=True)
class Published:
    """Rows of all accounts of a strategy by table, and the state that one of them goes on from.

    `follows` is the row of the record that they fit, and `unwritten` are the runs that were on record after it.
    """

    rows: Mapping[Table, pl.DataFrame]
    states: pl.DataFrame
    follows: int
    unwritten: Sequence[Intended] = ()

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
        from trading_assets.trading.saved_state import StateLayoutError, decode

        own = self.states.filter(account=account)
        if own.is_empty():
            return None
        try:
            return decode(own["state"].item())
        except StateLayoutError as error:
            raise StateLayoutError(
                f"{account} was saved by another version of the product: {error}\n"
                f"  expected: the version that saved it ({own['product_version'].item()})\n"
                f"  what to do: trading-assets account open {own['strategy'].item()} begins the next one"
            ) from None


def read_published(step: Step, strategy: str) -> Published:
    """Return what the accounts of a strategy have published.

    Raises
    ------
    AccountEditedError
        Rows were edited, or deleted, since the product wrote them.
    """
    rows = Rows("strategy", strategy)
    with step.work.held_open() as held:
        found = {table: held.read_or_empty(table, rows=rows) for table in (*PUBLISHED, SAVED_STATES)}
    possible = possible_on_record(Protocol.of(step.configuration).read(), step.configuration.name, strategy)
    fitting = runs_that_fit(found, strategy, possible)
    if not fitting:
        last = possible[-1:]
        edited = next(table.name for table, own in found.items() if not runs_that_fit({table: own}, strategy, last))
        raise AccountEditedError(
            f"rows of {edited} were edited or deleted after they were published: {strategy}\n"
            "  expected: the rows of the last run, by their hashes on record\n"
            "  what to do: restore a copy (trading-assets restore DIR), or begin the next account: "
            f"trading-assets account open {strategy}; what is published is not made anew"
        )
    place = fitting[-1]
    return Published(
        {table: found[table] for table in PUBLISHED},
        found[SAVED_STATES],
        follows=possible[place].row,
        unwritten=possible[place + 1 :],
    )


def possible_on_record(records: Sequence[Record], configuration: str, strategy: str) -> list[Intended]:
    """Return what may be there: the last run that a later one went on from, and all runs after it.

    A run says which record the rows fitted that it went on from. So the rows of that one were written, and no rows of
    an earlier one pass any more; of the runs after it each may have been killed before it wrote rows. Once a copy was
    restored, its rows are of what was possible on the records that the copy has.

    Parameters
    ----------
    records
        Records of the protocol.
    configuration, strategy
        Names of the configuration and of the strategy.
    """
    asset, found, follows = asset_of(strategy), [Intended(0, "", None, {})], 0
    followed: list[tuple[int, int]] = []
    for record in records:
        said = record.payload
        if record.kind == "evidence" and record.configuration == configuration and said.get("asset") == asset:
            written = written_on_record([record], configuration)
            hashes = {**found[-1].hashes, **{table: parts[strategy][1] for table, parts in written.items()}}
            through = dt.date.fromisoformat(said["through"])
            found.append(Intended(record.row, said["account"], through, hashes))
            followed.append((record.row, said["follows"]))
            follows = max(follows, said["follows"])
        elif record.kind == RESTORE and record.configuration == configuration:
            follows = max((place for row, place in followed if row <= said["copied"]), default=0)
    return [each for each in found if each.row >= follows]


def made_otherwise(opening: Opening, before: Published, tables: Mapping[Table, pl.DataFrame]) -> pl.DataFrame:
    """Return a difference for each run on record whose sessions are made again with other rows than it had.

    A run that was killed before it wrote rows is made again, and so is the last one where the warehouse of the evening
    before was restored. On the same bars the rows are the same. Where they are not, nobody is to find out by himself.

    Parameters
    ----------
    opening, before
        Account that goes on, and what was published.
    tables
        All rows of the strategy with those that are about to be published.

    Returns
    -------
    DataFrame
        Rows of `trading.differences`.
    """
    rows = []
    for each in before.unwritten:
        is_earlier = pl.col("account") != opening.account
        if each.account == opening.account:
            is_earlier |= pl.col("session") <= each.through
        then = {table: _as_known(each, table, tables[table].filter(is_earlier)) for table in PUBLISHED}
        other = {table: own for table, own in then.items() if not runs_that_fit({table: own}, opening.strategy, [each])}
        if other:
            (equity,) = (tables[table].filter(account=each.account, session=each.through) for table in PUBLISHED[:1])
            said = [[part.table, *part.parts.values()] for part in hashes_of(other, opening.strategy)]
            row = {
                "strategy": opening.strategy,
                "account": each.account,
                "difference_id": digest(["made again", each.row, said])[:16],
                "kind": "revision",
                "session": each.through,
                "found": equity["equity"].item() if equity.height else None,
                "detail": f"what was on record up to {each.through} was made again with other rows of "
                f"{', '.join(table.name for table in other)}: after a stop or from an earlier warehouse, on other bars",
                "found_on": tables[PUBLISHED[0]].filter(account=opening.account)["session"].max(),
            }
            rows.append(row)
    return (
        DIFFERENCES.conform(pl.DataFrame(rows, schema_overrides={"found": pl.Float64})) if rows else DIFFERENCES.empty()
    )


def runs_that_fit(rows: Mapping[Table, pl.DataFrame], strategy: str, possible: Sequence[Intended]) -> list[int]:
    """Return the places of the runs on record that rows of a strategy are as they were published by.

    A column that the record of a run does not know came with a later version: it has no value in what that run wrote.

    Parameters
    ----------
    rows, strategy
        All rows of the strategy in some tables, and its name.
    possible
        See `possible_on_record`.
    """
    now = [
        (part, {name for name in own.columns if own[name].null_count() == own.height})
        for part, own in zip(hashes_of(rows, strategy), rows.values(), strict=True)
    ]
    return [place for place, each in enumerate(possible) if all(_fits(part, each.hashes, no) for part, no in now)]


def _fits(now: WrittenRows, known: Mapping[str, Hashes], without_a_value: Collection[str]) -> bool:
    """Whether rows are what was on record at a time; what was not on record, column or table, may have no value."""
    (hashes,) = now.parts.values()
    said = known.get(now.table, {})
    is_known = all(hashes.get(name) == hash_ for name, hash_ in said.items())
    return is_known and all(name in said or name in without_a_value for name in hashes)


def _as_known(run: Intended, table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the columns that a run on record had of them: one of an earlier version may have had fewer."""
    return rows.select(name for name in rows.columns if name in run.hashes.get(table.name, rows.columns))


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


def put_on_record(
    step: Step,
    opening: Opening,
    before: Published,
    tables: Mapping[Table, pl.DataFrame],
    through: dt.date,
    closing: Closing | None = None,
    *,
    is_left: bool = False,
) -> None:
    """Put the hashes of what is about to be published on record.

    The record is there before the rows: whoever is killed between the two has published nothing, and the next run makes
    the same rows, or names that they are others.

    Parameters
    ----------
    step, opening, before
        Step that publishes, account that goes on, and what it goes on from.
    tables, through
        All rows of the strategy by table, and the last session that is among them.
    closing
        Closing that the run knew of; None: there was none.
    is_left
        Whether the account holds nothing any more by it.
    """
    from trading_assets.trading.saved_state import engine_layout

    said: dict[str, object] = {
        "account": opening.account,
        "through": through.isoformat(),
        "follows": before.follows,
        "layout": engine_layout(),
    }
    if closing is not None:
        said |= {"closing": closing.row, "left": is_left}
    written, protocol = hashes_of(tables, opening.strategy), Protocol.of(step.configuration)
    record_written(protocol, asset_of(opening.strategy), written, step.now, said=said)


def hashes_of(tables: Mapping[Table, pl.DataFrame], strategy: str) -> list[WrittenRows]:
    """Return the hashes of the rows of a strategy, by table."""
    return [hash_whole(table, rows, strategy) for table, rows in tables.items()]
