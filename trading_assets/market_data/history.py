"""From all received bars to all that the stage knows of them: one pure function."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.universe import DynamicUniverse
from trading_assets.market_data import calendars, quality
from trading_assets.market_data.adjustment import adjust
from trading_assets.market_data.corporate_actions import NO_ACTIONS, compared
from trading_assets.market_data.dynamic_universe import spells
from trading_assets.market_data.instruments import instruments
from trading_assets.market_data.neighbours import distinct
from trading_assets.market_data.quality.releases import NO_RELEASES
from trading_assets.market_data.tables import BARS, CORPORATE_ACTIONS
from trading_assets.market_data.tickers import NO_TICKERS
from trading_assets.market_data.universe import Memberships, default_as_of, resolve


class History(NamedTuple):
    """Whole tables of the stage, and what did not get into them.

    Attributes
    ----------
    as_of
        Nothing after it was used.
    ignored
        Symbols in the data that are neither in the universe nor a benchmark.
    """

    bars: pl.DataFrame
    quarantine: pl.DataFrame
    corporate_actions: pl.DataFrame
    sessions: pl.DataFrame
    instruments: pl.DataFrame
    universe: pl.DataFrame
    as_of: dt.date
    ignored: list[str]


def history(
    raw: pl.DataFrame,
    configuration: Configuration,
    memberships: Memberships,
    sectors: Mapping[str, str],
    *,
    releases: pl.DataFrame = NO_RELEASES,
    actions: pl.DataFrame = NO_ACTIONS,
    tickers: pl.DataFrame = NO_TICKERS,
) -> History:
    """Judge, adjust and describe everything received.

    Parameters
    ----------
    raw
        All rows of `tables.RAW_BARS`.
    memberships
        Of `universe.read_memberships`.
    sectors
        Of `sectors.read_sectors`.
    releases
        Of `quality.read_releases`.
    actions
        Of `corporate_actions.read_actions`.
    tickers
        Of `tickers.read_tickers`.

    Raises
    ------
    QualityError
        The bars are refused as a whole.
    """
    listed = distinct(raw, ["symbol", "asset_class"])
    universe = resolve(configuration, listed, memberships)
    used = {*universe["symbol"], *configuration.benchmarks.values()}
    ignored = sorted(set(listed["symbol"]) - used)
    raw = raw.filter(~pl.col("symbol").is_in(ignored)) if ignored else raw
    as_of = configuration.as_of or default_as_of(raw, universe, configuration.risk.delisting_sessions)
    as_of = as_of or configuration.start

    sessions = expected_sessions(raw, configuration.start, as_of)
    judged = quality.judge(
        raw, sessions, as_of, configuration.quality, releases=releases, actions=actions, tickers=tickers
    )
    adjusted = adjust(judged.usable, configuration.quality.split_ratio, actions)
    bars = adjusted.select(*BARS.columns)
    for asset_class, setting in configuration.universe.items():
        if isinstance(setting, DynamicUniverse):
            own = spells(bars.filter(asset_class=asset_class), setting).with_columns(asset_class=pl.lit(asset_class))
            others = universe.filter(pl.col("asset_class") != asset_class)
            universe = pl.concat([others, own.select(universe.columns)]).sort("symbol", "start")
    return History(
        bars=bars,
        quarantine=judged.quarantine,
        sessions=sessions,
        corporate_actions=compared(adjusted).select(*CORPORATE_ACTIONS.columns),
        instruments=instruments(raw, bars, universe, memberships, sectors, tickers),
        universe=universe,
        as_of=as_of,
        ignored=ignored,
    )


def expected_sessions(raw: pl.DataFrame, start: dt.date, as_of: dt.date) -> pl.DataFrame:
    """calendar, session: every session of each calendar of `raw`, from `start` or the first bar to `as_of`."""
    parts = [pl.DataFrame(schema={"calendar": pl.String, "session": pl.Date})]
    firsts = raw.group_by("calendar").agg(pl.col("session").min())
    for calendar, first in firsts.iter_rows():
        days = calendars.sessions(calendar, min(start, first), as_of)
        parts.append(pl.DataFrame({"calendar": [calendar] * len(days), "session": days}))
    return pl.concat(parts).sort("calendar", "session")


def unsettled_since(history: History, first: dt.date) -> dt.date:
    """The earliest session before `first` whose bar was judged without the bar that decides it.

    Where the last received bar of a symbol before `first` turned out to be a spike, an earlier run, which had
    not seen what came next, kept it. Returns `first` if there is none.
    """
    spikes = history.quarantine.filter((pl.col("session") < first) & quality.taken_back()).select(
        "symbol", pl.col("session").alias("spike")
    )
    last_bar = history.bars.filter(pl.col("session") < first).group_by("symbol").agg(pl.col("session").max())
    open_spikes = spikes.join(last_bar, on="symbol", how="left").filter(pl.col("spike") > pl.col("session"))
    earliest = open_spikes["spike"].min()
    return earliest if isinstance(earliest, dt.date) else first
