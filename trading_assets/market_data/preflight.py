"""What a run would fail on in its inputs, found before anything is written: calendars, tables, files, symbols."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.errors import Fault, KeyPath
from trading_assets.config.remote_sources import AnySource, MissingSecretError, RemoteSource, SqlSource
from trading_assets.config.sections import Interval
from trading_assets.config.sources import FilesSource, SyntheticSource
from trading_assets.market_data.alternative.publications import read_publications
from trading_assets.market_data.calendars import CalendarError, facts_of, sessions
from trading_assets.market_data.quality.apply_rules import violates_ohlc
from trading_assets.market_data.quality.overrides import OverrideError, read_overrides
from trading_assets.market_data.reference.borrow_rates import recorded_borrow_rates
from trading_assets.market_data.reference.corporate_actions import recorded_actions
from trading_assets.market_data.reference.delistings import recorded_delistings
from trading_assets.market_data.reference.files import ReferenceError
from trading_assets.market_data.reference.risk_free import read_risk_free
from trading_assets.market_data.reference.sectors import SectorsError, read_sectors
from trading_assets.market_data.reference.symbology import recorded_symbology
from trading_assets.market_data.sources import SourceError, files, read_bars, sample
from trading_assets.market_data.sources.doubts import doubts_of
from trading_assets.market_data.sources.request_limit import RequestLimit
from trading_assets.market_data.sources.vendors import vendor_of
from trading_assets.market_data.universe import UniverseError, read_memberships, resolve, without_data

_OF_TABLES = (CalendarError, OverrideError, ReferenceError, SectorsError, SourceError, UniverseError)

#: Where a larger share of the bars is quarantined, columns are not what they are taken for.
_MOST = 0.5
#: No file has bars from before it.
_LONG_AGO = dt.date(1900, 1, 1)
#: By strategy: the most bars of any of its symbols until the first result is over, and in words of what span.
Histories = Mapping[str, tuple[int, str]]


def faults_of_inputs(configuration: Configuration) -> Iterator[Fault]:
    """Yield calendars that do not exist, sources that cannot be reached, and tables that cannot be used.

    Of a source its files, its key and its client are looked for. No bar is read, so this is quick.
    """
    for place, source in enumerate(configuration.market_data):
        try:
            facts_of(source.calendar)
        except CalendarError as error:
            yield Fault(("market_data", place, "calendar"), str(error))
        where: KeyPath = ("market_data", place, "path") if isinstance(source, FilesSource) else ("market_data", place)
        try:
            _require_reachable(source, configuration)
        except (SourceError, MissingSecretError) as error:
            yield Fault(where, str(error))
    tables: dict[str, Callable[[], object]] = {
        "universe": lambda: read_memberships(configuration),
        "sectors": lambda: read_sectors(configuration),
        "risk_free": lambda: read_risk_free(configuration),
        "costs": lambda: recorded_borrow_rates(configuration),
        "quality": lambda: read_overrides(configuration.overrides_path),
        "alternative_data": lambda: read_publications(configuration),
    }
    of_sources = (recorded_actions, recorded_symbology, recorded_delistings)
    tables |= {"market_data": lambda: [of(configuration) for of in of_sources]}
    for key, read in tables.items():
        try:
            read()
        except _OF_TABLES as error:
            yield Fault((key,), str(error))


def _require_reachable(source: AnySource, configuration: Configuration) -> None:
    """Refuse a source whose file, key or client is not there; nothing is read, and nobody is asked."""
    if isinstance(source, FilesSource):
        files.find(source.path, configuration.directory)
    elif isinstance(source, RemoteSource):
        vendor_of(source, configuration.start, configuration.start, RequestLimit(source))
    elif isinstance(source, SqlSource) and source.path:
        if not (configuration.directory / source.path).is_file():
            raise SourceError(
                "no such database", file=source.path, expected=f"an SQLite file in {configuration.directory}"
            )
    elif isinstance(source, SqlSource):
        source.uri()


@dataclass(frozen=True)
class SourceBars:
    """What the sources of a configuration have from `start` to `as_of`.

    Attributes
    ----------
    bars
        symbol, asset_class, session; None where a vendor would have to be asked, or a source has no bars.
    doubts
        In words, what the bars of a source speak against; a run goes on in spite of it.
    """

    faults: list[Fault]
    bars: pl.DataFrame | None
    doubts: list[str]


def read_sources(configuration: Configuration, today: dt.date) -> SourceBars:
    """Read every source, databases too; no vendor is asked. Files that cannot be read and sources without a bar are
    faults.

    Parameters
    ----------
    today
        The day of the run, UTC.
    """
    end = configuration.as_of or today
    faults, parts, doubts = list[Fault](), [], list[str]()
    for place, source in enumerate(configuration.market_data):
        if isinstance(source, RemoteSource):
            continue
        try:
            sessions(source.calendar, configuration.start, end)
            bars = _bars_of(source, configuration, configuration.start, end)
        except CalendarError as error:
            faults.append(Fault(("market_data", place, "calendar"), str(error)))
            continue
        except (SourceError, MissingSecretError) as error:
            faults.append(Fault(("market_data", place), str(error)))
            continue
        if bars.is_empty():
            faults.append(_no_bar(place, source, configuration, today))
            continue
        broken = bars.filter(violates_ohlc(configuration.quality)).height
        if broken > _MOST * bars.height:
            faults.append(_no_sound_bar(place, bars.height, broken))
        elif not isinstance(source, SyntheticSource):
            doubts += [f"market_data.{place}: {doubt}" for doubt in doubts_of(bars, source.calendar)]
            doubts += [f"market_data.{place}: {_said_of_broken(bars.height, broken)}"] if broken else []
        parts.append(bars.select("symbol", "asset_class", "session"))
    return SourceBars(faults, pl.concat(parts) if len(parts) == len(configuration.market_data) else None, doubts)


def _no_sound_bar(place: int, bars: int, broken: int) -> Fault:
    return Fault(
        ("market_data", place),
        _said_of_broken(bars, broken),
        "columns that are what they are taken for; `trading-assets detect FILE` shows what is read as what, and "
        "`columns: {high: ..., low: ...}` names them",
    )


def _said_of_broken(bars: int, broken: int) -> str:
    return f"in {broken:,} of {bars:,} bars open or close lie outside of low to high; such bars are quarantined"


def _bars_of(source: AnySource, configuration: Configuration, start: dt.date, end: dt.date) -> pl.DataFrame:
    return read_bars(source, start=start, end=end, directory=configuration.directory, seed=configuration.seed)


def _no_bar(place: int, source: AnySource, configuration: Configuration, today: dt.date) -> Fault:
    """Say which span the source has bars of, where that is not the one that is asked for."""
    expected = "files with sessions in that span; what is outside of start to as_of is not used"
    if isinstance(source, FilesSource) and "%Y" in source.date_format:
        expected += "; `%Y` is a year of four digits, `%y` one of two: 02.01.09"
    try:
        first, last = _span_of(_bars_of(source, configuration, _LONG_AGO, today))
        expected = f"a span within {first} to {last}, which it has: `start: {first.replace(day=1)}`"
    except (CalendarError, SourceError, ValueError):  # it has none at all, or its calendar does not go back that far
        pass
    return Fault(
        ("market_data", place), f"no bar from {configuration.start} to {configuration.as_of or today}", expected
    )


def _span_of(bars: pl.DataFrame) -> tuple[dt.date, dt.date]:
    """Return the first and the last session of bars.

    Raises
    ------
    ValueError
        There are none.
    """
    first, last = bars["session"].min(), bars["session"].max()
    if not isinstance(first, dt.date) or not isinstance(last, dt.date):
        raise ValueError("no bars")
    return first, last


def said_of_span(configuration: Configuration, bars: pl.DataFrame) -> str:
    """Return in words what span the bars have, and the `start` that fits it, where it begins after the stated one."""
    first, last = _span_of(bars)
    said = f"bars from {first} to {last}"
    month = first.replace(day=1)
    return said if month <= configuration.start else f"{said}; `start: {month}` is the month of the first"


def faults_of_bars(
    configuration: Configuration, bars: pl.DataFrame, of_histories: Callable[[Histories], Iterator[Fault]]
) -> Iterator[Fault]:
    """Yield symbols without bars, splits that the bars do not reach, and strategies that have too few or none of them.

    Parameters
    ----------
    bars
        See `SourceBars`.
    of_histories
        What is wrong with strategies whose symbols have these many bars at most, and of what span; by strategy.
    """
    own = _own_symbols(configuration, bars)
    yield from _of_named(configuration, bars)
    yield from _of_symbols(own, bars)
    yield from _of_splits(configuration, bars)
    yield from of_histories(_histories(configuration, own, bars))


def _own_symbols(configuration: Configuration, bars: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return what each strategy may trade and has bars: symbol, asset_class."""
    listed = bars.select("symbol", "asset_class").unique()
    universe = resolve(configuration, listed.filter(pl.col("asset_class") != "index"), read_memberships(configuration))
    known = universe.join(listed, on=["symbol", "asset_class"], how="semi").select("symbol", "asset_class").unique()
    found = {}
    for name, settings in configuration.strategies.items():
        wanted = settings.universe
        found[name] = known
        if isinstance(wanted, list):
            found[name] = known.filter(pl.col("symbol").is_in(wanted))
        elif wanted != "all":
            found[name] = known.filter(asset_class=wanted)
    return found


