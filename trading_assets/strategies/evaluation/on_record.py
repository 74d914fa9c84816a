"""What the protocol is told before a strategy's results can be seen: registrations, and what it is evaluated on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial

import polars as pl

from trading_assets import __version__
from trading_assets.asset_factories.table_asset import Step
from trading_assets.config.scalars import LAST_DAY
from trading_assets.config.sections import Interval
from trading_assets.market_data.tables import BARS, INSTRUMENTS
from trading_assets.models.splits import spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import TEXTS, Entry, Protocol
from trading_assets.protocol.exposures import exposure
from trading_assets.protocol.recording import record_exposures, record_registrations
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets.strategies.evaluation.plan import plan_of
from trading_assets.strategies.interface.resolved import NoSymbolsError, configured_strategy, resolve_strategy


def put_registrations_on_record(step: Step) -> None:
    """Record every registration of the configuration that is not on record as it stands, all of them together."""
    configuration = step.configuration
    spans, instruments = spans_of(step.work.read(SPLITS)), step.work.read(INSTRUMENTS)
    if "holdout" not in spans:
        return
    found: list[tuple[Entry, Callable[[], pl.DataFrame]]] = []
    for name, entry in configuration.registration.items():
        plan = plan_of(configuration, configured_strategy(configuration, name), spans)
        try:
            symbols = resolve_strategy(configuration, name, instruments).symbols
        except NoSymbolsError:  # the strategy fails by itself; that it was registered stands
            symbols = []
        payload = {
            "registration_hash": None,  # of the whole registration, which the look has
            "plan_hash": plan.hash,
            "registered_on": entry.registered_on,
            "holdout": [spans["holdout"].start, spans["holdout"].end],
            "symbols": symbols,
            "weight": entry.weight,
            "product_version": __version__,
            "config_hash": configuration.hash,
        }
        texts = {TEXTS: pl.DataFrame({"text": [plan.content]})}
        returns = partial(returns_on_record, step, symbols, Interval(start=spans["train"].start, end=LAST_DAY))
        found.append((Entry("registration", name, payload, texts), returns))
    record_registrations(Protocol.of(configuration), found, step.now)


def returns_on_record(step: Step, symbols: Sequence[str], span: Interval) -> pl.DataFrame:
    """Return the equal-weight returns of symbols, from their bars in the warehouse."""
    bars = step.work.read(
        BARS,
        columns=["symbol", "session", "adj_close"],
        where="list_contains(?, symbol) AND session <= ?",
        parameters=[list(symbols), span.end],
    )
    return equal_weight_returns(bars, symbols, span.start, span.end)


def put_exposure_on_record(step: Step, stage: str, span: Interval, symbols: Sequence[str], bars: pl.DataFrame) -> None:
    """Record that the strategy of a step is evaluated on a span, before what comes of it is written.

    Parameters
    ----------
    bars
        symbol, session, adj_close; of these symbols among others.
    """
    returns = equal_weight_returns(bars, symbols, span.start, span.end)
    entry = exposure(stage, step.strategy or "", span.start, span.end, symbols, returns)
    record_exposures(Protocol.of(step.configuration), [entry], step.now)


def put_further_exposure_on_record(
    step: Step, stage: str, span: Interval, symbols: Sequence[str], bars: pl.DataFrame
) -> None:
    """Record what of a span the strategy of a step has not been evaluated on yet, as far as is on record.

    Signals of a day are those of all days before and of one more: that one alone is new.
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
