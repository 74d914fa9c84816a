"""Publications from files of alternative data: what can be used, and every row that cannot, with the reason."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.alternative import AlternativeData
from trading_assets.config.canonical import digest
from trading_assets.market_data.alternative.alfred import ask_for, vintages_of
from trading_assets.market_data.alternative.stamps import days_after, to_publications
from trading_assets.market_data.reference.risk_free import MISSING
from trading_assets.market_data.sources.dates import DateColumnError, to_daily_times, to_local_times
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.files import find
from trading_assets.market_data.sources.numbers import to_numbers
from trading_assets.market_data.sources.row_texts import texts_of
from trading_assets.market_data.sources.tabular import Layout, Tabular, open_tables
from trading_assets.market_data.tables import PUBLICATIONS, REJECTED_PUBLICATIONS, REWRITTEN_PUBLICATIONS

#: Why a row is no publication.
NO_TIME, NO_OBSERVATION, NO_SYMBOL = "no_publication_time", "no_observation", "no_symbol"
NO_NUMBER, TOO_EARLY = "no_number", "published_before_observed"
DUPLICATE, CONFLICT = "duplicate", "conflicting_duplicate"
#: Observations of a series that say how it is stamped, how far apart they are then, and how late they are at most.
FEWEST, A_WEEK, AT_ONCE = 8, dt.timedelta(days=6), dt.timedelta(hours=38)
#: What says that there is no value, beside an empty cell.
_NO_VALUE = [each.lower() for each in MISSING]


class Taken(NamedTuple):
    """What files hold.

    Attributes
    ----------
    publications
        Rows of `market_data.publications`, by key.
    rejected
        Rows of `market_data.rejected_publications`, by key.
    """

    publications: pl.DataFrame
    rejected: pl.DataFrame


def read_publications(configuration: Configuration) -> Taken:
    """Return what the files of the section `alternative_data` hold.

    Raises
    ------
    SourceError
        No file, or one that cannot be used: with file, line, column and key.
    """
    found, rejected = [PUBLICATIONS.empty()], [REJECTED_PUBLICATIONS.empty()]
    for provider, settings in configuration.alternative_data.items():
        publications, refused = read_provider(provider, settings, configuration.directory)
        found.append(publications)
        rejected.append(refused)
    own, refused = pl.concat(found), pl.concat(rejected)
    return Taken(own.sort(PUBLICATIONS.key), refused.sort(REJECTED_PUBLICATIONS.key))


def read_provider(provider: str, settings: AlternativeData, directory: Path) -> Taken:
    """Return what the files of one provider hold.

    Parameters
    ----------
    provider, settings
        Key and value of the section `alternative_data`.
    directory
        Folder that relative paths start from.

    Raises
    ------
    SourceError
        See `read_publications`.
    """
    key = f"alternative_data.{provider}"
    try:
        if settings.alfred is not None:
            ask_for(settings.alfred, directory / settings.path)
        files = find(settings.path, directory)
        tables = [table for path, name in files for table in _tables_of(path, name, settings)]
        parts = [_of_table(table, provider, settings) for table in tables]
    except SourceError as error:
        raise SourceError(f"{error}\n  key: {key}") from None
    rows, rejected = pl.concat(each.publications for each in parts), pl.concat(each.rejected for each in parts)
    rows, twice = _once(rows.sort("source_file", "source_line", maintain_order=True))
    by_name = {table.name: table for table in tables}
    texts = [
        _rejected(part, by_name[str(file)], provider)
        for (file,), part in twice.group_by("source_file", maintain_order=True)
    ]
    rejected = pl.concat([rejected, *texts]).unique(REJECTED_PUBLICATIONS.key)
    return Taken(PUBLICATIONS.conform(rows).sort(PUBLICATIONS.key), rejected.sort(REJECTED_PUBLICATIONS.key))


def _tables_of(path: Path, name: str, settings: AlternativeData) -> list[Tabular]:
    return list(open_tables(path, name, Layout())) if settings.alfred is None else [vintages_of(path, name)]


def content_of_publications(configuration: Configuration) -> str:
    """Return the SHA-256 of the names and bytes of all files of alternative data, once services were asked for theirs.

    Raises
    ------
    SourceError
        A service cannot be asked.
    """
    for settings in configuration.alternative_data.values():
        if settings.alfred is not None:
            ask_for(settings.alfred, configuration.directory / settings.path)
    files = [
        [provider, name, hashlib.sha256(path.read_bytes()).hexdigest()]
        for provider, settings in configuration.alternative_data.items()
        for path, name in find(settings.path, configuration.directory)
    ]
    return digest(files)


def stamped_as_observed(publications: pl.DataFrame) -> list[str]:
    """Return the series, as provider.name, whose publications look as if they were stamped with what they are of.

    Observations are a week or more apart, and each was public within some 38 hours of the time that it is of: what is
    measured over weeks is not known on their first day, and hardly on their last.

    Parameters
    ----------
    publications
        Rows of `market_data.publications` of providers that say what a value is of.
    """
    series = ["provider", "name", "symbol"]
    first = publications.sort("published_at").unique([*series, "observed"], keep="first").sort(*series, "observed")
    found = first.group_by(series, maintain_order=True).agg(
        pl.len(),
        apart=pl.col("observed").diff().median(),
        late=(pl.col("published_at") - pl.col("observed")).max(),
    )
    doubtful = found.filter(pl.col("len") >= FEWEST, pl.col("apart") >= A_WEEK, pl.col("late") <= AT_ONCE)
    return sorted({f"{row['provider']}.{row['name']}" for row in doubtful.iter_rows(named=True)})


def _of_table(table: Tabular, provider: str, settings: AlternativeData) -> Taken:
    """Rows of one table, duplicates among them."""
    named = {"published": settings.published, "observed": settings.observed, "symbol": settings.symbol}
    places = {role: _place(table, column) for role, column in named.items() if column is not None}
    of_values = {name: _place(table, column) for name, column in settings.values.items()}
    read = table.read(sorted({*places.values(), *of_values.values()}))
    cells = {role: read[str(place)] for role, place in places.items()}
    rows = _with_times(read.select("source_line"), cells, table, settings)
    if "symbol" in cells:
        rows = rows.with_columns(symbol=cells["symbol"].cast(pl.String).str.strip_chars().replace("", None))
    rows = rows.with_columns(
        reason=pl.when(pl.col("observed").is_null() & pl.lit("observed" in cells))
        .then(pl.lit(NO_OBSERVATION))
        .when(pl.col("published_at").is_null())
        .then(pl.lit(NO_TIME))
        .when(pl.col("symbol").is_null())
        .then(pl.lit(NO_SYMBOL))
        .when(pl.col("first_day") > pl.col("day"))
        .then(pl.lit(TOO_EARLY))
    )
    unread, found = [rows.filter(pl.col("reason").is_not_null())], []
    for name, place in of_values.items():
        own = rows.with_columns(name=pl.lit(name), **_numbers(read[str(place)])).filter(pl.col("reason").is_null())
        unread.append(own.filter("is_unread").with_columns(reason=pl.lit(NO_NUMBER)))
        found.append(own.filter(pl.col("value").is_not_null()))
    where = {"provider": pl.lit(provider), "source_file": pl.lit(table.name)}
    publications = pl.concat(found).with_columns(**where).select(PUBLICATIONS.columns.keys())
    refused = pl.concat(each.select("source_line", "reason") for each in unread).unique(maintain_order=True)
    return Taken(PUBLICATIONS.conform(publications), _rejected(refused, table, provider))


def _with_times(
    rows: pl.DataFrame, cells: Mapping[str, pl.Series], table: Tabular, settings: AlternativeData
) -> pl.DataFrame:
    """Add columns of `to_publications`, observed and first_day, the first day that it can be of; symbol ""."""
    observed: pl.Series | None = None
    try:
        if "observed" in cells:
            role = "observed"
            observed = to_daily_times(cells[role], date_format=settings.date_format, timezone=settings.timezone)
        if "published" in cells:
            role = "published"
            found = to_publications(cells[role], date_format=settings.date_format, timezone=settings.timezone)
        if observed is not None and settings.lag_days is not None:
            later = days_after(observed, settings.lag_days, settings.timezone)
            found = later if "published" not in cells else _where_empty(cells["published"], found, later)
    except DateColumnError as error:
        line = rows["source_line"][error.row] if error.row < rows.height else None
        raise SourceError(
            str(error),
            file=table.name,
            line=line,
            column=getattr(settings, role),
            expected=error.expected,
            todo=error.todo,
        ) from None
    rows = rows.hstack(found).with_columns(symbol=pl.lit(""))
    if observed is None:
        return rows.with_columns(observed=pl.col("written"), first_day=pl.col("day"))
    # Midnight in UTC is a day as written, and yet may be an instant of the day before there.
    there = to_local_times(cells["observed"], date_format=settings.date_format, timezone=settings.timezone)
    days = pl.DataFrame({"written": observed.dt.date(), "there": there.dt.date()})
    return rows.with_columns(observed=observed, first_day=days.select(pl.min_horizontal("written", "there"))["written"])


def _where_empty(cells: pl.Series, found: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    """What is stated, and `later` where a cell is empty: one that cannot be read states something."""
    is_empty = cells.is_null() if cells.dtype != pl.String else cells.str.strip_chars().replace("", None).is_null()
    return pl.DataFrame({name: later[name].zip_with(is_empty, found[name]) for name in found.columns})


def _numbers(cells: pl.Series) -> dict[str, pl.Series]:
    """Values, and whether a cell says something that is no number."""
    if cells.dtype == pl.String:
        cells = cells.str.strip_chars()
        cells = cells.set(cells.str.to_lowercase().is_in(_NO_VALUE), None)
    elif cells.dtype.is_float():
        cells = cells.fill_nan(None)
    values = to_numbers(cells)
    return {"value": values, "is_unread": values.is_null() & cells.is_not_null()}


def _once(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Publications that are there once, or of equal ones the first; the others, with a reason."""
    key = list(PUBLICATIONS.key)
    differ = pl.col("value").n_unique().over(key) > 1
    again = ~pl.int_range(pl.len()).over(key).eq(0)
    rows = rows.with_columns(
        reason=pl.when(differ).then(pl.lit(CONFLICT)).when(again).then(pl.lit(DUPLICATE)).otherwise(None)
    )
    twice = rows.filter(pl.col("reason").is_not_null()).select("source_file", "source_line", "reason")
    return rows.filter(pl.col("reason").is_null()).drop("reason"), twice.unique(maintain_order=True)


