"""Assets of the market_data stage: bars as received, and bars that may be used."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import dagster as dg
import polars as pl

from trading_assets.asset_factories.partitions import every_month_before, monthly_partitions
from trading_assets.asset_factories.step_record import ByMonth, Rule, Window
from trading_assets.asset_factories.table_asset import VENDORS, Step, table_asset
from trading_assets.config import Configuration
from trading_assets.market_data import sources
from trading_assets.market_data.alternative import assets as alternative
from trading_assets.market_data.deliveries import as_stored, deliveries
from trading_assets.market_data.derived_columns import record_derived
from trading_assets.market_data.incremental import PAST, read_again, settled_months
from trading_assets.market_data.instruments import spelled_alike
from trading_assets.market_data.lives import took_over_a_ticker
from trading_assets.market_data.pipeline import History, history, refuse_faulty, unsettled_since
from trading_assets.market_data.prior_results import ChangedPriorResultError
from trading_assets.market_data.quality import FUTURE_BAR, taken_back
from trading_assets.market_data.reference.corporate_actions import unfollowed_dividends
from trading_assets.market_data.reference.symbology import without_instrument
from trading_assets.market_data.reference_data import Inputs, content_of_inputs, read_inputs
from trading_assets.market_data.revisions import changed_months, reconcile
from trading_assets.market_data.sources.raw import NO_DATE
from trading_assets.market_data.tables import (
    BARS,
    BORROW_RATES,
    CORPORATE_ACTIONS,
    DELISTINGS,
    INSTRUMENTS,
    QUARANTINE,
    RAW_BARS,
    REJECTED_ROWS,
    REVISIONS,
    RISK_FREE,
    SESSIONS,
    SETTLED_MONTHS,
    SOURCES_DOWN,
    UNIVERSE,
)
from trading_assets.market_data.universe import (
    Memberships,
    UniverseError,
    missing_data_message,
    read_memberships,
    resolve,
    without_data,
)
from trading_assets.protocol import Protocol
from trading_assets.warehouse import Rows, Sessions, Whole

_LISTED = ("symbol", "asset_class")


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """`market_data/raw_bars` and `market_data/bars`, by month, and `market_data/publications` of alternative data."""
    partitions = monthly_partitions(configuration)
    return [
        table_asset(
            raw_bars,
            stage="market_data",
            tables=[RAW_BARS, REVISIONS, REJECTED_ROWS, SOURCES_DOWN],
            partitions=partitions,
            rule=Rule(by_month=ByMonth(RAW_BARS, (), (RAW_BARS,))),
            pool=VENDORS,
        ),
        table_asset(
            bars,
            stage="market_data",
            tables=[
                BARS,
                QUARANTINE,
                CORPORATE_ACTIONS,
                SETTLED_MONTHS,
                SESSIONS,
                INSTRUMENTS,
                DELISTINGS,
                BORROW_RATES,
                RISK_FREE,
                UNIVERSE,
            ],
            deps=[dg.AssetDep(["market_data", "raw_bars"], partition_mapping=every_month_before(configuration))],
            partitions=partitions,
            rule=Rule(content_of_inputs, by_month=ByMonth(RAW_BARS, (), (BARS, QUARANTINE, CORPORATE_ACTIONS))),
        ),
        *alternative.build_assets(configuration),
    ]


def raw_bars(step: Step) -> Mapping[str, Any]:
    """Bars as received from every source, faults included, and the benchmarks that only the sample has.

    A month that is delivered again replaces what was there: unchanged bars keep their receipt, what a changed bar
    was before goes to `market_data.revisions`. A delivery that a rule of severity `batch` refuses leaves everything as
    it was. A symbol that the configuration names and no source has is an
    error before anything is written, unless `allow_missing` is set.
    """
    months = step.months
    failures: list[str] = []
    inputs = read_inputs(step.configuration)  # tables that cannot be used stop the run here
    stored = as_stored(step, RAW_BARS, "session BETWEEN ? AND ?", [months.start, months.end])
    received, rejected, down = _received(step, stored, failures)
    delivery = reconcile(stored, received, step.now)
    del received  # half as much as all that follows
    if not delivery.raw_bars.equals(stored):
        past = "session < ? AND session >= ?", [months.start, months.start - min(PAST, months.start - dt.date.min)]
        refuse_faulty(delivery.raw_bars, as_stored(step, RAW_BARS, *past), inputs, step.now.date())
    if not delivery.revisions.is_empty():  # first: a kill in between repeats a revision, and loses none
        step.work.append(REVISIONS, delivery.revisions)
    if stored.is_empty() or not delivery.raw_bars.equals(stored):  # else what was computed from it is still fresh
        changed = changed_months(stored, delivery.raw_bars, months.start, months.end)
        rows = delivery.raw_bars
        if changed != Sessions(months.start, months.end):
            rows = rows.filter(pl.col("session").is_between(changed.start, changed.end))
        step.work.replace(changed, {RAW_BARS: rows})
    _keep_rejected(step, rejected)
    _keep_down(step, down)
    if failures:  # what the others delivered is kept, and so is what was there of those that failed
        raise sources.SourceError("\n".join(failures))
    return {
        "bars": delivery.raw_bars.height,
        "symbols": delivery.raw_bars["symbol"].n_unique(),
        "revised values": delivery.revisions.height,
        "rejected rows": rejected.height,
    }


def bars(step: Step) -> Mapping[str, Any]:
    """Usable bars with corporate actions and forward-adjusted prices; what is not usable, in quarantine with reasons.

    Checked in the light of each symbol's past and written by month, so that one month and the whole range agree to the
    bit. The past is all there is, or, where the months before are on record as settled, as much as rules look at.
    Also the expected sessions, the instruments and the universe.
    """
    configuration, months = step.configuration, step.months
    inputs = read_inputs(configuration)
    result = _history(step, inputs)
    known = (
        step.work.query(f"SELECT DISTINCT symbol, session FROM {RAW_BARS.name}", reads=[RAW_BARS.name])
        if inputs.overrides.height
        else None
    )
    if known is not None and (unused := inputs.overrides.join(known, on=["symbol", "session"], how="anti")).height:
        symbol, session, _ = unused.row(0)
        step.log.warning(f"{unused.height} overrides name no bar, the first {symbol} on {session}")
    _warn_of_unusable_symbols(step, result)
    if result.ignored:
        shown = ", ".join(result.ignored[:10]) + (", ..." if len(result.ignored) > 10 else "")
        step.log.warning(f"{len(result.ignored)} symbols of the data are not in the universe and are ignored: {shown}")
    if alike := spelled_alike(result.instruments["symbol"]):
        step.log.warning(
            f"{' and '.join(alike)} differ by their case alone and are two instruments: write one way what is one"
        )
    doubtful = unfollowed_dividends(result.bars, result.corporate_actions)
    for symbol, session, stated, before in doubtful.head(1).iter_rows():
        step.log.warning(
            f"{doubtful.height} dividends are more than half of a price that did not follow, the first {stated:g} of "
            f"{symbol} on {session} after a close of {before:g}: in another unit? Give what it is under `actions`"
        )
    first = months.start
    if result.since < first:
        before = as_stored(step, QUARANTINE, "session < ?", [first]).filter(taken_back()).select("symbol", "session")
        unsettled, renamed = unsettled_since(result, first, before), _renamed_since(step, result)
        # Its month as a whole: rows of it that stayed would get on record as they stand, an edit among them.
        first = min(unsettled, renamed, _held_back_since(step, result.as_of)).replace(day=1)
    in_slice = pl.col("session").is_between(first, months.end)
    quarantine = result.quarantine.filter(in_slice)
    step.work.replace_together(
        [
            (Sessions(first, months.end), {BARS: result.bars.filter(in_slice), QUARANTINE: quarantine}),
            (Sessions(result.since, dt.date.max), {CORPORATE_ACTIONS: result.corporate_actions}),
            (
                Sessions(months.start, dt.date.max),
                {SETTLED_MONTHS: settled_months(step.work, inputs, months.start, months.end)},
            ),
            (
                Whole(),
                {
                    SESSIONS: result.sessions,
                    INSTRUMENTS: result.instruments,
                    DELISTINGS: result.delistings,
                    BORROW_RATES: result.borrow_rates,
                    RISK_FREE: inputs.risk_free,
                    UNIVERSE: result.universe,
                },
            ),
        ]
    )
    record_derived(Protocol.of(configuration), step.work, first, months.end, step.now)
    return {
        "as of": result.as_of,
        "checked": "everything" if result.since == dt.date.min else f"from {result.since} on",
        "ignored symbols": len(result.ignored),
        "quarantined bars": quarantine.height,
        "reasons": quarantine.explode("reasons").group_by("reasons").len("bars").sort("reasons"),
    }


def _warn_of_unusable_symbols(step: Step, result: History) -> None:
    """Name the symbols of which bars were received and not one is usable, with the most frequent reason."""
    none = result.instruments.filter(pl.col("first_session").is_null())["symbol"]
    held = result.quarantine.filter(pl.col("symbol").is_in(none.implode())).explode("reasons")
    if held.is_empty():
        return
    counts = held.group_by("symbol", "reasons").len().sort("len", "reasons", descending=[True, False])
    shown = [
        f"{symbol} ({reason})" for symbol, reason, _ in counts.unique("symbol", keep="first").sort("symbol").rows()
    ]
    step.log.warning(
        f"not one bar can be used of {len(shown)} symbols: {', '.join(shown[:10])}" + (", ..." if shown[10:] else "")
    )


def _history(step: Step, inputs: Inputs) -> History:
    """What is to be known of the run's months: from what is new and its past where that is enough, else from all."""
    again = read_again(step.work, inputs, step.months.start)
    if again is not None:
        raw, prior = again
        with suppress(ChangedPriorResultError):
            return history(raw, inputs, prior)
    return history(step.work.read(RAW_BARS), inputs)


