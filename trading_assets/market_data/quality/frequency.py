"""Whether bars that are declared daily come at another interval: weekly and monthly files look like daily ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from trading_assets.market_data.bar_windows import previous

#: Distances between bars that are looked at, and the fewest that tell.
_WINDOW, _FEWEST = 24, 8
#: How many of a full window may be irregular; none of a shorter one may.
_IRREGULAR = 2
#: A distance is regular within this part of the usual one: a week with a holiday has four sessions, a month 19 to 23.
_NEARNESS = 0.2


class OtherFrequency(NamedTuple):
    """What was found.

    Attributes
    ----------
    found
        (rows,), Boolean: bars from which on a symbol is known to have another interval.
    evidence
        session, line: one sentence about each such symbol, at the first of these bars.
    """

    found: pl.Series
    evidence: pl.DataFrame


def other_frequency(rows: pl.DataFrame, sessions: pl.DataFrame) -> OtherFrequency:
    """Find daily bars that come regularly every so many sessions.

    Parameters
    ----------
    rows
        symbol, calendar, session, coverage (null: a daily bar); sorted by symbol and session, sessions or not: weekly
        bars are often stamped on a Saturday or a Sunday.
    sessions
        calendar, session: the expected ones, by which a distance is counted.

    Notes
    -----
    Of the last 24 distances (at least 8) the lower median is two sessions or more, and all but 2 (of fewer than 24:
    all) are within a fifth of it. Rare trades are irregular and stay: they are geometric, not periodic.
    """
    none = pl.zeros(rows.height, dtype=pl.Boolean, eager=True)
    nothing = OtherFrequency(none, pl.DataFrame(schema={"session": pl.Date, "line": pl.String}))
    days = (pl.col("session") - previous("session")).dt.total_days()
    # Daily bars have neighbours a day apart in any window, which costs little to see.
    shortest = pl.when(days > 0).then(days).rolling_min(_FEWEST, min_samples=_FEWEST)
    sparse = rows.select("symbol", "coverage", shortest=shortest).filter(pl.col("shortest") > 1)
    sparse = sparse.filter(pl.col("coverage").is_null())
    if sparse.is_empty():
        return nothing
    numbered = sessions.sort("calendar", "session").with_columns(
        number=pl.int_range(pl.len()).over("calendar").cast(pl.Int64)
    )
    some = rows.with_row_index("_at").select("_at", "symbol", "calendar", "session")
    some = some.filter(pl.col("symbol").is_in(sparse["symbol"].unique().implode())).sort("session")
    some = some.join_asof(numbered.sort("session"), on="session", by="calendar", check_sortedness=False)
    found, lines = np.zeros(rows.height, dtype=np.bool_), []
    for part in some.sort("_at").drop_nulls("number").partition_by("symbol"):
        distances = np.diff(part["number"].to_numpy())
        apart = np.flatnonzero(distances > 0)
        regular = _regular(distances[apart].astype(np.float64))
        if not regular.any():
            continue
        at = apart[regular] + 1
        found[part["_at"].to_numpy()[at]] = True
        first = int(np.flatnonzero(regular)[0])
        seen = distances[apart][max(0, first + 1 - _WINDOW) : first + 1]
        lines.append(
            (
                part["session"][int(at[0])],
                f"{part['symbol'][0]}: a bar every {_lower_median(seen[None])[0]} sessions of {part['calendar'][0]} "
                f"(the last {len(seen)} distances: {seen.min()} to {seen.max()}); daily bars are one session apart",
            )
        )
    return OtherFrequency(
        pl.Series(found), pl.DataFrame(lines, schema=nothing.evidence.schema, orient="row").sort("session", "line")
    )


def _regular(distances: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the distances up to each one are periodic, with a period of at least two."""
    regular = np.zeros(len(distances), dtype=np.bool_)
    for end in range(_FEWEST, min(_WINDOW, len(distances) + 1)):
        regular[end - 1] = _periodic(distances[None, :end], 0)[0]
    if len(distances) >= _WINDOW:
        regular[_WINDOW - 1 :] = _periodic(sliding_window_view(distances, _WINDOW), _IRREGULAR)
    return regular


def _periodic(windows: NDArray[np.float64], irregular: int) -> NDArray[np.bool_]:
    median = _lower_median(windows)
    near = (np.abs(windows - median[:, None]) <= _NEARNESS * median[:, None]).sum(axis=1)
    return np.asarray((median >= 2) & (near >= windows.shape[1] - irregular))


def _lower_median(windows: NDArray[Any]) -> NDArray[Any]:
    """The middle value of each row, the lower one of two: a distance that is there."""
    return np.asarray(np.sort(windows, axis=1)[:, (windows.shape[1] - 1) // 2])