def _place(table: Tabular, column: str) -> int:
    """Position of a column, by its name apart from case."""
    names = [name.strip().lower() for name in table.header]
    if column.strip().lower() not in names:
        raise SourceError(
            f"no column {column!r}",
            file=table.name,
            line=table.header_line,
            expected=f"one of {', '.join(table.header)}",
            todo="correct the name of the column",
        )
    return names.index(column.strip().lower())


def _rejected(rows: pl.DataFrame, table: Tabular, provider: str) -> pl.DataFrame:
    """Rows of `market_data.rejected_publications` of lines with a reason."""
    if rows.is_empty():
        return REJECTED_PUBLICATIONS.empty()
    return REJECTED_PUBLICATIONS.conform(
        rows.select(
            pl.lit(provider).alias("provider"),
            pl.lit(table.name).alias("source_file"),
            "source_line",
            "reason",
            pl.Series("text", texts_of(table, rows["source_line"]), dtype=pl.String),
        )
    )


def rewritten(stored: pl.DataFrame, received: pl.DataFrame, told: pl.DataFrame, now: dt.datetime) -> pl.DataFrame:
    """Return what a delivery says anew of publications that were known: rows of `REWRITTEN_PUBLICATIONS`.

    A publication is history. That one has another value than before, is gone, or is new and yet no later than the
    newest one of its series that was ever known, says that somebody wrote that history again; a backtest over it is
    another one. What is gone stays known by what was told of it: nothing that comes in its place is news.

    Parameters
    ----------
    stored, received
        Rows of `market_data.publications` before and now.
    told
        Rows of `market_data.rewritten_publications` of earlier deliveries.
    now
        When the delivery was read, UTC.
    """
    key, series = list(PUBLICATIONS.key), ["provider", "name", "symbol"]
    known = pl.concat(each.select(*series, "published_at") for each in (stored, told))
    newest = known.group_by(series).agg(newest=pl.col("published_at").max())
    both = stored.select(*key, old="value").join(
        received.select(*key, new="value"), on=key, how="full", coalesce=True, nulls_equal=True
    )
    both = both.join(newest, on=series, how="inner")
    changed = both.filter(pl.col("old").ne_missing(pl.col("new")), pl.col("published_at") <= pl.col("newest"))
    rows = changed.with_columns(received_at=pl.lit(now))
    return REWRITTEN_PUBLICATIONS.conform(rows.select(REWRITTEN_PUBLICATIONS.columns.keys())).sort(
        REWRITTEN_PUBLICATIONS.key
    )
