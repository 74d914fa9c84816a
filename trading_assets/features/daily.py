"""Compute the features of the catalogue from bars."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence

import polars as pl

from trading_assets.config.alternative import PREFIX
from trading_assets.config.sections import AssetClass
from trading_assets.features.alternative import (
    Publications,
    with_alternative,
    with_alternative_beside,
    without_alternative,
)
from trading_assets.features.catalog import FEATURES
from trading_assets.features.categories.market_relative import OF_BENCHMARK
from trading_assets.features.compiled.blocks import defined
from trading_assets.features.compiled.expression import Expression
from trading_assets.features.compiled.words import NAMED
from trading_assets.features.feature import Feature, Scope
from trading_assets.features.history import in_order, usable_for_signals, with_defined
from trading_assets.features.own import OwnFeature, compute_own
from trading_assets.market_data.universe import membership

_KEY = ["symbol", "session"]
#: Symbols whose features are computed together.
SYMBOLS_AT_A_TIME = 128


def daily_features(
    bars: pl.DataFrame,
    benchmarks: Mapping[AssetClass, str],
    features: Sequence[Feature] = FEATURES,
    *,
    universe: pl.DataFrame | None = None,
    publications: Publications | None = None,
) -> pl.DataFrame:
    """Return features of every symbol at the close of each session.

    Parameters
    ----------
    bars
        Rows of `market_data.bars`, each symbol from its first bar (recursive means depend on it), benchmarks included.
    benchmarks
        Asset class -> symbol of its benchmark. A class without one has null market-relative features.
    universe
        Rows of `market_data.universe`: a cross-section of a session is over its members then. None or no rows: no
        memberships are on record, and every symbol is a member.
    publications
        What was published, if a feature is of alternative data.

    Returns
    -------
    polars.DataFrame
        symbol, session and one Float64 column a feature, by symbol and session. A row knows only bars up to its own
        session, and is the same to the bit whatever follows. What is undefined is null. A bar flagged ``extreme_move``
        is history for later rows; it has no row of its own, and others do not see it at its session.
    """
    of_bars = without_alternative(features)
    if any(isinstance(feature, OwnFeature) for feature in features):  # its expression may name any of the others
        bars = with_alternative_beside(bars, features, publications)
    parts = [of_symbols(part, own, benchmarks, of_bars) for part, own in _parts(bars, benchmarks, of_bars)]
    rows = pl.concat(parts) if len(parts) > 1 else parts[0]
    del parts
    rows = with_cross_section(rows, cross_section(members_of(rows, of_bars, universe), of_bars), of_bars)
    return with_alternative(rows, features, publications)


def members_of(rows: pl.DataFrame, features: Sequence[Feature], universe: pl.DataFrame | None) -> pl.DataFrame:
    """Return what cross-sections are made from: of the members' rows the columns that these need.

    Parameters
    ----------
    rows
        Rows of `of_symbols`.
    features, universe
        As `daily_features` takes them.
    """
    members = rows if universe is None or universe.is_empty() else rows.filter(membership(rows, universe))
    return members.select(*_KEY, *_needed(features, "session", members))


def cross_section(members: pl.DataFrame, features: Sequence[Feature]) -> pl.DataFrame:
    """Return features over the members of a session: symbol, session and these columns, rows as they stand.

    Parameters
    ----------
    members
        Rows of `members_of`, all of each session.
    features
        As `daily_features` takes them.
    """
    over = ["asset_class", "session"]
    columns = [feature.column for feature in features if feature.scope == "session"]
    if not columns:
        return members.select(*_KEY)
    from trading_assets.features.compiled.sessions import over_sessions

    house = over_sessions(members, _compiled(features, "session"))
    members = members.hstack([defined(name, values) for name, values in house.items()])
    found = compute_own(_defined(members, features, "session", over), features, "session", over)
    return found.select(*_KEY, *columns)


def with_cross_section(rows: pl.DataFrame, members: pl.DataFrame, features: Sequence[Feature]) -> pl.DataFrame:
    """Return symbol, session and all features of rows of `of_symbols`.

    Parameters
    ----------
    rows, members
        Rows of `of_symbols`, and those of `cross_section` of the same symbols.
    features
        As `daily_features` takes them.
    """
    if any(feature.scope == "session" for feature in features):
        alike = members.height == rows.height and members.select(*_KEY).equals(rows.select(*_KEY))
        rows = rows.hstack(members.drop(*_KEY)) if alike else _join(rows, members, on=_KEY)
    return rows.select(*_KEY, *(feature.column for feature in features))


def _parts(
    bars: pl.DataFrame, benchmarks: Mapping[AssetClass, str], features: Sequence[Feature]
) -> Iterator[tuple[pl.DataFrame, list[str] | None]]:
    """Some symbols at a time where Polars computes, with the benchmarks: as many columns of all would take gigabytes.

    Symbols, or None for all of them: the process of a module of the user's own is asked once.
    """
    symbols = bars["symbol"].unique().sort()
    in_one = _is_compiled(features) or any(isinstance(feature, OwnFeature) for feature in features)
    if symbols.len() <= SYMBOLS_AT_A_TIME or in_one:
        yield bars, None
        return
    for start in range(0, symbols.len(), SYMBOLS_AT_A_TIME):
        own = symbols[start : start + SYMBOLS_AT_A_TIME].to_list()
        yield bars.filter(pl.col("symbol").is_in([*own, *benchmarks.values()])), own


def of_symbols(
    bars: pl.DataFrame,
    own: Sequence[str] | None,
    benchmarks: Mapping[AssetClass, str],
    features: Sequence[Feature],
    span: tuple[dt.date, dt.date] | None = None,
) -> pl.DataFrame:
    """Return features of some symbols, but those of a cross-section, and the columns that these are computed from.

    Parameters
    ----------
    bars
        As `daily_features` takes them: of these symbols, and of the benchmarks.
    own
        The symbols; None: all that have bars.
    benchmarks, features
        As `daily_features` takes them.
    span
        First and last session of the rows; None: all that have bars.
    """
    from trading_assets.features.compiled import symbols as passes

    bars = in_order(bars)
    usable = bars.select(usable_for_signals().fill_null(False)).to_series()
    kept = usable if own is None else usable & bars["symbol"].is_in([*own])
    in_span = kept if span is None else kept & bars["session"].is_between(*span)
    scopes = {scope: _compiled(features, scope) for scope in ("symbol", "week", "market", "row")}
    named = {name for feature in features for name in feature.roots} & NAMED.keys()
    expressions = passes.Expressions(
        symbol={**scopes["symbol"], **{name: NAMED[name] for name in sorted(named)}},
        week=scopes["week"],
        market=scopes["market"],
        row=scopes["row"],
        of_benchmark=OF_BENCHMARK if scopes["row"] else (),
    )
    if _is_compiled(features):
        found = passes.of_symbols(bars, benchmarks, expressions, usable=usable, kept=in_span)
        rows = bars.select(*_KEY, "asset_class").filter(in_span)
        return rows.hstack([defined(name, values) for name, values in found.items()])
    found = passes.of_symbols(bars, benchmarks, expressions, usable=usable)
    columns = pl.DataFrame([defined(name, values) for name, values in found.items() if name not in NAMED])
    rows = _history(bars).hstack(columns.select(*scopes["symbol"]))
    rows = compute_own(_defined(rows, features, "symbol", ["symbol"]), features, "symbol", ["symbol"])
    rows = rows.hstack(columns.select(*scopes["week"], *scopes["market"], *scopes["row"]))
    if _expressions(features, "week"):
        rows = _join(rows, _weekly(rows, features), on=["symbol", "week"])
    if _expressions(features, "market"):
        rows = _join(rows, _shared_with_benchmark(rows, benchmarks, features), on=_KEY)
    if any(feature.scope == "row" for feature in features):
        rows = _join(rows, _of_benchmark(rows, benchmarks), on=["asset_class", "session"])
    rows = compute_own(_defined(rows.filter(kept), features, "row", ["symbol"]), features, "row", ["symbol"])
    rows = rows if span is None else rows.filter(pl.col("session").is_between(*span))
    if own is None:
        return rows
    made = [feature.column for feature in features if feature.scope != "session"]
    return rows.select(*_KEY, *dict.fromkeys([*_needed(features, "session", rows), *made]))


def _is_compiled(features: Sequence[Feature]) -> bool:
    """Whether Polars computes none of them."""
    return all(isinstance(feature.expression, Expression) for feature in features)


def _compiled(features: Sequence[Feature], scope: Scope) -> dict[str, Expression]:
    return {
        feature.column: feature.expression
        for feature in features
        if feature.scope == scope and isinstance(feature.expression, Expression)
    }


def _needed(features: Sequence[Feature], scope: Scope, rows: pl.DataFrame) -> list[str]:
    """Columns that features of a scope are computed from, in the order of the rows."""
    own = [feature for feature in features if feature.scope == scope]
    named = {"asset_class"}.union(*(feature.roots for feature in own))
    return [name for name in rows.columns if name in named and name not in _KEY]


def daily_features_until(
    bars: pl.DataFrame,
    benchmarks: Mapping[AssetClass, str],
    features: Sequence[Feature],
    *,
    universe: pl.DataFrame | None,
    until: dt.date | None,
    publications: Publications | None = None,
) -> pl.DataFrame:
    """Return `daily_features` with the code of a user's own features shown no bar after `until`: null from there on.

    Parameters
    ----------
    until
        See `own.open_until`; None: all bars are shown.
    publications
        As `daily_features` takes them.
    """
    own = [feature.column for feature in features if isinstance(feature, OwnFeature)]
    if until is None or not own:
        return daily_features(bars, benchmarks, features, universe=universe, publications=publications)
    shipped = [feature for feature in features if not isinstance(feature, OwnFeature)]
    rows = daily_features(bars, benchmarks, shipped, universe=universe, publications=publications)
    known = bars.filter(pl.col("session") <= until)
    needed = with_sources(own, features)
    columns = daily_features(known, benchmarks, needed, universe=universe, publications=publications)
    return _join(rows, columns.select(*_KEY, *own), on=_KEY)


def with_sources(columns: Collection[str], features: Sequence[Feature] = FEATURES) -> list[Feature]:
    """Return the features of some columns, with those that `daily_features` computes them from; in catalogue order."""
    of_column = {feature.column: feature for feature in features}
    needed: set[str] = set()
    waiting = [*columns, *OF_BENCHMARK]
    while waiting:
        column = waiting.pop()
        if column in of_column and column not in needed:
            needed.add(column)
            waiting += of_column[column].roots
    return [feature for feature in features if feature.column in needed]


def _expressions(features: Sequence[Feature], scope: Scope) -> dict[str, pl.Expr]:
    return {
        feature.column: feature.expression
        for feature in features
        if feature.scope == scope and isinstance(feature.expression, pl.Expr) and not isinstance(feature, OwnFeature)
    }


def _defined(rows: pl.DataFrame, features: Sequence[Feature], scope: Scope, over: Sequence[str]) -> pl.DataFrame:
    return with_defined(rows, _expressions(features, scope), over=over)


def _history(bars: pl.DataFrame) -> pl.DataFrame:
    first = pl.col("adj_close").first().over("symbol")
    prices = {name: pl.col(f"adj_{name}") / first for name in ("open", "high", "low", "close")}
    published = [name for name in bars.columns if name.startswith(PREFIX)]
    rows = in_order(bars).select(*_KEY, "asset_class", "flags", "dollar_volume", *published, **prices)
    return rows.with_columns(
        log_return=(pl.col("close") / pl.col("close").shift(1)).log().over("symbol"),
        mean_dollar_volume_20=pl.col("dollar_volume").rolling_mean(20).over("symbol"),
        week=pl.col("session").dt.truncate("1w"),
    )


def _weekly(rows: pl.DataFrame, features: Sequence[Feature]) -> pl.DataFrame:
    """Weekly features by the week that sees them: the one after the week they are of.

    A week (Monday to Sunday) counts as completed when the next one has a bar: at Friday's close nobody needs
    to know whether Saturday trades.
    """
    columns = _expressions(features, "week")
    weeks = rows.group_by("symbol", "week", maintain_order=True).agg(weekly_close=pl.col("close").last())
    weeks = with_defined(weeks, columns, over=["symbol"])
    return weeks.select("symbol", "week", *(pl.col(name).shift(1).over("symbol") for name in columns))


def _shared_with_benchmark(
    rows: pl.DataFrame, benchmarks: Mapping[AssetClass, str], features: Sequence[Feature]
) -> pl.DataFrame:
    """Features from the sessions on which both the symbol and its benchmark have a bar."""
    columns = _expressions(features, "market")
    benchmark = _benchmark_rows(rows, benchmarks).select(
        "asset_class", "session", benchmark_close="close", benchmark_usable=usable_for_signals()
    )
    shared = rows.join(benchmark, on=["asset_class", "session"], how="inner", maintain_order="left").with_columns(
        own_return=(pl.col("close") / pl.col("close").shift(1)).log().over("symbol"),
        benchmark_return=(pl.col("benchmark_close") / pl.col("benchmark_close").shift(1)).log().over("symbol"),
    )
    return with_defined(shared, columns, over=["symbol"]).filter("benchmark_usable").select(*_KEY, *columns)


def _of_benchmark(rows: pl.DataFrame, benchmarks: Mapping[AssetClass, str]) -> pl.DataFrame:
    usable = _benchmark_rows(rows, benchmarks).filter(usable_for_signals())
    return usable.select("asset_class", "session", *(pl.col(name).alias(f"benchmark_{name}") for name in OF_BENCHMARK))


def _benchmark_rows(rows: pl.DataFrame, benchmarks: Mapping[AssetClass, str]) -> pl.DataFrame:
    """The benchmark's rows, once for each asset class it stands for (in place of its own)."""
    stands_for = pl.DataFrame(
        sorted(benchmarks.items()), schema={"asset_class": pl.String, "symbol": pl.String}, orient="row"
    )
    return rows.drop("asset_class").join(stands_for, on="symbol", how="inner", maintain_order="left")


def _join(rows: pl.DataFrame, columns: pl.DataFrame, on: Sequence[str]) -> pl.DataFrame:
    return rows.join(columns, on=on, how="left", maintain_order="left")