def _of_named(configuration: Configuration, bars: pl.DataFrame) -> Iterator[Fault]:
    """Yield symbols that `universe` or `benchmarks` name and nothing has bars of, as a run refuses them.

    Where a symbol has several names, a run alone knows which are its bars.
    """
    if configuration.allow_missing or any(source.symbology for source in configuration.market_data):
        return
    last = configuration.as_of or _span_of(bars)[1]
    listed = bars.select("symbol", "asset_class").unique()
    universe = resolve(configuration, listed, read_memberships(configuration))
    missing = without_data(configuration, universe, listed, last)
    if missing["benchmark"].any():  # a run takes the index of the sample, which costs time to read
        of_sample = sample.index_bars(configuration.start, last)["symbol"].unique()
        missing = missing.filter(~(pl.col("benchmark") & pl.col("symbol").is_in(of_sample.implode())))
    has = ", ".join(bars["symbol"].unique().sort()[:10])
    for (key,), rows in missing.group_by("key", maintain_order=True):
        names = ", ".join(rows["symbol"].head(10)) + (f" and {rows.height - 10} more" if rows.height > 10 else "")
        yield Fault(tuple(str(key).split(".")), f"no bars of {names}", f"some of what the data have: {has}")


def _of_symbols(own: Mapping[str, pl.DataFrame], bars: pl.DataFrame) -> Iterator[Fault]:
    for name, symbols in own.items():
        if symbols.is_empty():
            has = ", ".join(bars["symbol"].unique().sort()[:10])
            yield Fault(
                ("strategies", name, "universe"), "no symbol of it has bars", f"some of what the data have: {has}"
            )


def _histories(configuration: Configuration, own: Mapping[str, pl.DataFrame], bars: pl.DataFrame) -> Histories:
    """Return how far back each strategy can look until validation is over; it is shown no bar after that."""
    validation, span = configuration.splits.validation, "any symbol of it"
    if isinstance(validation, Interval):
        bars, span = bars.filter(pl.col("session") <= validation.end), f"any symbol of it, until {validation.end},"
    counts = bars.unique(["symbol", "session"]).group_by("symbol").len()
    longest = {name: counts.join(symbols, on="symbol", how="semi")["len"].max() for name, symbols in own.items()}
    return {name: (most, span) for name, most in longest.items() if isinstance(most, int)}


def _of_splits(configuration: Configuration, bars: pl.DataFrame) -> Iterator[Fault]:
    first, last = _span_of(bars)
    for name in ("train", "validation"):
        split = getattr(configuration.splits, name)
        if isinstance(split, Interval) and (split.start > last or split.end < first):
            yield Fault(
                ("splits", name),
                f"{name}, {split.start} to {split.end}, has no bar",
                f"a split within the bars, {first} to {last}",
            )
