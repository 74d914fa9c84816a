"""What the protocol is told before a strategy's results can be seen: registrations, and what it is evaluated on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import polars as pl

from trading_assets import __version__
from trading_assets.asset_factories.table_asset import Step
from trading_assets.config import Configuration
from trading_assets.config.canonical import digest
from trading_assets.config.scalars import LAST_DAY
from trading_assets.config.sections import Interval
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, UNIVERSE
from trading_assets.models.splits import spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import RECEIVED, TEXTS, Entry, Protocol, Record
from trading_assets.protocol.contents import content_rows
from trading_assets.protocol.decisions import decisions_behind
from trading_assets.protocol.exposures import exposure
from trading_assets.protocol.opened import state_of
from trading_assets.protocol.recording import Registering, record_exposures, record_registrations
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets.strategies.evaluation.fingerprint import frozen, symbols_behind
from trading_assets.strategies.evaluation.plan import plan_of
from trading_assets.strategies.evaluation.received import (
    BAR_COLUMNS,
    Market,
    changes,
    last_received,
    quality_changes,
    received,
    settings_of,
)
from trading_assets.strategies.evaluation.received_tables import hash_of_files, other_files, read_table
from trading_assets.strategies.interface.resolved import NoSymbolsError, configured_strategy, resolve_strategy
from trading_assets.warehouse.by_symbol import read_by_symbol


def put_registrations_on_record(step: Step) -> None:
    """Record every registration of the configuration that is not on record as it stands, all of them together.

    What was received of their markets is part of it: a registration whose universe, reference data or bars were changed
    since is registered anew, and its record says what changed. So it is after a decision by hand on a champion that it
    reads.
    """
    configuration = step.configuration
    spans, instruments = spans_of(step.work.read(SPLITS)), step.work.read(INSTRUMENTS)
    if "holdout" not in spans or not configuration.registration:
        return
    traded, behind = _symbols(configuration, instruments)
    market = _market(step, {*chain.from_iterable(behind.values())}, instruments)
    protocol, found, state = Protocol.of(configuration), [], state_of(configuration)
    for name, entry in configuration.registration.items():
        plan = plan_of(configuration, configured_strategy(configuration, name), spans)
        payload = {
            "registration_hash": None,  # of the whole registration, which the look has
            "plan_hash": plan.hash,
            "registered_on": entry.registered_on,
            "holdout": [spans["holdout"].start, spans["holdout"].end],
            "symbols": traded[name],
            "weight": entry.weight,
            "product_version": __version__,
            "config_hash": configuration.hash,
            "state": state,
            "as_of": configuration.as_of,
        }
        texts = {TEXTS: pl.DataFrame({"text": [plan.content]})}
        own = _OwnMarket(market, traded[name], behind[name], settings_of(configuration), spans["holdout"])
        by_hand = [each.in_words() for each in decisions_behind(configuration, name, spans["holdout"].end)]
        payload |= {"decisions": by_hand} if by_hand else {}
        returns = partial(returns_on_record, step, traded[name], Interval(start=spans["train"].start, end=LAST_DAY))
        changed = partial(_changed, protocol, own, by_hand)
        found.append(Registering(Entry("registration", name, payload, texts), returns, own.received, changed))
    record_registrations(protocol, found, step.now)


def evaluated_state(step: Step) -> str | None:
    """Return a hash of all that decides what an evaluation of a strategy finds; None without a holdout.

    It is over what the configuration says of it, the strategy's own and shipped code with what it reads, its members',
    and what was received of its market up to the holdout's end.
    """
    configuration, name = step.configuration, step.strategy or ""
    spans, instruments = spans_of(step.work.read(SPLITS)), step.work.read(INSTRUMENTS)
    if "holdout" not in spans:
        return None
    strategy = resolve_strategy(configuration, name, instruments)
    behind, end = symbols_behind(configuration, strategy, instruments), spans["holdout"].end
    market = _market(step, {*strategy.symbols, *behind}, instruments)
    until = last_received(market, {*strategy.symbols, *behind}, end)
    own = received(market, strategy.symbols, behind, until, settings_of(configuration))
    by_hand = [each.plain() for each in decisions_behind(configuration, name, end)]
    said = [configuration.hash_for(name), frozen(configuration, strategy), content_rows(RECEIVED, own)[0]]
    return digest([*said, *([by_hand] if by_hand else [])])


@dataclass(frozen=True)
class _OwnMarket:
    """What one strategy's market is made of."""

    market: Market
    traded: Sequence[str]
    behind: Sequence[str]
    settings: Mapping[str, Any]
    holdout: Interval

    def up_to(self, until: dt.date | None) -> pl.DataFrame:
        return received(self.market, self.traded, self.behind, until, self.settings)

    def received(self) -> tuple[dict[str, object], pl.DataFrame]:
        """What the record of a registration says of it, and its content."""
        until = last_received(self.market, {*self.traded, *self.behind}, self.holdout.end)
        return {"until": until}, self.up_to(until)