def _keep_rejected(step: Step, rejected: pl.DataFrame) -> None:
    """Put rejected rows in place of those of the run's months; every run sees all the rows without a date."""
    months, undated = step.months, pl.col("reason") == NO_DATE
    stored = as_stored(step, REJECTED_ROWS, "session BETWEEN ? AND ? OR session IS NULL", [months.start, months.end])
    rows = REJECTED_ROWS.conform(rejected).unique(REJECTED_ROWS.key).sort(REJECTED_ROWS.key)
    if not rows.is_empty():
        shown = ", ".join(f"{count} {reason}" for reason, count in rows.group_by("reason").len().sort("reason").rows())
        first = rows.row(0, named=True)
        step.log.warning(
            f"{rows.height} received rows are no bars and are kept in {REJECTED_ROWS.name}: {shown}; "
            f"the first: {first['source_file']}, line {first['source_line']}: {first['text'][:60]}"
        )
    if rows.equals(stored) and step.work.aside().exists(REJECTED_ROWS.name):
        return
    step.work.replace_together(
        [
            (Rows("reason", NO_DATE), {REJECTED_ROWS: rows.filter(undated)}),
            (Sessions(months.start, months.end), {REJECTED_ROWS: rows.filter(~undated)}),
        ]
    )


def _keep_down(step: Step, down: pl.DataFrame) -> None:
    """Put the sources that are down on record for each month that was read, in place of those of the last time."""
    months = step.months
    first = pl.date_range(months.start.replace(day=1), months.end, "1mo", eager=True).alias("session")
    rows = SOURCES_DOWN.conform(first.to_frame().join(down.unique(), how="cross").sort("session", "source"))
    start = months.start.replace(day=1)
    stored = as_stored(step, SOURCES_DOWN, "session BETWEEN ? AND ?", [start, months.end])
    if not rows.equals(stored) or not step.work.aside().exists(SOURCES_DOWN.name):
        step.work.replace(Sessions(start, months.end), {SOURCES_DOWN: rows})


