"""Trials on the same market under other names: told by the returns of their universes, as exposures are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from trading_assets.config.canonical import digest
from trading_assets.protocol.exposures import EVALUATIONS, SAME_MARKET, evaluations
from trading_assets.protocol.protocol import Protocol
from trading_assets.protocol.recording import contents_of
from trading_assets.protocol.tables import RETURNS
from trading_assets.protocol.trials import trials_on
from trading_assets.protocol.trials_table import TRIALS
from trading_assets.protocol.universe_returns import correlation


@dataclass(frozen=True)
class TradedMarket:
    """What a strategy trades.

    Attributes
    ----------
    symbols
        Names that the configuration has for what it trades.
    returns
        Equal-weight returns of these symbols, see `equal_weight_returns`.
    start, end
        The sessions that other universes are compared on.
    """

    symbols: tuple[str, ...]
    returns: pl.DataFrame
    start: dt.date
    end: dt.date


def trials_on_markets(protocol: Protocol, markets: Sequence[TradedMarket]) -> pl.DataFrame:
    """Return the trials that could trade a symbol of some markets, or these markets under other names.

    A universe is the same market if its equal-weight returns, put on record when it was evaluated, correlate more than
    0.7 in size with the market's. Trials on it get the market's symbols in place of their own: names decide nothing.

    Returns
    -------
    DataFrame
        As `trials_on` with `benchmark_returns`, in the order in which they were recorded.
    """
    every = trials_on(protocol, columns=[*TRIALS.columns, "benchmark_returns"])
    own = sorted({symbol for market in markets for symbol in market.symbols})
    names = other_names(protocol, markets, own)
    wanted = pl.lit(own, dtype=pl.List(pl.String))
    shared = pl.col("symbols").list.set_intersection(wanted).list.len() > 0
    if names:
        other = pl.DataFrame(
            {"key": list(names), "own_names": [list(market) for market in names.values()]},
            schema={"key": pl.String, "own_names": pl.List(pl.String)},
        )
        every = every.with_columns(key=pl.col("symbols").list.sort().list.join(_BETWEEN))
        every = every.join(other, on="key", how="left", maintain_order="left")
        renamed = pl.when(shared).then("symbols").otherwise(pl.coalesce("own_names", "symbols"))
        every = every.with_columns(symbols=renamed).drop("key", "own_names")
    return every.filter(pl.col("symbols").is_null() | shared)


def state_of_trials(protocol: Protocol) -> list[str]:
    """Return hashes of all that `trials_on_markets` reads of the protocol: trials, and universes with their returns."""
    records = protocol.read()
    trials = [record.row_hash for record in records if record.kind == "trials" or "imported" in record.payload]
    universes = dict.fromkeys(
        (*sorted(record.payload.get("symbols", ())), record.contents.get(RETURNS.name, ""))
        for record in records
        if record.kind in EVALUATIONS
    )
    return [digest(trials), digest(list(universes))]


#: No symbol has it.
_BETWEEN = "\n"


def other_names(protocol: Protocol, markets: Sequence[TradedMarket], own: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the universes on record that are one of the markets but share no symbol with any of them.

    Parameters
    ----------
    protocol
        Protocol of the data folder.
    markets
        Markets that are traded, with their returns.
    own
        Symbols of all of them.

    Returns
    -------
    Symbols of the market by those of the universe, joined by line feeds in alphabetical order.
    """
    records, known = protocol.read(), set(own)
    contents = contents_of(protocol, records)
    found: dict[str, tuple[str, ...]] = {}
    for record, payload in evaluations(records, contents.texts):
        key, returns = _BETWEEN.join(sorted(payload["symbols"])), contents.returns.get(record.row)
        if key in found or returns is None or known & set(payload["symbols"]):
            continue
        for market in markets:
            measured = correlation(market.returns, returns, market.start, market.end)
            if measured is not None and abs(measured) > SAME_MARKET:
                found[key] = market.symbols
                break
    return found
