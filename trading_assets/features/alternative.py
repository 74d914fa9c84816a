"""Features of what was published beside prices: a session knows what was public before its close, as it was then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config import Configuration
from trading_assets.config.alternative import Made, columns_of
from trading_assets.features.feature import Feature
from trading_assets.market_data.calendars import ALWAYS, trading_hours
from trading_assets.market_data.tables import PUBLICATIONS

#: No exchange is closed for longer; but for wars.
_LONGEST_BREAK = dt.timedelta(days=200)
_DESCRIPTIONS: dict[Made, str] = {
    "value": "latest value that was public before the close of the session",
    "age": "sessions since the latest value became known; 0 on the first that knows it",
    "surprise": "change of the latest value from the observation before it, in deviations of up to 20 changes before",
    "zscore": "latest value less the mean of up to 20 observations before it, in their deviations",
}
#: Columns of `out` of the compiled pass.
_OUT: dict[Made, int] = {"value": 0, "surprise": 1, "zscore": 2}


@dataclass(frozen=True)
class AlternativeFeature(Feature):
    """A feature of published values; its expression stands for them.

    Attributes
    ----------
    series
        Provider and name of the value.
    made
        What is made of it.
    max_age
        Sessions after which a value is unknown again.
    """

    series: tuple[str, str] = ("", "")
    made: Made = "value"
    max_age: int = 0

    @property
    def name(self) -> str:
        """Name in the catalogue, ``alternative.provider.name``."""
        provider, value = self.series
        return f"{self.category}.{provider}.{value}" + ("" if self.made == "value" else f"_{self.made}")

    def known(self, rows: pl.DataFrame, calendar: str, first: dt.date, last: dt.date) -> KnownSeries:
        """Return what is known of the series at the closes of a calendar.

        Parameters
        ----------
        rows
            Publications of the value.
        calendar, first, last
            As `KnownSeries.of` takes them.
        """
        return KnownSeries.of(rows, calendar, first, last)


@dataclass(frozen=True)
class Publications:
    """What was published, and by which calendars it becomes known.

    Attributes
    ----------
    rows
        Rows of `market_data.publications`.
    calendars
        symbol and calendar of every instrument.
    cut
        Session after whose close, by each calendar, nothing of `rows` is there; None: everything is.
    later
        Rows that are there in spite of it: those of another future.
    """

    rows: pl.DataFrame
    calendars: pl.DataFrame
    cut: dt.date | None = None
    later: pl.DataFrame = field(default_factory=PUBLICATIONS.empty)

    @classmethod
    def of(cls, rows: pl.DataFrame, instruments: pl.DataFrame) -> Publications:
        """Return publications with the calendars of rows of `market_data.instruments`."""
        return cls(rows, instruments.select("symbol", "calendar"))

    def until(self, cut: dt.date) -> Publications:
        """Return what was public before the close of a session: of each calendar before its own."""
        return replace(self, rows=self.rows.filter(pl.col("session") <= cut), cut=cut)

    def followed_by(self, later: pl.DataFrame) -> Publications:
        """Return the same with later rows behind the cut."""
        return replace(self, later=later)

    def seen_from(self, calendar: str) -> pl.DataFrame:
        """Return the rows that there are for who decides at the closes of a calendar."""
        if self.cut is None:
            return self.rows
        last = closes_of(calendar, self.cut - _LONGEST_BREAK, self.cut).tail(1)
        if last.is_empty():
            return self.later
        known = (pl.col("published_at") < last["close"][0]) & (pl.col("session") <= last["session"][0])
        return pl.concat([self.rows.filter(known), self.later])


def alternative_features(configuration: Configuration) -> tuple[AlternativeFeature, ...]:
    """Return the features of the section `alternative_data`, in the order of the file."""
    found = []
    for column, (provider, value, made) in columns_of(configuration.alternative_data).items():
        settings = configuration.alternative_data[provider]
        found.append(
            AlternativeFeature(
                column=column,
                category="alternative",
                expression=pl.lit(None, pl.Float64),
                lookback=0,
                description=f"{provider}, {value}: {_DESCRIPTIONS[made]}",
                source=f"{settings.path}, column {settings.values[value]}",
                provider=provider,
                scope="row",
                series=(provider, value),
                made=made,
                max_age=settings.max_age,
            )
        )
    return tuple(found)


def providers_read(configuration: Configuration, columns: Iterable[str], *, by_model: bool) -> list[str]:
    """Return the providers of alternative data that somebody reads, ascending.

    Parameters
    ----------
    configuration
        Configuration whose section `alternative_data` has them.
    columns
        Columns of features that are read.
    by_model
        Whether a model is behind it, which reads every column.
    """
    if by_model:
        return sorted(configuration.alternative_data)
    of_column = columns_of(configuration.alternative_data)
    return sorted({of_column[each][0] for each in columns if each in of_column})


def without_alternative(features: Sequence[Feature]) -> list[Feature]:
    """Return the features that are made of bars."""
    return [each for each in features if not isinstance(each, AlternativeFeature)]


def with_alternative(
    rows: pl.DataFrame, features: Sequence[Feature], publications: Publications | None
) -> pl.DataFrame:
    """Add the features of publications to others, and put all columns in the order of the features.

    Parameters
    ----------
    rows
        symbol, session and the features that are made of bars.
    features
        All features.
    publications
        What was published; None only where no feature is of publications.

    Raises
    ------
    ValueError
        A feature is of publications, and there are none to look at.
    """
    made = with_alternative_beside(rows, features, publications)
    return made if made is rows else made.select("symbol", "session", *(each.column for each in features))


def with_alternative_beside(
    rows: pl.DataFrame, features: Sequence[Feature], publications: Publications | None
) -> pl.DataFrame:
    """Add the features of publications behind the columns of any rows of symbols and sessions.

    Parameters
    ----------
    rows
        symbol, session and anything else.
    features, publications
        As `with_alternative` takes them.
    """
    own = [each for each in features if isinstance(each, AlternativeFeature)]
    if not own:
        return rows
    if publications is None:
        raise ValueError(f"{own[0].column} is made of publications, and none were given")
    calendars = rows.select("symbol").join(publications.calendars, on="symbol", how="left", maintain_order="left")
    columns = {each.column: np.full(rows.height, np.nan) for each in own}
    placed = calendars.with_row_index("row").drop_nulls("calendar")
    for (calendar,), of_calendar in placed.group_by("calendar", maintain_order=True):
        at = of_calendar["row"].to_numpy()
        keys = rows.select("symbol", "session")[of_calendar["row"]]
        seen = publications.seen_from(str(calendar))
        seen = seen.filter(pl.col("symbol").is_in(["", *keys["symbol"].unique()]))
        for features_of_series in _by_series(own):
            provider, name = features_of_series[0].series
            published = seen.filter(provider=provider, name=name)
            if published.is_empty():
                continue
            first, last = min(_first(keys), _first(published)), keys["session"].max()
            assert isinstance(last, dt.date)
            known = features_of_series[0].known(published, str(calendar), first, last)
            for feature in features_of_series:
                columns[feature.column][at] = known.at(keys, feature)
    return rows.with_columns(pl.Series(name, values).fill_nan(None) for name, values in columns.items())


def _by_series(features: Sequence[AlternativeFeature]) -> Iterable[list[AlternativeFeature]]:
    """Features of the same publications together."""
    found: dict[object, list[AlternativeFeature]] = {}
    for each in features:
        found.setdefault((type(each), each.series), []).append(each)
    return found.values()


def _first(rows: pl.DataFrame) -> dt.date:
    day = rows["session"].min()
    assert isinstance(day, dt.date)
    return day


@dataclass(frozen=True)
class KnownSeries:
    """What is known of the series of one value at the closes of one calendar, as it changes.

    Of two publications of an observation the one counts that became known later, and of two that became known at the
    same close the one that was published later.

    Attributes
    ----------
    sessions
        Sessions of the calendar, ascending.
    symbols
        Symbol of each series, ascending; empty for the whole market.
    when
        (publications,) number of the series times `len(sessions) + 1`, plus that of the first session that knows it.
    since, out
        As `compiled.publications.states` writes them.
    """

    sessions: pl.Series
    symbols: pl.Series
    when: NDArray[np.int64]
    since: NDArray[np.int64]
    out: NDArray[np.float64]

    @classmethod
    def of(cls, rows: pl.DataFrame, calendar: str, first: dt.date, last: dt.date) -> KnownSeries:
        """Go through publications in the order in which they become known.

        Parameters
        ----------
        rows
            Publications of one value.
        calendar
            Calendar whose closes decide.
        first, last
            First and last session that is asked about; no publication is earlier than the first.
        """
        from trading_assets.features.compiled.publications import states

        hours = closes_of(calendar, first, last)
        closes, sessions = hours["close"].to_physical().to_numpy(), hours["session"]
        published = rows["published_at"].to_physical().to_numpy()
        # The first close after the publication, and no session before the one that may know it.
        after = np.searchsorted(closes, published, side="right")
        allowed = sessions.search_sorted(rows["session"], side="left").to_numpy()
        known_from = np.maximum(after, allowed).astype(np.int64)
        symbols = rows["symbol"].unique().sort()
        ordered = rows.select(
            "value",
            "published_at",
            "observed",
            symbol=symbols.search_sorted(rows["symbol"]),
            known_from=pl.Series(known_from),
        ).sort("symbol", "known_from", "published_at", "observed")
        places = ordered.select(pl.col("observed").rank("dense").over("symbol").cast(pl.Int64) - 1).to_series()
        number, seen = (ordered[name].cast(pl.Int64).to_numpy() for name in ("symbol", "known_from"))
        bounds = np.append(np.searchsorted(number, np.arange(symbols.len())), number.size).astype(np.int64)
        out, since = np.empty((number.size, 3)), np.empty(number.size, np.int64)
        states(out, since, bounds, places.to_numpy(), ordered["value"].to_numpy(), seen)
        return cls(sessions, symbols, number * (sessions.len() + 1) + seen, since, out)

    def at(self, keys: pl.DataFrame, feature: AlternativeFeature) -> NDArray[np.float64]:
        """Return the values of a feature at some sessions.

        Parameters
        ----------
        keys
            symbol and session; a session of another calendar knows what the last one of this one did.
        feature
            Which of what is made, and how old it may be.
        """
        session = self.sessions.search_sorted(keys["session"], side="right").to_numpy().astype(np.int64) - 1
        if self.symbols.to_list() == [""]:
            series, is_known = np.zeros(keys.height, np.int64), np.ones(keys.height, np.bool_)
        else:
            series = self.symbols.search_sorted(keys["symbol"], side="left").to_numpy().astype(np.int64)
            is_known = keys["symbol"].is_in(self.symbols.implode()).to_numpy()
        width = self.sessions.len() + 1
        last = np.searchsorted(self.when, series * width + session, side="right") - 1
        is_known = is_known & (session >= 0) & (last >= 0)
        last = np.maximum(last, 0)
        is_known &= self.when[last] // width == series
        age = session - self.since[last]
        is_known &= age <= feature.max_age
        values = age.astype(np.float64) if feature.made == "age" else self.out[last, _OUT[feature.made]]
        return np.where(is_known, values, np.nan)


def closes_of(calendar: str, first: dt.date, last: dt.date) -> pl.DataFrame:
    """Return the sessions of a calendar and when each closes: session, close (Datetime, UTC).

    Parameters
    ----------
    calendar
        Name of the exchange calendar, half days included; a day of `24/7` closes at its end.
    first, last
        First and last session, both inclusive.
    """
    if calendar == ALWAYS:
        days = pl.DataFrame({"session": pl.date_range(first, last, eager=True)})
        return days.with_columns(close=(pl.col("session") + dt.timedelta(days=1)).cast(pl.Datetime("us")))
    hours = trading_hours(calendar, first, last)
    return hours.select("session", close=pl.col("closes").dt.replace_time_zone(None))


def compile_states() -> None:
    """Compile the pass over publications, on one of them."""
    from trading_assets.features.compiled.publications import states

    one, zero = np.ones(1), np.zeros(1, np.int64)
    states(np.empty((1, 3)), zero.copy(), np.array([0, 1]), zero, one, zero)