def _changed(protocol: Protocol, own: _OwnMarket, by_hand: Sequence[str], last: Record) -> list[str]:
    """What differs from what the last record has: decisions by hand since, and what was received of the market."""
    known = last.payload.get("decisions", [])
    return [*(each for each in by_hand if each not in known), *_changed_market(protocol, own, last)]


def _changed_market(protocol: Protocol, own: _OwnMarket, last: Record) -> list[str]:
    """Of the market; nothing where an earlier version wrote the record, which has none of it."""
    said = last.payload.get("received")
    if said is None:
        return []
    until = None if said["until"] is None else dt.date.fromisoformat(said["until"])
    now = own.up_to(until)
    if content_rows(RECEIVED, now)[0] == last.contents[RECEIVED.name]:
        return []
    old = protocol.contents(RECEIVED, [last]).select("symbol", "said", "quality")
    of_the_product = last.payload["product_version"] != __version__  # whose rules of quality may be others
    return changes(old, now, until, own.holdout.start) + ([] if of_the_product else quality_changes(old, now, until))


def _symbols(
    configuration: Configuration, instruments: pl.DataFrame
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Symbols that each registered strategy trades, and those that bear on what it does."""
    traded: dict[str, list[str]] = {}
    behind: dict[str, list[str]] = {}
    for name in configuration.registration:
        try:
            strategy = resolve_strategy(configuration, name, instruments)
            traded[name], behind[name] = strategy.symbols, symbols_behind(configuration, strategy, instruments)
        except NoSymbolsError:  # the strategy fails by itself; that it was registered stands
            traded[name], behind[name] = [], []
    return traded, behind


def _market(step: Step, symbols: Collection[str], instruments: pl.DataFrame) -> Market:
    own: dict[str, Any] = {"where": "list_contains(?, symbol)", "parameters": [sorted(symbols)]}
    return Market(
        bars=step.work.read(BARS, columns=list(BAR_COLUMNS), **own),
        quarantine=step.work.read_or_empty(QUARANTINE, columns=["symbol", "session", "occurrence", "reasons"], **own),
        memberships=step.work.read_or_empty(UNIVERSE, **own),
        instruments=instruments,
        **files_of(step),
    )


def files_of(step: Step) -> dict[str, Any]:
    """Read what files hold that the configuration names beside those of its market: tables, and hashes of others."""
    named = other_files(step.configuration)
    tables = {key: read_table(key, step.work.read_or_empty) for key in named}
    return {
        "tables": {key: table for key, table in tables.items() if table is not None},
        "files": {
            key: hash_of_files(name, step.configuration.directory) for key, name in named.items() if tables[key] is None
        },
    }


def returns_on_record(step: Step, symbols: Sequence[str], span: Interval) -> pl.DataFrame:
    """Return the equal-weight returns of symbols, from their bars in the warehouse.

    Parameters
    ----------
    step
        Step whose warehouse is read.
    symbols, span
        Symbols of the universe, and the first and last session of the returns.
    """
    asked: dict[str, Any] = {
        "columns": ["symbol", "session", "adj_close"],
        "where": "list_contains(?, symbol) AND session <= ?",
        "parameters": [list(symbols), span.end],
    }
    with step.work.held_open():
        step.work.depend_on(BARS, **asked)
        bars = read_by_symbol(step.work.aside(), BARS, **asked)
        return equal_weight_returns(bars, symbols, span.start, span.end)


def put_exposure_on_record(
    step: Step, stage: str, span: Interval, symbols: Sequence[str], bars: Iterable[pl.DataFrame]
) -> None:
    """Record that the strategy of a step is evaluated on a span, before what comes of it is written.

    Parameters
    ----------
    bars
        symbol, session, adj_close, all of some symbols at a time; of these symbols among others.
    """
    returns = equal_weight_returns(bars, symbols, span.start, span.end)
    entry = exposure(stage, step.strategy or "", span.start, span.end, symbols, returns)
    record_exposures(Protocol.of(step.configuration), [entry], step.now)


def put_further_exposure_on_record(
    step: Step, stage: str, span: Interval, symbols: Sequence[str], bars: Iterable[pl.DataFrame]
) -> None:
    """Record what of a span the strategy of a step has not been evaluated on yet, as far as is on record.

    Signals of a day are those of all days before and of one more: that one alone is new.

    Parameters
    ----------
    step, stage
        Step of the strategy, and the name of its stage.
    span, symbols
        Sessions that it is evaluated on, and what it may trade.
    bars
        symbol, session, adj_close, all of some symbols at a time; of these symbols among others.
    """
    protocol, known = Protocol.of(step.configuration), sorted(set(symbols))
    start = span.start
    for record in protocol.read():
        same = (record.kind, record.configuration, record.subject) == (
            "exposure",
            protocol.configuration,
            step.strategy,
        )
        if same and record.payload["stage"] == stage and record.payload["symbols"] == known:
            first, last = (dt.date.fromisoformat(record.payload[key]) for key in ("start", "end"))
            if first <= start <= last:
                start = last + dt.timedelta(days=1)
    if start <= span.end:
        put_exposure_on_record(step, stage, Interval(start=start, end=span.end), symbols, bars)
