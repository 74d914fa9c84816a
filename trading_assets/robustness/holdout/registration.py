"""What is frozen before a holdout is looked at.

A registration is a JSON text of all that decides a holdout's numbers and their reading: the hypothesis, the spans
as dates, the strategy's parameters and rules, its symbols, costs, risk, seed, criteria, the settings of its model,
and up to the end of the holdout the bars, memberships and delistings of every symbol that bears on its decisions:
what it trades, and what its model or its members look at. Values that equal their defaults are left out (see
`trading_assets.config.stated`). Its hash stands for it in the ledger: two evaluations with
the same hash are the same look.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from trading_assets.backtests.inputs.data_hash import QUARANTINED_COLUMNS, data_hash
from trading_assets.config import Configuration
from trading_assets.config.canonical import canonical
from trading_assets.config.sections import Interval
from trading_assets.market_data.quality import EXTREME_MOVE, STALE_PRICE, taken_back
from trading_assets.robustness.tables import REGISTRATIONS
from trading_assets.strategies.evaluation.plan import decided
from trading_assets.strategies.evaluation.received_tables import last_in_force, marks_of, of_symbols
from trading_assets.strategies.interface.resolved import ResolvedStrategy

#: How contents are written: 1 (which says no form) with all defaults and the texts of source files, 2 without either.
FORM = 2


@dataclass(frozen=True)
class Registration:
    """A registration: what is frozen, as canonical JSON, and the SHA-256 of that text."""

    strategy: str
    registered_on: dt.date
    content: str

    @property
    def hash(self) -> str:
        """64 hexadecimal digits."""
        return hashlib.sha256(self.content.encode()).hexdigest()


def register(
    configuration: Configuration,
    strategy: ResolvedStrategy,
    *,
    spans: Mapping[str, Interval],
    bars: pl.DataFrame,
    quarantine: pl.DataFrame,
    memberships: pl.DataFrame,
    sectors: Mapping[str, str],
    delisted: Mapping[str, dt.date],
    delisting_values: Mapping[str, Sequence[object]] = MappingProxyType({}),
    exchanges: Mapping[str, str] = MappingProxyType({}),
    behind: Sequence[str] = (),
    tables: Mapping[str, pl.DataFrame] = MappingProxyType({}),
    files: Mapping[str, str] = MappingProxyType({}),
) -> Registration:
    """Freeze one strategy.

    Parameters
    ----------
    strategy
        Symbols without a bar up to the holdout's end are left out, as are all later bars.
    spans
        train, validation and holdout as dates.
    bars
        Rows of `market_data.bars`, those of the benchmark and of the symbols `behind` it included. Of their flags those
        that decide signals and fills are frozen.
    quarantine
        Rows of `market_data.quarantine`: an open that turned out to be a spike was filled at.
    memberships
        Rows of `market_data.universe`; a spell that ends after the holdout counts as one that lasts.
    sectors
        Symbol -> sector, of those that have one.
    delisted
        Symbol -> session of its delisting, of those that have one; one after the holdout was not known then.
    delisting_values
        Symbol -> value, unit, reason and exchange of its delisting, of those that have any of them on record.
    exchanges
        Symbol -> exchange, of those that have one on record: it decides what an unexplained ending costs.
    behind
        Other symbols that bear on what it does, see `symbols_behind`.
    tables, files
        What the configuration names of rates and other files, see `on_record.files_of`; rows up to the holdout's end.

    Raises
    ------
    KeyError
        The strategy has no entry in the section `registration`, or there is no holdout.
    """
    name, symbols, benchmark = strategy.name, strategy.symbols, strategy.benchmark
    entry, end = configuration.registration[name], spans["holdout"].end
    listed = set(bars.filter(pl.col("session") <= end)["symbol"])
    universe, others = sorted(listed & set(symbols)), sorted(listed & set(behind) - set(symbols))
    gone = {s: delisted[s] for s in sorted({*universe, *others} & delisted.keys()) if delisted[s] <= end}
    listed_on = {symbol: exchanges[symbol] for symbol in universe if symbol in exchanges}
    worth = {symbol: list(delisting_values[symbol]) for symbol in gone if symbol in delisting_values}
    in_force = last_in_force(bars.filter(pl.col("symbol").is_in(universe))["session"], end)
    named = {key: marks_of(of_symbols(table, universe), in_force)["hash"] for key, table in tables.items()}
    content = {
        "form": FORM,
        **decided(configuration, strategy, spans),
        "universe": _spells(memberships, universe, end),
        "behind": _spells(memberships, others, end),
        "delisted": gone,
        **({"delisting_values": worth} if worth else {}),
        **({"exchanges": listed_on} if listed_on else {}),
        "sectors": {symbol: sectors[symbol] for symbol in universe if symbol in sectors},
        "benchmark": benchmark,
        "data_hash": data_hash([bars], [*universe, *others, *([benchmark] if benchmark else [])], end),
        "quarantine": data_hash([quarantine.filter(taken_back())], universe, end, QUARANTINED_COLUMNS),
        **_flags(bars, [*universe, *others, *([benchmark] if benchmark else [])], end),
        **({"files": {**named, **files}} if named or files else {}),
    }
    return Registration(strategy=name, registered_on=entry.registered_on, content=canonical(content))


def _flags(bars: pl.DataFrame, symbols: Sequence[str], end: dt.date) -> dict[str, str]:
    """Hash of the flags that decide signals and fills, which a reviewed override changes too; nothing without any."""
    marks = {rule.name: pl.col("flags").list.contains(rule.name) for rule in (EXTREME_MOVE, STALE_PRICE)}
    flagged = bars.filter(pl.any_horizontal(marks.values()), pl.col("symbol").is_in(list(symbols)))
    flagged = flagged.filter(pl.col("session") <= end).with_columns(**marks)
    return {} if flagged.is_empty() else {"flags": data_hash([flagged], symbols, end, ("symbol", "session", *marks))}


def registration_rows(
    known: pl.DataFrame, registration: Registration, recorded_at: dt.datetime, product_version: str
) -> pl.DataFrame:
    """Return the row of `robustness.registrations` for a registration; none if it is `known`.

    Parameters
    ----------
    known
        Rows of `robustness.registrations`.
    registration, recorded_at, product_version
        Registration to record, when (UTC), and the version of the product that makes it.
    """
    if not known.filter(strategy=registration.strategy, registration_hash=registration.hash).is_empty():
        return REGISTRATIONS.empty()
    row = {
        "strategy": registration.strategy,
        "registration_hash": registration.hash,
        "content": registration.content,
        "registered_on": registration.registered_on,
        "recorded_at": recorded_at,
        "product_version": product_version,
    }
    return pl.DataFrame([row], schema=REGISTRATIONS.empty().schema)


def _spells(memberships: pl.DataFrame, symbols: Sequence[str], end: dt.date) -> dict[str, list[list[dt.date | None]]]:
    """First and last session of each spell of each symbol, as known at `end`."""
    known = memberships.filter(pl.col("start") <= end).with_columns(
        pl.when(pl.col("end") <= end).then("end").alias("end")
    )
    spells = known.sort("symbol", "start").group_by("symbol", maintain_order=True).agg(pl.concat_list("start", "end"))
    by_symbol = dict(spells.iter_rows())
    return {symbol: by_symbol.get(symbol, []) for symbol in symbols}