def _received(step: Step, stored: pl.DataFrame, failures: list[str]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """What sources and the sample's index deliver for the months, rows of `tables.REJECTED_ROWS`, and who is down.

    A vendor or a database that fails is added to `failures`, and what is `stored` of it stays.

    Raises
    ------
    UniverseError
        The configuration names a symbol that has no data at all.
    """
    configuration, months = step.configuration, step.months
    received, nobody, rejected, spans, down = deliveries(step, months, stored, failures)
    if not nobody.is_empty():
        row = nobody.row(0, named=True)
        step.log.warning(
            f"{nobody.height} bars of {nobody['symbol'].n_unique()} tickers are left out: by the table of tickers they "
            f"named no instrument then, the first {row['symbol']} on {row['session']}"
        )
    memberships = read_memberships(configuration)
    everything = Window(configuration.start, max(configuration.as_of or step.now.date(), months.end))
    _warn_of_files_without_bars(step, spans, everything)
    listed = pl.concat([received.select(_LISTED), _on_record(step, down["source"])])
    missing = _missing(configuration, listed, memberships, everything.end)
    if not missing.is_empty() and months != everything and down.is_empty():  # it may have data in other months
        listed = deliveries(step, everything, stored, failures).bars
        missing = _missing(configuration, listed, memberships, everything.end)
    wanted = missing.filter("benchmark")["symbol"].implode()
    index = sources.sample.index_bars(everything.start, everything.end).filter(pl.col("symbol").is_in(wanted))
    missing = missing.filter(~pl.col("symbol").is_in(index["symbol"].unique().implode()))
    if not missing.is_empty() and not failures:
        message = missing_data_message(configuration, missing)
        if not configuration.allow_missing and down.is_empty():  # who is down may have it
            raise UniverseError(message)
        step.log.warning(message)
    in_months = index.filter(pl.col("session").is_between(months.start, months.end))
    bars = pl.concat([received, in_months.with_columns(calendar=pl.lit("XNYS"))], how="diagonal")
    return bars, pl.concat([rejected, without_instrument(nobody)]), down


def _warn_of_files_without_bars(step: Step, spans: pl.DataFrame, span: Window) -> None:
    """Name the files that hold no row of the experiment's span, whichever months are read."""
    outside = (pl.col("rows") == 0) | (pl.col("last") < span.start) | (pl.col("first") > span.end)
    none = spans.filter(outside.fill_null(True))
    if none.is_empty():
        return
    named = [
        file if rows == 0 else f"{file} ({first} to {last})"
        for file, rows, first, last in none.sort("source_file").head(10).rows()
    ]
    step.log.warning(
        f"{none.height} of {spans.height} files hold no bar from {span.start} to {span.end}: {', '.join(named)}"
        + (", ..." if none.height > len(named) else "")
    )


def _on_record(step: Step, down: pl.Series) -> pl.DataFrame:
    """Symbols of sources that are down, whatever the month: what they do not say now is no reason to miss them."""
    aside = step.work.aside()
    if down.is_empty() or not aside.exists(RAW_BARS.name):
        return pl.DataFrame(schema=dict.fromkeys(_LISTED, pl.String))
    query = f"SELECT DISTINCT symbol, asset_class FROM {RAW_BARS.name} WHERE list_contains(?, source)"
    return aside.query(query, [down.to_list()])


def _missing(
    configuration: Configuration, received: pl.DataFrame, memberships: Memberships, last: dt.date
) -> pl.DataFrame:
    listed = received.select(_LISTED).unique()
    return without_data(configuration, resolve(configuration, listed, memberships), listed, last)


def _held_back_since(step: Step, as_of: dt.date) -> dt.date:
    """The earliest session before the months whose bars an earlier run held back, as later than its as-of date."""
    months = step.months
    condition = f"session < ? AND session <= ? AND list_contains(reasons, '{FUTURE_BAR.name}')"
    held = as_stored(step, QUARANTINE, condition, [months.start, as_of])["session"].min()
    return held if isinstance(held, dt.date) else months.start


def _renamed_since(step: Step, result: History) -> dt.date:
    """The earliest session before the months whose bar turned out to be a stray one, and has another symbol now."""
    start = step.months.start
    names = result.instruments.filter(took_over_a_ticker())["symbol"]
    decided, key = (result.bars, result.quarantine), ["symbol", "session"]
    own = pl.concat(each.select(key) for each in decided).filter(
        pl.col("symbol").is_in(names.implode()), pl.col("session") < start
    )
    if own.is_empty():
        return start
    where = "session < ? AND list_contains(?, symbol)", [start, names.to_list()]
    stored = pl.concat(as_stored(step, table, *where).select(key) for table in (BARS, QUARANTINE))
    renamed = own.join(stored, on=key, how="anti")["session"].min()
    return renamed if isinstance(renamed, dt.date) else start
