"""Who belongs to the universe, when, and whether the data have them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from trading_assets.config import Configuration
from trading_assets.market_data.tables import UNIVERSE

#: Names that membership tables use for our columns.
_ALIASES = {"symbol": ("symbol", "ticker"), "start": ("start", "start_date"), "end": ("end", "end_date")}
_DELISTED = ("delisted", "delisting_date")
#: asset class -> its membership table, for classes whose universe is given as a file.
Memberships = Mapping[str, pl.DataFrame]


class UniverseError(Exception):
    """A membership table cannot be used, or data are missing; `str()` is one block for people."""


def read_memberships(configuration: Configuration) -> dict[str, pl.DataFrame]:
    """Read the membership tables that `universe` names, by asset class (`read_membership`)."""
    return {
        asset_class: read_membership(configuration.directory / setting)
        for asset_class, setting in configuration.universe.items()
        if isinstance(setting, str) and setting != "all"
    }


def read_membership(path: Path) -> pl.DataFrame:
    """Read a CSV of spells.

    Parameters
    ----------
    path
        Columns symbol (or ticker), start (start_date), end (end_date); dates as YYYY-MM-DD, an empty end means
        still a member. Optional: delisted (delisting_date), a recorded delisting.

    Returns
    -------
    DataFrame
        symbol, start, end, delisted; one row a spell, sorted.

    Raises
    ------
    UniverseError
        No such file, a missing column, a date that is none, an end before its start, overlapping spells.
    """
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UniverseError(f"cannot read the membership table\n  file: {path}\n  cause: {error}") from None
    found = {name: next((alias for alias in _ALIASES[name] if alias in table.columns), None) for name in _ALIASES}
    absent = [name for name, alias in found.items() if alias is None]
    if absent:
        raise UniverseError(
            f"the membership table has no column {absent[0]!r}\n  file: {path}, line 1\n"
            f"  expected: {' or '.join(_ALIASES[absent[0]])}; found: {', '.join(table.columns)}"
        )
    delisted = next((alias for alias in _DELISTED if alias in table.columns), None)
    texts = table.select(
        *[pl.col(alias).str.strip_chars().alias(name) for name, alias in found.items() if alias],
        (pl.col(delisted).str.strip_chars() if delisted else pl.lit(None, pl.String)).alias("delisted"),
    ).with_columns(pl.col(name).replace("", None) for name in ("symbol", "start", "end", "delisted"))
    dates = texts.with_columns(
        *[pl.col(name).str.to_date("%Y-%m-%d", strict=False) for name in ("start", "end", "delisted")],
        line=pl.int_range(2, pl.len() + 2),
    )
    for name, wrong in {
        "symbol": dates["symbol"].is_null(),
        "start": dates["start"].is_null(),
        "end": dates["end"].is_null() & texts["end"].is_not_null(),
        "delisted": dates["delisted"].is_null() & texts["delisted"].is_not_null(),
    }.items():
        _refuse(path, dates.filter(wrong), name, "a symbol" if name == "symbol" else "a date like 2004-08-19")
    _refuse(path, dates.filter(pl.col("end") < pl.col("start")), "end", "a date not before the start")
    spells = dates.sort("symbol", "start", "line")
    previous_end = pl.col("end").fill_null(dt.date.max).shift(1).over("symbol")
    _refuse(path, spells.filter(pl.col("start") <= previous_end), "start", "a date after the symbol's spell before")
    return spells.drop("line")


def resolve(configuration: Configuration, listed: pl.DataFrame, memberships: Memberships) -> pl.DataFrame:
    """Return spells of the universe as configured; rows of `tables.UNIVERSE`.

    Parameters
    ----------
    listed
        symbol, asset_class: what the data have. A class whose universe is `all`, or that `universe` does not
        mention, has every symbol of it, an index never.
    memberships
        Result of `read_memberships`.

    Notes
    -----
    Spells of `all` and of a list last from the configuration's start, with no end. So do those of a dynamic universe
    until its bars are known (`dynamic_universe.spells`).
    """
    classes = sorted({source.asset_class for source in configuration.market_data} | set(configuration.universe))
    parts = [UNIVERSE.empty()]
    for asset_class in classes:
        setting = configuration.universe.get(asset_class, "all")
        if asset_class in memberships:
            spells = memberships[asset_class].select("symbol", "start", "end")
        else:
            of_class = listed.filter(pl.col("asset_class") == asset_class)["symbol"].unique().to_list()
            symbols = list(dict.fromkeys(setting)) if isinstance(setting, list) else of_class
            spells = pl.DataFrame({"symbol": symbols}, schema={"symbol": pl.String}).with_columns(
                start=configuration.start, end=pl.lit(None, pl.Date)
            )
        parts.append(spells.with_columns(asset_class=pl.lit(asset_class)).select(*UNIVERSE.columns))
    return pl.concat(parts).sort("symbol", "start")


def in_universe(universe: pl.DataFrame, session: dt.date) -> list[str]:
    """Return symbols with a spell that contains `session`, ascending."""
    lasts = pl.col("end").is_null() | (pl.col("end") >= session)
    return universe.filter((pl.col("start") <= session) & lasts)["symbol"].unique().sort().to_list()


def membership(rows: pl.DataFrame, universe: pl.DataFrame) -> pl.Series:
    """Return whether a spell of each row's symbol contains its session, in the order of the rows.

    Parameters
    ----------
    rows
        symbol, session and anything else.
    universe
        Rows of `tables.UNIVERSE`. Where no symbol has two spells, nothing is searched in time.
    """
    keys = rows.select("symbol", "session")
    spells = universe.select("symbol", "start", "end").sort("start")
    if spells["symbol"].is_duplicated().any():
        by_session = keys.with_row_index("row").sort("session")
        found = by_session.join_asof(
            spells, left_on="session", right_on="start", by="symbol", check_sortedness=False
        ).sort("row")
    else:
        found = keys.join(spells, on="symbol", how="left", maintain_order="left")
    begun = (pl.col("session") >= pl.col("start")).fill_null(False)
    return found.select(in_universe=begun & (pl.col("session") <= pl.col("end")).fill_null(True)).to_series()


def without_data(
    configuration: Configuration, universe: pl.DataFrame, listed: pl.DataFrame, last: dt.date
) -> pl.DataFrame:
    """Return symbols that the configuration names and the data lack.

    Parameters
    ----------
    universe
        Result of `resolve`; spells that do not touch [start, last] ask for nothing.
    listed
        symbol, asset_class: what the data have. A benchmark may be of any class.

    Returns
    -------
    DataFrame
        symbol, key (where the configuration names it), benchmark (BOOL).
    """
    wanted = universe.filter(
        (pl.col("start") <= last) & (pl.col("end").is_null() | (pl.col("end") >= configuration.start))
    )
    members = wanted.join(listed, on=["symbol", "asset_class"], how="anti").select(
        "symbol", key=pl.lit("universe.") + pl.col("asset_class"), benchmark=pl.lit(False)
    )
    benchmarks = pl.DataFrame(
        [(symbol, f"benchmarks.{name}", True) for name, symbol in configuration.benchmarks.items()],
        schema={"symbol": pl.String, "key": pl.String, "benchmark": pl.Boolean},
        orient="row",
    ).join(listed, on="symbol", how="anti")
    return pl.concat([members, benchmarks]).unique().sort("key", "symbol")


def missing_data_message(configuration: Configuration, missing: pl.DataFrame) -> str:
    """Return the block that names each symbol of `without_data`, its key and the places that were searched."""
    lines = [f"no data for {missing.height} symbol{'s' * (missing.height > 1)} that the configuration names"]
    for (key,), rows in missing.group_by("key", maintain_order=True):
        section, name = str(key).split(".")
        setting = configuration.universe.get(name) if section == "universe" else None  # type: ignore[call-overload]
        file = f" ({configuration.directory / setting})" if isinstance(setting, str) and setting != "all" else ""
        shown = rows["symbol"].head(20).to_list()
        rest = f" and {rows.height - len(shown)} more" if rows.height > len(shown) else ""
        lines.append(f"  key: {key}{file}: {', '.join(shown)}{rest}")
    searched = [
        f"{source.source}{f' {source.path}' if source.source == 'files' else ''} ({source.asset_class})"
        for source in configuration.market_data
    ]
    lines.append(f"  searched: {', '.join(searched)}, and the sample's index for benchmarks")
    lines.append("  do: correct the symbol, add a source that has it, or set `allow_missing: true` to go on without")
    return "\n".join(lines)


def default_as_of(raw: pl.DataFrame, universe: pl.DataFrame, grace: int) -> dt.date | None:
    """Return the last session on which at least half of the live symbols of the universe have a bar.

    Parameters
    ----------
    raw
        symbol, session.
    grace
        A symbol is live from its first bar until this many sessions (of any symbol) after its last: one that
        was delisted long ago does not hold the date back, and a few fresh ones do not push it on.

    Returns
    -------
    date or None
        None if no symbol of the universe has a bar.
    """
    names = universe["symbol"].unique().implode()
    bars = raw.select("symbol", "session").filter(pl.col("symbol").is_in(names))
    if bars.is_empty():
        return None
    symbols, sessions = bars["symbol"].unique().sort(), bars["session"].unique().sort()
    row = bars["symbol"].cast(pl.Enum(symbols)).to_physical().to_numpy()
    there = np.zeros((symbols.len(), sessions.len()), dtype=np.bool_)
    there[row, sessions.search_sorted(bars["session"]).to_numpy()] = True
    first, last = there.argmax(axis=1), sessions.len() - 1 - there[:, ::-1].argmax(axis=1)
    change = np.zeros(sessions.len() + 1, dtype=np.int64)
    np.add.at(change, first, 1)
    np.add.at(change, (last + grace + 1).clip(0, sessions.len()), -1)
    enough = np.flatnonzero(2 * there.sum(axis=0) >= np.cumsum(change)[:-1])
    as_of: dt.date = sessions[int(enough[-1])]
    return as_of


def _refuse(path: Path, rows: pl.DataFrame, column: str, expected: str) -> None:
    if not rows.is_empty():
        line, symbol = rows["line"][0], rows["symbol"][0]
        raise UniverseError(
            f"the membership table has a wrong {column!r}\n  file: {path}, line {line} (symbol {symbol})\n"
            f"  expected: {expected}"
        )
